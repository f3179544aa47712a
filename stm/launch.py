"""Which GPUs a process may use, whatever number of jobs is started at a time; how several processes make one run."""

import ctypes
import fcntl
import hashlib
import itertools
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from stm.errors import UserError

# Held until the process ends, however it ends: the kernel releases the locks.
_leases: list[int] = []

# Of this machine, whatever TMPDIR says: Snakemake sets that for its jobs as its user asks, and two that look for the
# locks in different places would both take a GPU.
LOCKS = Path("/tmp")  # noqa: S108 (a folder of each user's own is made in it)

DEVICES, DRIVERS = Path("/dev"), Path("/proc/driver/nvidia/gpus")

# Set by batch systems. Inside a job GPUs are numbered anew, so that two jobs may both call theirs 0.
BATCH_JOBS = ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "SGE_JOB_SPOOL_DIR", "_CONDOR_SCRATCH_DIR")


class LaunchError(UserError):
    """Processes that cannot be started as asked; the text says why and what can be done."""


def visible_gpus(devices: Path = DEVICES, drivers: Path = DRIVERS) -> list[str]:
    """The GPUs that CUDA_VISIBLE_DEVICES names, or else the NVIDIA GPUs of this machine by UUID, or by CUDA's number
    where the driver tells none; without loading torch or asking a driver.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",") if name.strip()]
        # As CUDA reads it: nothing counts after a -1. A device that stands twice is one.
        return list(dict.fromkeys(itertools.takewhile(lambda name: name != "-1", names)))
    found = cards(devices, drivers)
    # CUDA counts from 0 what it finds: where /dev/nvidia3 is the only one, as in a container, that is its 0.
    return list(found.values()) if all(found.values()) else [str(number) for number in range(len(found))]


def cards(devices: Path = DEVICES, drivers: Path = DRIVERS) -> dict[str, str]:
    """The NVIDIA GPUs that have a device file here, in the order of the PCI bus: by the file's number their UUIDs, ''
    where the driver does not tell it, as before the first use of a GPU.
    """
    files = (path.name.removeprefix("nvidia") for path in devices.glob("nvidia[0-9]*"))
    numbers = sorted((name for name in files if name.isdigit()), key=int)
    told = {}
    # The folders are named by the place on the bus.
    for file in sorted(drivers.glob("*/information")):
        text = file.read_text(encoding="utf-8")
        uuid = re.search(r"^GPU UUID:\s*([\w-]+)\s*$", text, re.MULTILINE)
        if number := re.search(r"^Device Minor:\s*(\d+)", text, re.MULTILINE):
            told[number[1]] = uuid[1] if uuid else ""
    return {number: uuid for number, uuid in told.items() if number in numbers} | {
        number: "" for number in numbers if number not in told
    }


def is_running(process: int) -> bool:
    """Whether this machine has a process of this number, anybody's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lease_gpus(
    count: int = 1, gpus: list[str] | None = None, folder: Path | None = None, poll_seconds: float = 1.0
) -> list[str]:
    """Wait for GPUs that no other process of ours holds, keep them until this process ends, and show only them to CUDA.

    Nothing is done where there is no GPU. Must run before torch is loaded.

    Args:
        count: how many.
        gpus: the devices to choose from; by default those of `visible_gpus`.
        folder: where the lock files lie, one a device; by default one for each user of the machine, so that only one
            user's jobs wait for one another, and for each job that a batch system gave devices by number. Users who
            share a machine set CUDA_VISIBLE_DEVICES, as they do for any other program.
        poll_seconds: how long to wait before trying all devices again.

    Returns:
        The devices; none where there are none.

    Raises:
        LaunchError: there are fewer than `count`.
    """
    gpus = visible_gpus() if gpus is None else gpus
    if not gpus:
        return []
    if count > len(gpus):
        raise LaunchError(f"{count} GPUs are asked for, and there are {len(gpus)} here: {', '.join(gpus)}")
    folder = folder or LOCKS / "-".join(["stm-gpu-leases", str(os.getuid()), *_batch_job(gpus)])
    folder.mkdir(parents=True, exist_ok=True)
    known = cards()
    locks = {gpu: _lock(gpu, known) for gpu in gpus}
    # One at a time chooses, so that those that want two come to their turn however many want one.
    turn = _open(folder / f"turn-{hashlib.sha256(' '.join(locks.values()).encode()).hexdigest()[:16]}")
    fcntl.flock(turn, fcntl.LOCK_EX)
    held: dict[str, int] = {}
    while True:
        for gpu in gpus:
            if len(held) < count and gpu not in held and (handle := _taken(folder / locks[gpu])) is not None:
                held[gpu] = handle
        if len(held) == count:
            break
        # Two that know the same devices by other lists must not each hold one and wait for the other.
        while held:
            os.close(held.popitem()[1])
        time.sleep(poll_seconds)
    os.close(turn)
    _leases.extend(held.values())
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(held)
    # In the order of locks: in any other CUDA's 0 is the fastest GPU, and the lock would be of another than the number.
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return list(held)


