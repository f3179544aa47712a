"""The frames of a dataset, read at random: an index mapped into memory, and JPEG files at known places of the tars.

All processes of a machine share one copy of the index. Nothing of it is copied to read a few frames.
"""

import json
import os
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from stm.data.arrowfile import read_arrow
from stm.errors import UserError

# A column each, a list a clip. They are as many as frames: not looked through, but held to their checksum when read.
OF_FRAMES = ("offsets", "sizes", "crc32")
# The folder of copies on a machine's own disk begins with it.
COPIES = "stm-frames-"
# Well below the 1,024 files that a process may usually open.
OPEN_TARS = 128


class ShardError(UserError):
    """Frames that are not where the index says; the text says what to extract again."""


class ClipFrames(NamedTuple):
    """One clip of the index: `label` is its place in `FrameIndex.classes` or -1, `frames` how many; pixels."""

    clip: str
    label: int
    group: str
    shard: str
    status: str
    frames: int
    width: int
    height: int


class FrameSource(Protocol):
    """Clips by row, and the JPEG files of their frames by number: of an index, or of a video that is in none."""

    def clip(self, row: int) -> ClipFrames: ...

    def read(self, row: int, numbers: Sequence[int] | np.ndarray) -> list[bytes]: ...


class FrameIndex:
    """The clips of a dataset that have frames, by row; rows are sorted by split and clip, with folds by clip.

    May be pickled, and used after a fork: files are read at given places and share no position.

    Args:
        path: of `write_manifest`'s index.

    Attributes:
        classes: the labels by number.
        folds: their names in order; none where the dataset has one partition.
        digest: of everything that training sees: classes, clips, labels, splits, groups and the tars' content.
        versions: of decoders and encoder, those that the shards were made with.

    Raises:
        ShardError: the file is no such index, or is damaged.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            table = read_arrow(self.path, unsealed=OF_FRAMES)
            metadata = table.schema.metadata
            self.classes: list[str] = json.loads(metadata[b"classes"])
            self.folds: list[str] = json.loads(metadata[b"folds"])
            self.digest: str = metadata[b"digest"].decode()
            self.versions: dict[str, list[str | None]] = json.loads(metadata[b"versions"])
            self._shards = self.path.parent / metadata[b"shards"].decode()
            self._listed: dict[str, dict[str, int]] = json.loads(metadata[b"listed"])
            # The manifest is written as one batch, so that each column is one array.
            self._columns = {name: table[name].chunk(0) for name in table.column_names}
            self._labels, self._frames = (self._columns[name].to_numpy() for name in ("label", "frames"))
            # The frames of row r stand at first[r] and after, in arrays over all clips.
            self._first = self._columns["offsets"].offsets.to_numpy()
            self._offsets, self._sizes, self._crc32 = (self._columns[name].values.to_numpy() for name in OF_FRAMES)
            if not np.array_equal(np.diff(self._first, prepend=0), [0, *self._frames]):
                raise ValueError("its lists of frames are not as long as its clips")
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise ShardError(f"{path}: no index of frames ({error}). Delete it and make the manifest again") from None
        self._tars: OrderedDict[str, int] = OrderedDict()

    def __reduce__(self) -> tuple[type["FrameIndex"], tuple[Path]]:
        return FrameIndex, (self.path,)

    def __del__(self) -> None:
        for descriptor in self.__dict__.get("_tars", {}).values():
            os.close(descriptor)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def tars(self) -> list[Path]:
        """The files that hold the frames."""
        return [self._shards / f"{shard}.tar" for shard in sorted(self._columns["shard"].unique().to_pylist())]

    def select(self, split: str, fold: str | None = None) -> np.ndarray:
        """The rows of a split, in the order of the clips' ids.

        Args:
            split: train, validation or test.
            fold: one of `folds`; None where there are none.

        Raises:
            ShardError: the index has no such fold, or no clip of this split.
        """
        splits = self._columns[self._split_column(fold)]
        rows = np.flatnonzero(splits.to_numpy(zero_copy_only=False) == split)
        if not len(rows):
            of_fold = "" if fold is None else f" in fold '{fold}'"
            known = ", ".join(name for name in splits.unique().to_pylist() if name)
            raise ShardError(f"{self.path}: no clip of split '{split}'{of_fold}. It has: {known}")
        return rows

    def listed(self, split: str, fold: str | None = None) -> int:
        """How many clips the annotation files have in a split, those without frames among them."""
        return self._listed[self._split_column(fold)].get(split, 0)

    def _split_column(self, fold: str | None) -> str:
        if fold is None and not self.folds:
            return "split"
        if fold not in self.folds:
            asked = "a fold must be named" if fold is None else f"no fold '{fold}'"
            raise ShardError(f"{self.path}: {asked}. It has: {', '.join(self.folds) or 'one partition without a name'}")
        return f"split_{fold}"

    def clip(self, row: int) -> ClipFrames:
        """What the index says of one clip."""
        return ClipFrames(*(self._columns[name][int(row)].as_py() for name in ClipFrames._fields))

    def labels(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """The classes of clips, as numbers; -1 where a test clip's is not known."""
        return self._labels[np.asarray(rows)]

    def frame_counts(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """How many frames each of some clips has."""
        return self._frames[np.asarray(rows)]

    def read(self, row: int, numbers: Sequence[int] | np.ndarray) -> list[bytes]:
        """The JPEG files of some frames of a clip, in the order asked for.

        Args:
            row: of the clip.
            numbers: of frames, from 0; may repeat.

        Raises:
            IndexError: the clip has no such frame.
            ShardError: a frame is not what was stored: the tar is cut off, or a bit of it has changed.
        """
        row = int(row)
        shard = self._columns["shard"][row].as_py()
        return [self._read(row, shard, int(number)) for number in numbers]

    def _read(self, row: int, shard: str, number: int) -> bytes:
        if not 0 <= number < self._frames[row]:
            raise IndexError(f"{self.clip(row).clip}: frame {number} of {self._frames[row]}")
        at = self._first[row] + number
        size, offset = int(self._sizes[at]), int(self._offsets[at])
        data = os.pread(self._tar(shard), size, offset) if min(size, offset) >= 0 else b""
        if zlib.crc32(data) != self._crc32[at]:
            problem = f"frame {number} of '{self.clip(row).clip}' is not what was stored"
            raise ShardError(f"{self._shards / shard}.tar: {problem}. {extract_again(self._shards / shard)}")
        return data

    def _tar(self, shard: str) -> int:
        """An open file of a shard; the one that was used longest ago gives way."""
        if shard in self._tars:
            self._tars.move_to_end(shard)
            return self._tars[shard]
        try:
            descriptor = os.open(self._shards / f"{shard}.tar", os.O_RDONLY)
        except FileNotFoundError:
            raise ShardError(
                f"{self._shards / shard}.tar: no such file. {extract_again(self._shards / shard)}"
            ) from None
        if len(self._tars) == OPEN_TARS:
            os.close(self._tars.popitem(last=False)[1])
        self._tars[shard] = descriptor
        return descriptor


def extract_again(shard: Path) -> str:
    """What makes a shard again: Snakemake does not miss it as long as what it led to is there."""
    if any(folder.name.startswith(COPIES) for folder in shard.parents):
        return f"It is a copy: delete {shard.parents[1]} and run again"
    return f"Extract it again: snakemake --cores all --forcerun {shard.with_suffix('.tar')}"
