"""Top-1 against FLOPs of the networks that were trained for a study's tables."""

import csv
import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.figures.drawing import COLUMN, MARKERS, colours, page
from stm.reporting.measured import TableError

NUMBERS = ("run_flops_g", "run_params_m", "flops_g", "top1", "top1_low", "top1_high")
TEXT = ("method", "experiment", "dataset", "deviations", "protocol", "interval_covers")
COUNTS = ("views", "seeds", "clips")

# Letters of a name of which two fit beside each other.
SHORT = 20


def write_accuracy_cost(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv: a mark a network, with its 95% interval.

    A published accuracy is drawn only where it is of the same data, at the FLOPs of the papers' network.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError: a table is not there.
        TableError: a table has other columns, or none has a network whose FLOPs are known.
    """
    rows = _rows(spec)
    if not rows:
        tables = ", ".join(spec["tables"].values())
        raise TableError(f"{tables}: no measured line has run_flops_g. Say how many classes the dataset has (`expect`)")
    write_text(out.with_name(f"{out.name}.csv"), csv_text(rows[0], rows))
    columns = 2 if max(len(str(row["method"])) for row in rows) <= SHORT else 1
    with page(COLUMN, 2.5 + 0.14 * math.ceil(len(rows) / columns), out) as figure:
        marks = _draw(figure.subplots(), rows)
        names = [str(row["method"]) for row in rows]
        figure.legend(marks, names, loc="outside lower center", ncols=columns, labelspacing=0.25)


def _rows(spec: dict[str, Any]) -> list[dict[str, Value]]:
    """A row for each network that is trained, as the first table that has it calls it."""
    rows: dict[str, dict[str, Value]] = {}
    for table, path in spec["tables"].items():
        for line in _table(Path(path)):
            if line["source"] != "measured" or not line["top1"] or not line["run_flops_g"]:
                continue
            # Other data, another truth: a published point beside these would invite a comparison that means nothing.
            same_data = line["experiment"] in spec["genuine"]
            row: dict[str, Value] = {
                "figure": spec["figure"],
                "study": spec["study"],
                "table": table,
                **{name: line[name] for name in TEXT},
                **{name: int(line[name]) for name in COUNTS},
                **{name: float(line[name]) for name in NUMBERS},
                "published_top1": float(line["published_top1"]) if same_data and line["published_top1"] else None,
            }
            rows.setdefault(line["experiment"], row)
    return list(rows.values())


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lines = list(reader)
    if not {*TEXT, *COUNTS, *NUMBERS, "published_top1"} <= set(reader.fieldnames or ()):
        raise TableError(f"{path} has other columns than tables have. Delete it and run again")
    return lines


def _draw(axes: Axes, rows: list[dict[str, Value]]) -> list[Line2D]:
    """The marks, a network each."""
    # Of a demo's small networks in millions.
    exponent, unit = (9, 1.0) if max(float(str(row["run_flops_g"])) for row in rows) >= 1 else (6, 1000.0)
    marks = []
    for k, row in enumerate(rows):
        flops, top1, low, high = (float(str(row[key])) for key in ("run_flops_g", "top1", "top1_low", "top1_high"))
        style: dict[str, Any] = {"color": colours()[k % 10], "marker": MARKERS[k % 10], "linestyle": "none"}
        axes.vlines(flops * unit, low, high, color=style["color"], linewidth=0.8)
        marks += axes.plot(flops * unit, top1, **style)
        if row["published_top1"] is not None:
            theirs = float(str(row["flops_g"])) * unit, float(str(row["published_top1"]))
            axes.plot(*theirs, markerfacecolor="none", **style)
    axes.set_xlabel(f"FLOPs of the trained network, one view ($10^{exponent}$ multiply-adds)")
    axes.set_ylabel("Top-1 (%), 95% interval")
    axes.grid()
    return marks
