"""Files are written whole or not at all, and read as they were written or not at all."""

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from stm.files import DamagedError, WriteError, read_sealed, replacing, write_json, write_sealed, write_text

from .disks import mounted, read_only

RECORD = {"params_m": 24.0357, "spec": {"size": (224, 224)}, "latency_ms": {10: [1.5], 9: [2]}, "device": None}


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "deep/table.csv"
    write_text(path, "old")

    def failing():
        with replacing(path) as temporary:
            temporary.write_text("ne")
            raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"):
        failing()
    assert path.read_text() == "old" and inside(path.parent) == ["table.csv"]


def test_two_that_write_one_file_at_once_leave_one_of_both_whole(tmp_path):
    path = tmp_path / "weights"
    code = "import pathlib, sys; from stm.files import write_text\n"
    code += "for _ in range(60): write_text(pathlib.Path(sys.argv[1]), sys.argv[2] * 50_000)"
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    jobs = [subprocess.Popen([sys.executable, "-c", code, str(path), text], env=environment) for text in "ab"]
    seen = set()
    while any(job.poll() is None for job in jobs):
        if path.exists():
            seen.add(path.read_text())
    assert [job.returncode for job in jobs] == [0, 0]
    assert seen <= {"a" * 50_000, "b" * 50_000} and inside(tmp_path) == ["weights"]


def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_running_ones_is_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = platform.node()
    kept = [f".a.json.{here}.1.tmp", f".a.json.elsewhere.{dead.pid}.tmp", f".b.json.{here}.{dead.pid}.tmp"]
    for name in [*kept, f".a.json.{here}.{dead.pid}.tmp"]:
        (tmp_path / name).touch()
    write_json(tmp_path / "a.json", {})
    assert inside(tmp_path) == sorted([*kept, "a.json"])


def test_a_full_disk_is_said_with_the_file_and_leaves_the_old_one(tmp_path):
    with mounted(tmp_path / "small", "64k") as folder:
        write_text(folder / "report.csv", "old")
        with pytest.raises(WriteError, match=r"report\.csv cannot be written: No space left on device\. Make room"):
            write_text(folder / "report.csv", "new" * 50_000)
        assert (folder / "report.csv").read_text() == "old" and inside(folder) == ["report.csv"]


def test_a_folder_that_may_only_be_read_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    with read_only(tmp_path / "results") as folder:
        for path in (folder / "run.json", folder / "new/run.json"):
            with pytest.raises(WriteError, match=rf"Read-only file system\. {path.parent} must be a folder"):
                write_json(path, {})
    assert inside(tmp_path / "results") == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOSPC])
def test_a_file_that_cannot_be_read_is_not_said_to_be_one_that_cannot_be_written(tmp_path, number):
    other = str(tmp_path / "videos/a.mp4")
    with pytest.raises(OSError, match=r"videos/a\.mp4") as found, replacing(tmp_path / "shards/0000.tar"):
        raise OSError(number, os.strerror(number), other)
    assert not isinstance(found.value, WriteError) and inside(tmp_path / "shards") == []
    for own in (None, str(tmp_path / "shards/0000.tar"), os.fsencode(tmp_path / "shards"), 7):
        with pytest.raises(WriteError, match=r"0000\.tar cannot be written"), replacing(tmp_path / "shards/0000.tar"):
            raise OSError(number, os.strerror(number), own)


def test_a_sealed_record_is_read_as_json_has_it(tmp_path):
    write_sealed(tmp_path / "record.json", RECORD)
    assert read_sealed(tmp_path / "record.json") == json.loads(json.dumps(RECORD))


def test_no_changed_byte_of_a_sealed_record_is_read_and_no_part_of_it(tmp_path):
    path = tmp_path / "record.json"
    write_sealed(path, RECORD)
    whole, expected = path.read_bytes(), read_sealed(path)
    damaged = [whole[:at] + bytes([byte ^ 1]) + whole[at + 1 :] for at, byte in enumerate(whole)]
    damaged += [whole[:cut] for cut in range(0, len(whole) - 2, 5)]
    refused = []
    for content in damaged:
        path.write_bytes(content)
        try:
            found = read_sealed(path)
            # A space between words.
            assert found == expected
        except DamagedError as error:
            refused.append(str(error))
    assert len(refused) > 0.8 * len(damaged)
    assert all(text.startswith(f"{path} is damaged: delete it and run again") for text in refused)


@pytest.mark.parametrize("content", [b"", b"[1, 2]", b"\xff\xfe", b"7", b'{"params_m": 1}'])
def test_what_is_no_record_is_refused(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"record\.json is damaged"):
        read_sealed(tmp_path / "record.json")
