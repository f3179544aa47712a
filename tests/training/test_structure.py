"""What TPAMI says of Twins Training itself and can be proved: claims of kind *structure* name these tests."""

import pytest
import torch
from safetensors.torch import load_file

from stm.config.schema.recipes import Twins
from stm.training.loop import Execution, train
from stm.training.twins import correlation


def trained(spec, index, folder) -> dict[str, torch.Tensor]:
    train(spec, index, None, folder / "checkpoints", folder / "run", Execution(torch.device("cpu")))
    return load_file(folder / "run" / "weights.safetensors")


def test_twins_training_leaves_the_network_as_it_is(spec, index, tmp_path):
    without = trained(spec, index, tmp_path / "without")
    spec["recipe"]["twins"] = Twins().model_dump()
    twins = trained(spec, index, tmp_path / "twins")
    # Other values in the same places: what evaluates the one evaluates the other, at the same cost.
    assert {name: value.shape for name, value in twins.items()} == {k: v.shape for k, v in without.items()}
    assert any(not torch.equal(twins[name], without[name]) for name in twins)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("clips", [1, 2, 40])
def test_entries_of_the_correlation_matrix_lie_between_minus_1_and_1(clips, centred):
    torch.manual_seed(0)
    first, second = torch.randn(2, clips, 7) * 100 + 3
    matrix = correlation(first, second, centred)
    assert matrix.shape == (7, 7)
    assert matrix.abs().max() <= 1 + 1e-6
    assert torch.allclose(correlation(first, first).diagonal(), torch.ones(7))
    assert torch.allclose(correlation(first, -first).diagonal(), -torch.ones(7))
