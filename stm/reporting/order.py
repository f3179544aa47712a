"""How much of each accuracy is owed to the order of the frames: the papers argue with it, this measures it."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from stm.analysis.statistics import accuracy_interval, difference_interval
from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.captions import caption
from stm.reporting.cells import markdown, points
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.layouts import claims_markdown, texts
from stm.reporting.measured import Measured, load
from stm.reporting.orderclaims import order_claims
from stm.reporting.webpage import claims_table, deviation_notes, paragraph, section, simple_table, webpage

NOTE = (
    "Top-1 in percent with 95% intervals, centre crop, one view. `reversed` plays the sampled frames backwards, "
    "`shuffled` deals them anew, `single` repeats the middle one. A network that sees no order scores the same in "
    "the first three. Differences to `forward`, clip by clip, stand in the csv file."
)
CLAIMED = (
    "TPAMI 2022, Figure 5, and ICCV 2019, Figure 4: of temporal-related data the order of frames tells the label, and "
    "reversing it gives the opposite one; of scene-related data one frame tells it"
)
# What the caption calls the other orders.
CHANGED = {"reversed": "reversed", "shuffled": "shuffled", "single": "one of them repeated"}
COLUMNS = [
    *("experiment", "method", "variant", "frames", "recipe", "dataset", "role", "tables", "study", "order", "protocol"),
    *("seeds", "clips", "interval_covers", "top1", "top1_low", "top1_high"),
    *("difference", "difference_low", "difference_high", "p", "chance"),
]


def write_order(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.csv, a row an experiment and an order, `out`.md and .html, a row an experiment, `out`.claims.csv, and
    `out`.rst, its caption in the report.

    Args:
        spec: of `stm.config.orderplan.OrderPlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, TableError, PredictionsError: as `stm.reporting.measured.load`.
    """
    measured = {line["experiment"]: _measured(line) for line in spec["lines"]}
    rows = [row for line in spec["lines"] for row in _rows(spec, line, measured[line["experiment"]])]
    claims = order_claims(spec, measured)
    write_text(out.with_name(f"{out.name}.csv"), csv_text(COLUMNS, rows))
    write_text(out.with_name(f"{out.name}.md"), _page(spec, rows, texts(claims)))
    write_text(out.with_name(f"{out.name}.html"), _web(spec, rows, texts(claims)))
    write_text(out.with_name(f"{out.name}.rst"), caption(CLAIMED, _found(rows), texts(claims), spec["study"]))
    write_text(out.with_name(f"{out.name}.claims.csv"), csv_text(CLAIM_COLUMNS, claims))


def _measured(line: dict[str, Any]) -> dict[str, Measured]:
    """One experiment under each order."""
    orders = list(line["predictions"])
    told = [{"predictions": line["predictions"][order], "reversed_pairs": []} for order in orders]
    found = load([{"role": line["role"], "measured": measured} for measured in told])
    return {order: measured for order, measured in zip(orders, found, strict=True) if measured is not None}


def _rows(spec: dict[str, Any], line: dict[str, Any], found: dict[str, Measured]) -> list[dict[str, Value]]:
    """One experiment: its accuracy under each order, and how far that is from the true one."""
    rows: list[dict[str, Value]] = []
    forward = next(iter(found.values()))
    for order, measured in found.items():
        correct = measured.correct["top1"]
        accuracy = accuracy_interval(correct, measured.groups)
        row: dict[str, Value] = {
            **dict.fromkeys(COLUMNS),
            **{key: line[key] for key in ("experiment", "method", "variant", "frames", "recipe", "dataset", "role")},
            "tables": " ".join(line["tables"]),
            "study": spec["study"],
            "order": order,
            "protocol": line["protocols"][order],
            "seeds": len(line["seeds"]),
            "clips": measured.clips,
            "interval_covers": accuracy.covers,
            "top1": points(accuracy.value),
            "top1_low": points(accuracy.low),
            "top1_high": points(accuracy.high),
            # What always naming the most frequent class would score.
            "chance": points(float(np.bincount(measured.predictions.labels).max() / len(measured.predictions.labels))),
        }
        if order != "forward":
            gap = difference_interval(correct, forward.correct["top1"], measured.groups)
            row |= {"difference": points(gap.value), "difference_low": points(gap.low)}
            row |= {"difference_high": points(gap.high), "p": float(f"{gap.p:.3g}")}
        rows.append(row)
    return rows


def _found(rows: list[dict[str, Value]]) -> str:
    """What the other orders do to the accuracies, dataset by dataset."""
    told = []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        of = [row for row in rows if row["dataset"] == dataset and row["difference"] is not None]
        medians = [
            f"{said} {median(float(str(row['difference'])) for row in of if row['order'] == order):+.1f}"
            for order, said in CHANGED.items()
        ]
        networks = len({row["experiment"] for row in of})
        told.append(f"{dataset} ({networks} network{'s' * (networks > 1)}) {', '.join(medians)}")
    if not told:
        return "This study trains no network."
    return f"The median change of top-1, in points, with the frames in another order: {'; '.join(told)}."


def _page(spec: dict[str, Any], rows: list[dict[str, Value]], claims: list[dict[str, str]]) -> str:
    """The table for reading: an experiment a row, an order a column."""
    header, cells = _table(rows)
    text = [f"# Order of frames, study {markdown(spec['study'])}", "", f"| {' | '.join(header)} |"]
    text.append(f"| --- | --- |{' ---: |' * (len(header) - 2)}")
    text += [f"| {' | '.join(map(markdown, line))} |" for line in cells]
    return "\n".join([*text, "", NOTE, "", "## What the papers say of it", "", *claims_markdown(claims)]) + "\n"


def _web(spec: dict[str, Any], rows: list[dict[str, Value]], claims: list[dict[str, str]]) -> str:
    header, cells = _table(rows)
    parts = [simple_table(header, cells, text_columns=2), paragraph(NOTE)]
    parts += [section("What the papers say of it", claims_table(claims), deviation_notes(claims))]
    return webpage(f"Order of frames, study {spec['study']}", "How much of each accuracy is owed to their order", parts)


def _table(rows: list[dict[str, Value]]) -> tuple[list[str], list[list[str]]]:
    """A header, and a line an experiment."""
    by_experiment: dict[str, list[dict[str, Value]]] = {}
    for row in rows:
        by_experiment.setdefault(str(row["experiment"]), []).append(row)
    orders = dict.fromkeys(str(row["order"]) for row in rows)
    cells = [[name, str(found[0]["tables"]), *map(_cell, found)] for name, found in by_experiment.items()]
    return ["Experiment", "Tables", *orders], cells


def _cell(row: dict[str, Value]) -> str:
    return f"{row['top1']:.1f} [{row['top1_low']:.1f}, {row['top1_high']:.1f}]"
