"""Loss and accuracy by epoch of every run of a study's tables."""

import csv
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from stm.csvfile import Value, csv_text
from stm.files import file_digest, read_sealed, write_text
from stm.reporting.figures.drawing import PAGE, PAGE_HEIGHT, pages
from stm.reporting.figures.figurepage import write_pages
from stm.reporting.figures.looks import looks
from stm.reporting.measured import TableError

EXPLAINED = (
    "A row a table and dataset, a curve a run, the runs of one line alike. Loss and accuracy are those of the training "
    "clips as they are shown in training; the loss of Twins Training is the cross-entropy plus the weighted "
    "correlation loss. A table whose runs all stand above already is not drawn again."
)
MEASURES = {"loss": "Training loss", "train_top1": "Training top-1 (%)"}


def write_curves(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv: a row of panels a table, a curve a run; the runs of one line look alike. For
    people .md, .html and .rst.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError: a run's history is not there.
        TableError: a history is not the one of its run, or has other columns.
    """
    panels = spec["panels"]
    histories = {
        path: _history(Path(path)) for panel in panels for line in panel["lines"] for path in line["histories"].values()
    }
    # A legend beside the panels may be taller than they are.
    heights = [max(1.45, 0.135 * len(panel["lines"]) + 0.35) for panel in panels]
    parts = _parts(heights)
    with pages(PAGE, [sum(heights[part]) for part in parts], out) as figures:
        for figure, part in zip(figures, parts, strict=True):
            grid = figure.subplots(len(heights[part]), 2, squeeze=False, height_ratios=heights[part])
            for axes, panel in zip(grid, panels[part], strict=True):
                _row(axes, panel, histories)
            for axes in grid[-1]:
                axes.set_xlabel("Epoch")
            figure.align_ylabels()
    rows = _rows(spec, histories)
    write_text(out.with_name(f"{out.name}.csv"), csv_text(rows[0], rows))
    found = _found(spec, histories)
    write_pages(spec, f"{found} {EXPLAINED}", found, out)


def _parts(heights: list[float]) -> list[slice]:
    """The panels of each page: as many as fit on it."""
    starts, filled = [0], 0.0
    for i, height in enumerate(heights):
        if i > starts[-1] and filled + height > PAGE_HEIGHT:
            starts, filled = [*starts, i], 0.0
        filled += height
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], len(heights)], strict=True)]


def _history(path: Path) -> list[dict[str, float]]:
    """One run's epochs."""
    record = path.with_name("run.json")
    if record.is_file() and read_sealed(record).get("history_sha256", file_digest(path)) != file_digest(path):
        raise TableError(f"{path} is not the file that {record} was written for. Delete it and train the run again")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"epoch", *MEASURES} <= set(rows[0]):
        raise TableError(f"{path} has not the columns epoch, {', '.join(MEASURES)}. Train the run again")
    return [{name: float(row[name]) for name in ("epoch", *MEASURES)} for row in rows]


def _row(axes: list[Axes], panel: dict[str, Any], histories: dict[str, list[dict[str, float]]]) -> None:
    """The two panels of a table, and its legend."""
    of_lines = looks([line["variant"] for line in panel["lines"]])
    for line, look in zip(panel["lines"], of_lines, strict=True):
        for i, path in enumerate(line["histories"].values()):
            epochs = [row["epoch"] for row in histories[path]]
            for ax, measure in zip(axes, MEASURES, strict=True):
                values = [row[measure] for row in histories[path]]
                ax.plot(epochs, values, label=line["label"] if i == 0 else None, **look.line)
    for ax, (measure, label) in zip(axes, MEASURES.items(), strict=True):
        ax.set_ylabel(label)
        ax.grid(axis="y")
        ax.set_ylim(bottom=0, top=None if measure == "loss" else 100)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_title(panel["where"], loc="left")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.03), borderaxespad=0.3, labelspacing=0.25)


def _found(spec: dict[str, Any], histories: dict[str, list[dict[str, float]]]) -> str:
    """How well the runs know what they were trained on."""
    # Each run once, though several tables may show it.
    named = {
        path: f"{line['label']}, {panel['where']}"
        for panel in reversed(spec["panels"])
        for line in panel["lines"]
        for path in line["histories"].values()
    }
    reached = [(histories[path][-1]["train_top1"], name) for path, name in named.items()]
    (low, lowest), (high, highest) = min(reached), max(reached)
    runs = "1 run" if len(reached) == 1 else f"{len(reached)} runs"
    return f"Training top-1 of {runs} after the last epoch: {low:.1f}% ({lowest}) to {high:.1f}% ({highest})."


def _rows(spec: dict[str, Any], histories: dict[str, list[dict[str, float]]]) -> list[dict[str, Value]]:
    """A row an epoch of a curve."""
    return [
        {
            "figure": spec["figure"],
            "study": spec["study"],
            "table": panel["table"],
            "line": line["label"],
            "experiment": line["experiment"],
            "run": run,
            "epoch": int(row["epoch"]),
            **{name: round(row[name], 4) for name in MEASURES},
        }
        for panel in spec["panels"]
        for line in panel["lines"]
        for run, path in line["histories"].items()
        for row in histories[path]
    ]
