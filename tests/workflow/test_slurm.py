"""The pipeline on a real Slurm of two nodes on this machine: what comes out, and what disturbances leave behind."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from torch import allclose, equal

from ..slurmcluster import SlurmCluster, absent, hindrance, wait_until
from .conftest import Pipeline, environment, pipeline_in

pytestmark = pytest.mark.slurm

PROFILE = "profiles/slurm/config.yaml"
SLURM = ("--workflow-profile", "profiles/slurm")
TABLE = "reports/table6.csv"
VARIANTS = ("tsn", "cstm", "cmm", "stm")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[SlurmCluster]:
    """A Slurm of our own. Where one could be started, it must be."""
    if missing := absent():
        pytest.skip(f"no Slurm here ({', '.join(missing)} not found): apt-get install slurm-wlm munge")
    if why := hindrance():
        pytest.fail(why)
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.fail("snakemake-executor-plugin-slurm is not installed: `make venv` installs it")
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def for_this_cluster(pipeline: Pipeline) -> Pipeline:
    """What a user writes into the profile, and short waits."""

    def change(profile: dict) -> None:
        profile["default-resources"] |= {"slurm_account": "root", "slurm_partition": "main"}
        # There is no accounting here for sacct to read, nor a network between the nodes.
        profile |= {"slurm-status-command": "squeue", "slurm-init-seconds-before-status-checks": 3, "latency-wait": 5}

    pipeline.edit(PROFILE, change)
    return pipeline


@pytest.fixture(scope="session")
def longer(tmp_path_factory) -> Pipeline:
    """The tiny study with trainings of many epochs, up to its index of frames. To be copied."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("longer"))
    pipeline.edit("config/recipes/tiny.yaml", lambda recipe: recipe.update(epochs=40, micro_batch=4))
    result = pipeline.snakemake("--cores", "2", "manifests")
    assert result.returncode == 0, result.stdout
    return pipeline


@pytest.fixture(scope="session")
def undisturbed(longer, tmp_path_factory) -> Pipeline:
    """The trainings of the longer study, made without Slurm."""
    pipeline = copied(longer, tmp_path_factory.mktemp("undisturbed"))
    result = pipeline.snakemake("--cores", "2", *weights_of(pipeline).values())
    assert result.returncode == 0, result.stdout
    return pipeline


def copied(pipeline: Pipeline, folder: Path) -> Pipeline:
    shutil.copytree(pipeline.folder, folder, symlinks=True, dirs_exist_ok=True)
    return Pipeline(folder)


def weights_of(pipeline: Pipeline) -> dict[str, str]:
    """The weights that each network's training writes."""
    listed = pipeline.snakemake("--dry-run", "--cores", "1", TABLE).stdout
    found = re.findall(r"results/runs/tiny/(\w+)-8f-tiny-\w+/seed0/weights\.safetensors", listed)
    paths = re.findall(r"results/runs/tiny/\w+-8f-tiny-\w+/seed0/weights\.safetensors", listed)
    return dict(zip(found, paths, strict=True))


def record(pipeline: Pipeline, weights: str) -> dict:
    return pd.read_json((pipeline.folder / weights).with_name("run.json"), typ="series").to_dict()


def test_a_study_goes_through_slurm_and_makes_the_table_that_this_machine_makes(slurm, finished, tmp_path):
    pipeline = for_this_cluster(pipeline_in(tmp_path))
    result = pipeline.snakemake(*SLURM, TABLE, timeout=1800)
    assert result.returncode == 0, result.stdout
    here, there = (pd.read_csv(p.folder / TABLE) for p in (finished, pipeline))
    pd.testing.assert_frame_equal(here, there)
    for variant in VARIANTS:
        assert f"rule_train/tiny_{variant}-8f" in result.stdout
    # Of each training, a GPU of its own; of the others, none.
    assert "Nothing to be done" in pipeline.snakemake(*SLURM, TABLE).stdout


class Submitted:
    """A study that Slurm works on, and what befalls its trainings."""

    def __init__(self, slurm: SlurmCluster, pipeline: Pipeline, targets: list[str]):
        self.slurm = slurm
        self.folder = pipeline.folder
        self.log = pipeline.folder / "snakemake.log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "snakemake", *SLURM, *targets]
            self.process = subprocess.Popen(
                command, cwd=pipeline.folder, stdout=log, stderr=subprocess.STDOUT, env=environment()
            )

    def job(self, variant: str) -> str | None:
        """The number of the running job that trains a variant."""
        jobs = self.slurm.jobs("RUNNING")
        return next((number for number, comment in jobs.items() if f"tiny_{variant}-8f" in comment), None)

    def checkpoint(self, variant: str) -> Path | None:
        return next(self.folder.glob(f"results/checkpoints/tiny/{variant}-8f-*/seed0/*.safetensors"), None)

    def training(self, variant: str) -> int | None:
        """The process that trains a variant."""
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_text().split("\0")
                here = Path(os.readlink(file.with_name("cwd"))) == self.folder
            except OSError:
                continue
            if here and words[1:4] == ["-m", "stm", "train"] and f"tiny/{variant}-8f" in words[-2]:
                return int(file.parent.name)
        return None

    def in_mid_epoch(self, variant: str) -> str:
        """Wait until a training has left a new checkpoint behind and stop it where it is; its job."""
        self.alive()
        before = path.stat().st_mtime_ns if (path := self.checkpoint(variant)) else 0

        def newer() -> bool:
            self.alive()
            path = self.checkpoint(variant)
            return path is not None and path.stat().st_mtime_ns > before and self.training(variant) is not None

        wait_until(newer, 600, f"a checkpoint of {variant}")
        os.kill(self.training(variant), signal.SIGSTOP)
        number = self.job(variant)
        assert number is not None
        return number

    def alive(self) -> None:
        assert self.process.poll() is None, self.log.read_text()

    def finish(self) -> str:
        assert self.process.wait(1800) == 0, self.log.read_text()
        return self.log.read_text()


