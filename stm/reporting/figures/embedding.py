"""t-SNE maps, a panel a network, and how far apart the classes lie in what is mapped: TPAMI 2022, Figure 7."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from stm.analysis.embedding import tsne_map
from stm.csvfile import Value, csv_text
from stm.files import digest, write_text
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.figures.drawing import PAGE, page
from stm.reporting.figures.embeddingpage import deciding, write_embedding_pages
from stm.reporting.figures.featureclaims import claim_rows
from stm.reporting.figures.looks import MARKERS, colours
from stm.reporting.figures.separation import (
    Network,
    about,
    claim_pairs,
    load_networks,
    measures,
    separation_rows,
)

Row = dict[str, Value]


def write_embedding(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png, .points.csv (what is drawn), .csv (measures), .claims.csv, and for people
    .md, .html and .rst, its caption in the report.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, TableError, PredictionsError: as `stm.reporting.figures.separation.load_networks`.
        ValueError: `perplexity` is not below the number of clips that are drawn.
    """
    lines = [{"row": row["title"], **line} for row in spec["panels"] for line in row["lines"]]
    networks = load_networks(lines)
    drawn = drawn_clips(networks[0], spec["classes"], spec["clips_per_class"])
    rows, maps = separation_rows(spec, networks), []
    for network in networks:
        logits = network.points(0, "logits", "raw")[drawn]
        of_seeds = [tsne_map(logits, spec["perplexity"], seed) for seed in range(spec["map_seeds"])]
        maps.append(of_seeds[0])
        rows += [
            {
                **about(spec, network, 0),
                "space": "map of logits",
                "scaling": "raw",
                "map_seed": seed,
                "clips": len(drawn),
                "classes": len(set(network.labels[drawn])),
                **measures(found, network.labels[drawn], spec["neighbours"]),
            }
            for seed, found in enumerate(of_seeds)
        ]
    claims = claim_rows(spec, claim_pairs(spec, networks))
    _draw(spec, networks, drawn, maps, rows, out)
    points = _points(networks, drawn, maps)
    write_text(out.with_name(f"{out.name}.points.csv"), csv_text(points[0], points))
    write_text(out.with_name(f"{out.name}.csv"), csv_text(rows[0], rows))
    write_text(out.with_name(f"{out.name}.claims.csv"), csv_text(CLAIM_COLUMNS, claims))
    write_embedding_pages(spec, rows, claims, out)


def drawn_clips(network: Network, classes: int, clips_per_class: int) -> np.ndarray:
    """Positions of the clips that are drawn: nobody chooses them, hashes of names and ids do."""
    first = network.seeds[0]
    clips = [clip for clip, measurable in zip(first.clips, network.measurable, strict=True) if measurable]
    names = {label: first.classes[label] for label in set(network.labels.tolist())}
    chosen = sorted(names, key=lambda label: digest(names[label]))[:classes]
    of_each = [np.flatnonzero(network.labels == label) for label in sorted(chosen)]
    few = [sorted(found.tolist(), key=lambda i: digest(clips[i]))[:clips_per_class] for found in of_each]
    return np.array([i for found in few for i in sorted(found)])


def _points(networks: Sequence[Network], drawn: np.ndarray, maps: list[np.ndarray]) -> list[Row]:
    """A row a point of a panel."""
    first = networks[0].seeds[0]
    clips = np.array(first.clips, dtype=object)[networks[0].measurable][drawn]
    return [
        {
            **{key: network.line[key] for key in ("row", "name", "method", "experiment")},
            "clip": clip,
            "class": first.classes[label],
            "x": round(float(x), 4),
            "y": round(float(y), 4),
        }
        for network, found in zip(networks, maps, strict=True)
        for clip, label, (x, y) in zip(clips, network.labels[drawn], found, strict=True)
    ]


def _draw(
    spec: dict[str, Any],
    networks: Sequence[Network],
    drawn: np.ndarray,
    maps: list[np.ndarray],
    rows: list[Row],
    out: Path,
) -> None:
    titles = [row["title"] for row in spec["panels"]]
    columns = max(len(row["lines"]) for row in spec["panels"])
    classes = networks[0].seeds[0].classes
    with page(PAGE, 2.45 * len(titles) + 0.5, out) as figure:
        grid = figure.subplots(len(titles), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        places = [(i, k) for i, row in enumerate(spec["panels"]) for k in range(len(row["lines"]))]
        for (i, k), network, found in zip(places, networks, maps, strict=True):
            _panel(grid[i, k], found, network.labels[drawn], classes)
            grid[i, k].set_title(network.line["method"])
            grid[i, k].set_xlabel(separation_label(rows, network.line["name"]))
            if k == 0:
                grid[i, k].set_ylabel(titles[i])
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, handletextpad=0.2, columnspacing=1.2)


def separation_label(rows: list[Row], name: str) -> str:
    """How far apart the classes lie in what the map is of, and in what claims are decided by; of all clips."""
    of_logits = next(row for row in rows if (row["name"], row["space"], row["scaling"]) == (name, "logits", "raw"))
    features = deciding(rows, name)
    return f"silhouette: logits {of_logits['silhouette']:.2f}, features {features['silhouette']:.2f}"


def _panel(axes: Axes, points: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    """One map: a class has a colour and a shape. Its axes mean nothing, and have no numbers."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#bbbbbb")
    for k, label in enumerate(sorted(set(labels.tolist()))):
        x, y = points[labels == label].T
        axes.scatter(x, y, s=9, color=colours()[k], marker=MARKERS[k], linewidths=0, label=classes[label])
