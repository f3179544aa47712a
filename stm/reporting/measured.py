"""What was measured for the lines of a table: every clip under every seed, and what the networks cost.

Shape letters: S seeds, n clips, p clips whose class is one of a reversed pair.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stm.errors import UserError
from stm.evaluation.metrics import in_pair, inside_pair_correct, topk_correct
from stm.evaluation.predictions import Predictions, read
from stm.files import read_sealed

# Of five classes or fewer the label is always, or all but always, among the first five.
LEAST_CLASSES_FOR_TOP5 = 6


class TableError(UserError):
    """A table that cannot be made of the files that are there; the text names them."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One line.

    Args:
        file: its first predictions file, to be named in errors.
        predictions: what that file holds; the other seeds' have the same clips, labels and classes.
        clips: how many different clips there are; n counts one as often as folds show it.
        listed: how many clips the annotation files have; more than n where some have no frames.
        groups: n clusters; a clip without a known source is its own.
        correct: by measure, float (S, n). `top5` is absent where there are too few classes.
        paired, paired_groups: (S, p), whether a clip scores above its partner class, and their clusters; None where the
            dataset has no reversed pairs.
    """

    file: Path
    predictions: Predictions
    clips: int
    listed: int
    groups: list[str]
    correct: dict[str, np.ndarray]
    paired: np.ndarray | None
    paired_groups: list[str]


@dataclass(frozen=True)
class Counts:
    """`params_m` and `flops_g` of the papers' network and of the one trained here; empty where it is not counted."""

    full_size: dict[str, float]
    run_size: dict[str, float]


def load(lines: list[dict[str, Any]]) -> list[Measured | None]:
    """What was measured for each line of a table's specification; None for a line that the study does not run.

    Raises:
        FileNotFoundError: something that should be measured is not there.
        TableError: lines of one role, or seeds of one line, are not of the same clips.
        PredictionsError: a predictions file is damaged.
    """
    found = [_line(line["measured"]) if line["measured"] else None for line in lines]
    first: dict[str, Measured] = {}
    for line, measured in zip(lines, found, strict=True):
        if measured is not None:
            other = first.setdefault(line["role"], measured)
            require_same_clips(other.file, other.predictions, measured.file, measured.predictions)
    return found


def _line(settings: dict[str, Any]) -> Measured:
    files = [Path(folds[0]) for folds in settings["predictions"]]
    seeds = [joined([Path(file) for file in folds]) for folds in settings["predictions"]]
    first, folds = seeds[0], len(settings["predictions"][0])
    for file, other in zip(files[1:], seeds[1:], strict=True):
        require_same_clips(files[0], first, file, other)
    measures = {"top1": 1, "top5": 5} if len(first.classes) >= LEAST_CLASSES_FOR_TOP5 else {"top1": 1}
    paired, paired_groups = _inside_pairs(files[0], seeds, first.groups, settings["reversed_pairs"])
    return Measured(
        file=files[0],
        predictions=first,
        clips=len({clip.partition(":")[2] for clip in first.clips} if folds > 1 else first.clips),
        listed=first.record["listed"],
        groups=first.groups,
        correct={
            name: np.stack([topk_correct(p.scores, p.labels, k) for p in seeds]).astype(float)
            for name, k in measures.items()
        },
        paired=paired,
        paired_groups=paired_groups,
    )


def joined(files: list[Path]) -> Predictions:
    """One seed's predictions over all folds, one after the other.

    A clip that several folds show (UCF-101's splits overlap) stands there as often, with the fold in its id; its group
    keeps it together.
    """
    parts = [read(file) for file in files]
    if len(parts) == 1:
        return replace(parts[0], groups=_groups(parts))
    for file, part in zip(files, parts, strict=True):
        if part.classes != parts[0].classes:
            raise TableError(f"{files[0]} and {file} differ in their classes. Delete the older one and run again")
    return Predictions(
        clips=[f"{fold}:{clip}" for fold, part in enumerate(parts, 1) for clip in part.clips],
        labels=np.concatenate([part.labels for part in parts]),
        groups=_groups(parts),
        scores=np.concatenate([part.scores for part in parts]),
        classes=parts[0].classes,
        record={**parts[0].record, "listed": sum(part.record["listed"] for part in parts)},
    )


def _groups(parts: list[Predictions]) -> list[str]:
    """The clusters of all clips; a clip without a known source is its own."""
    return [group or clip for part in parts for group, clip in zip(part.groups, part.clips, strict=True)]


def _inside_pairs(
    file: Path, seeds: list[Predictions], groups: list[str], pairs: list[list[str]]
) -> tuple[np.ndarray | None, list[str]]:
    if not pairs:
        return None, []
    first = seeds[0]
    try:
        mask = in_pair(first.labels, first.classes, pairs)
        correct = [inside_pair_correct(p.scores, p.labels, p.classes, pairs) for p in seeds]
    except ValueError as error:
        raise TableError(f"{file}: {error}") from error
    if not mask.any():
        return None, []
    return np.stack(correct), [group for group, paired in zip(groups, mask, strict=True) if paired]


def counts(line: dict[str, Any]) -> Counts:
    """What the networks of a line cost.

    Raises:
        FileNotFoundError: something that should be counted is not there.
    """
    paths = line["counts"] or {"full_size": None, "run_size": None}
    return Counts(_counts(paths["full_size"]), _counts(paths["run_size"]))


def _counts(path: str | None) -> dict[str, float]:
    if path is None:
        return {}
    counted = read_sealed(Path(path))
    return {name: float(counted[name]) for name in ("params_m", "flops_g")}


def require_same_clips(file: Path, one: Predictions, other_file: Path, other: Predictions) -> None:
    """Paired tests compare clip with clip.

    Raises:
        TableError: naming both files and what differs.
    """
    same = {
        "classes": one.classes == other.classes,
        "clips": one.clips == other.clips,
        "labels": np.array_equal(one.labels, other.labels),
        "groups": one.groups == other.groups,
    }
    differing = [name for name, equal in same.items() if not equal]
    if differing:
        raise TableError(
            f"{file} and {other_file} differ in their {' and '.join(differing)}: they cannot be compared clip by clip. "
            "Delete the older one and run again"
        )
