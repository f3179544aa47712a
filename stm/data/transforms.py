"""From stored frames to the network's input: a region of the frame, resized once, the same for all frames of a clip.

Regions are (top, left, height, width) in pixels of the stored frame. The papers scale the short side to 256 first; a
region of the frame in the same proportion makes the same picture without scaling twice, and does not care at which size
frames are stored.
"""

from collections.abc import Sequence

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F
from torch import Tensor

Region = tuple[int, int, int, int]

# Of ImageNet in RGB, for pixels from 0 to 1: what the pretrained weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# Corners, centre, edges and quarters, in quarters of what the region leaves free: TSN's 13 positions.
POSITIONS = (
    *((0, 0), (0, 4), (4, 0), (4, 4), (2, 2)),
    *((2, 0), (2, 4), (4, 2), (0, 2)),
    *((1, 1), (1, 3), (3, 1), (3, 3)),
)


def decode(jpegs: Sequence[bytes]) -> Tensor:
    """JPEG files of one size to (T, 3, H, W) RGB bytes.

    Raises:
        ValueError: a file is damaged.
    """
    frames = np.stack([simplejpeg.decode_jpeg(jpeg, colorspace="RGB") for jpeg in jpegs])
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def multiscale_corner_region(height: int, width: int, scales: Sequence[float], rng: np.random.Generator) -> Region:
    """Draw a region: its sides are short side x scale, the two scales at most one step apart, at one of 13 positions.

    Source: TSN's corner cropping and scale jittering, which section 4.2 of both papers names.
    """
    sides = [max(1, round(min(height, width) * scale)) for scale in scales]
    pairs = [(h, w) for i, h in enumerate(sides) for k, w in enumerate(sides) if abs(i - k) <= 1]
    h, w = pairs[rng.integers(len(pairs))]
    down, right = POSITIONS[rng.integers(len(POSITIONS))]
    return (height - h) * down // 4, (width - w) * right // 4, h, w


def centre_region(height: int, width: int, proportion: float) -> Region:
    """The square in the middle whose side is `proportion` of the short side: 224/256 for the papers' centre crop."""
    side = max(1, round(min(height, width) * proportion))
    return (height - side) // 2, (width - side) // 2, side, side


def spread_regions(height: int, width: int, crops: int) -> list[Region]:
    """Squares of the short side: the middle one, or three from one end of the long side to the other."""
    side = min(height, width)
    if crops == 1:
        return [centre_region(height, width, 1.0)]
    return [((height - side) * k // 2, (width - side) * k // 2, side, side) for k in range(3)]


def crop(frames: Tensor, region: Region, size: int) -> Tensor:
    """(T, 3, H, W) bytes to (T, 3, size, size) bytes of one region, antialiased."""
    top, left, height, width = region
    # Of torch itself, on bytes: loading torchvision for the same operator takes every process four seconds.
    return F.interpolate(
        frames[..., top : top + height, left : left + width], (size, size), mode="bilinear", antialias=True
    )


def normalise(frames: Tensor) -> Tensor:
    """Bytes (..., 3, H, W) to float32 with ImageNet's mean and deviation."""
    mean, std = (torch.tensor(v, device=frames.device).view(3, 1, 1) for v in (MEAN, STD))
    return (frames.float() / 255 - mean) / std
