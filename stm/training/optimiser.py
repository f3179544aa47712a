"""SGD with the TSN family's groups of parameters, and steps in the learning rate."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def parameter_groups(network: nn.Module, recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All parameters, in groups of one learning-rate factor and one weight decay.

    Biases learn `bias_learning_rate_factor` times as fast, the classifier `classifier_learning_rate_factor` times (its
    bias by both). Biases and the weights of norms are decayed only where `decay_biases_and_norms` says so.
    """
    norms = {f"{name}.weight" for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d)}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        bias = name.endswith(".bias")
        norm = name in norms or name.removesuffix(".bias") + ".weight" in norms
        factor = recipe["classifier_learning_rate_factor"] if name.startswith("fc.") else 1.0
        factor *= recipe["bias_learning_rate_factor"] if bias and not norm else 1.0
        decayed = recipe["decay_biases_and_norms"] or not (bias or norm)
        groups.setdefault((factor, decayed), []).append(parameter)
    return [
        {"params": parameters, "factor": factor, "weight_decay": recipe["weight_decay"] if decayed else 0.0}
        for (factor, decayed), parameters in groups.items()
    ]


def build_optimiser(network: nn.Module, recipe: Mapping[str, Any]) -> torch.optim.SGD:
    """SGD with momentum over `parameter_groups`; the rate is set before every step."""
    return torch.optim.SGD(parameter_groups(network, recipe), lr=recipe["learning_rate"], momentum=recipe["momentum"])


def learning_rate(recipe: Mapping[str, Any], epoch: int) -> float:
    """Of an epoch, counted from 0: divided at each of `decay_epochs`."""
    passed = sum(epoch >= decay for decay in recipe["decay_epochs"])
    return recipe["learning_rate"] * recipe["decay_factor"] ** passed


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
