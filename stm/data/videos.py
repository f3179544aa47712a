"""Clips that are in no index: anybody's videos, their frames as extraction would store them."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stm.data.extraction import extract_clip
from stm.data.jpeg_folder import NUMBERED
from stm.data.shards import ClipFrames
from stm.errors import UserError

# What is taken for a video in a folder; a file that is named itself may end as it likes.
ENDINGS = (
    *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"),
)


class VideosError(UserError):
    """Nothing to predict; the text says where it was looked for."""


class VideoFrames:
    """One clip, extracted as its dataset's clips were, in the place of a `FrameIndex` with one row.

    Args:
        clip: its id.
        path: of a video, or of a folder of JPEG files.
        spec: `frames` and `decoder` of the dataset.

    Attributes:
        extracted: what became of it; without frames it is not to be read.
    """

    def __init__(self, clip: str, path: Path, spec: Mapping[str, Any]):
        # On disk: nobody has said how long the video is.
        self._tar = tempfile.TemporaryFile()  # noqa: SIM115 (closed with its owner)
        self.extracted = extract_clip(clip, path, spec, self._tar)

    def clip(self, row: int) -> ClipFrames:  # noqa: ARG002 (there is one)
        found = self.extracted
        return ClipFrames(found.clip, -1, "", "", found.status, found.frames, found.width, found.height)

    def read(self, row: int, numbers: Sequence[int] | np.ndarray) -> list[bytes]:  # noqa: ARG002
        """The JPEG files of some frames, in the order asked for."""
        return [self._read(self.extracted.offsets[number], self.extracted.sizes[number]) for number in numbers]

    def _read(self, offset: int, size: int) -> bytes:
        self._tar.seek(offset)
        return self._tar.read(size)


def videos_in(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """The clips that a user names: files, folders of numbered JPEG files, and folders with any of these below.

    Returns:
        Id and path of each, a folder's in the order of their names. The id, which the draws of a protocol follow from,
        is the path as seen from the folder that was named, as in a list of one's own videos; a file's is its name.

    Raises:
        VideosError: a folder holds nothing of the kind.
    """
    found: dict[Path, str] = {}
    for path in paths:
        inside = list(_inside(path)) if path.is_dir() else [path]
        if not inside:
            raise VideosError(f"{path}: neither videos ({' '.join(ENDINGS)}) nor numbered JPEG files below it")
        for file in inside:
            found.setdefault(file, path.name if file == path else file.relative_to(path).as_posix())
    return [(clip, path) for path, clip in found.items()]


def _inside(folder: Path) -> Iterator[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    videos = {entry for entry in entries if entry.suffix.lower() in ENDINGS and entry.is_file()}
    if not videos and any(NUMBERED.fullmatch(entry.name) for entry in entries):
        yield folder
        return
    for entry in entries:
        if entry.is_dir():
            yield from _inside(entry)
        elif entry in videos:
            yield entry