def test_jobs_that_are_cancelled_requeued_moved_or_timed_out_end_with_the_weights_of_an_undisturbed_run(
    slurm, longer, undisturbed, tmp_path
):
    pipeline = for_this_cluster(copied(longer, tmp_path))
    weights = weights_of(undisturbed.__class__(longer.folder))
    study = Submitted(slurm, pipeline, list(weights.values()))
    try:
        # Cancelled, as by hand or for a job of higher rank.
        slurm("scancel", study.in_mid_epoch("tsn"))
        # Put back into the queue.
        again(slurm, study.in_mid_epoch("cstm"))
        # Its node is drained, and the job moved to another by the one who did it.
        number = study.in_mid_epoch("cmm")
        node = slurm.job(number)["NodeList"]
        slurm("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=maintenance")
        again(slurm, number)
        wait_until(lambda: slurm.job(number)["NodeList"] not in (node, "(null)"), 600, f"job {number} on another node")
        slurm("scontrol", "update", f"NodeName={node}", "State=RESUME")
        # Its node goes down under it.
        number = study.in_mid_epoch("cmm")
        node = slurm.job(number)["NodeList"]
        slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=power")
        slurm("scontrol", "update", f"NodeName={node}", "State=RESUME")
        at_once(slurm, number)
        # It hangs until its time is over.
        number = study.in_mid_epoch("stm")
        first_limit = slurm.job(number)["TimeLimit"]
        slurm("scontrol", "update", f"JobId={number}", "TimeLimit=1")
        log = study.finish()
    finally:
        study.process.kill()
    for variant, path in weights.items():
        whole, disturbed = (load_file(p.folder / path) for p in (undisturbed, pipeline))
        assert whole.keys() == disturbed.keys() and all(equal(whole[name], disturbed[name]) for name in whole), variant
        assert record(pipeline, path)["resumed"] >= (2 if variant == "cmm" else 1), variant
    assert "CANCELLED" in log and "TIMEOUT" in log and log.count("Trying to restart job") == 2
    # The next attempt of what ran out of time had twice as much.
    last = max(slurm.jobs("COMPLETED"), key=int)
    assert first_limit == "1-00:00:00" and slurm.job(last)["TimeLimit"] == "2-00:00:00"


def again(slurm: SlurmCluster, number: str) -> None:
    slurm("scontrol", "requeue", number)
    at_once(slurm, number)


def at_once(slurm: SlurmCluster, number: str) -> None:
    """Slurm lets a job that it starts again wait for two minutes."""
    wait_until(lambda: slurm.job(number)["JobState"] == "PENDING", 60, f"job {number} in the queue")
    slurm("scontrol", "update", f"JobId={number}", "StartTime=now")


def test_a_job_that_runs_out_of_memory_is_submitted_again_with_more(slurm, undisturbed, tmp_path):
    pipeline = for_this_cluster(copied(undisturbed, tmp_path))
    memory = "100 * 40 ** (attempt - 1)"
    pipeline.edit(PROFILE, lambda profile: profile["set-resources"]["evaluate"].update(mem_mb=memory))
    listed = pipeline.snakemake("--dry-run", "--cores", "1", TABLE).stdout
    target = re.search(r"results/predictions/\S+/tsn-\S+\.arrow", listed).group()
    result = pipeline.snakemake(*SLURM, target)
    assert result.returncode == 0, result.stdout
    assert "Trying to restart job" in result.stdout
    assert re.findall(r"mem_mb=(\d+)", result.stdout) == ["100", "4000"]


def test_a_training_on_two_nodes_is_that_of_one_process(slurm, longer, undisturbed, tmp_path):
    pipeline = for_this_cluster(copied(longer, tmp_path))
    several = {"gpu": 2, "nodes": 2, "tasks": 2, "tasks_per_gpu": 0, "mpi": "srun"}
    pipeline.edit(PROFILE, lambda profile: profile["set-resources"]["train"].update(several))
    weights = weights_of(longer)["stm"]
    study = Submitted(slurm, pipeline, [weights])
    try:
        number = wait_until(lambda: study.alive() or study.job("stm"), 120, "the job")
        assert slurm.job(number)["NumNodes"] == "2"
        study.finish()
    finally:
        study.process.kill()
    assert record(pipeline, weights)["processes"] == 2
    one, two = (load_file(p.folder / weights) for p in (undisturbed, pipeline))
    assert all(allclose(one[name], two[name], rtol=1e-3, atol=1e-4) for name in one)
