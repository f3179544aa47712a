"""Frames on the disk of the machine that reads them: the same frames, copied once, or the shared ones."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from stm.data import local
from stm.data.local import VARIABLE, on_local_disk
from stm.data.shards import FrameIndex, ShardError

from ..disks import mounted
from .conftest import written_index


@pytest.fixture
def index(dataset, write_jpegs, tmp_path):
    for name in "abcd":
        write_jpegs(tmp_path / "videos" / name, ["1.jpg", "2.jpg", "3.jpg"])
    rows = [(name, "x", "validation" if name == "d" else "train") for name in "abcd"]
    return written_index(dataset(rows, shards=2), tmp_path / "frames")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    monkeypatch.setenv("NODES_OWN", str(tmp_path / "disk"))
    monkeypatch.setenv(VARIABLE, "$NODES_OWN")
    return tmp_path / "disk"


@pytest.fixture
def copied(monkeypatch):
    """The tars that were copied."""
    tars = []
    monkeypatch.setattr(
        local, "_copy_tar", lambda tar, copy, of=local._copy_tar: tars.append(tar.name) or of(tar, copy)
    )
    return tars


def frames(path):
    found = FrameIndex(path)
    return found.digest, [found.read(row, range(3)) for row in range(len(found))]


def test_without_a_disk_of_its_own_a_machine_reads_the_shared_files(index, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert on_local_disk(index) == index


def test_the_copy_has_the_same_frames_and_is_made_once_however_many_ask(index, disk, copied):
    with ThreadPoolExecutor(6) as jobs:
        (found,) = set(jobs.map(on_local_disk, [index] * 12))
    assert sorted(copied) == ["0000.tar", "0001.tar"]
    assert found.is_relative_to(disk) and frames(found) == frames(index)
    shutil.rmtree(index.parent / "shards")
    assert on_local_disk(index) == found and frames(found)


def test_a_copy_that_was_killed_goes_on_where_it_stopped(index, disk, copied):
    found = on_local_disk(index)
    found.unlink()
    (found.parent / "shards/0001.tar").unlink()
    assert on_local_disk(index) == found and copied == ["0000.tar", "0001.tar", "0001.tar"]


def test_a_disk_that_is_absent_or_full_is_said_and_the_shared_files_are_read(index, disk, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert on_local_disk(index) == index
    assert "0.0 GB of frames do not fit into the 0.0 GB that" in capsys.readouterr().out
    assert not list(disk.rglob("*.tar"))
    monkeypatch.setenv(VARIABLE, str(disk / "none"))
    assert on_local_disk(index) == index
    said = capsys.readouterr().out
    assert (
        said == f"{VARIABLE}: {disk}/none is no folder of this machine. Frames are read from {index.parent} instead\n"
    )


def test_a_disk_that_fills_up_while_it_is_copied_to_is_left_as_it_was(index, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 << 40))
    with mounted(tmp_path / "small", "16k") as small:
        monkeypatch.setenv(VARIABLE, str(small))
        assert on_local_disk(index) == index
        said = capsys.readouterr().out
        assert "No space left on device" in said and f"read from {index.parent} instead" in said
        assert not list(small.rglob("*.tar"))


def test_a_tar_that_is_not_what_was_extracted_is_not_copied_and_a_damaged_copy_is_named(index, disk):
    tar = index.parent / "shards/0001.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[:-1] + b"1")
    with pytest.raises(ShardError, match=rf"{tar} is not what was extracted\. Extract it again"):
        on_local_disk(index)
    assert not list(disk.rglob("0001.tar")) and not list(disk.rglob("index.arrow"))
    tar.write_bytes(whole)
    found = on_local_disk(index)
    os.truncate(found.parent / "shards/0001.tar", 100)
    with pytest.raises(ShardError, match=f"It is a copy: delete {found.parent} and run again"):
        frames(found)