def _lock(gpu: str, known: Mapping[str, str]) -> str:
    """The name of a device's lock file: the number of its device file, whether a job knows it by CUDA's number or by
    its UUID, of which the beginning is enough.
    """
    if gpu.isdigit() and int(gpu) < len(known):
        return list(known)[int(gpu)]
    fits = [number for number, uuid in known.items() if gpu.startswith("GPU-") and uuid.startswith(gpu)]
    return fits[0] if len(fits) == 1 else gpu.replace("/", "_")


def _batch_job(gpus: list[str]) -> list[str]:
    """What tells this job of a batch system from others of the same user on this machine, where it was given devices
    by numbers of its own. A UUID, or what is found in a job that was given none, is the same device in every job.
    """
    if not os.environ.get("CUDA_VISIBLE_DEVICES") or not any(gpu.isdigit() for gpu in gpus):
        return []
    return [os.environ[name].replace("/", "_") for name in BATCH_JOBS if name in os.environ][:1]


def _open(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)


def _taken(path: Path) -> int | None:
    """The lock of one device, or None where another process holds it."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def become_ranks(processes: int, nodes: int, arguments: list[str], lease: bool) -> NoReturn:
    """Become `torchrun` with so many processes of `stm`, each with a GPU of its own where there are any.

    On several nodes of a Slurm job, `srun` starts a `torchrun` on each of them.

    Args:
        processes: of all nodes together.
        nodes: that share them alike.
        arguments: of `stm`.
        lease: whether to take GPUs of this machine; those of several nodes are the batch system's to give.

    Raises:
        LaunchError: `nodes` do not share `processes` alike, or there is no Slurm to reach other nodes by.
    """
    if processes % nodes:
        raise LaunchError(f"{nodes} nodes cannot share {processes} processes alike: set a multiple of {nodes}")
    if nodes == 1:
        if lease:
            lease_gpus(processes)
        # For the program that this one becomes.
        for handle in _leases:
            os.set_inheritable(handle, True)
        command, meeting = [], ["--standalone"]
    else:
        job = os.environ.get("SLURM_JOB_ID")
        if job is None:
            raise LaunchError(f"{nodes} nodes can work on one run inside a Slurm job alone: see docs/cluster.md")
        command = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
        meeting = [f"--nnodes={nodes}", "--rdzv-backend=c10d", f"--rdzv-id={job}", f"--rdzv-endpoint={_free_address()}"]
    command += [sys.executable, "-m", "torch.distributed.run", *meeting, f"--nproc-per-node={processes // nodes}"]
    command += ["-m", "--", "stm", *arguments]
    os.execvp(command[0], command)  # noqa: S606 (no shell is meant)


def _free_address() -> str:
    """Of this machine, where the other nodes find it."""
    with socket.socket() as free:
        free.bind(("", 0))
        return f"{socket.gethostname()}:{free.getsockname()[1]}"


def end_with_parent() -> None:
    """Let the kernel kill this process when the one that started it ends: it is the parent that holds the GPUs' leases,
    and a `torchrun` that is killed outright leaves its processes running.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
