"""One builder for every variant: a resolved specification in, a network out."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Variant
from stm.config.specification import variant_in_full
from stm.errors import WrongValueError
from stm.models.backbone import ChannelWiseSpatial, Place, ResNet, Spatial
from stm.models.cmm import CMM, SameFrame
from stm.models.cstm import CSTM, OrdinaryCSTM
from stm.models.eco import ECO
from stm.models.i3d import I3D
from stm.models.shift import StreamingShift, TemporalShift
from stm.models.stm import STM, CMMOnly, Concatenation
from stm.models.tea import TEA, res2net_channels

VideoNetwork = ResNet | I3D | ECO


def build(
    variant: Mapping[str, Any], frames: int, classes: int, dropout: float = 0.0, streaming: bool = False
) -> VideoNetwork:
    """The network of a variant.

    Args:
        variant: as `stm.config.specification.variant_departures` gives it.
        frames: T.
        classes: K.
        dropout: probability before the classifier.
        streaming: for one frame of a stream at a time (`frames` is 1): what looks back remembers the frame before.

    Raises:
        ValueError: another backbone than the papers' for a network that stands on none; streaming of a network that
            looks at later frames.
    """
    settings, backbone = variant_in_full(variant)
    if not settings.scales and backbone != PAPER_BACKBONES[settings.depth]:
        raise WrongValueError(f"network = {settings.network!r} has its published size alone: no backbone scales it")
    if streaming and not (settings.causal and frames == 1):
        raise WrongValueError("only a network that looks at no later frame can be streamed, and one frame at a time")
    match settings.network:
        case "i3d":
            return I3D(classes, dropout)
        case "eco":
            return ECO(classes, frames, dropout)

    def middle(place: Place) -> nn.Module:
        temporal = place.stage in settings.stages and (settings.blocks == "all" or place.block == 0)
        return _temporal(settings, backbone, place, frames) if temporal else Spatial(place)

    def shift() -> nn.Module:
        if settings.shift == "none":
            return nn.Identity()
        return StreamingShift() if streaming else TemporalShift(frames, from_next=settings.shift == "both_ways")

    network = ResNet(
        bottleneck=backbone.block == "bottleneck",
        blocks=backbone.blocks,
        width=backbone.width,
        classes=classes,
        frames=frames,
        dropout=dropout,
        middle=middle,
        shift=shift,
        inner=res2net_channels if settings.tea else int,
    )
    return network.to(memory_format=torch.channels_last)


def _temporal(settings: Variant, backbone: Backbone, place: Place, frames: int) -> nn.Module:
    """The part of a block in the place of its 3x3 convolution, in the blocks that the variant makes temporal."""
    if settings.tea:
        return TEA(place, _reduced(backbone, place), frames)
    if settings.cmm == "none":
        return _cstm(settings, place, frames)
    cmm = _cmm(settings, backbone, place, frames)
    if settings.cstm == "none":
        return CMMOnly(Spatial(place), cmm)
    cstm = _cstm(settings, place, frames)
    if settings.fusion == "sum":
        return STM(cstm, cmm)
    return Concatenation(cstm, cmm, place.out_channels, from_sum=settings.fusion == "concatenation_from_sum")


def _cstm(settings: Variant, place: Place, frames: int) -> nn.Module:
    match settings.cstm:
        case "none":
            return Spatial(place)
        case "ordinary":
            return OrdinaryCSTM(place.channels, frames, Spatial(place))
        case "channel_wise_1d_2d":
            return CSTM(place.channels, frames, ChannelWiseSpatial(place))
    return CSTM(place.channels, frames, Spatial(place), fixed=settings.cstm == "fixed")


def _cmm(settings: Variant, backbone: Backbone, place: Place, frames: int) -> nn.Module:
    assert settings.cmm != "none", "a block without CMM asks for none"
    reduced = _reduced(backbone, place)
    if settings.cmm == "same_frame":
        return SameFrame(place.channels, reduced, place.out_channels, place.stride)
    return CMM(
        place.channels,
        reduced,
        place.out_channels,
        frames,
        stride=place.stride,
        kernel=settings.cmm,
        next_minus_current=settings.cmm_sign == "next_minus_current",
    )


def _reduced(backbone: Backbone, place: Place) -> int:
    return max(place.channels // backbone.cmm_reduction, backbone.cmm_least_channels)
