"""What profiles for clusters say is understood by what reads it."""

import importlib.util
import os
import re

import pytest
import yaml

from .conftest import CHECKOUT

PROFILES = sorted(path.parent.name for path in CHECKOUT.glob("profiles/*/config.yaml"))
ENGINES = [name for name in PROFILES if name != "default"]
# Of profiles that are not called after it.
EXECUTORS = {"kubernetes": "cluster-generic"}
ON_GPUS = {"train", "evaluate", "evaluate_orders", "evaluate_checkpoint", "features", "maps", "speed", "latency"}

OF_SNAKEMAKE = {"executor", "jobs", "latency-wait", "retries", "default-resources", "set-resources", "set-threads"}
# What executors' sources read: cluster-generic 1.0, htcondor 0.3.0, lsf 0.3.3, slurm 2.8.
SETTINGS = {
    "cluster-generic": {"submit-cmd", "status-cmd", "cancel-cmd"},
    "htcondor": {"jobdir", "shared-fs-prefixes", "held-timeout"},
    "lsf": set(),
    "slurm": {"requeue", "status-command", "logdir"},
}
RESOURCES = {
    "cluster-generic": {"mem_mb", "runtime", "place"},
    "htcondor": {"htcondor_request_mem_mb", "request_gpus", "allowed_execute_duration", "getenv"},
    "kubernetes": {"mem_mb", "runtime"},
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
    assert said["executor"] == EXECUTORS.get(name, name) and said["retries"] > 0
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
    settings = {f"{said['executor']}-{setting}" for setting in SETTINGS[said["executor"]]}
    assert set(said) <= OF_SNAKEMAKE | set(profile("default")) | settings
    for more in (said["default-resources"], *said["set-resources"].values()):
        # What the rules read themselves, and what the executor does.
        assert set(more) <= RESOURCES[name] | {"gpu", "workers"}
        for value in more.values():
            # As Snakemake reads them: an expression, of the number of attempts.
            assert isinstance(value, int) or eval(value, {"attempt": 2})
    asked = re.findall(r"{resources\.(\w+)}", said.get("cluster-generic-submit-cmd", ""))
    assert set(asked) <= set(said["default-resources"]), "a job without it could not be submitted"
    for command in (said[key].split()[0] for key in said if key.endswith("-cmd")):
        assert os.access(CHECKOUT / command, os.X_OK) or command in ("qsub", "qdel")


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
    executor = profile(name)["executor"]
    plugin = f"snakemake_executor_plugin_{executor.replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    from snakemake.cli import parse_args

    monkeypatch.chdir(CHECKOUT)
    _, options = parse_args(["--workflow-profile", f"profiles/{name}", "--dry-run"])
    assert options.executor == executor and options.retries == profile(name)["retries"]
    assert set(options.set_resources) == set(profile(name)["set-resources"])
