"""Real digits and real photographs, cut into sprites and backgrounds.

Source: scikit-learn's `load_digits` (1,797 scans of 8x8 pixels) and `load_sample_images` (a temple, a flower; 427x640
pixels). Both come with the package, so nothing is downloaded. Training and validation share no digit and no pixel of
a photograph.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from stm.data.synthetic.sprites import BACKGROUND_SIDE, SPRITE_SIDE, cutout, rimmed

# The scans are ordered by writer, so this is also nearly a split of the writers.
DIGITS = {"train": range(1200), "validation": range(1200, 1797)}


class Region(NamedTuple):
    """A rectangle of one of the two photographs (0: the temple, 1: the flower), in pixels, ends excluded."""

    photo: int
    left: int
    top: int
    right: int
    bottom: int


# The photographs are cut through the temple, the trees and the flower, so that both splits see every kind of texture.
PARTS = {
    "train": (Region(0, 205, 0, 540, 427), Region(1, 0, 0, 315, 427)),
    "validation": (Region(0, 0, 0, 205, 427), Region(0, 540, 0, 640, 427), Region(1, 315, 0, 640, 427)),
}
PLACES = {
    "train": {
        "sky": Region(0, 340, 0, 540, 130),
        "temple": Region(0, 205, 90, 320, 370),
        "trees": Region(0, 380, 300, 540, 427),
        "petals": Region(1, 195, 110, 315, 330),
        "leaves": Region(1, 0, 0, 165, 427),
    },
    "validation": {
        "sky": Region(0, 0, 0, 95, 125),
        "temple": Region(0, 100, 120, 205, 340),
        "trees": Region(0, 555, 170, 640, 427),
        "petals": Region(1, 315, 110, 420, 330),
        "leaves": Region(1, 455, 0, 640, 370),
    },
}


@cache
def _photos() -> list[np.ndarray]:
    from sklearn.datasets import load_sample_images  # slow to import, and only drawing needs it

    return load_sample_images().images


@cache
def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().images


@dataclass
class Photographed:
    """A `Material` of digits and photographs, for one clip of one split.

    Args:
        split: `train` or `validation`; decides which digits and which parts of the photographs may be used.
        rng: the clip's own generator.
    """

    split: str
    rng: np.random.Generator

    def background(self) -> Image.Image:
        """An opaque RGBA crop of the photographs, darkened so that what moves before it stands out."""
        return self._crop(self._part(), BACKGROUND_SIDE, tint=0.3, brightness=(0.3, 0.7)).convert("RGBA")

    def place(self, name: str) -> Image.Image:
        """An opaque RGBA crop of one of the places, so unequally bright that its texture has to tell which it is."""
        region = PLACES[self.split][name]
        return self._crop(region, BACKGROUND_SIDE, tint=0.15, brightness=(0.5, 1.0)).convert("RGBA")

    def panel(self) -> Image.Image:
        """An opaque RGBA square of texture with a dark rim."""
        return rimmed(self._crop(self._part(), SPRITE_SIDE, tint=0.4, brightness=(0.6, 1.3)))

    def thing(self) -> Image.Image:
        """A digit of bright texture with a dark outline, RGBA, transparent elsewhere."""
        scan = _digits()[self.rng.choice(DIGITS[self.split])] * (255 / 16)
        stroke = Image.new("L", (SPRITE_SIDE, SPRITE_SIDE))
        margin = 2
        inner = SPRITE_SIDE - 2 * margin
        scan_image = Image.fromarray(scan.astype(np.uint8)).resize((inner, inner), Image.Resampling.BICUBIC)
        stroke.paste(scan_image, (margin, margin))
        stroke = stroke.point(lambda value: min(255, max(0, 3 * value - 220)))
        texture = self._crop(self._part(), SPRITE_SIDE, tint=0.3, brightness=(0.9, 1.5))
        bright = Image.blend(texture, Image.new("RGB", texture.size, self._bright_colour()), 0.6)
        return cutout(stroke, bright)

    def _part(self) -> Region:
        """Either photograph equally often."""
        photo = self.rng.integers(2)
        parts = [part for part in PARTS[self.split] if part.photo == photo]
        return parts[self.rng.integers(len(parts))]

    def _bright_colour(self) -> tuple[int, int, int]:
        red, green, blue = self.rng.integers(160, 256, size=3)
        return int(red), int(green), int(blue)

    def _crop(self, region: Region, side: int, tint: float, brightness: tuple[float, float]) -> Image.Image:
        """A random square of the region, at least 40 pixels wide there, scaled to `side` and recoloured."""
        _, left, top, right, bottom = region
        cut = int(self.rng.integers(40, min(right - left, bottom - top, 180) + 1))
        x = left + int(self.rng.integers(right - left - cut + 1))
        y = top + int(self.rng.integers(bottom - top - cut + 1))
        photo = Image.fromarray(_photos()[region.photo][y : y + cut, x : x + cut])
        gains = self.rng.uniform(*brightness) * self.rng.uniform(1 - tint, 1 + tint, size=3)
        pixels = np.asarray(photo.resize((side, side), Image.Resampling.BILINEAR)) * gains
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
