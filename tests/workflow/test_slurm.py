"""The pipeline on a real Slurm of two nodes on this machine: what comes out, and what disturbances leave behind."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from torch import allclose, equal

from ..slurmcluster import SlurmCluster, require, wait_until
from .conftest import Pipeline, environment, pipeline_in

pytestmark = pytest.mark.slurm

PROFILE = "profiles/slurm/config.yaml"
SLURM = ("--workflow-profile", "profiles/slurm")
TABLE = "reports/table6.csv"


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[SlurmCluster]:
    """A Slurm of our own. Where one could be started, it must be."""
    require()
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.fail("snakemake-executor-plugin-slurm is not installed: `make venv` installs it")
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


# Its GPUs are devices of nothing, which PyTorch cannot use: what would compute on them is told to leave them alone.
ON_THE_CPU = '"$@" $([[ $1 =~ ^(train|evaluate|features|maps|speed|latency)$ ]] && echo --device cpu)'


def for_this_cluster(pipeline: Pipeline) -> Pipeline:
    """What a user writes into the profile, and short waits."""
    snakefile = pipeline.folder / "Snakefile"
    text = snakefile.read_text()
    assert text.count('-m stm "$@"') == 1
    if ON_THE_CPU not in text:
        snakefile.write_text(text.replace('"$@"', ON_THE_CPU))

    def change(profile: dict) -> None:
        for asked in profile["set-resources"].values():
            asked.pop("workers", None)
        profile["default-resources"] |= {"slurm_account": "root", "slurm_partition": "main"}
        # There is no accounting here for sacct to read, nor a network between the nodes.
        profile |= {"slurm-status-command": "squeue", "slurm-init-seconds-before-status-checks": 3, "latency-wait": 5}

    pipeline.edit(PROFILE, change)
    return pipeline


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Pipeline:
    """The tiny study with longer trainings, made without Slurm."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("undisturbed"))
    pipeline.edit("config/recipes/tiny.yaml", lambda recipe: recipe.update(epochs=12, micro_batch=4))
    result = pipeline.snakemake("--cores", "2", *weights_of(pipeline).values())
    assert result.returncode == 0, result.stdout
    return pipeline


def copied(pipeline: Pipeline, folder: Path) -> Pipeline:
    shutil.copytree(pipeline.folder, folder, symlinks=True, dirs_exist_ok=True)
    return for_this_cluster(Pipeline(folder))


def untrained(pipeline: Pipeline, folder: Path) -> Pipeline:
    """A copy whose networks are yet to be trained."""
    copy = copied(pipeline, folder)
    shutil.rmtree(copy.folder / "results/runs")
    return copy


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
    result = pipeline.snakemake(*SLURM, TABLE, timeout=3600)
    assert result.returncode == 0, result.stdout
    here, there = (pd.read_csv(p.folder / TABLE) for p in (finished, pipeline))
    pd.testing.assert_frame_equal(here, there)
    # Networks have a GPU, other jobs none.
    jobs = slurm.jobs("COMPLETED")
    assert len(jobs) == 23
    for number, comment in jobs.items():
        gpu = slurm.job(number).get("TresPerJob") == "gres:gpu:1"
        assert gpu == comment.startswith(("rule_train", "rule_evaluate")), comment
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

    def job(self, variant: str) -> str:
        """The number of the running job that trains a variant; empty where there is none."""
        jobs = self.slurm.jobs("RUNNING")
        return next((number for number, comment in jobs.items() if f"tiny_{variant}-8f" in comment), "")

    def checkpoint(self, variant: str) -> int:
        """When a variant's checkpoint was written; 0 where there is none."""
        found = self.folder.glob(f"results/checkpoints/tiny/{variant}-8f-*/seed0/*.safetensors")
        return max((path.stat().st_mtime_ns for path in found), default=0)

    def training(self, variant: str) -> int | None:
        """The process that trains a variant."""
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_text().split("\0")
                here = file.with_name("cwd").readlink() == self.folder
            except OSError:
                continue
            trains = words[1:4] == ["-m", "stm", "train"] and f"results/runs/tiny/{variant}-8f" in " ".join(words)
            if here and trains:
                return int(file.parent.name)
        return None

    def disturb(self, variant: str, disturbances: list[Callable[[str, int], None]]) -> None:
        """Let each disturbance befall a variant's job after a new checkpoint, its training stopped in mid-epoch."""
        seen = 0
        for befalls in disturbances:
            seen = self.new_checkpoint(variant, seen)
            process = self.training(variant)
            assert process is not None, f"{variant} had ended: {self.log.read_text()}"
            os.kill(process, signal.SIGSTOP)
            befalls(self.job(variant), process)

    def new_checkpoint(self, variant: str, seen: int) -> int:
        """Wait for it; when it was written."""

        def newer() -> int:
            assert self.process.poll() is None, self.log.read_text()
            written = self.checkpoint(variant)
            return written if written > seen else 0

        return wait_until(newer, 3600, f"a checkpoint of {variant}")

    def finish(self) -> str:
        assert self.process.wait(3600) == 0, self.log.read_text()
        return self.log.read_text()


