"""Top-1 against FLOPs of the networks that were trained for a study's tables."""

import csv
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from stm.reporting.cells import Value
from stm.reporting.figures.drawing import COLUMN, MARKERS, colours, page, write_rows
from stm.reporting.measured import TableError

NEEDED = ("method", "experiment", "dataset", "deviations", "protocol", "views", "top1", "top1_low", "top1_high")
PUBLISHED = {"top1": "published_top1", "flops_g": "published_flops_g"}


def write_accuracy_cost(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv: a mark a network, with its 95% interval.

    Published figures are drawn only where they are of the same data.

    Args:
        spec: of `stm.config.figureplan.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError: a table is not there.
        TableError: a table has other columns, or none has a network whose FLOPs are known.
    """
    rows = _rows(spec)
    if not rows:
        tables = ", ".join(spec["tables"].values())
        raise TableError(f"{tables}: no measured line has run_flops_g. Say how many classes the dataset has (`expect`)")
    write_rows(out.with_name(f"{out.name}.csv"), rows[0], rows)
    with page(COLUMN, 2.6 + 0.13 * len(rows), out) as figure:
        _draw(figure.subplots(), rows)
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=1, labelspacing=0.25)


def _rows(spec: dict[str, Any]) -> list[dict[str, Value]]:
    """A row for each network that is trained, as the first table that has it calls it."""
    rows: dict[str, dict[str, Value]] = {}
    for table, path in spec["tables"].items():
        for line in _table(Path(path)):
            if line["source"] != "measured" or not line["top1"] or not line["run_flops_g"]:
                continue
            # Other data, another truth: a published point beside these would invite a comparison that means nothing.
            same_data = not line["deviations"].startswith("data:")
            row = {
                "figure": spec["figure"],
                "study": spec["study"],
                "table": table,
                **{name: line[name] for name in ("method", "experiment", "dataset", "protocol", "interval_covers")},
                **{name: int(line[name]) for name in ("views", "seeds", "clips")},
                **{
                    name: float(line[name]) for name in ("run_flops_g", "run_params_m", "top1", "top1_low", "top1_high")
                },
                **{name: float(line[name]) if same_data and line[name] else None for name in PUBLISHED.values()},
            }
            rows.setdefault(line["experiment"], row)
    return list(rows.values())


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lines = list(reader)
    needed = {*NEEDED, *PUBLISHED.values(), "run_flops_g", "run_params_m"}
    if not needed <= set(reader.fieldnames or ()):
        raise TableError(f"{path} has other columns than tables have. Delete it and run again")
    return lines


def _draw(axes: Axes, rows: list[dict[str, Value]]) -> None:
    for k, row in enumerate(rows):
        flops, top1, low, high = (float(str(row[key])) for key in ("run_flops_g", "top1", "top1_low", "top1_high"))
        style = {"color": colours()[k % 10], "marker": MARKERS[k % 10], "linestyle": "none"}
        axes.errorbar(flops, top1, [[top1 - low], [high - top1]], elinewidth=0.8, label=row["method"], **style)
        if row["published_top1"] is not None and row["published_flops_g"] is not None:
            axes.plot(row["published_flops_g"], row["published_top1"], markerfacecolor="none", **style)
    axes.set_xlabel("FLOPs of the trained network, one view ($10^9$ multiply-adds)")
    axes.set_ylabel("Top-1 (%), 95% interval")
    axes.grid()
