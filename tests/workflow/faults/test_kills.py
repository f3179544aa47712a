"""Jobs and studies that are killed, and two at once: each ends in the right result or in a clear error."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from ..conftest import Pipeline, environment, pipeline_in
from ..stages import begun, ended_well, longer

pytestmark = pytest.mark.faults

KILLS, PIPELINE_KILLS = 20, 5


@pytest.mark.parametrize("name", ["extract", "train", "evaluate", "table"])
def test_a_stage_killed_at_twenty_random_moments_ends_as_an_undisturbed_one(stage_in, draw, name):
    stage = stage_in(name)
    if name == "train":
        longer(stage)
    stage.remove()
    # Twice: the first also waits for the libraries.
    for _ in range(2):
        started = time.monotonic()
        begun(stage).join()
        seconds = time.monotonic() - started
        whole = stage.contents()
        assert len(whole) == len(stage.outputs)
        stage.remove()
    kills = 0
    while kills < KILLS:
        process = begun(stage)
        process.join(draw.uniform(0, seconds))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        left = stage.contents()
        assert all(left[path] == whole[path] for path in left)
        stage.remove()
    assert ended_well(stage) == whole
    assert not stage.half_written()


def test_a_study_killed_at_random_moments_makes_the_reports_of_an_undisturbed_one(finished, tmp_path, draw):
    pipeline = pipeline_in(tmp_path)
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    kills = 0
    while kills < PIPELINE_KILLS:
        log = tmp_path / "log"
        with log.open("w") as said:
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment(), start_new_session=True, stdout=said, stderr=subprocess.STDOUT
            )
        # From its first job on.
        while process.poll() is None and "Execute" not in log.read_text():
            time.sleep(0.05)
        with suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0, 30))
        # It may just have ended.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            kills += 1
            assert pipeline.snakemake("--unlock").returncode == 0
        else:
            shutil.rmtree(tmp_path / "results")
    log.unlink()
    result = pipeline.snakemake("--cores", "2")
    assert result.returncode == 0, result.stdout
    assert reports(pipeline) == reports(finished)
    left = [path for path in tmp_path.rglob(".*.tmp") if ".snakemake" not in path.parts]
    assert not left


def test_a_study_made_again_with_other_cores_and_workers_has_the_same_reports_to_the_byte(finished, tmp_path):
    pipeline = pipeline_in(tmp_path)
    workers = ["train:workers=2", "evaluate:workers=1", "evaluate_orders:workers=3"]
    result = pipeline.snakemake("--cores", "5", "--set-resources", *workers, "--")
    assert result.returncode == 0, result.stdout
    assert reports(pipeline) == reports(finished)


def reports(pipeline: Pipeline) -> dict[str, bytes]:
    """Every report, figures too."""
    folder = pipeline.folder / "reports"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(found) > 15
    return found


@pytest.mark.parametrize("name", ["extract", "train", "evaluate", "table"])
def test_two_jobs_that_write_the_same_files_at_once_leave_them_whole(stage_in, name):
    stage = stage_in(name)
    whole = ended_well(stage)
    for _ in range(3):
        stage.remove()
        both = [begun(stage), begun(stage)]
        for process in both:
            process.join()
        assert stage.contents() == whole and not stage.half_written()


def test_of_two_pipelines_in_one_folder_one_works_and_the_other_says_that_it_does(tmp_path):
    pipeline = pipeline_in(tmp_path)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "manifests"]
    log = tmp_path / "log"
    with log.open("w") as said:
        first = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=said, stderr=subprocess.STDOUT)
    while "Execute" not in log.read_text():
        assert first.poll() is None, log.read_text()
        time.sleep(0.05)
    # Stopped, so that it cannot end before the second has asked.
    first.send_signal(signal.SIGSTOP)
    try:
        second = pipeline.snakemake("--cores", "2", "manifests")
    finally:
        first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert "LockException" in second.stdout and "Directory cannot be locked" in second.stdout
    assert first.wait(900) == 0, log.read_text()
    assert pipeline.jobs("manifests") == {}
