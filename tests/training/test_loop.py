import copy
import csv
import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from stm.data.dataset import MicroBatches
from stm.files import canonical_json
from stm.training.checkpoint import save_checkpoint
from stm.training.loop import Execution, Training, TrainingError

from .runs import CPU, history, same, trained


def test_two_runs_of_one_seed_are_the_same_to_the_bit_and_of_two_seeds_are_not(spec, index, tmp_path):
    first = trained(spec, index, tmp_path / "a")
    assert same(first, trained(spec, index, tmp_path / "b"))
    spec["seed"] = 1
    assert not same(first, trained(spec, index, tmp_path / "c"))


def test_the_number_of_loader_workers_changes_nothing(spec, index, tmp_path):
    assert same(trained(spec, index, tmp_path / "a"), trained(spec, index, tmp_path / "b", workers=2))


@pytest.mark.parametrize("kind", ["plain", "twins"])
@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_resumed_run_ends_with_the_weights_and_the_history_of_an_undisturbed_one(
    spec, twins_spec, index, tmp_path, step, kind
):
    class Killed(Exception):
        pass

    settings = {"plain": spec, "twins": twins_spec}[kind]
    whole = trained(settings, index, tmp_path / "whole")
    original = Training._step

    def step_or_die(self, loader):
        if self.progress.step == step and not self.progress.resumed:
            raise Killed
        original(self, loader)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_step", step_or_die)
        with pytest.raises(Killed):
            trained(settings, index, tmp_path / "killed", checkpoint_seconds=0)
        assert same(whole, trained(settings, index, tmp_path / "killed", checkpoint_seconds=0))
    assert not (tmp_path / "killed/checkpoints").exists()
    assert history(tmp_path / "whole") == history(tmp_path / "killed") and len(history(tmp_path / "whole")) == 2
    assert json.loads((tmp_path / "killed/run/run.json").read_text())["resumed"] == 1


def test_a_killed_process_resumes_to_the_same_weights(spec, index, tmp_path):
    whole = trained(spec, index, tmp_path / "whole")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "stm", "train", "--spec", canonical_json(spec), "--index", str(index)]
    command += ["--checkpoints", str(out / "checkpoints"), "--out", str(out / "run"), "--checkpoint-seconds", "0.001"]
    command += ["--device", "cpu"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 60
    while not list(out.glob("checkpoints/*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(out.glob("checkpoints/*.safetensors")) and not (out / "run/weights.safetensors").exists()
    subprocess.run(command, check=True)
    assert same(whole, load_file(out / "run/weights.safetensors"))
    assert json.loads((out / "run/run.json").read_text())["resumed"] == 1


def test_a_checkpoint_of_other_settings_is_left_alone(spec, index, tmp_path):
    other = copy.deepcopy(spec)
    other["recipe"]["learning_rate"] = 0.01
    training = Training("other", other, _opened(index), None, Execution(CPU))
    for parameter in training.network.parameters():
        parameter.data.zero_()
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    save_checkpoint(
        tmp_path / "run/checkpoints/0123456789abcdef.safetensors",
        training.network,
        training.optimiser,
        training.progress,
    )
    assert same(trained(spec, index, tmp_path / "run"), trained(spec, index, tmp_path / "clean"))


def test_accumulation_over_micro_batches_is_the_gradient_of_the_whole_batch(spec, index):
    # Without BN's batch statistics and dropout, how a global batch is cut must not matter beyond rounding.
    spec["recipe"]["dropout"] = 0.0
    gradients = []
    for micro in (10, 5, 2):
        spec["recipe"]["micro_batch"] = micro
        training = Training("cut", spec, _opened(index), None, Execution(CPU))
        training.network.eval().double()
        loader = ((frames, labels) for frames, labels in training._loader())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stm.training.loop.normalise", lambda frames: frames.double() / 255 - 0.5)
            patch.setattr(training.optimiser, "step", lambda: None)
            patch.setattr(training.optimiser, "zero_grad", lambda set_to_none: None)
            spec["recipe"]["gradient_norm_limit"] = None
            training._step(loader)
        gradients.append(torch.cat([p.grad.flatten() for p in training.network.parameters()]))
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-6, atol=1e-9)
    assert torch.allclose(gradients[0], gradients[2], rtol=1e-6, atol=1e-9)


def test_a_loss_that_is_not_finite_stops_the_run_and_writes_no_weights(spec, index, tmp_path):
    spec["recipe"]["learning_rate"] = 1e30
    with pytest.raises(TrainingError, match="at step .* A lower learning_rate"):
        trained(spec, index, tmp_path)
    assert not (tmp_path / "run/weights.safetensors").exists()


def test_the_record_says_where_a_run_comes_from(spec, index, tmp_path):
    trained(spec, index, tmp_path)
    record = json.loads((tmp_path / "run/run.json").read_text())
    assert record["spec"] == spec and record["train_clips"] == 24 and record["steps"] == 6
    assert record["classes"] == _opened(index).classes and record["data_digest"] == _opened(index).digest
    assert list(record["decoder_versions"]) == ["av", "decord", "pillow", "simplejpeg"]
    assert record["provenance"]["torch"] == torch.__version__ and record["provenance"]["threads"] == 1


def test_a_training_learns_what_can_be_learned(spec, index, tmp_path):
    spec["recipe"] |= {
        "epochs": 30,
        "decay_epochs": [],
        "dropout": 0.0,
        "augmentation": {**spec["recipe"]["augmentation"], "crop": "centre"},
    }
    trained(spec, index, tmp_path)
    rows = list(csv.DictReader((tmp_path / "run/history.csv").open()))
    assert float(rows[-1]["train_top1"]) > 60 > 25 + float(rows[0]["loss"])  # four classes


def _opened(index):
    from stm.data.shards import FrameIndex

    return FrameIndex(index)


def test_every_epoch_shows_every_clip_once_in_an_order_of_its_own():
    batches = MicroBatches(range(23), seed=0, epochs=3, global_batch=10, micro_batch=4)
    items = [item for batch in batches for item in batch]
    orders = [[row for epoch, row in items if epoch == k] for k in range(3)]
    assert all(sorted(order) == list(range(23)) for order in orders) and orders[0] != orders[1] != orders[2]
    assert [len(batch) for batch in batches][:8] == [4, 4, 2, 4, 4, 2, 3, 4]


@pytest.mark.parametrize("step", range(9))
def test_a_sampler_that_starts_later_goes_on_where_the_whole_one_is(step):
    def made(first):
        return MicroBatches(range(23), seed=5, epochs=3, global_batch=10, micro_batch=4, step=first)

    before = sum(len(made(0).sizes(k)) for k in range(step))
    assert list(made(step)) == list(made(0))[before:]
