"""Disks that are full or may only be read: it is said, and nothing is half written."""

import errno
import os
import shutil

import pytest

from stm.cli import main

from ...disks import mounted, read_only
from ..stages import ORDER, ended_well

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("name", ORDER)
def test_a_disk_that_is_full_at_any_write_is_said_and_nothing_is_half_written(
    stage_in, name, draw, monkeypatch, capsys
):
    stage = stage_in(name)
    stage.remove()
    writes, synced = [], os.fsync

    def full(at: int | None):
        def fsync(handle):
            writes.append(handle)
            if at is not None and len(writes) == at + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            synced(handle)

        writes.clear()
        monkeypatch.setattr(os, "fsync", fsync)

    full(None)
    whole = ended_well(stage)
    count = len(writes)
    assert count >= len(stage.outputs)
    # Drawing the videos writes one after the other: some of them.
    for at in range(count) if count < 15 else [*sorted(draw.sample(range(count - 1), 7)), count - 1]:
        stage.remove()
        full(at)
        assert main(stage.arguments) == 1
        said = capsys.readouterr().err
        assert "cannot be written: No space left on device. Make room; the same command then goes on" in said
        left = stage.contents()
        assert len(left) <= at and all(left[path] == whole[path] for path in left)
        assert not stage.half_written()
    full(None)
    assert ended_well(stage) == whole


@pytest.mark.parametrize("name", [name for name in ORDER if name not in ("listing", "counts", "datasets", "claims")])
def test_a_disk_that_fills_up_in_the_midst_of_a_file_is_said_and_nothing_is_half_written(
    stage_in, name, tmp_path, capsys
):
    with mounted(tmp_path / "small", "200m") as disk:
        stage = stage_in(name, disk)
        whole = ended_well(stage)
        needed = sum(path.stat().st_size for path in stage.outputs)
        refused = 0
        for share in (0, 0.2, 0.5, 0.8, 0.95):
            stage.remove()
            if name == "render":
                shutil.rmtree(stage.value("--videos")[0])
            free = os.statvfs(disk)
            ballast = free.f_bavail * free.f_frsize - int(share * needed)
            os.posix_fallocate(handle := os.open(disk / "ballast", os.O_CREAT | os.O_RDWR), 0, ballast)
            os.close(handle)
            capsys.readouterr()
            code, said = main(stage.arguments), capsys.readouterr().err
            assert code == 0 or "No space left on device" in said
            refused += code
            left = stage.contents()
            assert all(left[path] == whole[path] for path in left) and not stage.half_written()
            (disk / "ballast").unlink()
        assert refused >= 2
        assert ended_well(stage) == whole
        os.chdir(tmp_path)


@pytest.mark.parametrize("name", ORDER)
def test_a_folder_that_may_only_be_read_is_said(stage_in, name, capsys):
    stage = stage_in(name)
    whole = ended_well(stage)
    shown = stage.outputs[0].relative_to(stage.folder)
    with read_only(stage.folder / shown.parts[0]):
        assert main(stage.arguments) == 1
        said = capsys.readouterr().err
        assert "Read-only file system" in said and f"{shown.parts[0]}/" in said
        assert stage.contents() == whole
    assert ended_well(stage) == whole
