"""What training does to the pixels of a view, the same for all of its frames. Source: TPAMI 2022, section 4.2."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stm.data.transforms import Size, centre_region, crop, multiscale_corner_region


def augmented(
    frames: Tensor, settings: Mapping[str, Any], size: Size, proportion: float, rng: np.random.Generator
) -> tuple[Tensor, bool]:
    """One view of a clip, and whether its augmentation would mirror it; mirroring is left to the caller.

    Args:
        frames: (T, 3, H, W) bytes.
        settings: the keys of `stm.config.schema.recipes.Augmentation`.
        size: height and width of the network's input.
        proportion: of the largest region's sides that a centre crop takes.
        rng: draws everything, once for all frames.

    Returns:
        (T, 3, *size) bytes; whether `horizontal_flip` was drawn.
    """
    height, width = frames.shape[-2:]
    if settings["crop"] == "centre":
        region = centre_region(height, width, size, proportion)
    else:
        region = multiscale_corner_region(height, width, size, settings["scales"], rng)
    frames = crop(frames, region, size)
    flip = bool(rng.random() < settings["horizontal_flip"])
    if settings["colour_jitter"] is not None and rng.random() < settings["colour_jitter"]["probability"]:
        frames = jittered(frames, settings["colour_jitter"], rng)
    if settings["grayscale"] and rng.random() < settings["grayscale"]:
        from torchvision.transforms.v2 import functional

        frames = functional.rgb_to_grayscale(frames, num_output_channels=3)
    return frames, flip


def jittered(frames: Tensor, strengths: Mapping[str, float], rng: np.random.Generator) -> Tensor:
    """Brightness, contrast, saturation and hue, each by a drawn amount and in a drawn order, as torchvision's
    `ColorJitter` does it to one image; made bytes again once, at the end.

    Args:
        frames: (T, 3, H, W) bytes.
        strengths: the keys of `stm.config.schema.recipes.ColourJitter`.
        rng: draws the amounts and the order.
    """
    # Loading torchvision takes a process four seconds: only the recipes that need it pay.
    from torchvision.transforms.v2 import functional

    names = ("brightness", "contrast", "saturation", "hue")
    amounts = [_amount(name, strengths[name], rng) for name in names]
    # On bytes torchvision's operators take three to ten times as long.
    colours = functional.to_dtype(frames, torch.float32, scale=True)
    for k in rng.permutation(len(names)):
        if strengths[names[k]]:
            adjust = hue_shifted if names[k] == "hue" else getattr(functional, f"adjust_{names[k]}")
            colours = adjust(colours, amounts[k])
    return functional.to_dtype(colours, torch.uint8, scale=True)


def hue_shifted(colours: Tensor, shift: float) -> Tensor:
    """What torchvision's `adjust_hue` makes, without its six copies of the image, in 0.4 of the time.

    A channel is the pixel's highest value less its range x a trapezium of the distance between the pixel's hue and the
    channel's. Source: the closed form of HSV to RGB, Smith, SIGGRAPH 1978.

    Args:
        colours: (..., 3, H, W) from 0 to 1.
        shift: in turns of the colour circle.
    """
    red, green, blue = colours.unbind(-3)
    # Pair by pair: torch's own reduction over three channels is ten times as slow.
    high = torch.maximum(torch.maximum(red, green), blue)
    spread = high - torch.minimum(torch.minimum(red, green), blue)
    per = spread.clamp(min=torch.finfo(spread.dtype).tiny).reciprocal_()
    hue = torch.where(
        high == red,
        (green - blue) * per,
        torch.where(high == green, (blue - red) * per + 2, (red - green) * per + 4),
    ).div_(6)
    channels = []
    for place in (5, 3, 1):
        turns = hue + (place / 6 + shift)
        # The fractional part in sixths; torch's own remainder is four times as slow.
        sixths = turns.sub_(turns.floor()).mul_(6)
        channels.append(high - spread * sixths.sub_(2).abs_().neg_().add_(2).clamp_(0, 1))
    return torch.stack(channels, -3)


def _amount(name: str, strength: float, rng: np.random.Generator) -> float:
    """A shift of hue around none, a factor around 1 for the others."""
    return rng.uniform(-strength, strength) if name == "hue" else rng.uniform(max(0.0, 1 - strength), 1 + strength)
