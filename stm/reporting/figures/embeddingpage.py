"""What is said beside t-SNE maps: the measures of each run."""

from pathlib import Path
from typing import Any

import numpy as np

from stm.csvfile import Value
from stm.reporting.figures.figurepage import Measures, write_pages
from stm.reporting.figures.separation import DECIDING

HEADER = ["Network", "", "Seed", "Silhouette", "Within", "Between", "Ratio", "k-NN", "Silhouette of the maps"]

Row = dict[str, Value]


def write_embedding_pages(spec: dict[str, Any], rows: list[Row], claims: list[Row], out: Path) -> None:
    """Write `out`.md, .html and .rst beside the picture `out`.png.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        rows: of each run, space and scaling, and of each map.
        claims: that the measures decide.
        out: path without its ending.
    """
    found = "; ".join(
        f"{line['method']} {row['title']} {deciding(rows, line['name'])['silhouette']:.3f}"
        for row in spec["panels"]
        for line in row["lines"]
    )
    measured = Measures("", HEADER, _lines(rows), text_columns=2)
    explained = _explained(spec, rows, out.name)
    write_pages(spec, explained, f"Mean silhouette of the features: {found}.", out, [measured], claims)


def deciding(rows: list[Row], name: str) -> Row:
    """The measures of a network, of its first seed, that claims are decided by."""
    return next(row for row in rows if row["name"] == name and (row["space"], row["scaling"]) == DECIDING)


def _explained(spec: dict[str, Any], rows: list[Row], name: str) -> str:
    """What the columns of the page hold, and of how many clips."""
    whole, shown = rows[0], next(row for row in rows if row["map_seed"] is not None)
    return (
        f"Features: the classifier's input, at unit length, of one view of each of {whole['clips']} clips of "
        f"{whole['classes']} classes; within and between: mean distances to the mean of the own and of the other "
        f"classes; k-NN: {spec['neighbours']} nearest clips, leave one out. Maps: t-SNE of the logits of "
        f"{shown['clips']} clips of {shown['classes']} classes, chosen by hashes, with perplexity "
        f"{spec['perplexity']:g}; mean and range of {spec['map_seeds']} starts, of which the first is drawn. Raw "
        f"features, logits, and every map stand in {name}.csv. Below each map: the mean silhouettes of all clips, of "
        f"the logits, which the map is made of, and of the features, by which claims are decided."
    )


def _lines(rows: list[Row]) -> list[list[str]]:
    return [_cells(row, rows) for row in rows if (row["space"], row["scaling"]) == DECIDING]


def _cells(row: Row, rows: list[Row]) -> list[str]:
    """A run's line of the page."""
    of_run = [r for r in rows if (r["name"], r["seed"]) == (row["name"], row["seed"])]
    maps = [float(str(r["silhouette"])) for r in of_run if r["map_seed"] is not None]
    return [
        str(row["method"]),
        str(row["row"]),
        str(row["seed"]),
        *(f"{row[key]:.3f}" for key in ("silhouette", "within", "between")),
        "" if row["ratio"] is None else f"{row['ratio']:.2f}",
        f"{100 * float(str(row['neighbours_correct'])):.1f}%",
        f"{np.mean(maps):.2f} ({min(maps):.2f} to {max(maps):.2f})" if maps else "",
    ]
