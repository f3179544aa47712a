import os
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from stm.launch import LaunchError, become_ranks, cards, lease_gpus, visible_gpus

# Takes so many of the GPUs that its environment shows, holds them for so many seconds, and says when.
HOLD = """
import pathlib, sys, time
from stm import launch
launch.LOCKS = pathlib.Path(sys.argv[3])
print(*launch.lease_gpus(int(sys.argv[1]), poll_seconds=0.05), time.time(), flush=True)
time.sleep(float(sys.argv[2]))
print(time.time(), flush=True)
"""

# The same of a stage that is given flags, with a stand-in for torch, which takes long to load and knows no such GPUs.
STAGE = """
import argparse, os, pathlib, sys, time, types
sys.modules["torch"] = types.SimpleNamespace(
    __version__="0", cuda=types.SimpleNamespace(is_available=lambda: True, set_device=print), device=str)
from stm import launch
from stm.cli import _parser
from stm.cli.arguments import chosen_device
launch.LOCKS = pathlib.Path(sys.argv[1])
options = _parser().parse_args(sys.argv[3:])
options.arguments = sys.argv[3:]
chosen_device(options)
print(*os.environ["CUDA_VISIBLE_DEVICES"].split(","), time.time(), flush=True)
time.sleep(float(sys.argv[2]))
print(time.time(), flush=True)
"""
TRAIN = ("train", "--spec", "{}", "--index", "i", "--checkpoints", "c", "--out", "o")


def started(command, gpus, stderr=None, **environment):
    environment |= {"PYTHONPATH": ":".join(sys.path), "CUDA_VISIBLE_DEVICES": gpus}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)


def held(folder, gpus, seconds, count=1, **environment):
    """A process that takes GPUs, with its locks in a folder."""
    return started([sys.executable, "-c", HOLD, str(count), str(seconds), str(folder)], gpus, **environment)


def stage(folder, gpus, seconds, *arguments, **environment):
    """A stage with these arguments that takes GPUs, with its locks in a folder."""
    return started([sys.executable, "-c", STAGE, str(folder), str(seconds), *arguments], gpus, **environment)


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


def test_no_flag_and_no_setting_of_the_environment_makes_two_jobs_share_a_device(tmp_path):
    jobs = [
        stage(tmp_path, "0,1", 0.5, *TRAIN),
        stage(tmp_path, "1,0", 0.5, *TRAIN, "--device", "cuda", "--processes", "1", "--workers", "3"),
        stage(tmp_path, "0", 0.5, *TRAIN, "--processes", "0"),
        # Of another launcher, which gives out no device.
        stage(tmp_path, "0,0", 0.5, "speed", "--spec", "{}", "--out", "o", LOCAL_RANK="0"),
        stage(tmp_path, "1,-1,0", 0.5, "predict", "v.mp4", "--run", "r", "--device", "cuda"),
        held(tmp_path, "1,0", 0.5, 2),
        held(tmp_path, "0,1", 0.5, 2),
    ]
    devices = spans(jobs)
    assert set(devices) == {"0", "1"} and sum(map(len, devices.values())) == 5 + 2 * 2
    for mine in devices.values():
        assert all(before[1] <= after[0] for before, after in pairwise(mine))


def test_locks_lie_in_one_place_whatever_folder_for_temporary_files_a_job_is_given(tmp_path):
    command = [sys.executable, "-c", "from stm import launch; print(launch.LOCKS)"]
    places = {started(command, "0", TMPDIR=str(folder)).communicate()[0] for folder in (tmp_path, "/tmp")}
    assert len(places) == 1 and "" not in places


# The same of a real device, which torch then uses.
USE = """
import time
from stm import launch
gpu, = launch.lease_gpus(1, poll_seconds=0.05)
import torch
started = time.time()
assert torch.cuda.device_count() == 1 and torch.ones(1024, device="cuda").sum().item() == 1024
print(gpu, started, flush=True)
time.sleep(1)
print(time.time(), flush=True)
"""


@pytest.mark.gpu
@pytest.mark.skipif(not visible_gpus(), reason="no NVIDIA GPU here")
def test_two_jobs_use_a_real_device_one_after_the_other_and_see_no_other():
    gpu = visible_gpus()[0]
    (times,) = spans([started([sys.executable, "-c", USE], gpu, HOME=str(Path.home())) for _ in range(2)]).values()
    assert len(times) == 2 and times[0][1] <= times[1][0]


def test_a_job_that_asks_for_no_gpu_waits_for_none(tmp_path):
    first = held(tmp_path, "0", 60)
    assert first.stdout.readline().startswith("0 ")
    assert stage(tmp_path, "0", 0, *TRAIN, "--device", "cpu").wait(timeout=60) == 0
    first.kill()
    first.communicate()


