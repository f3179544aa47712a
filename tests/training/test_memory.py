"""Out of memory: the step is made again with less held, and comes out the same."""

import json

import pytest
import torch
from safetensors.torch import load_file

from stm.models.backbone import ResNet
from stm.models.builder import build
from stm.training.loop import Execution, train
from stm.training.memory import MemoryShortageError, held_bytes, recomputed

CPU = torch.device("cpu")
TWINS = {"correlation_weight": 0.01, "off_diagonal_weight": 0.0039, "centred": False, "chosen_for_classes": 174}


class TooLarge(torch.autograd.Function):
    """The identity; memory runs out on the way back through it."""

    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def trained(spec, index, folder):
    train(spec, index, None, folder / "checkpoints", folder / "run", Execution(CPU))
    return load_file(folder / "run/weights.safetensors"), json.loads((folder / "run/run.json").read_text())


@pytest.fixture(params=["forward", "backward", "of the CPU"])
def little_memory(request, monkeypatch):
    """Memory runs out once, from a network's fifth pass on, when it has changed its statistics. How each pass went."""
    after_stem, passes = ResNet.after_stem, []

    def watched(self, x):
        passes.append(self.through.__name__)
        out = after_stem(self, x)
        way_back = request.param == "backward"
        if len(passes) < 5 or "out of memory" in passes or (way_back and not torch.is_grad_enabled()):
            return out
        passes.append("out of memory")
        if way_back:
            return TooLarge.apply(out)
        if request.param == "of the CPU":
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried it")
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(ResNet, "after_stem", watched)
    return passes


@pytest.mark.parametrize("recipe", [{}, {"twins": TWINS}, {"twins": TWINS, "micro_batch": 10}])
def test_a_training_that_runs_out_of_memory_goes_on_to_the_same_weights_and_says_so(
    spec, index, tmp_path, recipe, little_memory, capsys
):
    spec["recipe"] |= recipe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResNet, "after_stem", lambda self, x: _plain(self, x))
        whole, record = trained(spec, index, tmp_path / "whole")
    assert record["steps_recomputed"] == 0
    capsys.readouterr()
    found, record = trained(spec, index, tmp_path / "little")
    said = capsys.readouterr().out
    assert said.count("out of memory (") == 1 and "activations are made a second time" in said
    shortage = little_memory.index("out of memory")
    assert set(little_memory[:shortage]) == {"plainly"} and set(little_memory[shortage + 1 :]) == {"recomputed"}
    assert record["steps_recomputed"] > 0
    assert whole.keys() == found.keys() and all(torch.equal(whole[name], found[name]) for name in whole)


def _plain(network, x):
    for stage in range(network.stages):
        x = network.get_submodule(f"layer{stage + 1}")(x)
    return x.mean((2, 3))


def test_the_activations_are_not_held(spec, index, tmp_path, monkeypatch):
    """What the graph keeps for the way back, in bytes."""
    network = build(spec["variant"], spec["frames"], 4)
    clips = torch.randn(2, spec["frames"], 3, 32, 32)
    kept = {}
    for name, through in (("plain", network.through), ("recomputed", recomputed)):
        network.through = through
        kept[name] = held_bytes(lambda: network(clips)) - held_bytes(lambda: network(clips[:1]))
    assert kept["recomputed"] < 0.5 * kept["plain"]


def test_a_step_that_does_not_fit_even_so_ends_the_training_with_what_can_be_done(spec, index, tmp_path, monkeypatch):
    def full(self, x):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has")

    monkeypatch.setattr(ResNet, "after_stem", full)
    with pytest.raises(MemoryShortageError, match="CUDA out of memory.*checkpoint is kept.*`extends:`.*micro_batch"):
        trained(spec, index, tmp_path)
    assert not (tmp_path / "run").exists()


def test_other_errors_of_a_step_are_no_shortage_of_memory(spec, index, tmp_path, monkeypatch):
    def wrong(self, x):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(ResNet, "after_stem", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        trained(spec, index, tmp_path)
