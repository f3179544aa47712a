"""What training does to the pixels of a view, the same for all of its frames. Source: TPAMI 2022, section 4.2."""

from collections.abc import Mapping
from typing import Any

import numpy as np
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
    `ColorJitter` does it to one image.

    Args:
        frames: (T, 3, H, W) bytes.
        strengths: the keys of `stm.config.schema.recipes.ColourJitter`.
        rng: draws the amounts and the order.
    """
    # Loading torchvision takes a process four seconds: only the recipes that need it pay.
    from torchvision.transforms.v2 import functional

    names = ("brightness", "contrast", "saturation", "hue")
    amounts = [_amount(name, strengths[name], rng) for name in names]
    for k in rng.permutation(len(names)):
        if strengths[names[k]]:
            frames = getattr(functional, f"adjust_{names[k]}")(frames, amounts[k])
    return frames


def _amount(name: str, strength: float, rng: np.random.Generator) -> float:
    """A shift of hue around none, a factor around 1 for the others."""
    return rng.uniform(-strength, strength) if name == "hue" else rng.uniform(max(0.0, 1 - strength), 1 + strength)
