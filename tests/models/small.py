"""Every variant with a small backbone, and at the papers' size without numbers."""

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from stm.config.loading import read_yaml, validated
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Models
from stm.config.specification import variant_departures
from stm.models.builder import VideoNetwork, build

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = validated(Models, read_yaml(CONFIG / "models.yaml")).variants
# A sixteenth as wide as the papers', with the fewest blocks that still tell `first` from `all`.
BLOCKS = [2, 1, 1, 1]
SMALL = {
    depth: Backbone(block=paper.block, blocks=BLOCKS, width=4, cmm_least_channels=2)
    for depth, paper in PAPER_BACKBONES.items()
}

every_variant = pytest.mark.parametrize("name", VARIANTS)


def built(name: str, frames: int = 3, classes: int = 5, backbones=SMALL, seed: int = 0) -> VideoNetwork:
    torch.manual_seed(seed)
    backbones = backbones if VARIANTS[name].scales else PAPER_BACKBONES
    return build(variant_departures(VARIANTS[name], backbones[VARIANTS[name].depth]), frames, classes)


@cache
def full_size(name: str) -> VideoNetwork:
    """The papers' network for Something-Something v1, shapes without numbers."""
    with torch.device("meta"):
        return built(name, 8, 174, PAPER_BACKBONES)


def shapes(network: VideoNetwork) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in network.named_parameters()}


def settled(module: nn.Module) -> nn.Module:
    """In evaluation mode, in float64, with norms and classifiers that are not those of the start."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            part.weight.data.normal_()
            part.bias.data.normal_()
        if isinstance(part, nn.Linear):
            part.weight.data.normal_()
    return module.eval().double()
