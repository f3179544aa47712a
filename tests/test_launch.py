import subprocess
import sys
import time
from itertools import pairwise

from stm.launch import visible_gpus

HOLD = """
import sys, time
from pathlib import Path
from stm.launch import lease_gpu
print(lease_gpu(sys.argv[2].split(","), Path(sys.argv[1]), 0.05), time.time(), flush=True)
time.sleep(float(sys.argv[3]))
print(time.time(), flush=True)
"""


def held(folder, gpus, seconds):
    command = [sys.executable, "-c", HOLD, str(folder), gpus, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_processes_that_run_at_a_time_never_share_a_device(tmp_path):
    jobs = [held(tmp_path, "0,1", 0.3) for _ in range(5)]
    spans = []
    for job in jobs:
        first, last = job.communicate(timeout=60)[0].splitlines()
        gpu, start = first.split()
        spans.append((gpu, float(start), float(last)))
    assert {gpu for gpu, *_ in spans} == {"0", "1"}
    for device in "01":
        mine = sorted(span[1:] for span in spans if span[0] == device)
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


def test_gpus_are_found_by_their_device_files(tmp_path):
    for name in ("nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_gpus(tmp_path) == ["0", "2", "10"]
