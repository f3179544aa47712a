"""The demo's data: short videos, drawn from a seed, with nothing to download.

`temporal` and `handling` have classes that only the order of frames tells apart, `scene`, `outdoors` and `indoors`
classes that any frame shows, `gestures` some of both.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stm.csvfile import write_csv
from stm.data.synthetic.canvas import Composition, draw, mover_masks
from stm.data.synthetic.encoding import write_mp4
from stm.data.synthetic.generators import GENERATORS
from stm.data.synthetic.settings import checked
from stm.errors import WrongValueError

__all__ = ["labels", "movers", "render", "reversed_pairs"]


def render(settings: Mapping[str, Any], videos: Path, annotations: Path) -> None:
    """Write all clips, then their list.

    Args:
        settings: the keys of `stm.config.schema.datasets.Render`.
        videos: folder for `<split>/<clip>.mp4`; files already there are overwritten.
        annotations: csv with the columns video (relative to the csv's folder), label, split, group. Written last and
            in one move, so where it exists all its clips do.

    Raises:
        ValueError: a setting is wrong; nothing has been written then.
    """
    chosen = checked(settings, GENERATORS)
    generator = GENERATORS[chosen.generator]
    videos, annotations = Path(videos), Path(annotations)
    annotations.unlink(missing_ok=True)
    rows = []
    for split in generator.splits:
        (videos / split).mkdir(parents=True, exist_ok=True)
        for clip in generator.clips(chosen, split, draw):
            path = videos / split / f"{clip.name}.mp4"
            write_mp4(clip.frames, path)
            rows.append((Path(os.path.relpath(path, annotations.parent)).as_posix(), clip.label, split, clip.group))
    write_csv(annotations, ("video", "label", "split", "group"), rows)


def movers(settings: Mapping[str, Any], clips: Collection[str]) -> dict[str, np.ndarray]:
    """Where the movers of some clips are seen (`stm.data.synthetic.canvas.mover_masks`), by the clips' ids.

    Args:
        settings: as of `render`.
        clips: ids, as `render` lists them: `<split>/<clip>.mp4`.

    Raises:
        ValueError: a setting is wrong, or these settings draw no such clip.
    """
    chosen = checked(settings, GENERATORS)
    generator = GENERATORS[chosen.generator]
    wanted = set(clips)
    found: dict[str, np.ndarray] = {}
    splits = {clip.partition("/")[0] for clip in wanted}
    for split in filter(splits.__contains__, generator.splits):
        for clip in generator.clips(chosen, split, _Unpainted):
            name = f"{split}/{clip.name}.mp4"
            if name in wanted:
                found[name] = clip.frames.masks()
    if wanted - found.keys():
        raise WrongValueError(f"{min(wanted - found.keys())} is no clip that generator {chosen.generator} draws")
    return found


@dataclass(frozen=True)
class _Unpainted:
    """A clip whose masks are painted when they are asked for, since most are not."""

    shown: Composition
    frames: int
    side: int
    step: int = 1

    def __getitem__(self, whole: slice) -> "_Unpainted":
        return replace(self, step=whole.step)

    def masks(self) -> np.ndarray:
        return mover_masks(self.shown, self.frames, self.side)[:: self.step]


def labels(settings: Mapping[str, Any]) -> list[str]:
    """The classes of these settings, the two of a pair next to each other."""
    chosen = checked(settings, GENERATORS)
    classes = GENERATORS[chosen.generator].classes
    return list(classes[: 2 * chosen.pairs] if chosen.pairs else classes)


def reversed_pairs(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of classes that are each other's reversal; none where the generator draws no such pairs."""
    classes = labels(settings)
    paired = GENERATORS[checked(settings, GENERATORS).generator].paired
    return list(zip(classes[::2], classes[1::2], strict=True)) if paired else []
