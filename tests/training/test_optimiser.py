import pytest
import torch

from stm.models.builder import build
from stm.training.optimiser import build_optimiser, learning_rate, parameter_groups, set_learning_rate


@pytest.fixture
def network(spec):
    return build(spec["variant"], 4, 5)


def group_of(network, groups) -> dict[str, dict]:
    names = {p: n for n, p in network.named_parameters()}
    return {names[p]: group for group in groups for p in group["params"]}


def test_every_parameter_is_in_one_group(network, spec):
    parameters = [p for group in parameter_groups(network, spec["recipe"]) for p in group["params"]]
    assert len(parameters) == len(set(parameters)) == len(list(network.parameters()))


def test_the_tsn_family_s_factors_and_decays(network, spec):
    recipe = spec["recipe"] | {
        "bias_learning_rate_factor": 2.0,
        "classifier_learning_rate_factor": 5.0,
        "decay_biases_and_norms": False,
    }
    found = group_of(network, parameter_groups(network, recipe))
    said = {
        name: (found[name]["factor"], found[name]["weight_decay"])
        for name in (
            "conv1.weight",
            "bn1.weight",
            "bn1.bias",
            "fc.weight",
            "fc.bias",
            "layer1.0.middle.cmm.norm.weight",
        )
    }
    assert said == {
        "conv1.weight": (1.0, 5e-4),
        "bn1.weight": (1.0, 0.0),
        "bn1.bias": (1.0, 0.0),
        "fc.weight": (5.0, 5e-4),
        "fc.bias": (10.0, 0.0),
        "layer1.0.middle.cmm.norm.weight": (1.0, 0.0),
    }
    assert found["layer1.0.middle.cstm.kernel"]["weight_decay"] == 5e-4


def test_the_rate_falls_at_the_papers_epochs(spec):
    recipe = spec["recipe"] | {"learning_rate": 0.01, "decay_epochs": [30, 40, 45]}
    rates = [learning_rate(recipe, epoch) for epoch in (0, 29, 30, 39, 40, 44, 45, 49)]
    assert rates == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_a_step_is_sgd_with_momentum_and_decay(network, spec):
    optimiser = build_optimiser(network, spec["recipe"])
    set_learning_rate(optimiser, 0.5)
    weight = network.conv1.weight
    before, gradient = weight.detach().clone(), torch.randn_like(weight)
    for _ in range(2):
        weight.grad = gradient.clone()
        optimiser.step()
    decay = spec["recipe"]["weight_decay"]
    first = gradient + decay * before
    middle = before - 0.5 * first
    expected = middle - 0.5 * (0.9 * first + gradient + decay * middle)
    assert torch.allclose(weight, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "weights", "norms"),
    [
        (
            {"cstm": "channel_wise", "cmm": "ordinary", "fusion": "concatenation"},
            {"weight", "cstm.kernel"},
            {"cmm.norm"},
        ),
        ({"cstm": "channel_wise_1d_2d"}, {"kernel", "spatial.depthwise.weight"}, {"spatial.norm"}),
        ({"cstm": "ordinary", "cmm": "fixed"}, {"cstm.kernel", "cmm.expand.weight"}, {"cmm.norm", "cstm.spatial.bn"}),
    ],
)
def test_own_weights_of_every_variant_are_decayed_and_its_norms_are_not(spec, settings, weights, norms):
    variant = {**settings, "backbone": spec["variant"]["backbone"]}
    recipe = spec["recipe"] | {"bias_learning_rate_factor": 2.0, "decay_biases_and_norms": False}
    made = build(variant, 4, 5)
    found = group_of(made, parameter_groups(made, recipe))
    assert len(found) == len(list(made.parameters()))
    for name in weights:
        group = found[f"layer2.0.middle.{name}"]
        assert (group["factor"], group["weight_decay"]) == (1.0, 5e-4), name
    for name in [f"{norm}.{part}" for norm in norms for part in ("weight", "bias")]:
        group = found[f"layer2.0.middle.{name}"]
        assert (group["factor"], group["weight_decay"]) == (1.0, 0.0), name
