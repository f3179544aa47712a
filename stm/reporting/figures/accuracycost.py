"""Top-1 against FLOPs of the networks that were trained for a study's tables."""

import csv
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.figures.drawing import MARKERS, PAGE, colours, page
from stm.reporting.figures.figurepage import write_pages
from stm.reporting.measured import TableError

NUMBERS = ("run_flops_g", "run_params_m", "flops_g", "top1", "top1_low", "top1_high")
TEXT = ("method", "experiment", "dataset", "deviations", "protocol", "interval_covers")
COUNTS = ("views", "seeds", "clips")

EXPLAINED = (
    "Top-1 with its 95% interval against the multiply-adds of one view of the network that was trained here. A hollow "
    "mark is the published accuracy at the FLOPs of the papers' network; it is drawn only where the data are the "
    "paper's own."
)


def write_accuracy_cost(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv: a mark a network, with its 95% interval. For people .md, .html and .rst.

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
        tables = ", ".join(table["file"] for table in spec["tables"])
        raise TableError(f"{tables}: no measured line has run_flops_g. Say how many classes the dataset has (`expect`)")
    write_text(out.with_name(f"{out.name}.csv"), csv_text(rows[0], rows))
    # Many lie close to each other: both columns wide, with the names beside them.
    with page(PAGE, max(2.6, 0.14 * len(rows) + 0.6), out) as figure:
        marks = _draw(figure.subplots(), rows)
        names = [str(row["method"]) for row in rows]
        figure.legend(marks, names, loc="outside right upper", labelspacing=0.25)
    found = _found(rows)
    write_pages(spec, f"{found} {EXPLAINED}", found, out)


def _rows(spec: dict[str, Any]) -> list[dict[str, Value]]:
    """A row for each network that is to be shown, as the first table that has it calls it."""
    rows: dict[str, dict[str, Value]] = {}
    for table in spec["tables"]:
        for line in _table(Path(table["file"])):
            if line["experiment"] not in spec["experiments"] or not line["top1"] or not line["run_flops_g"]:
                continue
            # Other data, another truth: a published point beside these would invite a comparison that means nothing.
            same_data = line["experiment"] in spec["genuine"]
            row: dict[str, Value] = {
                "figure": spec["figure"],
                "study": spec["study"],
                "table": table["name"],
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


def _found(rows: list[dict[str, Value]]) -> str:
    """The best of them, and between which costs they lie."""
    exponent, unit = _unit(rows)

    def cost(row: dict[str, Value]) -> float:
        return float(str(row["run_flops_g"]))

    def said(row: dict[str, Value]) -> str:
        return f"{row['method']} {row['top1']:.1f}% at {cost(row) * unit:.4g}"

    best, least, most = max(rows, key=lambda row: float(str(row["top1"]))), min(rows, key=cost), max(rows, key=cost)
    return (
        f"The highest top-1 of {len(rows)} networks: {said(best)} x 10^{exponent} multiply-adds a view, 95% interval "
        f"{best['top1_low']:.1f} to {best['top1_high']:.1f}. The cheapest: {said(least)}; the dearest: {said(most)}."
    )


def _unit(rows: list[dict[str, Value]]) -> tuple[int, float]:
    """The power of ten in which FLOPs are shown, and how many of them 10^9 are: of a demo's small networks millions."""
    return (9, 1.0) if max(float(str(row["run_flops_g"])) for row in rows) >= 1 else (6, 1000.0)


def mark(k: int) -> dict[str, str]:
    """The colour and the shape of the k-th network; no two of the first hundred share both."""
    return {"color": colours()[k % 10], "marker": MARKERS[(k + k // 10) % 10]}


def _draw(axes: Axes, rows: list[dict[str, Value]]) -> list[Line2D]:
    """The marks, a network each."""
    exponent, unit = _unit(rows)
    marks = []
    for k, row in enumerate(rows):
        flops, top1, low, high = (float(str(row[key])) for key in ("run_flops_g", "top1", "top1_low", "top1_high"))
        style: dict[str, Any] = {**mark(k), "linestyle": "none"}
        axes.vlines(flops * unit, low, high, color=style["color"], linewidth=0.8)
        marks += axes.plot(flops * unit, top1, **style)
        if row["published_top1"] is not None:
            theirs = float(str(row["flops_g"])) * unit, float(str(row["published_top1"]))
            axes.plot(*theirs, markerfacecolor="none", **style)
    axes.set_xlabel(f"FLOPs of the trained network, one view ($10^{exponent}$ multiply-adds)")
    axes.set_ylabel("Top-1 (%), 95% interval")
    axes.grid()
    return marks
