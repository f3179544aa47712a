"""Faults, injected into every stage of a study: each ends in the right result or in a clear error.

Moments and places are drawn from a seed that a failing test shows; STM_FAULTS_SEED=<seed> draws them again.
"""

import errno
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from stm.cli import main

from ..disks import mounted, read_only
from .conftest import Pipeline, environment, pipeline_in
from .stages import Stage, copied, stages_of

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("STM_FAULTS_SEED", time.time_ns() % 1_000_000))
KILLS, PIPELINE_KILLS, DAMAGES = 20, 5, 6
# As the data go.
ORDER = ["render", "listing", "counts", "extract", "manifest", "train", "evaluate", "features", "motion", "maps"]
ORDER += ["complexity", "table", "order", "datasets", "figure", "claims"]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def draw(request) -> random.Random:
    """Of this test alone, whichever others run."""
    print(f"STM_FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def stages(tmp_path_factory) -> dict[str, list[Stage]]:
    """The jobs of a tiny study, in the folder where each of them has run once."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("stages"))
    found = stages_of(pipeline)
    found |= of_features(pipeline, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        for stage in (stage for name in ORDER for stage in found[name]):
            patch.chdir(stage.folder)
            assert main(stage.arguments) == 0
    return found


def of_features(pipeline: Pipeline, stages: dict[str, list[Stage]]) -> dict[str, list[Stage]]:
    """What looks into one of the study's networks: the features of Figure 7, motion and maps of Figure 1."""
    of_figure = stages_of(pipeline, "reports/figure1.pdf")
    trained = [Path(*stage.value("--out")) for stage in stages["train"]]
    maps = next(stage for stage in of_figure["maps"] if Path(*stage.value("--run")) in trained)
    # As the rule asks for them, of one of the evaluations: the tiny study has no figure of features.
    evaluation = next(stage for stage in stages["evaluate"] if len(stage.value("--out")) == 1)
    words = [word.replace("results/predictions/", "results/features/") for word in evaluation.arguments[1:]]
    features = Stage("features", ["features", *words], pipeline.folder)
    return {"features": [features], "motion": of_figure["motion"], "maps": [maps]}


@pytest.fixture
def stage_in(stages, tmp_path, monkeypatch):
    """A job of a stage, in a copy of the finished study that is the working folder."""

    def stage_in(name: str, folder: Path = tmp_path / "study") -> Stage:
        stage = copied(stages[name][0], folder)
        monkeypatch.chdir(folder)
        return stage

    return stage_in


def ended_well(stage: Stage) -> dict[str, object]:
    """Run it undisturbed; what it made."""
    assert main(stage.arguments) == 0
    assert len(stage.contents()) == len(stage.outputs)
    return stage.contents()


def begun(stage: Stage) -> multiprocessing.Process:
    """Start it in a process of its own, in which all libraries are loaded already."""
    context = multiprocessing.get_context("forkserver")
    loaded = ["training.loop", "evaluation.evaluate", "data.extraction", "reporting.tables"]
    context.set_forkserver_preload([f"stm.{module}" for module in loaded])
    process = context.Process(target=main, args=(stage.arguments,))
    process.start()
    return process


def longer(stage: Stage) -> Stage:
    """A training of more epochs, and a checkpoint after nearly every step."""
    at = stage.arguments.index("--spec") + 1
    stage.arguments[at] = stage.arguments[at].replace('"epochs":1,', '"epochs":6,')
    assert '"epochs":6' in stage.arguments[at]
    stage.arguments += ["--checkpoint-seconds", "0.05"]
    return stage


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
    for _ in range(PIPELINE_KILLS):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=-3
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(8, 40))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert pipeline.snakemake("--unlock").returncode == 0
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
        assert len(left) < len(whole) and all(left[path] == whole[path] for path in left)
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


def harmed(content: bytes, k: int, draw: random.Random) -> bytes:
    """Cut off in its first half, or with one bit changed."""
    if k % 2 == 0:
        return content[: draw.randrange(len(content) // 2)]
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << k)]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("name", "flag", "pattern"),
    [
        ("manifest", "--shards", "{}"),
        ("train", "--index", "{}"),
        ("train", "--index", "shards/0000.tar"),
        ("evaluate", "--index", "{}"),
        ("evaluate", "--index", "shards/0001.tar"),
        ("evaluate", "--run", "{}/weights.safetensors"),
        ("evaluate", "--run", "{}/run.json"),
        ("maps", "--motion", "{}"),
        ("table", "results", "predictions/**/full-*.arrow"),
        ("table", "results", "complexity/stm-*.json"),
        ("order", "results", "predictions/**/efficient-reversed-*.arrow"),
        ("figure", "results", "runs/**/history.csv"),
        ("figure", "results", "predictions/**/full-*.arrow"),
    ],
)
def test_a_file_that_is_cut_off_or_has_a_changed_byte_is_refused_by_name_or_changes_nothing(
    stages, stage_in, draw, capsys, name, flag, pattern
):
    stage = stage_in(name)
    if name == "figure":
        kind = "training_curves" if "history" in pattern else "confusions"
        stage.arguments = next(s.arguments for s in stages["figure"] if kind in s.arguments[-1])
    whole = ended_well(stage)
    if flag == "results":
        read = Path(*stage.value("--spec")).read_text()
        damaged = draw.choice([path for path in sorted(Path("results").glob(pattern)) if f'"{path}"' in read])
    else:
        given = Path(draw.choice(stage.value(flag)))
        damaged = Path(pattern.format(given)) if "{}" in pattern else given.parent / pattern
    content = damaged.read_bytes()
    refused = 0
    for k in range(DAMAGES):
        damaged.write_bytes(harmed(content, k, draw))
        stage.remove()
        capsys.readouterr()
        code, said = main(stage.arguments), capsys.readouterr().err
        refused += code
        named = damaged.with_suffix("").name in said or str(damaged.parent) in said
        assert (code == 1 and named and not stage.contents()) or (code == 0 and stage.contents() == whole), said
    assert refused >= DAMAGES // 2
    damaged.write_bytes(content)
    assert ended_well(stage) == whole


def test_a_damaged_checkpoint_is_refused_by_name_and_once_it_is_deleted_the_run_ends_as_it_should(
    stage_in, draw, capsys
):
    stage = longer(stage_in("train"))
    stage.remove()
    whole = ended_well(stage)
    stage.remove()
    folder = Path(*stage.value("--checkpoints"))
    process = begun(stage)
    while not list(folder.glob("*.safetensors")):
        assert process.is_alive()
        time.sleep(0.001)
    process.kill()
    process.join()
    (checkpoint,) = folder.glob("*.safetensors")
    content = checkpoint.read_bytes()
    for k in range(DAMAGES):
        checkpoint.write_bytes(harmed(content, k, draw))
        capsys.readouterr()
        assert main(stage.arguments) == 1
        said = capsys.readouterr().err
        assert f"{checkpoint} is no checkpoint of this run" in said and "Delete it to start this run from its" in said
        assert not stage.contents()
    checkpoint.unlink()
    assert ended_well(stage) == whole


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
    both = [
        subprocess.Popen(command, cwd=tmp_path, env=environment(), text=True, stdout=-1, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=900)[0] for process in both]
    codes = [process.returncode for process in both]
    # The second may have come when all was done.
    assert 0 in codes
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or ("LockException" in text and "Directory cannot be locked" in text), text
    assert pipeline.jobs("manifests") == {}
