"""Processes of this machine: which accelerator each may use, whatever number of jobs Snakemake starts at a time."""

import fcntl
import os
import tempfile
import time
from pathlib import Path

# Held until the process ends, however it ends: the kernel releases the lock.
_lease: int | None = None


def visible_gpus(devices: Path = Path("/dev")) -> list[str]:
    """The NVIDIA GPUs of this machine by number, without loading torch or asking a driver."""
    found = (p.name.removeprefix("nvidia") for p in devices.glob("nvidia[0-9]*"))
    return sorted((n for n in found if n.isdigit()), key=int)


def is_running(process: int) -> bool:
    """Whether this machine has a process of this number, anybody's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lease_gpu(gpus: list[str] | None = None, folder: Path | None = None, poll_seconds: float = 1.0) -> str | None:
    """Wait for a GPU that no other process of ours holds, keep it until this process ends, and show only it to CUDA.

    A batch system that has set CUDA_VISIBLE_DEVICES has decided already, and nothing is done; nor where there is no
    GPU. Must run before torch is loaded.

    Args:
        gpus: the devices to choose from; all of this machine by default.
        folder: where the lock files lie, one a device; by default one for each user of the machine. Users who share a
            machine set CUDA_VISIBLE_DEVICES, as they do for any other program.
        poll_seconds: how long to wait before trying all devices again.

    Returns:
        The device's number, or None where nothing was leased.
    """
    global _lease
    gpus = visible_gpus() if gpus is None else gpus
    if "CUDA_VISIBLE_DEVICES" in os.environ or not gpus:
        return None
    folder = folder or Path(tempfile.gettempdir()) / f"stm-gpu-leases-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        for gpu in gpus:
            handle = os.open(folder / gpu, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            _lease = handle
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            return gpu
        time.sleep(poll_seconds)
