"""How many clips a dataset has and how much room their frames take: what is on disk, else what is said of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stm.config.products import DatasetPlan
from stm.csvfile import read_csv
from stm.data.annotations import read, split_columns
from stm.data.framesize import stored_size

Fold = str | None

# Bytes a pixel of JPEGs (4:2:0) by quality, of 1,000 frames of 25 clips of UCF-101 at their 240 x 320 pixels.
BYTES_A_PIXEL = {60: 0.104, 75: 0.127, 85: 0.161, 90: 0.193, 95: 0.261, 100: 0.471}
# A smaller picture takes more for a pixel: the same frames scaled to 128 and 64 pixels, within 5% at quality 95.
SMALLER = 0.65
# A tar has a header of 512 bytes for each file and fills its last block.
TAR_BYTES = 768


@dataclass(frozen=True)
class Clips:
    """Clips of a dataset, of each fold's splits (no entry where nobody knows), and where the numbers are from."""

    train: dict[Fold, int]
    validation: dict[Fold, int]
    total: int | None
    source: str


@dataclass(frozen=True)
class Room:
    """Bytes on disk, None where nobody can say, and how that is known."""

    size: int | None
    source: str


def clips_of(dataset: DatasetPlan) -> Clips:
    """From the manifest, else from `expect`, else from the annotation files, else from what is typical."""
    manifest = Path(dataset.folder) / "manifest.csv"
    if manifest.is_file():
        rows = [row for row in read_csv(manifest) if row["frames"] not in ("", "0")]
        named = [str(fold) for fold in dataset.folds if fold]
        return _counted(dataset, (tuple(row[c] for c in split_columns(named)) for row in rows), "clips with frames")
    expect = dataset.entry.expect
    if {"train", "validation"} <= expect.keys():
        train, validation = (_by_fold(dataset, expect[split]) for split in ("train", "validation"))
        total = expect.get("clips", 0 if len(train) > 1 else sum([*train.values(), *validation.values()]))
        return Clips(train, validation, _whole(total), "expected")
    if dataset.entry.render is None and all(Path(file).is_file() for file in dataset.annotation_files):
        listed = read(dataset.listing_spec)
        return _counted(dataset, (clip.splits for clip in listed), "listed")
    return _said(dataset)


def _counted(dataset: DatasetPlan, rows: Iterable[tuple[str, ...]], source: str) -> Clips:
    found: Counter[tuple[Fold, str]] = Counter()
    total = 0
    for splits in rows:
        total += 1
        found.update(zip(dataset.folds, splits, strict=True))
    of = {split: {fold: found[fold, split] for fold in dataset.folds} for split in ("train", "validation")}
    return Clips(of["train"], of["validation"], total, source)


def _said(dataset: DatasetPlan) -> Clips:
    """What `expect` and `typical` say together."""
    expect, typical = dataset.entry.expect, dataset.entry.typical
    total, out = _whole(expect.get("clips")), dataset.entry.leave_groups_out
    if total and out:
        validation = dict.fromkeys(dataset.folds, round(total / out))
        train = {fold: total - clips for fold, clips in validation.items()}
        return Clips(train, validation, total, f"expected, were the {out} folds equal")
    train = _by_fold(dataset, _of_subset(dataset, typical.train)) if typical and typical.train else {}
    validation = _by_fold(dataset, expect["validation"]) if "validation" in expect else {}
    if len(dataset.folds) == 1 and train and validation:
        total = sum([*train.values(), *validation.values()])
    return Clips(train, validation, total, "expected, training clips typical" if train else "unknown")


def _of_subset(dataset: DatasetPlan, train: int) -> int:
    """How many of so many training clips a dataset's subset leaves, were all classes as large as the subset asks."""
    subset = dataset.entry.subset
    most = subset.clips_per_class.get("train") if subset else None
    classes = _whole(dataset.entry.expect.get("classes"))
    return min(train, most * classes) if most and classes else train


def _by_fold(dataset: DatasetPlan, numbers: int | list[int]) -> dict[Fold, int]:
    folds = dataset.folds
    return dict(zip(folds, [numbers] * len(folds) if isinstance(numbers, int) else numbers, strict=True))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value else None


def room_for_frames(dataset: DatasetPlan, clips: Clips) -> Room:
    """What the shards take, or will."""
    sizes = [path.stat().st_size for path in Path(dataset.folder, "shards").glob("*.tar")]
    shards = len(dataset.shards)
    if len(sizes) == shards:
        return Room(sum(sizes), "on disk")
    if sizes:
        return Room(round(shards * sum(sizes) / len(sizes)), f"from {len(sizes)} of {shards} shards on disk")
    frames, size, packed = _frames(dataset)
    if frames is None or clips.total is None:
        lacking = "frames of a clip" if clips.total else "clips"
        return Room(None, f"{lacking} unknown; give `typical` in config/datasets/{dataset.name}.yaml")
    if packed:
        return Room(clips.total * frames * (packed + TAR_BYTES), f"{frames} frames a clip, packed as they are")
    assert size is not None, "frames without a size"
    wanted = dataset.entry.frames
    width, height = stored_size(size[1], size[0], wanted.short_side, wanted.size)
    a_frame = jpeg_bytes(height, width, wanted.quality) + TAR_BYTES
    how = f"{frames} frames a clip of {height}x{width} at quality {wanted.quality}"
    return Room(round(clips.total * frames * a_frame), how)


def _frames(dataset: DatasetPlan) -> tuple[int | None, list[int] | None, int | None]:
    """Frames of a clip, their size as recorded, and the bytes of one that is packed as it comes."""
    render, typical = dataset.entry.render, dataset.entry.typical
    if render is not None:
        return render.frames, [render.size, render.size], None
    if typical is None:
        return None, None, None
    unscaled = dataset.entry.frames.short_side is None and dataset.entry.frames.size is None
    return typical.frames, typical.size, typical.frame_bytes if unscaled else None


def jpeg_bytes(height: int, width: int, quality: int) -> float:
    """Of one frame of an ordinary video."""
    at_240 = float(np.interp(quality, list(BYTES_A_PIXEL), list(BYTES_A_PIXEL.values())))
    return height * width * at_240 * (240 / min(height, width)) ** SMALLER
