"""Files under a video's name that would harm who opens them unwarily, and a few that are merely odd."""

import os
import struct
import wave
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

Write = Callable[[Path], object]


def encode(path: Path, codec: str, size: tuple[int, int] = (64, 48), times: range | list[int] = range(12), **kind: str):
    """A gray video that grows brighter; `times` of its frames in twelfths of a second."""
    with av.open(str(path), "w", format=kind.get("format")) as container:
        stream = container.add_stream(codec, rate=12)
        stream.width, stream.height = size
        stream.pix_fmt = kind.get("pixels", "yuv420p")
        stream.time_base = stream.codec_context.time_base = Fraction(1, 12)
        stream.codec_context.thread_count = 1
        container.start_encoding()
        for number, time in enumerate(times):
            gray = np.full((size[1], size[0], 3), 10 * number % 256, np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def png(path: Path, side: int, written: int) -> None:
    """A header of so many pixels squared, and as many rows of them as are written: a few bytes, all of them zero."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compressobj(1)
    rows = b"".join(packed.compress(bytes(side + 1)) for _ in range(written)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def gif(path: Path, frames: int) -> None:
    """So many frames of 64x48, each of which changes one pixel: 24 bytes."""
    head = b"GIF89a" + struct.pack("<HHBBB", 64, 48, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    path.write_bytes(head + frame * frames + b";")


def lying_table(path: Path, samples: int) -> None:
    """An mp4 of 12 frames whose tables, in 24 bytes, promise so many."""
    encode(path, "mpeg4", format="mp4")
    data = bytearray(path.read_bytes())
    for table, at, values in (("stsz", 4, (1, samples)), ("stts", 8, (samples,)), ("stsc", 12, (samples,))):
        place = data.index(table.encode()) + 4 + at
        data[place : place + 4 * len(values)] = struct.pack(f">{len(values)}I", *values)
    path.write_bytes(data)


def lying_size(path: Path) -> None:
    """An mp4 whose header says 60000x60000."""
    encode(path, "mjpeg", format="mp4", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    # Width and height stand 32 bytes into the sample's entry, which begins with its length and kind.
    place = data.index(b"stsd") + 12 + 4 + 4 + 24
    assert struct.unpack(">HH", data[place : place + 4]) == (64, 48)
    data[place : place + 4] = struct.pack(">HH", 60_000, 60_000)
    path.write_bytes(data)


def large(path: Path) -> None:
    """A whole video of 6016x6016: a few kilobytes, and gigabytes once its decoder keeps some frames."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=12, options={"preset": "ultrafast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 6016, 6016, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(6016, 6016, "yuv420p")))
        container.mux(stream.encode())


def sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000))


def without_frames(path: Path) -> None:
    encode(path, "mpeg4", times=[], format="avi")


def beside(write: Write, name: str, text: str) -> Write:
    """A text that leads to a whole video beside it."""

    def both(path: Path) -> None:
        write(path.with_name(name))
        path.write_text(text.format(folder=path.parent))

    return both


def link(target: str) -> Write:
    return lambda path: path.symlink_to(target)


def text(content: str) -> Write:
    return lambda path: path.write_text(content)


def numbered(path: Path) -> None:
    """A picture whose name is a pattern, as FFmpeg reads it, of the names of others."""
    for number in range(3):
        Image.new("RGB", (64, 48)).save(path.with_name(path.name.replace("%d", str(number))))
    Image.new("RGB", (32, 32)).save(path)


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
MPEG_TS: Write = lambda path: encode(path, "mpeg2video", format="mpegts")  # noqa: E731
MP4: Write = lambda path: encode(path, "mpeg4", format="mp4")  # noqa: E731

# Name, what writes it, its status, and how many frames are kept.
HOSTILE: list[tuple[str, Write, str, int]] = [
    ("playlist.m3u8", beside(MPEG_TS, "a.ts", HLS.format("a.ts")), "unreadable", 0),
    ("playlist.mp4", beside(MPEG_TS, "b.ts", HLS.format("b.ts")), "unreadable", 0),
    ("passwords.m3u8", text(HLS.format("/etc/passwd")), "unreadable", 0),
    ("address.m3u8", text(HLS.format("http://127.0.0.1:9/a.ts")), "unreadable", 0),
    ("concat.mp4", beside(MP4, "c.mp4", "ffconcat version 1.0\nfile c.mp4\n"), "unreadable", 0),
    ("concat2.mp4", beside(MP4, "d.mp4", "ffconcat version 1.0\nfile {folder}/d.mp4\n"), "unreadable", 0),
    ("stream.sdp", text("v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"), "unreadable", 0),
    ("frame%d.jpg", numbered, "ok", 1),
    ("pipe.mp4", lambda path: os.mkfifo(path), "unreadable", 0),
    ("device.mp4", link("/dev/zero"), "unreadable", 0),
    ("loop.mp4", link("loop.mp4"), "missing", 0),
    ("nowhere.mp4", link("there is no such file"), "missing", 0),
    ("large.png", lambda path: png(path, 6000, 6000), "unreadable", 0),
    ("promise.png", lambda path: png(path, 60_000, 1), "unreadable", 0),
    ("size.mp4", lying_size, "ok", 12),
    ("table.mp4", lambda path: lying_table(path, 170_000_000), "unreadable", 0),
    ("flood.gif", lambda path: gif(path, 500), "ok", 500),
    ("wide.nut", lambda path: encode(path, "rawvideo", (70_000, 2), range(1), pixels="gray"), "unreadable", 0),
    ("sound.mp4", sound, "unreadable", 0),
    ("nothing.avi", without_frames, "unreadable", 0),
    ("dot.mkv", lambda path: encode(path, "ffv1", (1, 1), pixels="gray"), "ok", 12),
    ("odd.mkv", lambda path: encode(path, "ffv1", (3, 5), pixels="gray"), "ok", 12),
    ("irregular.mkv", lambda path: encode(path, "mpeg4", times=[0, 1, 7, 8, 90, 91, 400]), "ok", 7),
]

# The same for whom a minute does not matter.
HOSTILE_AND_SLOW: list[tuple[str, Write, str, int]] = [
    ("large.mp4", large, "unreadable", 0),
    ("large.png", lambda path: png(path, 16_000, 16_000), "unreadable", 0),
    ("table.mp4", lambda path: lying_table(path, 50_000_000), "unreadable", 0),
    ("flood.gif", lambda path: gif(path, 100_000), "ok", 100_000),
]
