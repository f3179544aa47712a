import subprocess
import sys
import time
from itertools import pairwise

import pytest

from stm.launch import LaunchError, become_ranks, lease_gpus, visible_gpus

# Takes so many of the GPUs that its environment shows, holds them for so many seconds, and says when.
HOLD = """
import sys, time
from stm.launch import lease_gpus
print(*lease_gpus(int(sys.argv[1]), poll_seconds=0.05), time.time(), flush=True)
time.sleep(float(sys.argv[2]))
print(time.time(), flush=True)
"""


def held(folder, gpus, seconds, count=1, **environment):
    """A process that takes GPUs, with its locks in a folder."""
    environment |= {"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": gpus}
    command = [sys.executable, "-c", HOLD, str(count), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def spans(jobs):
    """Of each device, when it was held, in order."""
    found = {}
    for job in jobs:
        first, last = job.communicate(timeout=120)[0].splitlines()
        *gpus, start = first.split()
        for gpu in gpus:
            found.setdefault(gpu, []).append((float(start), float(last)))
    return {gpu: sorted(times) for gpu, times in found.items()}


@pytest.mark.parametrize("counts", [(1, 1, 1, 1, 1), (2, 1, 2, 1, 2)])
def test_processes_that_run_at_a_time_never_share_a_device(tmp_path, counts):
    devices = spans([held(tmp_path, "0,1", 0.3, count) for count in counts])
    assert set(devices) == {"0", "1"}
    assert sum(map(len, devices.values())) == sum(counts)
    for mine in devices.values():
        assert all(before[1] <= after[0] for before, after in pairwise(mine))


def test_a_killed_process_gives_its_device_back(tmp_path):
    job = held(tmp_path, "0", 60)
    assert job.stdout.readline().startswith("0 ")
    waiting = held(tmp_path, "0", 0)
    time.sleep(0.2)
    assert waiting.poll() is None
    job.kill()
    assert waiting.communicate(timeout=60)[0].startswith("0 ")
    job.wait()
    job.stdout.close()


def test_inside_a_batch_systems_job_devices_are_those_of_the_job(tmp_path):
    first = held(tmp_path, "0", 60, SLURM_JOB_ID="7")
    assert first.stdout.readline().startswith("0 ")
    # Another job's 0 is another device, so this one waits for nobody.
    assert held(tmp_path, "0", 0, SLURM_JOB_ID="8").communicate(timeout=60)[0].startswith("0 ")
    first.kill()
    first.wait()
    first.stdout.close()


def test_gpus_are_found_by_their_device_files_or_are_those_that_the_user_shows(tmp_path, monkeypatch):
    for name in ("nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(tmp_path) == ["0", "2", "10"]
    for shown, found in (("3,1", ["3", "1"]), ("", []), ("-1", []), ("GPU-8a, GPU-9b", ["GPU-8a", "GPU-9b"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert visible_gpus(tmp_path) == found


def test_more_gpus_than_there_are_and_nodes_that_cannot_be_reached_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(LaunchError, match="3 GPUs are asked for, and there are 2 here: 0, 1"):
        lease_gpus(3, ["0", "1"], tmp_path)
    with pytest.raises(LaunchError, match="set a multiple of 2"):
        become_ranks(3, 2, [], lease=False)
    with pytest.raises(LaunchError, match="inside a Slurm job alone"):
        become_ranks(4, 2, [], lease=False)
