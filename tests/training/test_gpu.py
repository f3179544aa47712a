"""Trainings on a real GPU: the same weights twice, and what happens when its memory runs out."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from stm.files import canonical_json, file_digest
from stm.models.backbone import ResNet
from stm.training.loop import Execution, train

from ..gpus import ON_A_GPU
from .runs import same

pytestmark = ON_A_GPU


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_trainings_end_with_the_same_bytes_or_torch_says_which_operator_has_no_repeatable_form(
    spec, index, tmp_path, precision
):
    spec["recipe"]["precision"] = precision
    weights, said = [], ""
    for name in ("one", "other"):
        out = tmp_path / name
        command = [sys.executable, "-m", "stm", "train", "--spec", canonical_json(spec), "--index", str(index)]
        command += ["--checkpoints", str(out / "checkpoints"), "--out", str(out / "run"), "--device", "cuda"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        said += result.stderr
        weights.append(out / "run/weights.safetensors")
    if file_digest(weights[0]) != file_digest(weights[1]):
        one, other = map(load_file, weights)
        apart = max(float((one[name].double() - other[name].double()).abs().max()) for name in one)
        assert "does not have a deterministic implementation" in said, f"weights differ by up to {apart}, unsaid"
        pytest.xfail(f"weights differ by up to {apart}: {said}")


def test_a_training_for_which_the_device_has_too_little_memory_once_ends_with_the_same_weights(
    spec, index, tmp_path, monkeypatch, capsys
):
    """The error is the device's own, of an allocation that none has room for."""

    def trained(name):
        train(
            spec, index, None, tmp_path / name / "checkpoints", tmp_path / name / "run", Execution(torch.device("cuda"))
        )
        return load_file(tmp_path / name / "run/weights.safetensors")

    whole = trained("whole")
    after_stem, passes = ResNet.after_stem, []

    def short_of_memory_once(self, x):
        passes.append(x.shape)
        if len(passes) == 5:
            torch.empty(2**50, dtype=torch.uint8, device=x.device)
        return after_stem(self, x)

    monkeypatch.setattr(ResNet, "after_stem", short_of_memory_once)
    assert same(whole, trained("short"))
    assert "from this step on activations are made a second time" in capsys.readouterr().out
