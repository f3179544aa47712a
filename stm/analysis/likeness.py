"""How alike two maps of a clip are, and how much of a map's energy lies in a region.

Shape letters: T frames, P = T - 1 pairs of neighbouring ones, C channels, H and W cells of a map. A map is float
(P, H, W) and nowhere negative: the magnitude of features over their channels, of flow over its directions.
"""

import numpy as np
from scipy import ndimage


def two_point_spectrum(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The low and the high temporal frequency of every two neighbouring frames, (P, C, H, W) each.

        low[t] = F[t] + F[t + 1];   high[t] = F[t] - F[t + 1]

    Source: TPAMI 2022, equation 7.

    Args:
        features: F, (T, C, H, W).
    """
    return features[:-1] + features[1:], features[:-1] - features[1:]


def magnitude(features: np.ndarray) -> np.ndarray:
    """The length of every cell's vector of channels: (..., C, H, W) to (..., H, W)."""
    return np.linalg.norm(features, axis=-3)


def correlation(found: np.ndarray, reference: np.ndarray) -> float:
    """Pearson's correlation over the cells of a pair of frames, its mean over the pairs in which `reference` varies.

    A map that is the same everywhere says nothing of where: it counts as 0. NaN where `reference` varies in no pair.

    Args:
        found, reference: two maps of one clip.
    """
    ours, theirs = (_standardised(maps) for maps in (found, reference))
    varies = np.abs(theirs).sum(axis=1) > 0
    return float((ours * theirs).mean(axis=1)[varies].mean()) if varies.any() else float("nan")


def _standardised(maps: np.ndarray) -> np.ndarray:
    """(P, H*W), each pair with mean 0 and deviation 1, or all 0 where the map is the same everywhere."""
    cells = maps.reshape(len(maps), -1).astype(float)
    centred = cells - cells.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    # Below that, what is left of a constant is rounding.
    varies = deviation > 1e-6 * np.abs(cells).max(axis=1, keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=varies)


def energy_share(found: np.ndarray, region: np.ndarray) -> float:
    """Which part of a map's energy, its squared magnitude, lies in a region; of a map without any, as of an even one.

    NaN where there is no region.

    Args:
        found: a map.
        region: of its shape, from 0 to 1: how much of each cell belongs to the region.
    """
    if not region.any():
        return float("nan")
    energy = found.astype(float) ** 2
    return float((energy * region).sum() / energy.sum()) if energy.any() else float(region.mean())


def regions(masks: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Where something is seen in either frame of a pair, and where its outline runs in either: bool (P, H, W) each.

    Args:
        masks: where it is seen, bool (T, H, W).
        width: how far the outline reaches to either side, in pixels. The frame's own border is no outline.
    """
    square = np.ones((3, 3), bool)
    outlines = [
        ndimage.binary_dilation(mask, square, width) & ~ndimage.binary_erosion(mask, square, width, border_value=1)
        for mask in masks
    ]
    edge = np.stack(outlines)
    return masks[:-1] | masks[1:], edge[:-1] | edge[1:]
