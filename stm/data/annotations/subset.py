"""A part of a dataset for those who cannot train on all of it, chosen by hashes of labels and ids."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stm.data.annotations.clip import AnnotationError, Clip


def subset(
    clips: Sequence[Clip], classes: int | None = None, clips_per_class: Mapping[str, int] | None = None
) -> list[Clip]:
    """The clips of some classes, and of each of these some clips; in their order, the same whatever the order.

    A larger subset holds the smaller ones. Clips change no split, so a group stays on its side of a partition.

    Args:
        clips: of the whole dataset.
        classes: how many of them; None takes all. Clips without a label are of none of those chosen, and left out.
        clips_per_class: how many of each class at most, by split, in each fold; all of a split that is not named.

    Raises:
        AnnotationError: the dataset has fewer classes.
    """
    labels = {clip.label for clip in clips} - {""}
    if classes is not None and classes > len(labels):
        raise AnnotationError(f"subset.classes = {classes}: the dataset has {len(labels)}. Ask for so many or fewer")
    chosen = labels | {""} if classes is None else set(sorted(labels, key=_place)[:classes])
    of_classes = [clip for clip in clips if clip.label in chosen]
    kept = _few_of_each(of_classes, clips_per_class or {})
    split = [replace(clip, splits=kept[clip.clip]) for clip in of_classes]
    return [clip for clip in split if any(clip.splits)]


def _few_of_each(clips: Sequence[Clip], most: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The splits of each clip, by its id; '' where it is one too many of its class."""
    taken: dict[tuple[int, str, str], int] = defaultdict(int)
    kept = {}
    for clip in sorted(clips, key=lambda clip: _place(clip.clip)):
        splits = []
        for fold, split in enumerate(clip.splits):
            taken[fold, split, clip.label] += 1
            splits.append(split if taken[fold, split, clip.label] <= most.get(split, len(clips)) else "")
        kept[clip.clip] = tuple(splits)
    return kept


def _place(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
