"""Two processes on one run, by torchrun and gloo: what they make is what one makes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from stm.config.schema.recipes import Twins
from stm.data.shards import FrameIndex
from stm.evaluation.evaluate import evaluate
from stm.evaluation.predictions import read
from stm.files import canonical_json
from stm.ranks import Ranks
from stm.training.loop import Execution, Training, TrainingError, train

CPU = torch.device("cpu")
PROTOCOL = {"clips": 1, "crops": 1, "sampling": "centre", "region": "crop_size", "order": "forward"}


def two_processes(*arguments: str | Path) -> str:
    """`stm` by torchrun; what both processes print."""
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "stm")
    done = subprocess.run([sys.executable, *launch, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("twins", [None, Twins(correlation_weight=0.3, off_diagonal_weight=0.07).model_dump()])
def test_two_processes_train_what_one_does_with_twice_the_accumulation(spec, index, tmp_path, twins):
    # 24 clips are steps of 10, 10 and 4: two micro-batches, two, and one, of which the second process has none. The
    # dropout of `spec` is drawn for each micro-batch, so that it is the same too.
    spec["recipe"] |= {"twins": twins}
    train(spec, index, None, tmp_path / "checkpoints", tmp_path / "one", Execution(CPU))
    settings = ("--spec", canonical_json(spec), "--index", index, "--checkpoints", tmp_path / "c", "--device", "cpu")
    printed = two_processes("train", *settings, "--out", tmp_path / "two")

    one, two = (load_file(tmp_path / run / "weights.safetensors") for run in ("one", "two"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert torch.allclose(value, two[name], rtol=1e-4, atol=1e-5), name
    histories = [list(csv.DictReader((tmp_path / run / "history.csv").open())) for run in ("one", "two")]
    for row, other in zip(*histories, strict=True):
        shared = set(row) - {"seconds"}
        assert [float(other[k]) for k in shared] == pytest.approx([float(row[k]) for k in shared], rel=1e-4)
    records = [json.loads((tmp_path / run / "run.json").read_text()) for run in ("one", "two")]
    assert [record["processes"] for record in records] == [1, 2]
    # The first alone prints and writes.
    assert printed.count("epoch 2 of 2") == 1
    assert not (tmp_path / "c").exists()


def test_two_processes_score_every_clip_once(spec, index, tmp_path):
    train(spec, index, None, tmp_path / "checkpoints", tmp_path / "run", Execution(CPU))
    asked = {"split": "validation", "protocol": PROTOCOL}
    evaluate([asked], tmp_path / "run", index, [tmp_path / "one.arrow"], CPU)
    settings = ("--spec", canonical_json(asked), "--index", index, "--device", "cpu")
    two_processes("evaluate", *settings, "--run", tmp_path / "run", "--out", tmp_path / "two.arrow")
    one, two = read(tmp_path / "one.arrow"), read(tmp_path / "two.arrow")
    assert one.clips == two.clips and np.allclose(one.scores, two.scores, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 8, 16])
def test_shares_are_all_parts_once_in_order(parts, count):
    shares = [Ranks(number, count).share(parts) for number in range(count)]
    assert [part for share in shares for part in share] == list(range(parts))


def test_processes_that_cannot_share_the_micro_batches_alike_are_refused(spec, index):
    with pytest.raises(TrainingError, match="2 micro-batches of 5, which 3 processes cannot share alike"):
        Training("run", spec, FrameIndex(index), None, Execution(CPU), Ranks(0, 3))
