"""What moves in the clips of a dataset, by no network: TV-L1 flow, differences of frames, and drawn movers.

Maps of features are held against these. They are kept at the places that the networks' stem looks at, every fourth
pixel, and of the few clips that are drawn in full.

Shape letters: n clips, d of them drawn, T frames a clip, P = T - 1 pairs of neighbouring ones, H and W pixels of the
network's input, h and w places of the stem.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from skimage.registration import optical_flow_tvl1

from stm.analysis.likeness import regions, two_point_spectrum
from stm.analysis.mapsfile import write_maps_file
from stm.config.signals import ENERGY_SHARES, OF_FRAMES, STEP
from stm.data.sampling import segment_frames
from stm.data.shards import FrameIndex
from stm.data.synthetic import movers
from stm.data.transforms import centre_region, crop, decode
from stm.files import digest

# Of ITU-R BT.601: how bright red, green and blue are.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# An outline reaches so far to either side, in parts of the frame's side: half of the stem's step at 56 pixels.
OUTLINE = 1 / 28


def write_motion(spec: dict[str, Any], index_path: Path, out: Path) -> None:
    """Write `flow`, `frame_low` and `frame_high` (n, P, h, w), of a drawn dataset also `inside` and `edge`; of the
    drawn clips the two frames of one pair, their flow and movers in full.

    Args:
        spec: of `stm.config.products.Motion`.
        index_path: of the dataset.
        out: a safetensors file; its metadata name the clips, their classes and groups.
    """
    index = FrameIndex(index_path)
    rows = chosen(index, index.select(spec["split"]), spec["clips"])
    clips = [index.clip(int(row)) for row in rows]
    drawn = drawn_clips([clip.clip for clip in clips], [clip.label for clip in clips], spec["drawn"])
    pair = drawn_pair(spec["frames"])
    masks = movers(spec["render"], [clip.clip for clip in clips]) if spec["render"] else {}
    kept: dict[str, list[np.ndarray]] = {}
    for i, (row, clip) in enumerate(zip(rows, clips, strict=True)):
        seen = _seen(spec, index, row, masks.get(clip.clip))
        for name, planes in _maps(seen).items():
            kept.setdefault(name, []).append(at_stem(planes))
        if i in drawn:
            kept.setdefault("drawn.frames", []).append(seen.frames[pair : pair + 2])
            kept.setdefault("drawn.flow", []).append(seen.flow[pair])
            if seen.mover is not None:
                kept.setdefault("drawn.mover", []).append(seen.mover[pair : pair + 2].astype(np.uint8))
        if (i + 1) % 50 == 0:
            print(f"{i + 1} of {len(rows)} clips", flush=True)
    about = {
        "spec": spec,
        "clips": [clip.clip for clip in clips],
        "classes": [index.classes[clip.label] for clip in clips],
        "groups": [clip.group or clip.clip for clip in clips],
        "drawn": drawn,
        "numbers": [segment_frames(clips[i].frames, spec["frames"])[pair : pair + 2].tolist() for i in drawn],
        "data_digest": index.digest,
    }
    write_maps_file(out, {name: np.stack(planes) for name, planes in kept.items()}, about)


class Seen(NamedTuple):
    """What a network sees of a clip: frames (T, 3, H, W) bytes, grey (T, H, W), flow (P, H, W), mover (T, H, W)."""

    frames: np.ndarray
    grey: np.ndarray
    flow: np.ndarray
    mover: np.ndarray | None


def _seen(spec: dict[str, Any], index: FrameIndex, row: int, mask: np.ndarray | None) -> Seen:
    """One clip; `mask` is where the mover is in all of its frames, at the size that they are stored in."""
    numbers, size = segment_frames(index.clip(row).frames, spec["frames"]), spec["crop_size"]
    stored = decode(index.read(row, numbers))
    height, width = stored.shape[-2:]
    region = centre_region(height, width, size, size[0] / spec["short_side"])
    frames = crop(stored, region, size).numpy()
    grey = np.tensordot(frames.astype(np.float32) / 255, LUMA, ([1], [0]))
    flow = np.stack([_flow(grey[t], grey[t + 1]) for t in range(len(grey) - 1)])
    mover = None
    if mask is not None:
        mover = crop(torch.from_numpy(mask[numbers]).byte()[:, None] * 255, region, size).numpy()[:, 0] >= 128
    return Seen(frames, grey, flow, mover)


def _maps(seen: Seen) -> dict[str, np.ndarray]:
    """By name, what features are held against, each (P, H, W)."""
    low, high = two_point_spectrum(seen.grey[:, None])
    found = dict(zip(OF_FRAMES, (seen.flow, low[:, 0], np.abs(high[:, 0])), strict=True))
    if seen.mover is not None:
        outline = max(1, round(OUTLINE * min(seen.mover.shape[1:])))
        found |= dict(zip(ENERGY_SHARES, (p.astype(np.float32) for p in regions(seen.mover, outline)), strict=True))
    return found


def chosen(index: FrameIndex, rows: Sequence[int] | np.ndarray, clips: int) -> list[int]:
    """At most so many rows, those of which a hash of the clip's id comes first, in their own order."""
    first = sorted((int(row) for row in rows), key=lambda row: digest(index.clip(row).clip))[:clips]
    return sorted(first)


def drawn_clips(clips: Sequence[str], labels: Sequence[int], count: int) -> list[int]:
    """Positions of the clips that are drawn: the first by a hash of their ids of as many classes; nobody chooses."""
    of_class: dict[int, int] = {}
    for i in sorted(range(len(clips)), key=lambda i: digest(clips[i])):
        of_class.setdefault(labels[i], i)
    return sorted(list(of_class.values())[:count])


def drawn_pair(frames: int) -> int:
    """Which pair of neighbouring frames is drawn: the middle one, where most actions are under way."""
    return (frames - 1) // 2


def at_stem(planes: np.ndarray) -> np.ndarray:
    """(..., H, W) to (..., h, w): the mean of the 5x5 pixels around each place that the networks' stem looks at.

    Those are the pixels 0, 4, 8 ...: of two layers with stride 2, each of which is centred on its pixel.
    """
    flat = torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)).flatten(0, -3)[:, None]
    pooled = F.avg_pool2d(flat, 5, stride=STEP, padding=2, count_include_pad=False)[:, 0]
    return pooled.unflatten(0, planes.shape[:-2]).numpy()


def _flow(one: np.ndarray, following: np.ndarray) -> np.ndarray:
    """How many pixels each pixel of a grey frame moves until the next one, (H, W), by TV-L1.

    Source: Zach, Pock and Bischof, DAGM 2007; scikit-image's, with its settings.
    """
    return np.linalg.norm(optical_flow_tvl1(one, following), axis=0)
