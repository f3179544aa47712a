"""Two processes on one run, by torchrun and gloo: what they make is what one makes."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stm.config.schema.protocols import PROTOCOLS
from stm.config.schema.recipes import Twins
from stm.data.shards import FrameIndex
from stm.evaluation.evaluate import evaluate
from stm.evaluation.predictions import read
from stm.files import canonical_json
from stm.ranks import Ranks
from stm.training.loop import Execution, Training, TrainingError, train

from .conftest import RENDER, indexed

CPU = torch.device("cpu")
PROTOCOL = {"clips": 1, "crops": 1, "sampling": "centre", "region": "crop_size", "order": "forward"}


def two_processes(*arguments: str | Path) -> str:
    """`stm` by two processes; what both print."""
    command = [sys.executable, "-m", "stm", *map(str, arguments), "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def two_nodes(*arguments: str | Path) -> str:
    """`stm` by a `torchrun` of one process on each of two nodes, as docs/cluster.md has it; both are this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = ["--rdzv-backend=c10d", "--rdzv-id=7", f"--rdzv-endpoint=127.0.0.1:{free.getsockname()[1]}"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", *meeting]
    command += ["--local-addr=127.0.0.1", "-m", "--", "stm", *map(str, arguments)]
    nodes = [subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [node.communicate(timeout=900) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    return "".join(printed for printed, _ in said)


@pytest.mark.parametrize(
    ("two", "twins"),
    [
        (two_processes, None),
        (two_processes, Twins(correlation_weight=0.3, off_diagonal_weight=0.07).model_dump()),
        (two_nodes, None),
    ],
    ids=["processes", "processes, twins", "nodes"],
)
def test_two_processes_train_what_one_does_with_twice_the_accumulation(spec, index, tmp_path, two, twins):
    # 24 clips are steps of 10, 10 and 4: two micro-batches, two, and one, of which the first process has none. The
    # dropout of `spec` is drawn for each micro-batch, so that it is the same too.
    spec["recipe"] |= {"twins": twins}
    train(spec, index, None, tmp_path / "checkpoints", tmp_path / "one", Execution(CPU))
    settings = ("--spec", canonical_json(spec), "--index", index, "--checkpoints", tmp_path / "c", "--device", "cpu")
    printed = two("train", *settings, "--out", tmp_path / "two")

    alone, together = (load_file(tmp_path / run / "weights.safetensors") for run in ("one", "two"))
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        assert torch.allclose(value, together[name], rtol=1e-4, atol=1e-5), name
    histories = [list(csv.DictReader((tmp_path / run / "history.csv").open())) for run in ("one", "two")]
    for row, other in zip(*histories, strict=True):
        shared = set(row) - {"seconds"}
        assert [float(other[k]) for k in shared] == pytest.approx([float(row[k]) for k in shared], rel=1e-4)
    records = [json.loads((tmp_path / run / "run.json").read_text()) for run in ("one", "two")]
    assert [record["processes"] for record in records] == [1, 2]
    # The first alone prints and writes.
    assert printed.count("epoch 2 of 2") == 1
    assert not (tmp_path / "c").exists()


def test_two_processes_score_every_clip_once(spec, tmp_path):
    # Of seven the first process has three and the second four.
    index = indexed(tmp_path / "frames", RENDER, left_out=1)
    train(spec, index, None, tmp_path / "checkpoints", tmp_path / "run", Execution(CPU))
    shown = [PROTOCOL, PROTOCOLS["online"].model_dump()]
    asked = [{"split": "validation", "protocol": protocol} for protocol in shown]
    outs = {count: [tmp_path / f"{count}-{name}.arrow" for name in ("centre", "online")] for count in ("one", "two")}
    evaluate(asked, tmp_path / "run", index, outs["one"], CPU)
    settings = ("--spec", canonical_json(asked), "--index", index, "--device", "cpu")
    two_processes("evaluate", *settings, "--run", tmp_path / "run", "--out", *outs["two"])
    for found in zip(outs["one"], outs["two"], strict=True):
        one, two = map(read, found)
        assert len(set(two.clips)) == 7
        assert one.clips == two.clips and np.allclose(one.scores, two.scores, atol=1e-6)
        assert one.record == two.record


def test_killed_outright_the_processes_of_a_run_end_together_give_their_devices_back_and_go_on(spec, index, tmp_path):
    spec["recipe"] |= {"epochs": 30}
    # Stand-ins: CUDA knows no devices of these numbers, and the processes compute on the CPU.
    leasing = "import sys; from stm.launch import become_ranks; become_ranks(2, 1, sys.argv[1:], lease=True)"
    command = [sys.executable, "-c", leasing, "train", "--device", "cpu", "--spec", canonical_json(spec)]
    command += ["--index", str(index), "--checkpoints", str(tmp_path / "checkpoints"), "--out", str(tmp_path / "run")]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "97,98"}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("checkpoints/*.safetensors")):
        assert first.poll() is None
        time.sleep(0.05)
    ranks = [int(pid) for pid in Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()]
    first.kill()
    first.wait()
    assert len(ranks) >= 2
    deadline = time.monotonic() + 30
    while any(running(pid) for pid in ranks):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    subprocess.run(command, env=environment, check=True, timeout=600)
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["processes"] == 2 and record["resumed"] == 1


# One of two processes, which a shared disk does not show the checkpoints yet.
BLIND = """
import os, sys
from pathlib import Path
seen = Path.exists
if os.environ["RANK"] == sys.argv[1]:
    Path.exists = lambda self, **more: "checkpoints" not in self.parts and seen(self, **more)
from stm.cli import main
raise SystemExit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("blind", ["first", "second"])
def test_processes_start_alike_or_not_at_all_whichever_of_them_misses_the_checkpoint(spec, index, tmp_path, blind):
    class Killed(Exception):
        pass

    def step_or_die(self, loader, original=Training._step):
        if self.progress.step == 4:
            raise Killed
        original(self, loader)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_step", step_or_die)
        with pytest.raises(Killed):
            train(spec, index, None, tmp_path / "checkpoints", tmp_path / "run", Execution(CPU))
    assert list(tmp_path.glob("checkpoints/*.safetensors"))
    (tmp_path / "blind.py").write_text(BLIND)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(tmp_path / "blind.py"), "0" if blind == "first" else "1", "train", "--device", "cpu"]
    command += ["--spec", canonical_json(spec), "--index", str(index)]
    command += ["--checkpoints", str(tmp_path / "checkpoints"), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if blind == "first":
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / "run/run.json").read_text())["resumed"] == 0
    else:
        assert done.returncode == 1 and "would go on from different steps: 3, 0. Not all of them see" in done.stderr
        assert list(tmp_path.glob("checkpoints/*.safetensors")) and not (tmp_path / "run").exists()


def running(process: int) -> bool:
    """Neither gone nor a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 8, 16])
def test_shares_are_all_parts_once_in_order(parts, count):
    shares = [Ranks(number, count).share(parts) for number in range(count)]
    assert [part for share in shares for part in share] == list(range(parts))


def test_processes_that_cannot_share_the_micro_batches_alike_are_refused(spec, index):
    with pytest.raises(TrainingError, match="2 micro-batches of 5, which 3 processes cannot share alike"):
        Training("run", spec, FrameIndex(index), None, Execution(CPU), Ranks(0, 3))
