"""Frames from sprites that move along tracks.

All positions and sizes are fractions of the frame's side, x to the right and y down, so one scene can be drawn at any
size. T is the number of frames, S the frame's side in pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

Path = np.ndarray | float  # one value a frame, shape (T,), or one for all


@dataclass(frozen=True)
class Track:
    """A sprite and where it is in each frame.

    Args:
        sprite: RGBA, square.
        x, y: centre, fraction of the side.
        size: side at which the sprite is drawn, fraction of the frame's side.
        angle: degrees, clockwise as seen.
        opacity: 0 to 1.
    """

    sprite: Image.Image
    x: Path = 0.5
    y: Path = 0.5
    size: Path = 1.0
    angle: Path = 0.0
    opacity: Path = 1.0


class Composition(NamedTuple):
    """What a clip shows: the surroundings, and before them the actors, of which its class speaks."""

    surroundings: list[Track]
    actors: list[Track]


# What is made of a composition, of so many frames and pixels of a side: an array of frames, or what can be one later.
Paint = Callable[[Composition, int, int], Any]


def draw(shown: Composition, frames: int, side: int) -> np.ndarray:
    """All frames, uint8 (T, S, S, 3); later tracks lie over earlier ones."""
    return _painted([*shown.surroundings, *shown.actors], frames, side)


def mover_masks(shown: Composition, frames: int, side: int) -> np.ndarray:
    """Where the actors that move are seen, bool (T, S, S): the pixels that would be others without them.

    What moves in the surroundings (a drifting background, a bystander) is no mover, nor an actor that keeps still.
    """
    still = [track for track in shown.actors if not _moves(track)]
    without = _painted([*shown.surroundings, *still], frames, side)
    return (draw(shown, frames, side) != without).any(axis=3)


def _moves(track: Track) -> bool:
    return any(np.ptp(path) > 0 for path in _pose(track))


def _pose(track: Track) -> tuple[Path, ...]:
    return track.x, track.y, track.size, track.angle, track.opacity


def _painted(tracks: list[Track], frames: int, side: int) -> np.ndarray:
    poses = [np.stack([np.broadcast_to(path, frames) for path in _pose(track)], axis=1) for track in tracks]
    clip = np.empty((frames, side, side, 3), np.uint8)
    for time in range(frames):
        canvas = Image.new("RGB", (side, side))
        for track, pose in zip(tracks, poses, strict=True):
            _place(canvas, track.sprite, *pose[time])
        clip[time] = np.asarray(canvas)
    return clip


def _place(
    canvas: Image.Image, sprite: Image.Image, x: float, y: float, size: float, angle: float, opacity: float
) -> None:
    """Paste one sprite, turned and scaled about its centre."""
    side = canvas.width
    scale = sprite.width / (size * side)  # sprite pixels a canvas pixel
    cos, sin = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    # PIL asks the reverse question: which sprite pixel lies under this pixel of the canvas?
    shift_x = sprite.width / 2 - (cos * x + sin * y) * side
    shift_y = sprite.height / 2 - (-sin * x + cos * y) * side
    turned = sprite.transform(
        canvas.size, Image.Transform.AFFINE, (cos, sin, shift_x, -sin, cos, shift_y), Image.Resampling.BILINEAR
    )
    alpha = turned.getchannel("A")
    if opacity < 1:
        alpha = alpha.point(lambda value: round(value * opacity))
    canvas.paste(turned.convert("RGB"), (0, 0), alpha)
