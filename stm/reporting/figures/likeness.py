"""How like each other maps of networks are, over all clips: the rows and what claims compare of them.

Shape letters: S seeds, n clips, d clips that are drawn, h and w cells of a map. A signal is `<line>/<name>`, with the
names of `stm.config.signals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stm.analysis.mapsfile import read_maps_file
from stm.analysis.statistics import Estimate, difference_interval
from stm.config.signals import CORRELATIONS, ENERGY_SHARES, UNTRAINED
from stm.csvfile import Value
from stm.reporting.figures.featureclaims import Pair
from stm.reporting.measured import TableError

UNITS = {**dict.fromkeys(CORRELATIONS, "correlation"), **dict.fromkeys(ENERGY_SHARES, "share of energy")}
NOT_MEASURED = {
    **dict.fromkeys(CORRELATIONS, "nothing changes in any clip"),
    **dict.fromkeys(ENERGY_SHARES, "nobody knows where the mover is: the clips are not drawn by the project"),
}

COLUMNS = (
    *("figure", "study", "dataset", "measure", "unit", "signal", "name", "experiment", "seeds", "clips"),
    *("value", "low", "high", "interval_covers", "subject", "difference", "difference_low", "difference_high", "p"),
    "status",
)


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known of some signals.

    Args:
        groups: n clusters of the clips.
        values: by signal and measure, (S, n); NaN of a clip in which it cannot be measured.
        maps: by signal, the maps that are drawn, (d, h, w), of the first seed.
    """

    groups: list[str]
    values: dict[tuple[str, str], np.ndarray]
    maps: dict[str, np.ndarray]

    def difference(self, measure: str, first: str, second: str | None = None) -> tuple[Estimate | None, int]:
        """first - second, or of the first alone, and over how many clips: those in which both can be measured."""
        one = self.values[first, measure]
        other = np.zeros_like(one) if second is None else self.values[second, measure]
        both = np.isfinite(one).all(axis=0) & np.isfinite(other).all(axis=0)
        if not both.any():
            return None, 0
        groups = [group for group, kept in zip(self.groups, both, strict=True) if kept]
        limit = 2.0 if second is not None and measure in CORRELATIONS else 1.0
        return difference_interval(one[:, both], other[:, both], groups, limit), int(both.sum())


def load_seen(lines: dict[str, Any], signals: Sequence[str]) -> Seen:
    """What the lines' files of maps say of some signals.

    Raises:
        FileNotFoundError, MapsError: a file is absent or damaged.
        TableError: two files are of other clips, or a network has no such signal.
    """
    values: dict[tuple[str, str], np.ndarray] = {}
    maps: dict[str, np.ndarray] = {}
    first: tuple[Path, dict[str, Any]] | None = None
    for name, line in lines.items():
        paths = [Path(path) for path in line["maps"]]
        found = [read_maps_file(path) for path in paths]
        for path, (_, about) in zip(paths, found, strict=True):
            first = first or (path, about)
            if any(about[key] != first[1][key] for key in ("clips", "groups", "drawn", "data_digest")):
                raise TableError(f"{first[0]} and {path} are of other clips. Delete the older one and run again")
        tensors, about = found[0]
        for signal in signals:
            of_line, _, own = signal.partition("/")
            if of_line != name:
                continue
            if own not in about["signals"]:
                raise TableError(f"{name} has no {own}. It has: {', '.join(about['signals'])}")
            at = about["signals"].index(own)
            maps[signal] = tensors["drawn.maps"][:, at]
            for k, measure in enumerate(about["measures"]):
                values[signal, measure] = np.stack([of_seed["measures"][:, at, k] for of_seed, _ in found])
    assert first is not None, "a figure shows lines"
    return Seen(first[1]["groups"], values, maps)


def likeness_rows(spec: dict[str, Any], seen: Seen) -> list[dict[str, Value]]:
    """A row for each measure and signal, with the difference of the measure's subject to it."""
    rows = []
    for measure, subject in spec["measures"]:
        for signal, name in spec["signals"]:
            line = spec["lines"][signal.partition("/")[0]]
            estimate, clips = seen.difference(measure, signal)
            status = None if estimate else NOT_MEASURED[measure]
            own = signal.partition("/")[2]
            if own.removeprefix(UNTRAINED) == measure:
                # Each network is held against its own, so this is no yardstick of the others.
                of = f"{'untrained ' if own.startswith(UNTRAINED) else ''}{line['method']}"
                itself = "the flow" if measure == "flow" else f"the {measure} frequency of {of}"
                estimate, clips, status = None, 0, f"it is itself {itself}"
            row: dict[str, Value] = {
                **dict.fromkeys(COLUMNS),
                **{key: spec[key] for key in ("figure", "study")},
                **{key: line[key] for key in ("dataset", "experiment")},
                "measure": measure,
                "unit": UNITS[measure],
                "signal": signal,
                "name": name,
                "seeds": len(line["seeds"]),
                "clips": clips,
                "subject": subject,
                "status": status,
            }
            if estimate is not None:
                row |= {key: round(getattr(estimate, key), 4) for key in ("value", "low", "high")}
                row["interval_covers"] = estimate.covers
            gap, _ = seen.difference(measure, subject, signal)
            if gap is not None and estimate is not None and signal != subject:
                row["difference"] = round(gap.value, 4)
                row |= {"difference_low": round(gap.low, 4), "difference_high": round(gap.high, 4)}
                row["p"] = float(f"{gap.p:.3g}")
            rows.append(row)
    return rows


def claim_pairs(spec: dict[str, Any], seen: Seen) -> dict[str, Pair]:
    """What each claim of the figure's specification compares, by its id."""
    pairs = {}
    for claim in spec["claims"]:
        first, second, measure = (claim["likeness"][key] for key in ("first", "second", "measure"))
        lines = (spec["lines"][first.partition("/")[0]], spec["lines"][second.partition("/")[0]])
        estimate, _ = seen.difference(measure, first, second)
        obstacle = None if estimate else NOT_MEASURED[measure]
        pairs[claim["id"]] = Pair(lines, UNITS[measure], estimate, obstacle)
    return pairs
