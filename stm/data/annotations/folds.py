"""Several partitions of one dataset: official ones, each with its own files, or whole groups left out in turn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stm.data.annotations.clip import AnnotationError, Clip


def fold_names(spec: Mapping[str, Any]) -> list[str]:
    """The folds of a dataset in their order; none where it has one partition, which needs no name."""
    groups_out = spec["leave_groups_out"]
    return [str(k + 1) for k in range(groups_out)] if groups_out else list(spec["folds"])


def split_columns(folds: Sequence[str]) -> list[str]:
    """The columns of a table of clips that say where each clip is: `split`, or one for each fold."""
    return [f"split_{fold}" for fold in folds] or ["split"]


def of_split_columns(row: Mapping[str, str]) -> list[str]:
    """Of a row of such a table, where each fold has the clip."""
    return [value for column, value in row.items() if column == "split" or column.startswith("split_")]


def split_name(split: str, column: str) -> str:
    return split if column == "split" else f"{split} of fold {column.removeprefix('split_')}"


def merge(partitions: Mapping[str, Sequence[Clip]]) -> list[Clip]:
    """One list of the clips of all folds, by the folds' names, in the order in which they come up.

    Raises:
        AnnotationError: two folds say different things of a clip.
    """
    if len(partitions) == 1:
        return list(*partitions.values())
    merged: dict[str, Clip] = {}
    for number, (fold, clips) in enumerate(partitions.items()):
        for clip in clips:
            before = merged.setdefault(clip.clip, replace(clip, splits=("",) * len(partitions)))
            if (before.label, before.group, before.video) != (clip.label, clip.group, clip.video):
                problem = f"label '{clip.label}', group '{clip.group}' here, '{before.label}', '{before.group}' before"
                raise AnnotationError(f"fold {fold}: clip '{clip.clip}': {problem}. Folds may differ in splits only")
            splits = (*before.splits[:number], *clip.splits, *before.splits[number + 1 :])
            merged[clip.clip] = replace(before, splits=splits)
    return list(merged.values())


def leave_groups_out(clips: Sequence[Clip], folds: int) -> list[Clip]:
    """Make folds: each group of train and validation is validation in one of them and train in the others.

    The groups are dealt by size, largest first and always to the fold with fewest clips, so that folds are about as
    large as each other. Clips of test stay test.

    Raises:
        AnnotationError: there are fewer groups than folds, or the annotations know no groups.
    """
    sizes = Counter(clip.group for clip in clips if clip.splits != ("test",))
    if all(clip.group == clip.clip for clip in clips):
        raise AnnotationError(
            f"leave_groups_out = {folds}: the annotations name no groups: every clip is one of its own"
        )
    if len(sizes) < folds:
        raise AnnotationError(f"leave_groups_out = {folds}: there are {len(sizes)} groups. Ask for so many or fewer")
    filled = [0] * folds
    fold_of: dict[str, int] = {}
    for group in sorted(sizes, key=lambda group: (-sizes[group], group)):
        fold_of[group] = filled.index(min(filled))
        filled[fold_of[group]] += sizes[group]
    return [_dealt(clip, fold_of, folds) for clip in clips]


def _dealt(clip: Clip, fold_of: Mapping[str, int], folds: int) -> Clip:
    if clip.splits == ("test",):
        return replace(clip, splits=("test",) * folds)
    return replace(clip, splits=tuple("validation" if k == fold_of[clip.group] else "train" for k in range(folds)))