def machine(folder, *numbers, **uuids):
    """Stand-ins for the device files of these numbers, and for what a driver tells of its GPUs, by their places."""
    (folder / "dev").mkdir()
    for name in (*(f"nvidia{number}" for number in numbers), "nvidiactl", "nvidia-uvm"):
        (folder / "dev" / name).touch()
    for place, (number, uuid) in uuids.items():
        (folder / f"gpus/0000:{place}:00.0").mkdir(parents=True)
        told = f"Model: \t\t X\nGPU UUID: \t {uuid}\nBus Type: \t PCIe\nDevice Minor: \t {number}\n"
        (folder / f"gpus/0000:{place}:00.0/information").write_text(told)
    return folder / "dev", folder / "gpus"


def test_a_device_has_one_lock_whether_it_is_known_by_its_number_or_by_its_uuid(tmp_path, monkeypatch):
    # CUDA's 0 is the first on the bus, whose device file has another number.
    found = cards(*machine(tmp_path, 0, 1, a3=(1, "GPU-8a1b"), b5=(0, "GPU-8a2c")))
    assert list(found.items()) == [("1", "GPU-8a1b"), ("0", "GPU-8a2c")]
    monkeypatch.setattr("stm.launch.cards", lambda: found)
    monkeypatch.setattr("stm.launch._leases", [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    locks = tmp_path / "locks"
    assert lease_gpus(1, ["GPU-8a1"], locks) == ["GPU-8a1"]
    assert lease_gpus(1, ["0", "1"], locks) == ["1"] and os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert sorted(path.name for path in locks.iterdir() if not path.name.startswith("turn")) == ["0", "1"]
    # As many as fit the beginning: CUDA would refuse it.
    assert lease_gpus(1, ["GPU-8a"], locks) == ["GPU-8a"]


def test_more_uuids_than_a_file_name_has_room_for_are_leased(tmp_path, monkeypatch):
    monkeypatch.setattr("stm.launch._leases", [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    uuids = [f"GPU-{k:08x}-0000-0000-0000-000000000000" for k in range(16)]
    assert lease_gpus(16, uuids, tmp_path) == uuids


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


def test_devices_that_a_batch_system_did_not_give_are_shared_by_its_jobs(tmp_path):
    first = held(tmp_path, "GPU-8a", 60, PBS_JOBID="7")
    assert first.stdout.readline().startswith("GPU-8a ")
    waiting = held(tmp_path, "GPU-8a", 0, PBS_JOBID="8")
    time.sleep(0.2)
    assert waiting.poll() is None
    first.kill()
    assert waiting.communicate(timeout=60)[0].startswith("GPU-8a ")
    first.wait()
    first.stdout.close()


def test_gpus_are_found_by_their_uuids_or_are_those_that_the_user_shows(tmp_path, monkeypatch):
    found = machine(tmp_path, 0, 10, 2, a1=(10, "GPU-8a"), c0=(2, "GPU-7b"), e0=(0, "GPU-9c"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(*found) == ["GPU-8a", "GPU-7b", "GPU-9c"]
    for shown, names in (
        *(("3,1", ["3", "1"]), ("", []), ("-1", []), ("GPU-8a, GPU-9b", ["GPU-8a", "GPU-9b"])),
        *(("0,0,1", ["0", "1"]), ("1,-1,0", ["1"])),
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert visible_gpus(*found) == names


@pytest.mark.parametrize(
    ("told", "names"),
    [
        # A driver that tells of the whole machine, and of a GPU that nobody has used yet; none to ask.
        ({"a1": (0, "GPU-8a"), "c0": (3, "GPU-7b")}, ["GPU-7b"]),
        ({"a1": (0, "GPU-8a"), "c0": (3, "GPU-????????-????-????-????-????????????")}, ["0"]),
        ({}, ["0"]),
    ],
)
def test_of_a_container_with_one_gpu_of_several_that_one_is_named_as_cuda_knows_it(tmp_path, monkeypatch, told, names):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices, drivers = machine(tmp_path, 3, **told)
    assert visible_gpus(devices, drivers) == names
    assert list(cards(devices, drivers)) == ["3"]


def test_a_gpu_that_cuda_cannot_use_ends_a_stage_in_place_of_the_cpu(tmp_path):
    command = [sys.executable, "-c", STAGE.replace("lambda: True", "lambda: False"), str(tmp_path), "0", *TRAIN]
    for arguments, gpus in (((), "0"), (("--device", "cuda"), ""), (("--device", "auto"), "GPU-8a")):
        job = started([*command, *arguments], gpus, stderr=subprocess.PIPE)
        assert re.search(rf"LaunchError: PyTorch .* \(here: {gpus or 'none'}\): .*--device cpu", job.communicate()[1])
        assert job.returncode == 1
    assert started([*command, "--device", "cpu"], "0").wait(timeout=60) == 0
    assert started(command, "").wait(timeout=60) == 0


def test_more_gpus_than_there_are_and_nodes_that_cannot_be_reached_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(LaunchError, match="3 GPUs are asked for, and there are 2 here: 0, 1"):
        lease_gpus(3, ["0", "1"], tmp_path)
    with pytest.raises(LaunchError, match="set a multiple of 2"):
        become_ranks(3, 2, [], lease=False)
    with pytest.raises(LaunchError, match="inside a Slurm job alone"):
        become_ranks(4, 2, [], lease=False)
