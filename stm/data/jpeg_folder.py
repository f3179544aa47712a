"""A clip whose frames lie in a folder as JPEG files, numbered in the order of time: 00001.jpg, img_0.JPEG …"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stm.data.framesize import stored_size
from stm.data.jpeg import decode
from stm.data.limits import MOST_PIXELS

# A hidden file is no frame: macOS puts a `._00001.jpg` beside each on foreign disks.
NUMBERED = re.compile(r"(?!\.).*?(\d+)\.jpe?g", re.IGNORECASE | re.DOTALL)


class JpegFolder:
    """The frames of one clip in the order of their numbers, from 0 or 1 on: pixels and, where they may stay as they
    are, the file's bytes.

    Every file is decoded, so that a damaged one is found here and not in training. All frames get the size of the
    first; a file that is no readable JPEG is left out.

    Args:
        path: of the folder.
        short_side: as of `Video`.
        size: as of `Video`.

    Attributes:
        faults: after the last frame, why the clip is not whole; [] where it is.
        notes: after the last frame, what was done to a whole clip beyond what was asked.
    """

    def __init__(self, path: Path, short_side: int | None = None, size: Sequence[int] | None = None):
        self.path = path
        self.short_side = short_side
        self.size = size
        self.faults: list[str] = []
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[tuple[np.ndarray, bytes | None]]:
        """(H, W, 3) bytes in RGB, and the file's content or None where it has another size."""
        first = wanted = None
        broken, other_sizes = [], []
        for name in self._names():
            try:
                data = _content(self.path / name)
                pixels = decode(data)
            except (OSError, ValueError) as error:
                broken.append(f"{name} is no readable JPEG file ({getattr(error, 'strerror', None) or error})")
                continue
            height, width = pixels.shape[:2]
            first = first or (width, height)
            wanted = wanted or stored_size(width, height, self.short_side, self.size)
            if (width, height) != first and self.size is None:
                other_sizes.append(f"{name} was {width}x{height} and is scaled to the size of the first frame")
            yield (pixels, data) if (width, height) == wanted else (resized(pixels, wanted), None)
        self.faults += _first_of(broken)
        self.notes += _first_of(other_sizes)

    def _names(self) -> list[str]:
        """The files of the frames in their order; none where it is not clear."""
        try:
            files = sorted(entry.name for entry in os.scandir(self.path) if entry.is_file())
        except OSError as error:
            self.faults.append(f"the folder cannot be read ({error.strerror})")
            return []
        numbered: dict[int, str] = {}
        for name in files:
            if found := NUMBERED.fullmatch(name):
                other = numbered.setdefault(int(found[1]), name)
                if other != name:
                    self.faults.append(f"{other} and {name} have the same number")
                    return []
        if not numbered:
            others = f"; it has {len(files)} files of other names" if files else ""
            self.faults.append(f"the folder holds no numbered JPEG file{others}")
        self.faults += _gaps(sorted(numbered))
        return [numbered[number] for number in sorted(numbered)]


def _gaps(numbers: list[int]) -> list[str]:
    """What is missing among numbers that should count from 0 or 1 without a gap."""
    if not numbers:
        return []
    start = min(numbers[0], 1)
    missing = numbers[-1] - start + 1 - len(numbers)
    if not missing:
        return []
    first = next(place for place, number in enumerate(numbers, start) if place != number)
    return [f"frame {first} is missing" + (f", and {missing - 1} more" if missing > 1 else "")]


def _first_of(texts: list[str]) -> list[str]:
    """The first, and how many there are more."""
    more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
    return [texts[0] + more] if texts else []


def _content(path: Path) -> bytes:
    if path.stat().st_size > MOST_PIXELS * 3:
        raise ValueError("larger than its pixels could be")
    return path.read_bytes()


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scaled to (width, height), antialiased."""
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
