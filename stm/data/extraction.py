"""The frames of one shard's clips: a plain tar of JPEG files, and an index of where in it each of them lies.

A clip is a video, or a folder of JPEG files. One that is missing or broken ends nothing and is replaced by nothing: its
row of the index says what became of it.
Two extractions with the same versions of decoders and encoder give the same bytes.
"""

import io
import json
import os
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from PIL import Image

from stm.data.annotations import Clip, names
from stm.data.arrowfile import write_arrow
from stm.data.decoding import Video, VideoError
from stm.data.jpeg_folder import JpegFolder
from stm.data.listing import shard_clips
from stm.errors import UserError
from stm.files import file_digest, replacing

# One row a clip. Status: `ok`; `damaged`: some of the frames; `unreadable`: none; `missing`: no such file or folder.
# The reason says why, and of an ok clip whether anything was done to it that was not asked for.
SHARD_SCHEMA = pa.schema(
    {
        "clip": pa.string(),
        "status": pa.string(),
        "reason": pa.string(),
        "decoder": pa.string(),
        "frames": pa.int32(),
        "width": pa.int32(),
        "height": pa.int32(),
        # Of each JPEG file's bytes in the tar: where they lie, and a checksum that every reading is held to.
        "offsets": pa.list_(pa.int64()),
        "sizes": pa.list_(pa.int32()),
        "crc32": pa.list_(pa.uint32()),
    }
)
DECODER_PACKAGES = ("av", "decord", "pillow", "simplejpeg")
SECONDS_BETWEEN_LINES = 5.0


class ExtractionError(UserError):
    """An extraction that cannot begin; the text says what to do."""


@dataclass
class Extracted:
    """What became of one clip: a row of the shard's index."""

    clip: str
    status: str = "ok"
    reason: str = ""
    decoder: str = ""
    width: int = 0
    height: int = 0
    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    crc32: list[int] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return len(self.offsets)


def extract(spec: Mapping[str, Any], shard: str, tar_path: Path, index_path: Path, lists: Path | None = None) -> None:
    """Write the frames of a shard's clips, then their index.

    Args:
        spec: `DatasetPlan.frames_spec`.
        shard: its number, as 0003.
        tar_path: members `<clip>/00001.jpg` … in the order of the clips' ids.
        index_path: an Arrow file of `SHARD_SCHEMA`; its metadata say versions, frame settings and the tar's SHA-256.
        lists: as of `stm.data.listing.shard_clips`.

    Raises:
        AnnotationError: an annotation file is absent or wrong.
        ExtractionError: the folder of the videos is absent.
        DecoderError: the decoder that the dataset asks for is not installed.
    """
    videos = Path(spec["videos"])
    if not videos.is_dir():
        raise ExtractionError(f"{videos}: no such folder. It is where the videos of '{spec['dataset']}' are looked for")
    clips = shard_clips(spec, shard, lists)
    # An index never stands beside a tar that is not its own.
    index_path.unlink(missing_ok=True)
    with replacing(tar_path) as temporary:
        with open(temporary, "wb") as file:
            rows = list(_with_progress(_extracted(clips, videos, spec, file), shard, len(clips)))
            _end_tar(file)
        tar_digest = file_digest(temporary)
    _write_index(index_path, rows, {"tar_sha256": tar_digest, "versions": versions(), "frames": spec["frames"]})


