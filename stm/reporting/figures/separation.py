"""How far apart networks keep the classes, and what claims compare of it.

Shape letters: S seeds, n clips. Features and logits are of one view of each clip; the page and docs/verdicts.md say by
which of them a claim is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stm.analysis.embedding import class_distances, neighbours_agree, silhouettes, unit_length
from stm.analysis.statistics import difference_interval
from stm.csvfile import Value
from stm.evaluation.predictions import Predictions, read
from stm.reporting.figures.featureclaims import Pair
from stm.reporting.measured import TableError, require_same_clips

SPACES = ("logits", "features")
SCALINGS = {"raw": lambda points: points, "unit length": unit_length}

# What claims are decided by. Raw distances grow with the length of the features, whatever the classes do.
DECIDING = ("features", "unit length")
UNITS = {"silhouette": "silhouette", "within": "distance", "between": "distance"}

# The largest distance of two points at unit length.
DIAMETER = 2.0


@dataclass(frozen=True, eq=False)
class Network:
    """One line with what its runs make of the clips that can be measured.

    Args:
        line: of the figure's specification.
        seeds: S, the features of each run.
        measurable: bool (n), whether the clip's class has another clip.
    """

    line: dict[str, Any]
    seeds: list[Predictions]
    measurable: np.ndarray

    @property
    def described(self) -> dict[str, Any]:
        """The line, with as many classes as its features are of."""
        return {**self.line, "classes": len(self.seeds[0].classes)}

    @property
    def labels(self) -> np.ndarray:
        return self.seeds[0].labels[self.measurable]

    @property
    def groups(self) -> list[str]:
        """The clusters of the clips; a clip without a known source is its own."""
        first = self.seeds[0]
        named = zip(first.groups, first.clips, self.measurable, strict=True)
        return [group or clip for group, clip, measurable in named if measurable]

    def points(self, seed: int, space: str, scaling: str) -> np.ndarray:
        """(n, D) of one run."""
        found = self.seeds[seed].scores if space == "logits" else self.seeds[seed].features
        assert found is not None, "held when it was loaded"
        return SCALINGS[scaling](found[self.measurable].astype(float))


def load_networks(lines: Sequence[dict[str, Any]]) -> list[Network]:
    """Each line's features.

    Raises:
        FileNotFoundError, PredictionsError: a file is absent or damaged.
        TableError: two files are not of the same clips, one has no features, or no two classes have two clips.
    """
    files = [[Path(file) for file in line["features"]] for line in lines]
    found = [[read(file) for file in of_line] for of_line in files]
    for of_line, read_files in zip(files, found, strict=True):
        for file, features in zip(of_line, read_files, strict=True):
            if features.features is None:
                raise TableError(f"{file} holds no features. Delete it and run again")
            require_same_clips(files[0][0], found[0][0], file, features)
    labels = found[0][0].labels
    measurable = np.bincount(labels)[labels] > 1
    if len(set(labels[measurable])) < 2:
        raise TableError(f"{files[0][0]}: distances of classes need two classes with two clips each")
    return [Network(line, of_line, measurable) for line, of_line in zip(lines, found, strict=True)]


def measures(points: np.ndarray, labels: np.ndarray, neighbours: int) -> dict[str, Value]:
    """Means over points; `ratio` is between / within."""
    within, between = (float(found.mean()) for found in class_distances(points, labels))
    return {
        "silhouette": round(float(silhouettes(points, labels).mean()), 4),
        "within": round(within, 4),
        "between": round(between, 4),
        "ratio": round(between / within, 4) if within else None,
        "neighbours_correct": round(float(neighbours_agree(points, labels, neighbours).mean()), 4),
    }


def separation_rows(spec: dict[str, Any], networks: Sequence[Network]) -> list[dict[str, Value]]:
    """A row for each run, space and scaling."""
    return [
        {
            **about(spec, network, seed),
            "space": space,
            "scaling": scaling,
            "map_seed": None,
            "clips": len(network.labels),
            "classes": len(set(network.labels)),
            **measures(network.points(seed, space, scaling), network.labels, spec["neighbours"]),
        }
        for network in networks
        for seed in range(len(network.seeds))
        for space in SPACES
        for scaling in SCALINGS
    ]


def about(spec: dict[str, Any], network: Network, seed: int) -> dict[str, Value]:
    """Whose measures a row holds."""
    line = network.line
    named = {key: line[key] for key in ("row", "name", "method", "dataset", "experiment")}
    return {"figure": spec["figure"], "study": spec["study"], **named, "seed": line["seeds"][seed]}


def claim_pairs(spec: dict[str, Any], networks: Sequence[Network]) -> dict[str, Pair]:
    """What each claim of the figure's specification compares, by its id."""
    by_name = {network.line["name"]: network for network in networks}
    values = {name: _of_clips(network) for name, network in by_name.items()} if spec["claims"] else {}
    pairs = {}
    for claim in spec["claims"]:
        names, measure = [claim["separation"][key] for key in ("first", "second")], claim["separation"]["measure"]
        first, second = (values[name][measure] for name in names)
        lines = (by_name[names[0]].described, by_name[names[1]].described)
        # A silhouette may be negative, a distance not.
        limit = 2.0 if measure == "silhouette" else 1.0
        estimate = difference_interval(first, second, networks[0].groups, limit)
        pairs[claim["id"]] = Pair(lines, UNITS[measure], estimate)
    return pairs


def _of_clips(network: Network) -> dict[str, np.ndarray]:
    """What claims compare, of each clip under each seed, (S, n); distances as parts of the largest one."""
    found: dict[str, list[np.ndarray]] = {"silhouette": [], "within": [], "between": []}
    for seed in range(len(network.seeds)):
        points = network.points(seed, *DECIDING)
        within, between = class_distances(points, network.labels)
        found["silhouette"].append(silhouettes(points, network.labels))
        found["within"].append(within / DIAMETER)
        found["between"].append(between / DIAMETER)
    return {name: np.stack(values) for name, values in found.items()}
