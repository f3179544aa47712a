import io
import os
import platform
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from stm.data.extraction import SHARD_SCHEMA, ExtractionError, extract
from stm.files import canonical_json, file_digest


def rows(index):
    return pa.ipc.open_file(index).read_all().to_pylist()


@pytest.fixture
def extracted(dataset, tmp_path):
    """Extract one shard of a list and return its tar and its index."""

    def make(listed, folder="out", shard="0000", **changes):
        tar, index = tmp_path / folder / f"{shard}.tar", tmp_path / folder / f"{shard}.arrow"
        extract(dataset(listed, **changes), shard, tar, index)
        return tar, index

    return make


@pytest.fixture
def mixed(write_video, write_damaged_video, tmp_path):
    """A whole video, one cut off, and four that are none; their list."""
    videos = tmp_path / "videos"
    write_video(videos / "clips" / "whole é.mp4", frames=7)
    write_damaged_video(videos / "damaged.avi")
    (videos / "zero.mp4").touch()
    (videos / "text.mp4").write_text("not a video\n" * 100)
    (videos / "folder.mp4").mkdir()
    names = ["clips/whole é.mp4", "damaged.avi", "zero.mp4", "text.mp4", "folder.mp4", "gone.mp4"]
    return [(name, "x", "train") for name in names]


def test_every_listed_clip_has_a_row_that_says_what_became_of_it(extracted, mixed):
    _, index = extracted(mixed)
    table = pa.ipc.open_file(index).read_all()
    assert table.schema.equals(SHARD_SCHEMA)
    found = {row["clip"]: row for row in table.to_pylist()}
    assert {clip: row["status"] for clip, row in found.items()} == {
        "clips/whole é.mp4": "ok",
        "damaged.avi": "damaged",
        "zero.mp4": "unreadable",
        "text.mp4": "unreadable",
        "folder.mp4": "unreadable",
        "gone.mp4": "missing",
    }
    assert list(found) == sorted(found)
    damaged = found["damaged.avi"]
    assert 25 < damaged["frames"] <= 30 and damaged["reason"].startswith(f"after {damaged['frames']} frames: ")
    assert found["gone.mp4"]["reason"] == "no such file"
    assert all(row["reason"] and row["frames"] == 0 for row in found.values() if row["status"] == "unreadable")
    assert found["clips/whole é.mp4"]["decoder"] == "pyav"


def test_frames_lie_in_the_tar_where_the_index_says(extracted, mixed):
    tar, index = extracted(mixed)
    whole = rows(index)[0]
    assert (whole["frames"], whole["width"], whole["height"]) == (7, 43, 32)
    with tarfile.open(tar) as archive:
        members = archive.getmembers()
        assert len(members) == sum(row["frames"] for row in rows(index))
        for number, (offset, size) in enumerate(zip(whole["offsets"], whole["sizes"], strict=True)):
            member = members[number]
            assert member.name == f"clips/whole é.mp4/{number + 1:05d}.jpg"
            assert (member.offset_data, member.size) == (offset, size)
            assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)
            image = Image.open(io.BytesIO(tar.read_bytes()[offset : offset + size]))
            assert image.size == (43, 32) and image.mode == "RGB"
            assert abs(np.asarray(image)[16, 21].mean() - (20 * number + 10)) < 8


def test_the_index_says_with_what_its_frames_were_made(extracted, mixed):
    tar, index = extracted(mixed)
    metadata = pa.ipc.open_file(index).schema.metadata
    assert metadata[b"tar_sha256"].decode() == f'"{file_digest(tar)}"'
    assert metadata[b"frames"] == b'{"quality": 95, "short_side": 32, "size": null}'
    assert b'"av": "' in metadata[b"versions"] and b'"decord": ' in metadata[b"versions"]