def versions() -> dict[str, str | None]:
    """The versions that decide the bytes of frames; None of what is not installed."""
    return {name: _version(name) for name in DECODER_PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _extracted(clips: list[Clip], videos: Path, spec: Mapping[str, Any], tar: BinaryIO) -> Iterator[Extracted]:
    for clip in clips:
        paths = [videos / name for name in names(spec, clip.video)]
        # Unlike Path.exists, False also of a name that no disk could have.
        path = next((path for path in paths if os.path.exists(path)), None)  # noqa: PTH110
        if path is not None:
            yield extract_clip(clip.clip, path, spec, tar)
        else:
            others = f": neither {clip.video} nor {len(paths) - 1} other names that it may have"
            yield Extracted(clip.clip, "missing", "no such file" + (others if len(paths) > 1 else ""))


def extract_clip(clip: str, path: Path, spec: Mapping[str, Any], tar: BinaryIO) -> Extracted:
    """Append the frames of one clip to a tar.

    Args:
        clip: its id.
        path: of a video, or of a folder of JPEG files.
        spec: `frames` and `decoder` of `DatasetPlan.frames_spec`.
        tar: open for writing.
    """
    row = Extracted(clip)
    if path.is_dir():
        _extract_folder(row, path, spec["frames"], tar)
    else:
        _extract_video(row, path, spec, tar)
    # A line, whatever stands in the names of files.
    row.reason = " ".join(row.reason.split())
    return row


def _extract_video(row: Extracted, path: Path, spec: Mapping[str, Any], tar: BinaryIO) -> None:
    """Append a video's frames to the tar, each as soon as it is decoded."""
    frames = spec["frames"]
    video = Video(path, spec["decoder"], frames["short_side"], frames["size"])
    try:
        for pixels in video:
            _append_frame(row, tar, pixels, encode_jpeg(pixels, frames["quality"]))
    # Nothing but the video's own errors: a full disk must end the job.
    except VideoError as error:
        row.status, row.reason = _failed(row.frames, error)
    if row.status == "ok" and not row.frames:
        row.status, row.reason = "unreadable", "the video stream holds no frame"
    elif row.status == "ok" and video.corrupt:
        row.status, row.reason = "damaged", f"the decoder marks {video.corrupt} of {row.frames} frames as corrupt"
    row.decoder = video.decoder if row.frames else ""


def _extract_folder(row: Extracted, path: Path, frames: Mapping[str, Any], tar: BinaryIO) -> None:
    """Append the JPEG files of a folder to the tar, byte for byte where they have the size that is asked for."""
    folder = JpegFolder(path, frames["short_side"], frames["size"])
    for pixels, data in folder:
        _append_frame(row, tar, pixels, data or encode_jpeg(pixels, frames["quality"]))
    if folder.faults:
        row.status = "damaged" if row.frames else "unreadable"
    row.reason = "; ".join(folder.faults + folder.notes)
    row.decoder = "jpeg" if row.frames else ""


def _append_frame(row: Extracted, tar: BinaryIO, pixels: np.ndarray, data: bytes) -> None:
    row.height, row.width = pixels.shape[:2]
    row.offsets.append(_append(tar, f"{row.clip}/{row.frames + 1:05d}.jpg", data))
    row.sizes.append(len(data))
    row.crc32.append(zlib.crc32(data))


def _failed(frames: int, error: VideoError) -> tuple[str, str]:
    """Status and reason of a video whose decoding ended in an error."""
    return ("damaged", f"after {frames} frames: {error}") if frames else ("unreadable", str(error))


def encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """uint8 (H, W, 3) in RGB as a JPEG file with halved chroma."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def _append(tar: BinaryIO, name: str, data: bytes) -> int:
    """Append a member and return where its data begins; the tar says nothing of who made it when."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.write(member.tobuf(tarfile.PAX_FORMAT))
    offset = tar.tell()
    tar.write(data)
    tar.write(bytes(-len(data) % tarfile.BLOCKSIZE))
    return offset


def _end_tar(tar: BinaryIO) -> None:
    """Two empty blocks, filled up to a whole record."""
    tar.write(bytes(2 * tarfile.BLOCKSIZE))
    tar.write(bytes(-tar.tell() % tarfile.RECORDSIZE))


def _with_progress(rows: Iterator[Extracted], shard: str, clips: int) -> Iterator[Extracted]:
    """Say every few seconds, and at the end, how far the shard is; every clip that is not ok has a line of its own."""
    start = said = time.monotonic()
    frames = 0
    for done, row in enumerate(rows, 1):
        frames += row.frames
        now = time.monotonic()
        if row.status != "ok":
            print(f"{row.clip}: {row.status}: {row.reason}", flush=True)
        if done == clips or now - said > SECONDS_BETWEEN_LINES:
            said = now
            print(f"shard {shard}: {done} of {clips} clips, {frames} frames, {now - start:.0f} s", flush=True)
        yield row


def _write_index(path: Path, rows: list[Extracted], metadata: Mapping[str, Any]) -> None:
    columns = {name: [getattr(row, name) for row in rows] for name in SHARD_SCHEMA.names}
    schema = SHARD_SCHEMA.with_metadata({key: json.dumps(value, sort_keys=True) for key, value in metadata.items()})
    write_arrow(path, pa.Table.from_pydict(columns, schema=schema))
