"""Frames from sprites that move along tracks.

All positions and sizes are fractions of the frame's side, x to the right and y down, so one scene can be drawn at any
size. T is the number of frames, S the frame's side in pixels.
"""

import math
from dataclasses import dataclass

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


def draw(tracks: list[Track], frames: int, side: int) -> np.ndarray:
    """All frames, uint8 (T, S, S, 3); later tracks lie over earlier ones."""
    poses = [
        np.stack([np.broadcast_to(path, frames) for path in (t.x, t.y, t.size, t.angle, t.opacity)], axis=1)
        for t in tracks
    ]
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
