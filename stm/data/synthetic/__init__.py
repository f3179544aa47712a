"""The demo's data: short videos of digits over photographs, rendered from a seed, with nothing to download.

`temporal` has classes that only the order of frames tells apart, `scene` classes that any frame shows.
"""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stm.data.synthetic.encoding import write_mp4
from stm.data.synthetic.scene import SCENES, scene_clip
from stm.data.synthetic.settings import GENERATORS, SPLITS, Settings, checked
from stm.data.synthetic.temporal import PAIRS, temporal_clip

__all__ = ["labels", "render", "reversed_pairs"]

Clip = tuple[str, str, np.ndarray]  # label, group (the source it was drawn from), frames


def render(settings: Mapping[str, Any], videos: Path, annotations: Path) -> None:
    """Write all clips, then their list.

    Args:
        settings: the fields of `Settings`, as a mapping or a dataclass.
        videos: folder for `<split>/<clip>.mp4`; files already there are overwritten.
        annotations: csv with the columns video (relative to the csv's folder), label, split, group. Written last and
            in one move, so where it exists all its clips do.

    Raises:
        ValueError: a setting is wrong; nothing has been written then.
    """
    chosen = _checked(settings)
    videos, annotations = Path(videos), Path(annotations)
    annotations.unlink(missing_ok=True)
    rows = []
    for split in SPLITS:
        (videos / split).mkdir(parents=True, exist_ok=True)
        for label, group, frames in _clips(chosen, split):
            path = videos / split / f"{group}-{label.replace(' ', '-')}.mp4"
            write_mp4(frames, path)
            rows.append((Path(os.path.relpath(path, annotations.parent)).as_posix(), label, split, group))
    _write_list(rows, annotations)


def labels(settings: Mapping[str, Any]) -> list[str]:
    """The classes of these settings, the two of a pair next to each other."""
    if _checked(settings).generator == "scene":
        return [name for name, _, _ in SCENES]
    return [label for pair in reversed_pairs(settings) for label in pair]


def reversed_pairs(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of classes that are each other's reversal; none in `scene`."""
    chosen = _checked(settings)
    return [(drawn, reverse) for drawn, reverse, _ in PAIRS[: chosen.pairs]] if chosen.generator == "temporal" else []


def _checked(settings: Any) -> Settings:
    return checked(settings, motion_pairs=len(PAIRS), scenes=len(SCENES))


def _clips(settings: Settings, split: str) -> Iterator[Clip]:
    """All clips of a split, the classes in turn."""
    if settings.generator == "scene":
        for index in range(settings.clips[split]):
            label, thing, place = SCENES[index % len(SCENES)]
            rng = _rng(settings, split, index)
            yield label, f"{split}-{index:05d}", scene_clip(thing, place, split, settings.frames, settings.size, rng)
        return
    pairs = PAIRS[: settings.pairs]
    for index in range(settings.clips[split] // 2):
        drawn, reverse, motion = pairs[index % len(pairs)]
        frames = temporal_clip(motion, split, settings.frames, settings.size, _rng(settings, split, index))
        yield drawn, f"{split}-{index:05d}", frames
        yield reverse, f"{split}-{index:05d}", frames[::-1]


def _rng(settings: Settings, split: str, index: int) -> np.random.Generator:
    """A clip's own random numbers: they depend on no other clip, so more clips leave the first ones as they were."""
    return np.random.default_rng([settings.seed, GENERATORS.index(settings.generator), SPLITS.index(split), index])


def _write_list(rows: list[tuple[str, str, str, str]], annotations: Path) -> None:
    annotations.parent.mkdir(parents=True, exist_ok=True)
    partial = annotations.with_name(annotations.name + ".tmp")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("video", "label", "split", "group"))
        writer.writerows(rows)
    os.replace(partial, annotations)
