"""What profiles for clusters submit and do, with stand-ins for the batch systems' own programs.

Each keeps its notes in the folder $BATCH. The first job that it is given fails without having run, as if out of time;
others are run here, in the background.
"""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stm.files import file_digest

from .conftest import CHECKOUT, Pipeline

QSUB = """#!/usr/bin/env bash
echo "$*" >> "$BATCH/submitted"
number=$(wc -l < "$BATCH/submitted")
if ((number == 1)); then echo 271 > "$BATCH/1"
else { bash "${@: -1}"; echo $? > "$BATCH/$number"; } > "$BATCH/out" 2>&1 & fi
echo "$number"
"""
QSTAT = """#!/usr/bin/env bash
if [[ -s $BATCH/${@: -1} ]]; then printf '    job_state = F\\n    Exit_status = %s\\n' "$(< "$BATCH/${@: -1}")"
else printf '    job_state = R\\n'; fi
"""

# The job's command is the last argument, too long to be looked at.
BSUB = """#!/usr/bin/env bash
echo "${*:1:$#-1}" >> "$BATCH/submitted"
number=$(wc -l < "$BATCH/submitted")
if ((number == 1)); then echo 140 > "$BATCH/1"
else { bash -c "${@: -1}"; echo $? > "$BATCH/$number"; } > "$BATCH/out" 2>&1 & fi
echo "Job <$number> is submitted to queue <normal>."
"""
BJOBS = """#!/usr/bin/env bash
for ((number = 1; number <= $(wc -l < "$BATCH/submitted"); number++)); do
    if [[ ! -s $BATCH/$number ]]; then echo "$number RUN"
    elif (($(< "$BATCH/$number"))); then echo "$number EXIT"
    else echo "$number DONE"; fi
done
"""
# What the executor asks of an LSF before it submits.
BADMIN = """#!/usr/bin/env bash
printf 'MBD configuration at now:\\n    LSF_CONFDIR = %s\\n    LSB_SHAREDIR = %s\\n' "$BATCH" "$BATCH"
"""
LSCLUSTERS = "#!/usr/bin/env bash\nprintf 'CLUSTER_NAME STATUS\\nlab ok\\n'\n"

# The first question about every job finds no server.
KUBECTL = f"""#!{sys.executable}
import json, os, subprocess, sys
from pathlib import Path
import yaml
notes = Path(os.environ["BATCH"])
match sys.argv[1:]:
    case ["create", "-f", "-", "-o", "jsonpath={{.metadata.namespace}}/{{.metadata.name}}"]:
        job = yaml.safe_load(sys.stdin)
        number = len(list(notes.glob("*.json"))) + 1
        name = job["metadata"]["generateName"] + str(number)
        (notes / f"{{number}}.json").write_text(json.dumps(job))
        if number == 1:
            (notes / name).write_text("1")
        else:
            container = job["spec"]["template"]["spec"]["containers"][0]
            run = ["bash", "-c", '"$@" > "$BATCH/out" 2>&1; echo $? > "$0"', notes / name, *container["command"]]
            nowhere = subprocess.DEVNULL
            subprocess.Popen(run, cwd=container["workingDir"], stdout=nowhere, stderr=nowhere)
        print(job["metadata"]["namespace"], name, sep="/", end="")
    case ["get", "job", name, "--namespace", "default", "-o", path]:
        assert path == 'jsonpath={{.status.conditions[?(@.status=="True")].type}}'
        asked = notes / f"{{name}}.asked"
        if not asked.exists():
            asked.touch()
            sys.exit("Unable to connect to the server: net/http: TLS handshake timeout")
        ended = (notes / name).read_text().strip() if (notes / name).exists() else ""
        print({{"": "", "0": "SuccessCriteriaMet Complete"}}.get(ended, "FailureTarget Failed"), end="")
    case other:
        sys.exit(f"not understood: {{other}}")
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs of these texts before all others."""
    batch = tmp_path / "batch"
    batch.mkdir()
    monkeypatch.setenv("BATCH", str(batch))
    monkeypatch.setenv("PATH", f"{batch}:{os.environ['PATH']}")

    def put(**texts: str) -> Path:
        for name, text in texts.items():
            (batch / name).write_text(text)
            (batch / name).chmod(0o755)
        return batch

    return put


def made_again(finished: Pipeline, folder: Path, pattern: str, profile: str) -> str:
    """Delete a file of a finished study and have it made through a profile; what Snakemake says."""
    executor = "lsf" if profile == "lsf" else "cluster_generic"
    if importlib.util.find_spec(f"snakemake_executor_plugin_{executor}") is None:
        pytest.skip(f"snakemake_executor_plugin_{executor} is not installed")
    shutil.copytree(finished.folder, folder, symlinks=True)
    pipeline = Pipeline(folder)
    file = min(folder.glob(pattern))
    digest = file_digest(file)
    file.unlink()
    waits = ["--latency-wait", "5", "--seconds-between-status-checks", "1"]
    result = pipeline.snakemake("--workflow-profile", f"profiles/{profile}", *waits, str(file.relative_to(folder)))
    assert result.returncode == 0, result.stdout
    assert file_digest(file) == digest
    assert "Trying to restart job" in result.stdout
    return result.stdout


def test_a_job_goes_to_pbs_with_what_it_asks_for_and_out_of_time_again_with_more(finished, tmp_path, programs):
    pbs = programs(qsub=QSUB, qstat=QSTAT)
    weights = "results/runs/tiny/stm-*/seed0/weights.safetensors"
    made_again(finished, tmp_path / "study", weights, "cluster-generic")
    first, second = (shlex.split(line) for line in (pbs / "submitted").read_text().splitlines())
    assert first[:2] == ["-N", "train"]
    assert "select=1:ncpus=1:ngpus=1:mem=16000mb" in first and "walltime=1440:00" in first and "place=free" in first
    assert "select=1:ncpus=1:ngpus=1:mem=32000mb" in second and "walltime=2880:00" in second


