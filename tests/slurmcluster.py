"""A real Slurm on this machine: two nodes of one core and two GPUs each, which are stand-ins: devices of nothing."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

# Where Slurm looks by itself: Snakemake's plugin strips SLURM_CONF from its jobs.
CONFIGURATION = Path("/etc/slurm")
MARK = "# Of the tests of the STM pipeline, which remove it at their end."
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
NODES = ("node1", "node2")

SLURM_CONF = """{mark}
ClusterName=stm
SlurmctldHost={host}
SlurmUser=root
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={state}/munge/socket
StateSaveLocation={state}/slurmctld
SlurmctldPidFile={state}/slurmctld.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdSpoolDir={state}/%n
SlurmdPidFile={state}/%n.pid
SlurmdLogFile={state}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
GresTypes=gpu
ReturnToService=2
KillWait=2
MinJobAge=3600
NodeName=DEFAULT CPUs=1 RealMemory=64000 Gres=gpu:2
NodeName=node1 NodeHostname={host} Port={first}
NodeName=node2 NodeHostname={host} Port={last}
PartitionName=main Nodes=ALL Default=YES State=UP
"""


def require() -> None:
    """Skip a test where nothing of Slurm is installed; fail it where a part is, or where Slurm cannot be started."""
    absent = [name for name in PROGRAMS if _program(name) is None]
    missing = f"{', '.join(absent)} not found: apt-get install slurm-wlm munge"
    if len(absent) == len(PROGRAMS):
        pytest.skip(f"no Slurm here, {missing}")
    if absent:
        pytest.fail(f"of Slurm a part is here, {missing}")
    if os.getuid():
        pytest.fail("Slurm's daemons are started by root alone")
    file = CONFIGURATION / "slurm.conf"
    if file.exists() and not file.read_text(encoding="utf-8").startswith(MARK):
        pytest.fail(f"{file} is of another Slurm, and the tests would need one of their own there")


class SlurmCluster:
    """Slurm's daemons, with their state in a folder."""

    def __init__(self, state: Path):
        self.state = state

    def start(self) -> None:
        """Start munge, the controller and the nodes, and wait until the nodes are idle."""
        for name in ("munge", "slurmctld", *NODES):
            (self.state / name).mkdir(mode=0o711)
        key = self.state / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for number in (0, 1):
            # Slurm wants character devices with a number at the end: these are /dev/null.
            os.mknod(self.state / f"gpu{number}", 0o666 | 0o020000, os.makedev(1, 3))
        ports = _free_ports(3)
        conf = SLURM_CONF.format(
            mark=MARK, host=socket.gethostname(), state=self.state, port=ports[0], first=ports[1], last=ports[2]
        )
        CONFIGURATION.mkdir(exist_ok=True)
        (CONFIGURATION / "slurm.conf").write_text(conf, encoding="utf-8")
        (CONFIGURATION / "gres.conf").write_text(
            f"{MARK}\nNodeName=node[1-2] Name=gpu File={self.state}/gpu[0-1]\n", encoding="utf-8"
        )
        files = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed", "key-file": "key"}
        self._daemon("munged", "--force", *(f"--{flag}={self.state}/munge/{name}" for flag, name in files.items()))
        self._daemon("slurmctld", "-c")
        for node in NODES:
            self._daemon("slurmd", "-N", node)
        wait_until(lambda: self.states() == ["idle", "idle"], 60, "both nodes to be idle")

    def stop(self) -> None:
        """End all jobs and daemons, and take the configuration away."""
        self("scancel", "--partition=main", check=False)
        deadline = time.monotonic() + 30
        while self.jobs() and time.monotonic() < deadline:
            time.sleep(0.5)
        for file in ("node1.pid", "node2.pid", "slurmctld.pid", "munge/pid"):
            if (self.state / file).exists():
                _end(int((self.state / file).read_text()))
        for name in ("slurm.conf", "gres.conf"):
            (CONFIGURATION / name).unlink(missing_ok=True)

    def lose_power(self, node: str, number: str) -> None:
        """A node's daemon and all processes of the job on it die at once."""
        os.kill(int((self.state / f"{node}.pid").read_text()), signal.SIGKILL)
        mine, step = f"SLURM_JOB_ID={number}".encode(), f"slurmstepd: [{number}.".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environment = (process / "environ").read_bytes().split(b"\0")
                if mine in environment or (process / "cmdline").read_bytes().startswith(step):
                    os.kill(int(process.name), signal.SIGKILL)

    def have_power(self, node: str) -> None:
        """It comes back by itself."""
        self._daemon("slurmd", "-N", node)

    def _daemon(self, program: str, *arguments: str) -> None:
        # To a file: a daemon that keeps a pipe open would be waited for.
        log = self.state / f"{program}.start"
        with log.open("ab") as file:
            done = subprocess.run([_program(program), *arguments], stdout=file, stderr=file, check=False)
        assert done.returncode == 0, f"{program} did not start: {log.read_text()}"

    def __call__(self, program: str, *arguments: str, check: bool = True) -> str:
        """Run one of Slurm's programs; what it prints."""
        done = subprocess.run([_program(program) or program, *arguments], text=True, capture_output=True, check=False)
        assert done.returncode == 0 or not check, f"{program} {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def states(self) -> list[str]:
        """Of both nodes."""
        return self("sinfo", "--noheader", "--Node", "--format=%T", check=False).split()

    def jobs(self, states: str = "PENDING,RUNNING,COMPLETING") -> dict[str, str]:
        """The comment of each job by its number: its rule and wildcards."""
        lines = self("squeue", "--noheader", f"--states={states}", "--format=%i %k", check=False).splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        words = self("scontrol", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)


def wait_until(asked: Callable[[], T], seconds: float, what: str) -> T:
    """What is asked, as soon as it is anything."""
    deadline = time.monotonic() + seconds
    while not (found := asked()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return found


def _program(name: str) -> str | None:
    """Daemons lie in sbin, which is not on everybody's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return sorted(one.getsockname()[1] for one in sockets)
    finally:
        for one in sockets:
            one.close()


def _end(process: int) -> None:
    """Ask a daemon to stop, and wait until it has."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(100):
            try:
                os.kill(process, wanted)
            except ProcessLookupError:
                return
            time.sleep(0.1)