def test_two_extractions_give_the_same_bytes(extracted, mixed):
    first, second = extracted(mixed, "first"), extracted(mixed[::-1], "second")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_a_long_name_is_kept(extracted, write_video, tmp_path):
    name = "/".join(["folder" * 10] * 4) + "/video.mp4"
    write_video(tmp_path / "videos" / name, frames=2)
    tar, index = extracted([(name, "x", "train")])
    with tarfile.open(tar) as archive:
        assert archive.getnames() == [f"{name}/00001.jpg", f"{name}/00002.jpg"]
        assert [member.offset_data for member in archive] == rows(index)[0]["offsets"]


def test_a_shard_without_clips_is_an_empty_tar(extracted, tmp_path):
    (tmp_path / "videos").mkdir()
    tar, index = extracted([("a.mp4", "x", "train")], shard="0001", shards=64)
    with tarfile.open(tar) as archive:
        assert archive.getnames() == []
    assert rows(index) == []


def test_frames_are_kept_as_coded_where_no_size_is_asked(extracted, mixed):
    _, index = extracted(mixed[:1], frames={"short_side": None, "size": None, "quality": 50})
    assert (rows(index)[0]["width"], rows(index)[0]["height"]) == (64, 48)


def test_all_clips_have_the_size_that_is_asked_for(extracted, mixed, write_jpegs, tmp_path):
    write_jpegs(tmp_path / "videos" / "frames", ["1.jpg"])
    frames = {"short_side": None, "size": [20, 90], "quality": 95}
    tar, index = extracted([*mixed[:1], ("frames", "x", "train")], frames=frames)
    assert [(row["height"], row["width"]) for row in rows(index)] == [(20, 90)] * 2
    content = tar.read_bytes()
    for row in rows(index):
        first = content[row["offsets"][0] : row["offsets"][0] + row["sizes"][0]]
        assert Image.open(io.BytesIO(first)).size == (90, 20)


def test_what_a_killed_extraction_left_is_removed_and_a_running_ones_is_not(extracted, mixed, tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = platform.node()
    names = {p: [f".0000.tar.{here}.{p}.tmp", f".0000.arrow.{here}.{p}.tmp"] for p in (dead.pid, 1)}
    # Another shard's, a user's own, and one of another machine, where the process may be running.
    kept = {*names[1], f".0001.tar.{here}.{dead.pid}.tmp", ".0000.tar.own.tmp", f".0000.tar.else.{dead.pid}.tmp"}
    (tmp_path / "out").mkdir()
    for name in [*names[dead.pid], *kept]:
        (tmp_path / "out" / name).touch()
    extracted(mixed[:1])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*kept, "0000.tar", "0000.arrow"}


def test_without_the_videos_folder_nothing_is_called_missing(extracted):
    with pytest.raises(ExtractionError, match=r"videos: no such folder.*'own'"):
        extracted([("a.mp4", "x", "train")])


def test_a_killed_extraction_leaves_no_half_shard(dataset, write_video, tmp_path):
    listed = [(f"{k:03d}.mp4", "x", "train") for k in range(200)]
    first = write_video(tmp_path / "videos" / "000.mp4", frames=100)
    for name, *_ in listed[1:]:
        os.link(first, first.with_name(name))
    out = tmp_path / "out"
    call = [sys.executable, "-m", "stm", "extract", "--spec", canonical_json(dataset(listed)), "--shard", "0000"]
    job = subprocess.Popen([*call, "--tar", out / "0000.tar", "--index", out / "0000.arrow"])
    deadline = time.monotonic() + 60
    while not any(file.stat().st_size for file in out.glob(".*.tmp")):
        assert job.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert not (out / "0000.tar").exists() and not (out / "0000.arrow").exists()


def test_an_error_of_the_disk_ends_the_job_and_leaves_nothing(extracted, mixed, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stm.data.extraction._append", full)
    with pytest.raises(OSError, match="No space left"):
        extracted(mixed)
    assert list((tmp_path / "out").iterdir()) == []