def test_a_job_goes_to_lsf_with_what_it_asks_for_and_out_of_time_again_with_more(finished, tmp_path, programs):
    lsf = programs(bsub=BSUB, bjobs=BJOBS, badmin=BADMIN, lsclusters=LSCLUSTERS)
    parameters = lsf / "lsbatch/lab/configdir/lsb.params"
    parameters.parent.mkdir(parents=True)
    parameters.write_text("DEFAULT_QUEUE = normal\n")
    made_again(finished, tmp_path / "study", "results/runs/tiny/stm-*/seed0/weights.safetensors", "lsf")
    first, second = (lsf / "submitted").read_text().splitlines()
    assert "rule_train" in first and "-q normal" in first and "-gpu num=1" in first
    assert "-W 1440 -n 1 -R rusage[mem=16000.0]" in first and "-W 2880 -n 1 -R rusage[mem=32000.0]" in second


def test_a_job_goes_to_kubernetes_with_what_it_asks_for_and_out_of_time_again_with_more(finished, tmp_path, programs):
    notes = programs(kubectl=KUBECTL)
    # What YAML has to quote.
    folder = tmp_path / "its study: 1"
    said = made_again(finished, folder, "results/frames/*/shards/*.tar", "kubernetes")
    first, second = (json.loads((notes / f"{number}.json").read_text()) for number in (1, 2))
    assert first["metadata"]["generateName"] == "stm-extract-" and first["spec"]["backoffLimit"] == 0
    pod = first["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["restartPolicy"] == "Never" and pod["activeDeadlineSeconds"] == 240 * 60
    assert container["workingDir"] == container["volumeMounts"][0]["mountPath"] == str(folder)
    asked = {"cpu": 1, "memory": "4000Mi"}
    assert container["resources"] == {"requests": asked, "limits": asked}
    pod = second["spec"]["template"]["spec"]
    assert pod["activeDeadlineSeconds"] == 480 * 60
    assert pod["containers"][0]["resources"]["limits"]["memory"] == "8000Mi"
    # Asked again, the server was there.
    assert said.count("TLS handshake timeout") == 2
    assert [path for path in (folder / ".snakemake/unanswered").rglob("*") if path.is_file()] == []


def script(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the profiles' scripts in a folder."""
    command = [CHECKOUT / "profiles" / name, *arguments]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)


def test_a_job_of_kubernetes_has_gpus_where_it_asks_for_them(tmp_path, programs):
    notes = programs(kubectl=KUBECTL)
    asked = ["evaluate_orders", "2", "16000", "4", "240", f"{tmp_path}/it's a job.sh"]
    assert script("kubernetes/submit.sh", *asked, folder=tmp_path).stdout == "default/stm-evaluate-orders-1"
    (container,) = json.loads((notes / "1.json").read_text())["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": 2, "memory": "16000Mi", "nvidia.com/gpu": 4}
    assert container["command"] == ["bash", asked[-1]]


def test_jobs_of_kubernetes_are_cancelled_together(tmp_path, programs):
    notes = programs(kubectl='#!/bin/sh\necho "$*" > "$BATCH/said"\n')
    assert script("kubernetes/cancel.sh", "lab/stm-train-a", "lab/stm-train-b", folder=tmp_path).returncode == 0
    said = (notes / "said").read_text()
    assert said == "delete job stm-train-a stm-train-b --namespace lab --ignore-not-found --wait=false\n"


# By profile: the program that is asked about a job, the job, what says that there is none, what says nothing of it.
ASKED = {
    "cluster-generic": (
        "qstat",
        "7.server",
        "qstat: Unknown Job Id 7.server",
        "qstat: cannot connect to server server (errno=15010)",
    ),
    "kubernetes": (
        "kubectl",
        "lab/stm-train-a",
        'Error from server (NotFound): jobs.batch "stm-train-a" not found',
        "Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout",
    ),
}


@pytest.mark.parametrize("profile", ASKED)
def test_a_batch_system_that_does_not_answer_is_waited_for_an_hour_and_then_said(profile, tmp_path, programs):
    program, job, _, silence = ASKED[profile]
    programs(**{program: f"#!/bin/sh\necho '{silence}' >&2\nexit 1\n"})
    first, second = (script(f"{profile}/status.sh", job, folder=tmp_path) for _ in range(2))
    assert (first.returncode, first.stdout) == (second.returncode, second.stdout) == (0, "running\n")
    assert silence in first.stderr and second.stderr == ""
    since = tmp_path / ".snakemake/unanswered" / job
    hour_ago = since.stat().st_mtime - 3700
    os.utime(since, (hour_ago, hour_ago))
    last = script(f"{profile}/status.sh", job, folder=tmp_path)
    assert last.returncode == 1 and last.stdout == "" and "for an hour" in last.stderr and silence in last.stderr


@pytest.mark.parametrize("profile", ASKED)
def test_a_job_that_its_batch_system_does_not_know_has_failed(profile, tmp_path, programs):
    program, job, unknown, _ = ASKED[profile]
    programs(**{program: f"#!/bin/sh\necho '{unknown}' >&2\nexit 1\n"})
    asked = script(f"{profile}/status.sh", job, folder=tmp_path)
    assert (asked.returncode, asked.stdout) == (0, "failed\n") and job in asked.stderr
