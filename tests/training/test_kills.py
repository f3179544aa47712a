"""A training killed at random moments and started again by the same command ends as an undisturbed one."""

import random
import shutil
import subprocess
import sys
import time

import pytest
from safetensors.torch import load_file
from torch import equal

from stm.files import canonical_json

KILLS = 10


@pytest.mark.faults
def test_ten_kills_at_random_moments_leave_no_trace_in_the_weights(spec, index, tmp_path):
    spec["recipe"] |= {"epochs": 20, "decay_epochs": [12]}
    command = [sys.executable, "-m", "stm", "train", "--spec", canonical_json(spec), "--index", str(index)]
    command += ["--device", "cpu", "--checkpoint-seconds", "0.2"]

    def arguments(name: str) -> list[str]:
        return [*command, "--checkpoints", str(tmp_path / name / "checkpoints"), "--out", str(tmp_path / name / "run")]

    started = time.monotonic()
    subprocess.run(arguments("whole"), check=True)
    seconds = time.monotonic() - started
    draw = random.Random(0)
    kills = 0
    while kills < KILLS:
        process = subprocess.Popen(arguments("killed"))
        try:
            process.wait(draw.uniform(0, 1.2 * seconds))
            # It got to its end before its moment came: start over, so that every kill is one of a training in progress.
            shutil.rmtree(tmp_path / "killed")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    subprocess.run(arguments("killed"), check=True)
    whole, killed = (load_file(tmp_path / name / "run/weights.safetensors") for name in ("whole", "killed"))
    assert all(equal(whole[name], killed[name]) for name in whole | killed)
