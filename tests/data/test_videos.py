"""Which clips a user means who names files and folders."""

from pathlib import Path

import numpy as np
import pytest

from stm.data.extraction import encode_jpeg
from stm.data.videos import VideoFrames, VideosError, videos_in

STORED = {"frames": {"short_side": 8, "size": None, "quality": 95}, "decoder": "pyav"}


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_a_folder_stands_for_the_videos_below_it_by_their_paths_as_seen_from_there(tmp_path):
    made(tmp_path, "b.MP4", "a/2.webm", "a/1.avi", "list.csv", ".hidden.mp4", "c/00001.jpg", "c/00002.jpg")
    assert [clip for clip, _ in videos_in([tmp_path])] == ["a/1.avi", "a/2.webm", "b.MP4", "c"]
    assert videos_in([tmp_path])[3][1] == tmp_path / "c"


def test_a_file_is_taken_whatever_its_ending_and_no_clip_twice(tmp_path):
    made(tmp_path, "video", "a.mp4")
    found = videos_in([tmp_path / "video", tmp_path / "a.mp4", tmp_path])
    assert found == [("video", tmp_path / "video"), ("a.mp4", tmp_path / "a.mp4")]


def test_a_folder_of_numbered_jpeg_files_is_one_clip_and_is_read_like_any(tmp_path):
    rng = np.random.default_rng(0)
    jpegs = [encode_jpeg(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), 95) for _ in range(3)]
    for number, jpeg in enumerate(jpegs, 1):
        (tmp_path / f"{number:05d}.jpg").write_bytes(jpeg)
    ((clip, path),) = videos_in([tmp_path])
    frames = VideoFrames(clip, path, STORED)
    assert frames.extracted.status == "ok" and frames.clip(0)[5:] == (3, 10, 8)
    # Of that size already: byte for byte.
    assert frames.read(0, [2, 0, 0]) == [jpegs[2], jpegs[0], jpegs[0]]


def test_a_folder_with_nothing_to_predict_is_refused(tmp_path):
    made(tmp_path, "notes.txt")
    with pytest.raises(VideosError, match=r"neither videos .*\.mp4.* nor numbered JPEG files"):
        videos_in([tmp_path])
