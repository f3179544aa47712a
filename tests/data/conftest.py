import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from stm.data.annotations import AnnotationError, Clip, read
from stm.data.extraction import extract
from stm.data.listing import write_listing
from stm.data.manifest import write_manifest

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 220, 30), (30, 30, 220), (220, 220, 220)
# Begins each picture of MPEG-4 part 2.
FRAME_HEADER = rb"\x00\x00\x01\xb6"


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Write a short video: red, green, blue and white quarters (clockwise from the top left), and a gray middle that
    grows brighter by 20 a frame."""

    def write(path: Path, frames: int = 6, width: int = 64, height: int = 48, **rotation: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=12, options={"qscale": "2"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.thread_count = 1
            if rotation:
                stream.set_display_rotation(**rotation)
            for number in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture(scope="session")
def write_damaged_video(write_video) -> Callable[[Path], Path]:
    """Write a video of 60 frames; the decoder refuses those from number 30 on."""

    def write(path: Path) -> Path:
        data = bytearray(write_video(path, frames=60).read_bytes())
        headers = [match.start() for match in re.finditer(FRAME_HEADER, data)]
        assert len(headers) == 60
        for at in headers[30:]:
            data[at : at + 12] = b"\xff" * 12
        path.write_bytes(data)
        return path

    return write


def picture(number: int, width: int, height: int) -> np.ndarray:
    pixels = np.empty((height, width, 3), np.uint8)
    top, left = slice(height // 2), slice(width // 2)
    bottom, right = slice(height // 2, None), slice(width // 2, None)
    pixels[top, left], pixels[top, right], pixels[bottom, right], pixels[bottom, left] = RED, GREEN, BLUE, WHITE
    pixels[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3] = 20 * (number % 12) + 10
    return pixels


@pytest.fixture(scope="session")
def write_jpegs() -> Callable[..., dict[str, bytes]]:
    """Write JPEG files of these names to a folder; file k is of brightness 20 k + 10. Return their bytes."""

    def write(folder: Path, names: list[str], size: tuple[int, int] = (40, 30), mode: str = "L") -> dict[str, bytes]:
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names):
            Image.new("L", size, 20 * number + 10).convert(mode).save(folder / name, "JPEG")
        return {name: (folder / name).read_bytes() for name in names}

    return write


def written_index(spec: dict[str, Any], out: Path) -> Path:
    """The index of a dataset's frames, by all the stages before training."""
    write_listing(spec, out / "clips.csv", out / "classes.csv")
    shards = [out / "shards" / f"{k:04d}.arrow" for k in range(spec["shards"])]
    for path in shards:
        extract(spec, path.stem, path.with_suffix(".tar"), path)
    write_manifest(out / "clips.csv", out / "classes.csv", shards, out / "index.arrow", out / "manifest.csv")
    return out / "index.arrow"


@pytest.fixture
def dataset(tmp_path) -> Callable[..., dict[str, Any]]:
    """Write a list of (video, label, split) and return the dataset's specification of frames."""

    def make(rows: list[tuple[str, str, str]], **changes: Any) -> dict[str, Any]:
        path = tmp_path / "list.csv"
        path.write_text("video,label,split\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
        return {
            "dataset": "own",
            "format": "csv",
            "folds": [],
            "leave_groups_out": None,
            "annotations": {"list": str(path)},
            "videos": str(tmp_path / "videos"),
            "version": 1,
            "shards": 1,
            "frames": {"short_side": 32, "size": None, "quality": 95},
            "decoder": "pyav",
            **changes,
        }

    return make


@pytest.fixture
def read_files(tmp_path) -> Callable[..., list[Clip]]:
    """Read a dataset whose annotation files, by their part, hold these texts."""

    def read_texts(form: str, texts: dict[str, str | bytes], **settings: str) -> list[Clip]:
        paths = {part: tmp_path / f"{part}.txt" for part in texts}
        for part, text in texts.items():
            paths[part].write_bytes(text if isinstance(text, bytes) else text.encode())
        annotations = {part: str(path) for part, path in paths.items()} | settings
        return read({"format": form, "annotations": annotations, "folds": [], "leave_groups_out": None})

    return read_texts


@pytest.fixture
def refusal(read_files) -> Callable[..., str]:
    """What the reader says of such files, which it must refuse."""

    def refused_with(form: str, texts: dict[str, str | bytes], **settings: str) -> str:
        with pytest.raises(AnnotationError) as refused:
            read_files(form, texts, **settings)
        return str(refused.value)

    return refused_with
