"""One builder for every variant: a resolved specification in, a network out."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from stm.models.backbone import Place, ResNet, Spatial
from stm.models.cmm import CMM
from stm.models.cstm import CSTM
from stm.models.stm import STM, CMMOnly


def build(variant: Mapping[str, Any], frames: int, classes: int, dropout: float = 0.0) -> ResNet:
    """The network of a variant.

    Args:
        variant: the keys of `stm.config.schema.Variant`, and `backbone` with those of `Backbone`.
        frames: T.
        classes: K.
        dropout: probability before the classifier.
    """
    backbone = variant["backbone"]

    def cstm(place: Place) -> nn.Module:
        return CSTM(place.channels, frames, Spatial(place))

    def cmm(place: Place) -> nn.Module:
        return CMM(
            place.channels,
            place.out_channels,
            frames,
            reduction=backbone["cmm_reduction"],
            least_channels=backbone["cmm_least_channels"],
            stride=place.stride,
            next_minus_current=variant["cmm_sign"] == "next_minus_current",
        )

    def middle(place: Place) -> nn.Module:
        match (variant["cstm"], variant["cmm"]):
            case ("none", "none"):
                return Spatial(place)
            case ("channel_wise", "none"):
                return cstm(place)
            case ("none", "channel_wise"):
                return CMMOnly(Spatial(place), cmm(place))
            case ("channel_wise", "channel_wise"):
                return STM(cstm(place), cmm(place))
        raise ValueError(f"cstm = {variant['cstm']!r} with cmm = {variant['cmm']!r} is no network that can be built")

    network = ResNet(
        bottleneck=backbone["block"] == "bottleneck",
        blocks=backbone["blocks"],
        width=backbone["width"],
        classes=classes,
        frames=frames,
        dropout=dropout,
        middle=middle,
    )
    return network.to(memory_format=torch.channels_last)
