"""FLOPs and top-1 of the networks that were trained for a study's tables."""

import csv
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.figures.drawing import PAGE, page
from stm.reporting.figures.figurepage import write_pages
from stm.reporting.figures.looks import looks
from stm.reporting.measured import TableError

NUMBERS = ("run_flops_g", "run_params_m", "flops_g", "top1", "top1_low", "top1_high")
TEXT = ("method", "experiment", "dataset", "deviations", "protocol", "interval_covers")
COUNTS = ("views", "seeds", "clips")

EXPLAINED = (
    "A row a network, the cheapest above: the multiply-adds of one view of the network that was trained here, and "
    "its top-1 with its 95% interval. Hollow marks are the FLOPs of the papers' network and the published accuracy; "
    "they are drawn only where the data are the paper's own."
)


def write_accuracy_cost(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv: a row a network, with its cost and its accuracy. For people .md, .html and .rst.

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
    with page(PAGE, 0.16 * len(rows) + 0.7, out) as figure:
        # One against the other in one plane, networks that cost nearly the same would cover each other.
        _draw(figure, sorted(rows, key=_cost), spec["variants"])
    found = _found(rows)
    write_pages(spec, f"{found} {EXPLAINED}", found, out)


def _rows(spec: dict[str, Any]) -> list[dict[str, Value]]:
    """A row for each network that is to be shown, as the first table that has it calls it."""
    rows: dict[str, dict[str, Value]] = {}
    for table in spec["tables"]:
        for line in _table(Path(table["file"])):
            if line["experiment"] not in spec["variants"] or not line["top1"] or not line["run_flops_g"]:
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
    unit, factor = _unit(rows)

    def said(row: dict[str, Value]) -> str:
        return f"{row['method']} {row['top1']:.1f}% at {_cost(row) * factor:.4g}"

    best, least, most = max(rows, key=lambda row: float(str(row["top1"]))), min(rows, key=_cost), max(rows, key=_cost)
    return (
        f"The highest top-1 of {len(rows)} networks: {said(best)} {unit} multiply-adds a view, 95% interval "
        f"{best['top1_low']:.1f} to {best['top1_high']:.1f}. The cheapest: {said(least)}; the dearest: {said(most)}."
    )


def _cost(row: dict[str, Value]) -> float:
    return float(str(row["run_flops_g"]))


def _unit(rows: list[dict[str, Value]]) -> tuple[str, float]:
    """In what FLOPs are shown, and how many of them a billion is: of a demo's small networks millions."""
    return ("billion", 1.0) if max(map(_cost, rows)) >= 1 else ("million", 1000.0)


def _draw(figure: Figure, rows: list[dict[str, Value]], variants: dict[str, str]) -> None:
    """A row a network, the cheapest above: what it costs, and beside it how often it is right."""
    unit, factor = _unit(rows)
    costs, accuracies = figure.subplots(1, 2, sharey=True, width_ratios=[2, 3])
    for at, (row, look) in enumerate(zip(rows, looks([variants[str(row["experiment"])] for row in rows]), strict=True)):
        flops, top1, low, high = (float(str(row[key])) for key in ("run_flops_g", "top1", "top1_low", "top1_high"))
        costs.plot(flops * factor, at, **look.mark)
        accuracies.hlines(at, low, high, color=look.mark["color"], linewidth=1.0)
        accuracies.plot(top1, at, **look.mark)
        if row["published_top1"] is not None:
            costs.plot(float(str(row["flops_g"])) * factor, at, markerfacecolor="none", **look.mark)
            accuracies.plot(float(str(row["published_top1"])), at, markerfacecolor="none", **look.mark)
    costs.set_xlabel(f"Multiply-adds of one view ({unit})")
    accuracies.set_xlabel("Top-1 (%), 95% interval")
    costs.set_yticks(range(len(rows)), [str(row["method"]) for row in rows])
    costs.set_ylim(len(rows) - 0.4, -0.6)
    for axes in (costs, accuracies):
        axes.tick_params(axis="y", length=0)
        axes.grid()