class Disturbances:
    """What a cluster does to a job, by its number and the process that trains."""

    def __init__(self, slurm: SlurmCluster):
        self.slurm = slurm
        self.drained = ""

    def cancel(self, number: str, process: int) -> None:
        self.slurm("scancel", number)

    def requeue(self, number: str, process: int) -> None:
        self.slurm("scontrol", "requeue", number)
        self.start_soon(number)

    def drain(self, number: str, process: int) -> None:
        """Take the job's node out of service, and the job from it."""
        self.drained = self.slurm.job(number)["NodeList"]
        self.slurm("scontrol", "update", f"NodeName={self.drained}", "State=DRAIN", "Reason=maintenance")
        self.requeue(number, process)

    def resume_and_break_another(self, number: str, process: int) -> None:
        """Put the drained node back into service; the one that the job has moved to loses its power under it."""
        node = self.slurm.job(number)["NodeList"]
        assert node != self.drained
        self.slurm("scontrol", "update", f"NodeName={self.drained}", "State=RESUME")
        os.kill(process, signal.SIGKILL)
        self.slurm.lose_power(node, number)
        # As Slurm does itself when a node has not answered for some minutes.
        self.slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=power")
        self.start_soon(number)
        wait_until(lambda: self.slurm.job(number)["JobState"] == "RUNNING", 600, f"job {number} on the other node")
        self.slurm.have_power(node)

    def end_of_time(self, number: str, process: int) -> None:
        """It hangs, and its time ends a minute after it began."""
        assert self.slurm.job(number)["TimeLimit"] == "1-00:00:00"
        self.slurm("scontrol", "update", f"JobId={number}", "TimeLimit=1")

    def start_soon(self, number: str) -> None:
        """Slurm lets a job that it starts again wait for two minutes."""
        wait_until(lambda: self.slurm.job(number)["JobState"] == "PENDING", 300, f"job {number} in the queue")
        self.slurm("scontrol", "update", f"JobId={number}", "StartTime=now")


def test_jobs_cancelled_requeued_moved_and_timed_out_end_with_the_weights_of_an_undisturbed_run(
    slurm, undisturbed, tmp_path
):
    pipeline = untrained(undisturbed, tmp_path)
    weights = weights_of(pipeline)
    by = Disturbances(slurm)
    disturbances = {
        "tsn": [by.cancel],
        "cstm": [by.requeue],
        "cmm": [by.drain, by.resume_and_break_another],
        "stm": [by.end_of_time],
    }
    study = Submitted(slurm, pipeline, list(weights.values()))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(study.disturb, disturbances, disturbances.values()))
        log = study.finish()
    finally:
        study.process.kill()
    for variant, path in weights.items():
        whole, disturbed = (load_file(p.folder / path) for p in (undisturbed, pipeline))
        assert whole.keys() == disturbed.keys() and all(equal(whole[name], disturbed[name]) for name in whole), variant
        assert record(pipeline, path)["resumed"] == (2 if variant == "cmm" else 1), variant
    assert "'CANCELLED'" in log and "'TIMEOUT'" in log and log.count("(attempt 2)") == 2
    # The next attempt of what ran out of time has twice as much.
    done = [number for number, comment in slurm.jobs("COMPLETED").items() if "tiny_stm-8f" in comment]
    assert slurm.job(max(done, key=int))["TimeLimit"] == "2-00:00:00"


def test_a_job_that_runs_out_of_memory_is_submitted_again_with_more(slurm, undisturbed, tmp_path):
    pipeline = copied(undisturbed, tmp_path)
    memory = "100 * 40 ** (attempt - 1)"
    pipeline.edit(PROFILE, lambda profile: profile["set-resources"]["evaluate"].update(mem_mb=memory))
    listed = pipeline.snakemake("--dry-run", "--cores", "1", TABLE).stdout
    target = re.search(r"results/predictions/\S+/tsn-\S+\.arrow", listed).group()
    result = pipeline.snakemake(*SLURM, target)
    assert result.returncode == 0, result.stdout
    # Where Slurm limits memory by cgroups it says OUT_OF_MEMORY; by sampling, as here, it may call the job FAILED.
    logs = pipeline.folder.glob(".snakemake/slurm_logs/rule_evaluate/*/*.log")
    assert any("exceeded memory limit" in log.read_text() for log in logs) and "(attempt 2)" in result.stdout
    jobs = {
        int(n): slurm.job(n)["MinMemoryNode"] for n, comment in slurm.jobs("all").items() if "rule_evaluate" in comment
    }
    assert [memory for _, memory in sorted(jobs.items())][-2:] == ["100M", "4000M"]


def test_a_training_on_two_nodes_is_that_of_one_process(slurm, undisturbed, tmp_path):
    pipeline = untrained(undisturbed, tmp_path)
    several = {"gpu": 2, "nodes": 2, "tasks": 2, "tasks_per_gpu": 0, "mpi": "srun"}
    pipeline.edit(PROFILE, lambda profile: profile["set-resources"]["train"].update(several))
    weights = weights_of(pipeline)["stm"]
    study = Submitted(slurm, pipeline, [weights])
    try:
        number = wait_until(lambda: study.job("stm"), 300, "the job on both nodes")
        assert slurm.job(number)["NumNodes"] == "2"
        study.finish()
    finally:
        study.process.kill()
    assert record(pipeline, weights)["processes"] == 2
    one, two = (load_file(p.folder / weights) for p in (undisturbed, pipeline))
    assert all(allclose(one[name], two[name], rtol=1e-3, atol=1e-4) for name in one)
