"""Pairs of classes that one network takes for each other, and what another does with them.

Shape letters: S seeds, n clips, K classes.
"""

from itertools import combinations
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from stm.analysis.statistics import accuracy_interval
from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.figures.drawing import PAGE, page
from stm.reporting.figures.figurepage import write_pages
from stm.reporting.figures.looks import Look, looks
from stm.reporting.measured import joined, load

EXPLAINED = (
    "Of a pair of classes, the share of the clips of both that are taken for the other one, with 95% intervals. A "
    "network confuses its worst pairs most partly by chance, and another one does better on them by chance alone: so "
    "the worst pairs of both are shown. The csv file has every pair that either confuses at least once."
)
# Of a class's name, in a picture.
LETTERS = 28

Row = dict[str, Value]


def write_confusions(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf and .png, the pairs that each line confuses most, and `out`.csv, every pair that one confuses.
    For people .md, .html and .rst.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, TableError, PredictionsError: as `stm.reporting.measured.load`.
    """
    found = load(spec["lines"])
    first = found[0]
    assert first is not None, "the plan leaves out what is not measured"
    of_lines = dict(
        zip([line["method"] for line in spec["lines"]], looks([line["variant"] for line in spec["lines"]]), strict=True)
    )
    taken = {line["method"]: _taken(line) for line in spec["lines"]}
    labels, classes = first.predictions.labels, first.predictions.classes
    rows = _rows(spec, taken, labels, first.groups, classes)
    methods = list(taken)
    write_text(out.with_name(f"{out.name}.csv"), csv_text(_columns(methods), rows))
    shown = {method: _most_confused(rows, method, spec["pairs"]) for method in methods}
    # A title is as high as two pairs.
    heights = [max(len(pairs), 2) + 2 for pairs in shown.values()]
    with page(PAGE, 0.21 * sum(heights) + 1.0, out) as figure:
        grid = figure.subplots(len(methods), 1, squeeze=False, height_ratios=heights, sharex=True)
        for (axes,), (method, pairs) in zip(grid, shown.items(), strict=True):
            _panel(axes, method, pairs, of_lines)
        grid[-1, 0].set_xlabel("Clips of the two classes that are taken for the other class (%)")
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=2)
    told = [_worst(method, pairs, methods) for method, pairs in shown.items()]
    told += [text for method, pairs in shown.items() for text in _left_out(rows, method, pairs)]
    said = " ".join(told)
    write_pages(spec, f"{said} {EXPLAINED}", said, out)


def _taken(line: dict[str, Any]) -> np.ndarray:
    """The class with the highest score, int (S, n)."""
    seeds = line["measured"]["predictions"]
    return np.stack([joined([Path(file) for file in folds]).scores.argmax(axis=1) for folds in seeds])


def _columns(methods: list[str]) -> list[str]:
    measures = [f"{method}_{name}" for method in methods for name in ("confused", "low", "high")]
    return ["figure", "study", "table", "class", "other_class", "clips", "seeds", *measures]


def _rows(
    spec: dict[str, Any], taken: dict[str, np.ndarray], labels: np.ndarray, groups: list[str], classes: list[str]
) -> list[Row]:
    """A row for each pair of classes of which a line takes a clip for the other, in percent with 95% intervals."""
    rows = []
    for one, other in combinations(range(len(classes)), 2):
        clips = np.flatnonzero((labels == one) | (labels == other))
        swapped = one + other - labels[clips]
        confused = {method: (found[:, clips] == swapped).astype(float) for method, found in taken.items()}
        if not any(values.any() for values in confused.values()):
            continue
        row: Row = {
            **dict.fromkeys(_columns(list(taken))),
            **{key: spec[key] for key in ("figure", "study", "table")},
            "class": classes[one],
            "other_class": classes[other],
            "clips": len(clips),
            "seeds": len(next(iter(taken.values()))),
        }
        for method, values in confused.items():
            interval = accuracy_interval(values, [groups[i] for i in clips])
            row[f"{method}_confused"] = round(100 * interval.value, 2)
            row[f"{method}_low"] = round(100 * interval.low, 2)
            row[f"{method}_high"] = round(100 * interval.high, 2)
        rows.append(row)
    return rows


def _most_confused(rows: list[Row], method: str, pairs: int) -> list[Row]:
    """The pairs that a line confuses most, the worst first; of ties the first by name."""
    confused = [row for row in rows if row[f"{method}_confused"]]

    def rank(row: Row) -> tuple[float, str, str]:
        return -float(str(row[f"{method}_confused"])), str(row["class"]), str(row["other_class"])

    return sorted(confused, key=rank)[:pairs]


def _left_out(rows: list[Row], method: str, pairs: list[Row]) -> list[str]:
    """What is said of pairs that a line confuses as much as the last that is shown of it, and that are not shown."""
    if not pairs:
        return []
    last = pairs[-1][f"{method}_confused"]
    tied, shown = (sum(row[f"{method}_confused"] == last for row in found) for found in (rows, pairs))
    if tied == shown:
        return []
    return [
        f"Of {tied} pairs that tie at {last:.1f}% of their clips for {method}, the first {shown} by name are shown."
    ]


def _worst(method: str, pairs: list[Row], methods: list[str]) -> str:
    """The pair that a line confuses most, and what the others do with it."""
    if not pairs:
        return f"{method} takes no class for another."
    row = pairs[0]
    others = ", ".join(f"{other} {row[f'{other}_confused']:.1f}%" for other in methods if other != method)
    names = f"“{row['class']}” and “{row['other_class']}”"
    return f"{method} confuses {names} most: {row[f'{method}_confused']:.1f}% of their clips ({others})."


def _panel(axes: Axes, chosen_by: str, pairs: list[Row], of_lines: dict[str, Look]) -> None:
    """A row a pair, a mark a line with its interval."""
    axes.set_title(f"The pairs that {chosen_by} confuses most", loc="left")
    for k, (method, look) in enumerate(of_lines.items()):
        values = np.array([[row[f"{method}_{name}"] for name in ("confused", "low", "high")] for row in pairs], float)
        at = np.arange(len(pairs)) + (k - (len(of_lines) - 1) / 2) * 0.3
        value, low, high = values.reshape(-1, 3).T
        # An interval at 0% starts there, whatever rounding says.
        bars = [np.maximum(value - low, 0), np.maximum(high - value, 0)]
        axes.errorbar(value, at, xerr=bars, elinewidth=0.8, label=method, clip_on=False, **look.mark)
    if not pairs:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center")
    names = [f"{_short(row['class'])} / {_short(row['other_class'])}" for row in pairs]
    axes.set_yticks(range(len(pairs)), names)
    axes.set_ylim(max(len(pairs), 1) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _short(name: Value) -> str:
    return shorten(str(name).replace("_", " "), LETTERS, placeholder=" …")
