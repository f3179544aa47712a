"""Profiles for clusters: what they say is understood, and what they submit is what a rule asks for."""

import importlib.util
import os
import re
import shlex
import shutil

import pytest
import yaml

from stm.files import file_digest

from .conftest import CHECKOUT, Pipeline

PROFILES = sorted(path.parent.name for path in CHECKOUT.glob("profiles/*/config.yaml"))
ENGINES = [name for name in PROFILES if name != "default"]
ON_GPUS = {"train", "evaluate", "evaluate_orders", "evaluate_checkpoint", "features", "maps", "speed", "latency"}

OF_SNAKEMAKE = {"executor", "jobs", "latency-wait", "retries", "default-resources", "set-resources", "set-threads"}
OF_SNAKEMAKE |= {"default-storage-provider", "default-storage-prefix", "container-image"}
# What their sources read: cluster-generic 1.0, htcondor 0.3.0, kubernetes 0.5.1, lsf 0.3.3, slurm 2.8.
SETTINGS = {
    "cluster-generic": {"submit-cmd", "status-cmd", "cancel-cmd"},
    "htcondor": {"jobdir", "shared-fs-prefixes", "held-timeout"},
    "kubernetes": {"namespace", "cpu-scalar", "service-account-name", "privileged", "persistent-volumes"},
    "lsf": set(),
    "slurm": {"requeue", "status-command", "logdir"},
}
RESOURCES = {
    "cluster-generic": {"mem_mb", "runtime", "place"},
    "htcondor": {"htcondor_request_mem_mb", "request_gpus", "allowed_execute_duration", "getenv"},
    "kubernetes": {"mem_mb", "gpu_manufacturer", "machine_type", "scale"},
    "lsf": {"mem_mb", "runtime", "lsf_extra", "lsf_queue", "lsf_project"},
    "slurm": {"mem_mb", "runtime", "slurm_extra", "slurm_partition", "slurm_account"},
}


def profile(name: str) -> dict:
    return yaml.safe_load((CHECKOUT / f"profiles/{name}/config.yaml").read_text())


def test_there_is_a_profile_for_each_engine_of_the_manual():
    assert ENGINES == ["cluster-generic", "htcondor", "kubernetes", "lsf", "slurm"]


@pytest.mark.parametrize("name", ENGINES)
def test_a_profile_repeats_the_default_one_and_gives_gpus_to_whatever_asks_for_them(name):
    said = profile(name)
    assert said | profile("default") == said
    assert said["executor"] == name and said["retries"] > 0
    rules = "".join(path.read_text() for path in CHECKOUT.glob("workflow/rules/*.smk"))
    asking = set(re.findall(r"rule (\w+):(?:(?!\nrule ).)*?\n        gpu=gpus,", rules, flags=re.DOTALL))
    assert asking == ON_GPUS == {rule for rule, more in said["set-resources"].items() if more.get("gpu")}
    for more in (said["default-resources"], *said["set-resources"].values()):
        memory = [value for key, value in more.items() if "mem_mb" in key]
        assert all("attempt" in str(value) for value in memory)
    assert all(f"rule {rule}:" in rules for rule in said["set-resources"])


@pytest.mark.parametrize("name", ENGINES)
def test_a_profile_says_only_what_snakemake_and_its_executor_know(name):
    """Also of executors that are not installed here."""
    said = profile(name)
    assert set(said) <= OF_SNAKEMAKE | set(profile("default")) | {f"{name}-{setting}" for setting in SETTINGS[name]}
    for more in (said["default-resources"], *said["set-resources"].values()):
        assert set(more) <= RESOURCES[name] | {"gpu"}
        for value in more.values():
            # As Snakemake reads them: an expression, of the number of attempts.
            assert isinstance(value, int) or value == "nvidia" or eval(value, {"attempt": 2})
    asked = re.findall(r"{resources\.(\w+)}", said.get("cluster-generic-submit-cmd", ""))
    assert set(asked) <= set(said["default-resources"]), "a job without it could not be submitted"


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_timed_has_a_node_to_itself(name):
    said, alone = profile(name), {"slurm": "--exclusive", "lsf": "-x ", "cluster-generic": "'excl'"}
    for rule in ("speed", "latency"):
        if name in alone:
            assert any(alone[name] in str(value) for value in said["set-resources"][rule].values())
        else:
            assert said["set-threads"][rule] > 1


@pytest.mark.parametrize("name", ENGINES)
def test_snakemake_understands_a_profile(name, monkeypatch):
    plugins = [f"snakemake_executor_plugin_{name.replace('-', '_')}"]
    if "default-storage-provider" in profile(name):
        plugins.append(f"snakemake_storage_plugin_{profile(name)['default-storage-provider']}")
    for plugin in plugins:
        if importlib.util.find_spec(plugin) is None:
            pytest.skip(f"{plugin} is not installed")
    from snakemake.cli import parse_args

    monkeypatch.chdir(CHECKOUT)
    _, options = parse_args(["--workflow-profile", f"profiles/{name}", "--dry-run"])
    assert options.executor == name and options.retries == profile(name)["retries"]
    assert set(options.set_resources) == set(profile(name)["set-resources"])


# The job's script is run at the second submission alone; the first is one that ran out of time.
QSUB = """#!/usr/bin/env bash
echo "$*" >> "$PBS/submitted"
number=$(wc -l < "$PBS/submitted")
if ((number == 1)); then echo 271 > "$PBS/1"; else ( bash "${@: -1}" > "$PBS/out" 2>&1; echo $? > "$PBS/$number" ) & fi
echo "$number"
"""
QSTAT = """#!/usr/bin/env bash
if [[ -s $PBS/${@: -1} ]]; then printf '    job_state = F\\n    Exit_status = %s\\n' "$(< "$PBS/${@: -1}")"
else printf '    job_state = R\\n'; fi
"""


def test_a_job_goes_to_pbs_with_what_it_asks_for_and_out_of_time_again_with_more(finished, tmp_path, monkeypatch):
    if importlib.util.find_spec("snakemake_executor_plugin_cluster_generic") is None:
        pytest.skip("snakemake-executor-plugin-cluster-generic is not installed")
    pbs = tmp_path / "pbs"
    pbs.mkdir()
    for name, text in (("qsub", QSUB), ("qstat", QSTAT)):
        (pbs / name).write_text(text)
        (pbs / name).chmod(0o755)
    monkeypatch.setenv("PBS", str(pbs))
    monkeypatch.setenv("PATH", f"{pbs}:{os.environ['PATH']}")
    shutil.copytree(finished.folder, tmp_path / "study", symlinks=True)
    pipeline = Pipeline(tmp_path / "study")
    weights = next(pipeline.folder.glob("results/runs/tiny/stm-*/seed0/weights.safetensors"))
    digest = file_digest(weights)
    weights.unlink()

    result = pipeline.snakemake(
        "--workflow-profile", "profiles/cluster-generic", "--latency-wait", "5", "--seconds-between-status-checks", "1",
        str(weights.relative_to(pipeline.folder)),
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert file_digest(weights) == digest
    first, second = (shlex.split(line) for line in (pbs / "submitted").read_text().splitlines())
    assert first[:2] == ["-N", "train"]
    assert "select=1:ncpus=1:ngpus=1:mem=16000mb" in first and "walltime=1440:00" in first and "place=free" in first
    assert "select=1:ncpus=1:ngpus=1:mem=32000mb" in second and "walltime=2880:00" in second
    assert "Trying to restart job" in result.stdout
