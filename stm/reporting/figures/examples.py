"""A clip whose class the order of frames tells, its opposite, and one that any frame shows: TPAMI 2022, Figure 5."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stm.csvfile import Value, csv_text
from stm.data.sampling import segment_frames
from stm.data.shards import FrameIndex
from stm.data.transforms import decode
from stm.files import digest, write_text
from stm.reporting.figures.drawing import PAGE, page
from stm.reporting.figures.figurepage import write_pages

# Of scenes, the first by a hash among which the one with the most contrast is shown.
CANDIDATES = 10


@dataclass(frozen=True)
class Example:
    """A clip that is shown: `data` is temporal or scene; `backwards`, its frames from the last to the first."""

    data: str
    index: FrameIndex
    row: int
    backwards: bool = False

    @property
    def label(self) -> str:
        return self.index.classes[self.index.clip(self.row).label]

    def numbers(self, frames: int) -> np.ndarray:
        """Of the frames that are shown, in their order."""
        found = segment_frames(self.index.clip(self.row).frames, frames)
        return found[::-1] if self.backwards else found

    def pictures(self, frames: int) -> np.ndarray:
        """Bytes (frames, H, W, 3)."""
        return decode(self.index.read(self.row, self.numbers(frames))).permute(0, 2, 3, 1).numpy()

    def contrast(self, frames: int) -> float:
        """How far grey values lie apart in a frame, in the mean over frames."""
        return float(self.pictures(frames).mean(axis=3).std(axis=(1, 2)).mean())


def write_examples(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf and .png, a row a clip, `out`.csv, a row a frame, and for people .md, .html and .rst.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, ShardError: frames are not where an index says.
    """
    examples = [*_temporal(spec["shown"]["temporal"]), _scene(spec["shown"]["scene"], spec["frames"])]
    rows = [row for example in examples for row in _rows(spec, example)]
    write_text(out.with_name(f"{out.name}.csv"), csv_text(rows[0], rows))
    pictures = [example.pictures(spec["frames"]) for example in examples]
    width = PAGE / spec["frames"]
    heights = [width * frames.shape[1] / frames.shape[2] + 0.2 for frames in pictures]
    with page(PAGE, sum(heights), out) as figure:
        lines = figure.subfigures(len(examples), 1, squeeze=False, height_ratios=heights)[:, 0]
        for line, frames, example in zip(lines, pictures, examples, strict=True):
            line.suptitle(_title(example), x=0.01, horizontalalignment="left", fontsize=7)
            for axes, frame in zip(line.subplots(1, len(frames), squeeze=False)[0], frames, strict=True):
                axes.imshow(frame, interpolation="nearest")
                axes.set_axis_off()
    _write_pages(spec, examples, out)


def _temporal(found: dict[str, Any]) -> list[Example]:
    """A clip of each of two classes that are each other backwards; without such a pair, a clip forwards and backwards.

    Nobody chooses: of pairs, and of clips, the first by a hash of their names.
    """
    index = FrameIndex(Path(found["index"]))
    rows: dict[str, list[int]] = {}
    for row in index.select("validation", found["fold"]).tolist():
        rows.setdefault(index.classes[index.clip(row).label], []).append(row)
    pairs = [pair for pair in found["reversed_pairs"] if set(pair) <= rows.keys()]
    if not pairs:
        row = _first(index, (row for of_class in rows.values() for row in of_class))
        return [Example("temporal", index, row), Example("temporal", index, row, backwards=True)]
    one, other = min(pairs, key=digest)
    row = _first(index, rows[one])
    # Of drawn clips the very same one, played backwards.
    twins = [twin for twin in rows[other] if index.clip(twin).group == index.clip(row).group]
    return [Example("temporal", index, row), Example("temporal", index, _first(index, twins or rows[other]))]


def _scene(found: dict[str, Any], frames: int) -> Example:
    """Of the first few clips by a hash of their names the one with the most contrast: of a dark and even one nothing
    would be seen in print.
    """
    index = FrameIndex(Path(found["index"]))
    rows = _by_hash(index, index.select("validation", found["fold"]).tolist())
    return max((Example("scene", index, row) for row in rows[:CANDIDATES]), key=lambda shown: shown.contrast(frames))


def _first(index: FrameIndex, rows: Iterable[int]) -> int:
    return _by_hash(index, rows)[0]


def _by_hash(index: FrameIndex, rows: Iterable[int]) -> list[int]:
    return sorted(rows, key=lambda row: digest(index.clip(row).clip))


def _title(example: Example) -> str:
    if example.backwards:
        return f"The same frames backwards: no longer “{example.label}”"
    return f"“{example.label}” ({example.data}-related)"


def _write_pages(spec: dict[str, Any], examples: list[Example], out: Path) -> None:
    """What is drawn, and where what the papers say of it is measured."""
    *temporal, scene = (f"“{example.label}” ({example.index.clip(example.row).clip})" for example in examples)
    of = {data: spec["shown"][data]["dataset"] for data in ("temporal", "scene")}
    pair = f"{temporal[0]} forwards and backwards" if examples[1].backwards else " and ".join(temporal)
    drawn = f"Drawn: {pair} of {of['temporal']}, {scene} of {of['scene']}."
    decided = f" ({', '.join(spec['order_claims'])})" if spec["order_claims"] else ""
    elsewhere = (
        f"Nothing is measured of these clips. What the papers say of them{decided} is tested on all clips, backwards "
        "and with one frame alone: temporal_order has it."
    )
    chosen = (
        "Nobody chooses: of pairs of opposite classes, and of clips, it is the first by a hash of their names; of the "
        f"first {CANDIDATES} clips of scenes the one with the most contrast."
    )
    write_pages(spec, f"{drawn} {chosen} {elsewhere}", f"{drawn} {elsewhere}", out)


def _rows(spec: dict[str, Any], example: Example) -> list[dict[str, Value]]:
    """A row a frame."""
    of_role = spec["shown"][example.data]
    return [
        {
            **{key: spec[key] for key in ("figure", "study")},
            "data": example.data,
            **{key: of_role[key] for key in ("role", "dataset")},
            "clip": example.index.clip(example.row).clip,
            "class": example.label,
            "backwards": str(example.backwards).lower(),
            "place": place,
            "frame": int(number),
        }
        for place, number in enumerate(example.numbers(spec["frames"]), 1)
    ]
