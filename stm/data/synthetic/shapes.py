"""Outlines that are filled with a texture: balls, kites, rings, stars, and hands.

A stroke is an L image, white where the shape is; coordinates are fractions of its side, x to the right and y down.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

FINER = 4  # drawn so many times as large, then reduced: edges without steps

Point = tuple[float, float]


class Pen:
    """Draws one stroke.

    Args:
        side: pixels of the stroke's side.
    """

    def __init__(self, side: int) -> None:
        self.scale = FINER * side
        self.image = Image.new("L", (self.scale, self.scale))
        self.draw = ImageDraw.Draw(self.image)

    def disc(self, centre: Point, radius: float, fill: int = 255) -> None:
        (x, y), r = centre, radius
        self.draw.ellipse([self.scale * v for v in (x - r, y - r, x + r, y + r)], fill=fill)

    def limb(self, start: Point, end: Point, width: float) -> None:
        """A line with round ends."""
        self.draw.line([self.scale * v for v in (*start, *end)], fill=255, width=round(self.scale * width))
        for point in (start, end):
            self.disc(point, width / 2)

    def polygon(self, points: list[Point]) -> None:
        self.draw.polygon([(self.scale * x, self.scale * y) for x, y in points], fill=255)

    def stroke(self) -> Image.Image:
        return self.image.reduce(FINER)


def ball(side: int) -> Image.Image:
    pen = Pen(side)
    pen.disc((0.5, 0.5), 0.36)
    return pen.stroke()


def kite(side: int) -> Image.Image:
    pen = Pen(side)
    pen.polygon([(0.5, 0.06), (0.78, 0.36), (0.5, 0.94), (0.22, 0.36)])
    return pen.stroke()


def ring(side: int) -> Image.Image:
    pen = Pen(side)
    pen.disc((0.5, 0.5), 0.4)
    pen.disc((0.5, 0.5), 0.2, fill=0)
    return pen.stroke()


def star(side: int) -> Image.Image:
    pen = Pen(side)
    radii = [0.44, 0.17] * 5
    turns = np.pi / 5 * np.arange(10)
    pen.polygon([(0.5 + r * np.sin(a), 0.5 - r * np.cos(a)) for r, a in zip(radii, turns, strict=True)])
    return pen.stroke()


def open_hand(side: int, length: float, width: float) -> Image.Image:
    """Upright, with the forearm below.

    Args:
        side: pixels of the stroke's side.
        length, width: of a finger, fractions of the side.
    """
    pen = Pen(side)
    pen.limb((0.5, 0.62), (0.5, 0.97), 0.2)
    pen.disc((0.5, 0.6), 0.17)
    for finger, share in zip(range(4), (0.85, 1.0, 1.0, 0.8), strict=True):
        angle = np.radians(-27 + 18 * finger)
        foot = (0.5 + 0.13 * np.sin(angle) * 1.4, 0.6 - 0.13 * np.cos(angle))
        pen.limb(foot, (foot[0] + share * length * np.sin(angle), foot[1] - share * length * np.cos(angle)), width)
    pen.limb((0.4, 0.64), (0.22, 0.48), width)
    return pen.stroke()


def thumb_up(side: int, length: float, width: float) -> Image.Image:
    """A fist with the thumb up, the forearm to the right; arguments as of `open_hand`."""
    pen = Pen(side)
    pen.limb((0.5, 0.62), (0.97, 0.68), 0.22)
    pen.disc((0.45, 0.62), 0.2)
    pen.limb((0.42, 0.5), (0.4, 0.5 - length), 1.3 * width)
    return pen.stroke()


SHAPES: dict[str, Callable[[int], Image.Image]] = {"balls": ball, "kites": kite, "rings": ring, "stars": star}
