"""From a video file to its frames, in the order in which the decoder gives them.

That is the order of display, also where timestamps run backwards; nothing is sorted. Pixels that are not square stay as
they are coded.
"""

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stm.data.framesize import stored_size
from stm.data.limits import (
    FULL_HD,
    LONGEST_SIDE,
    MOST_FRAMES,
    MOST_MEMORY,
    MOST_PIXELS,
    memory_in_use,
    memory_limit,
)
from stm.errors import UserError

DECODERS = ("pyav", "decord")
# A playlist in the place of a video names other files and addresses. FFmpeg is handed the open file and no way to any
# other: no protocol has this name.
ALONE = {"protocol_whitelist": "none"}
LARGEST = {"max_pixels": str(MOST_PIXELS)}


class VideoError(UserError):
    """A video that cannot be decoded, or not to its end; the text is the decoder's."""


class DecoderError(UserError):
    """A decoder that is not known or not installed."""


class Video:
    """The frames of one video: uint8 (H, W, 3), RGB, upright. One is held at a time, whatever the video's length.

    PyAV is the one to use. decord 0.6.0 loses, repeats or miscolours frames of some videos without a word and with the
    right count, differs from run to run on broken ones, and decodes ahead without a bound to its memory; where it is
    right its frames are PyAV's, pixel by pixel. It is there for those who must repeat what was extracted with it.

    Nothing but the file itself is read, whatever it says, and no more than `stm.data.limits` allows.

    Args:
        path: of the file.
        decoder: pyav or decord.
        short_side: the short side is scaled down to it, antialiased, in pixels; a smaller one stays. None: as coded.
        size: height and width of every frame, whatever its shape; in place of a short side.
        live: a pipe, or a device, which FFmpeg opens by its path; it may go on for ever.

    Attributes:
        corrupt: frames so far that PyAV gave and marked as damaged; without the mark they would pass for good ones.
        rate: frames a second, as PyAV reads it in the header; None before the first frame, and where none is there.
        seconds: when PyAV's latest frame is to be shown; None before the first, and where it has no time.

    Raises:
        DecoderError: the decoder is not known or not installed.
        VideoError: in place of a frame, after the good ones.
    """

    def __init__(
        self,
        path: Path,
        decoder: str = "pyav",
        short_side: int | None = None,
        size: Sequence[int] | None = None,
        live: bool = False,
    ):
        if decoder not in DECODERS:
            raise DecoderError(f"decoder = {decoder!r} is not known; known: {', '.join(DECODERS)}")
        if decoder == "decord" and not find_spec("decord"):
            raise DecoderError("decoder = 'decord': decord is not installed (wheels: x86-64). Choose pyav")
        # FFmpeg takes a relative `a:b.mp4` for the protocol `a`.
        self.path = path.absolute()
        self.short_side = short_side
        self.size = size
        self.live = live
        self.decoder = decoder
        self._decode = {"decord": self._decord, "pyav": self._pyav}[decoder]
        self._reformatter = VideoReformatter()
        self._display_matrix: np.ndarray | None = None
        self.corrupt = 0
        self.rate: float | None = None
        self.seconds: float | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        size = None
        try:
            for frame in self._decode() if self.live else self._within_limits():
                # A video may change its size on the way; all frames of a clip have that of the first.
                size = size or self._size_as_coded(frame)
                yield self._pixels(frame, size)
        except Exception as error:
            raise VideoError(self._reason(error)) from error

    def _within_limits(self) -> Iterator[av.VideoFrame]:
        frames, most, pixels = self._decode(), memory_in_use() + MOST_MEMORY, 0
        while True:
            with memory_limit(most):
                frame = next(frames, None)
            if frame is None:
                return
            pixels += max(frame.width * frame.height, FULL_HD)
            if pixels > MOST_FRAMES * FULL_HD:
                raise ValueError(f"longer than {MOST_FRAMES:,} frames of full HD. Cut it into clips")
            yield frame

    def _size_as_coded(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Width and height before the frame is turned upright."""
        size = self.size
        if size is not None and is_quarter_turn(self._display_matrix):
            size = size[::-1]
        stored = stored_size(frame.width, frame.height, self.short_side, size)
        if max(stored) > LONGEST_SIDE:
            raise ValueError(f"{stored[0]}x{stored[1]} pixels; no side may be longer than {LONGEST_SIDE:,}")
        return stored

    @contextmanager
    def _opened(self) -> Iterator[InputContainer]:
        mode = self.path.stat().st_mode
        # Metadata in another encoding than UTF-8 is no reason to refuse a video.
        if self.live and (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
            # A camera is no file of bytes.
            with av.open(str(self.path), metadata_errors="replace") as container:
                yield container
            return
        # Where nobody watches, a pipe has nobody at its other end, and a device no end.
        if not stat.S_ISREG(mode) and not (self.live and stat.S_ISFIFO(mode)):
            raise ValueError("no regular file")
        with (
            open(self.path, "rb", buffering=0) as file,
            av.open(file, "r", metadata_errors="replace", options=ALONE | LARGEST) as container,
        ):
            yield container

    def _pyav(self) -> Iterator[av.VideoFrame]:
        with self._opened() as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream):
                raise ValueError("no video stream")
            if stream.width * stream.height > MOST_PIXELS:
                raise ValueError(f"its header says {stream.width}x{stream.height} pixels")
            # One thread: no frames in flight, and the same frames before an error on every run.
            stream.thread_type = "NONE"
            stream.thread_count = 1
            stream.codec_context.options = LARGEST
            # Some containers, as MPEG-TS, do not say it, and FFmpeg guesses by the first frames.
            rate = stream.average_rate or stream.guessed_rate
            self.rate = float(rate) if rate else None
            for number, frame in enumerate(container.decode(stream)):
                # Asked once a video: a frame that was asked for its side data lives until the garbage collector runs.
                if number == 0:
                    self._display_matrix = _display_matrix(frame)
                self.corrupt += frame.is_corrupt
                self.seconds = frame.time
                yield frame

    def _decord(self) -> Iterator[av.VideoFrame]:
        import decord

        # Its own FFmpeg would follow a playlist.
        with self._opened():
            pass
        decord.logging.set_level(decord.logging.FATAL)
        reader = decord.VideoReader(str(self.path), num_threads=1)
        for _ in range(len(reader)):
            yield av.VideoFrame.from_ndarray(reader.next().asnumpy(), format="rgb24")

    def _reason(self, error: Exception) -> str:
        """An error in a line that is the same in every folder and at every time: shards are compared by their bytes."""
        # FFmpeg's errors have a plain text apart; decord's have times of day in it, and a stack trace below.
        first_line = str(error).strip().partition("\n")[0]
        text = getattr(error, "strerror", None) or re.sub(r"\[[0-9:]{8}\] ", "", first_line)
        return f"{type(error).__name__}: {text}".replace(str(self.path), self.path.name)

    def _pixels(self, frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
        """A frame in RGB, scaled to (width, height) as coded, then turned upright."""
        frame_in_rgb = self._reformatter.reformat(frame, *size, format="rgb24", interpolation="BICUBIC", threads=1)
        return upright(frame_in_rgb.to_ndarray(), self._display_matrix)


def _display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(cast(bytes, data), np.int32).copy()


def is_quarter_turn(matrix: np.ndarray | None) -> bool:
    """Whether a display matrix makes columns of rows."""
    return matrix is not None and bool(abs(matrix[1]) > abs(matrix[0]))


def upright(pixels: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Turn and mirror (H, W, 3) as a display matrix says, by quarter turns; None leaves them as they are.

    The matrix is nine int32: a pixel at (x, y) is shown at (m0 x + m3 y, m1 x + m4 y), up to a shift.
    """
    if matrix is None:
        return pixels
    x_of_x, y_of_x, _, x_of_y, y_of_y = matrix[:5]
    if is_quarter_turn(matrix):
        pixels = pixels.swapaxes(0, 1)
        x_of_x, y_of_y = x_of_y, y_of_x
    return np.ascontiguousarray(pixels[:: -1 if y_of_y < 0 else 1, :: -1 if x_of_x < 0 else 1])
