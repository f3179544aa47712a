"""From stored frames to the network's input: a region of the frame, resized once, the same for all frames of a clip.

Regions are (top, left, height, width) in pixels of the stored frame. The papers scale the short side to 256 first; a
region of the frame in the same proportion makes the same picture without scaling twice, and does not care at which size
frames are stored.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stm.data import jpeg

Region = tuple[int, int, int, int]
# Height and width of the network's input.
Size = Sequence[int]

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
    frames = np.stack([jpeg.decode(data) for data in jpegs])
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def largest_region(height: int, width: int, size: Size) -> Size:
    """Height and width of the largest region in the shape of the input: for a square, of the short side."""
    scale = min(height / size[0], width / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def multiscale_corner_region(
    height: int, width: int, size: Size, scales: Sequence[float], rng: np.random.Generator
) -> Region:
    """Draw a region: the largest one x a scale a side, the two scales at most one step apart, at one of 13 positions.

    Source: TSN's corner cropping and scale jittering, which section 4.2 of both papers names.
    """
    sides = [[max(1, round(side * scale)) for scale in scales] for side in largest_region(height, width, size)]
    pairs = [(h, w) for i, h in enumerate(sides[0]) for k, w in enumerate(sides[1]) if abs(i - k) <= 1]
    h, w = pairs[rng.integers(len(pairs))]
    down, right = POSITIONS[rng.integers(len(POSITIONS))]
    return (height - h) * down // 4, (width - w) * right // 4, h, w


def centre_region(height: int, width: int, size: Size, proportion: float) -> Region:
    """The region in the middle with `proportion` of the largest one's sides: 224/256 for the papers' centre crop."""
    h, w = (max(1, round(side * proportion)) for side in largest_region(height, width, size))
    return (height - h) // 2, (width - w) // 2, h, w


def spread_regions(height: int, width: int, size: Size, crops: int) -> list[Region]:
    """The largest regions: the middle one, or so many that cover the frame from one end to the other."""
    if crops == 1:
        return [centre_region(height, width, size, 1.0)]
    h, w = largest_region(height, width, size)
    return [((height - h) * k // (crops - 1), (width - w) * k // (crops - 1), h, w) for k in range(crops)]


def crop(frames: Tensor, region: Region, size: Size) -> Tensor:
    """(T, 3, H, W) bytes to (T, 3, *size) bytes of one region, antialiased."""
    top, left, height, width = region
    # Of torch itself, on bytes: loading torchvision for the same operator takes every process four seconds.
    region_of_frames = frames[..., top : top + height, left : left + width]
    return F.interpolate(region_of_frames, tuple(size), mode="bilinear", antialias=True)


def normalise(frames: Tensor) -> Tensor:
    """Bytes (..., 3, H, W) to float32 with ImageNet's mean and deviation."""
    mean, std = (torch.tensor(v, device=frames.device).view(3, 1, 1) for v in (MEAN, STD))
    return (frames.float() / 255 - mean) / std
