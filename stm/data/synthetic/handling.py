"""Letters that are handled, in pairs of motions of which each is the exact reversal of the other.

The second dataset of `temporal`'s kind, with motions, things and textures of its own.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stm.data.synthetic.canvas import Track
from stm.data.synthetic.patterns import texture
from stm.data.synthetic.sprites import BACKGROUND_SIDE, SPRITE_SIDE, Material, cutout, rimmed
from stm.data.synthetic.temporal import Motion, thing

# Letters that show which way is up. Those that turn into one another (M and W, N and Z) are in one split.
LETTERS = {"train": "ACEFGHJKMPRTUWY", "validation": "BDLNQVZ"}
# Matplotlib brings them along.
FONTS = ("DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf")


@dataclass
class Lettered:
    """A `Material` of letters and drawn fabrics, for one clip of one split.

    Args:
        split: `train` or `validation`; decides which letters may be used.
        rng: the clip's own generator.
    """

    split: str
    rng: np.random.Generator

    def background(self) -> Image.Image:
        """Felt: opaque RGBA."""
        return texture("felt", self.rng, BACKGROUND_SIDE, tint=0.3, brightness=(0.4, 0.9)).convert("RGBA")

    def panel(self) -> Image.Image:
        """A square of woven cloth with a dark rim: opaque RGBA."""
        return rimmed(texture("weave", self.rng, SPRITE_SIDE, tint=0.4, brightness=(0.7, 1.3)))

    def thing(self) -> Image.Image:
        """An enamel letter with a dark outline: RGBA, transparent elsewhere."""
        letter = LETTERS[self.split][self.rng.integers(len(LETTERS[self.split]))]
        stroke = Image.new("L", (SPRITE_SIDE, SPRITE_SIDE))
        middle = (SPRITE_SIDE / 2, SPRITE_SIDE / 2)
        ImageDraw.Draw(stroke).text(
            middle, letter, fill=255, font=_font(int(self.rng.integers(len(FONTS)))), anchor="mm"
        )
        return cutout(stroke, texture("enamel", self.rng, SPRITE_SIDE, tint=0.35, brightness=(0.7, 1.0)))


@cache
def _font(number: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl  # only drawing needs it

    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", FONTS[number]), size=SPRITE_SIDE - 4)


def _pushing(progress: np.ndarray, material: Material) -> list[Track]:
    """A panel comes up to a letter and takes it along."""
    direction = material.rng.uniform(0, 2 * np.pi)
    touch = material.rng.uniform(0.3, 0.5)
    panel = -0.55 + 0.75 * progress
    letter = np.maximum(panel, -0.55 + 0.75 * touch) + 0.3
    (px, py), (x, y) = (_along(direction, way) for way in (panel, letter))
    return [thing(material, x=x, y=y), Track(material.panel(), x=px, y=py, size=0.32, angle=np.degrees(direction))]


def _tipping_over(progress: np.ndarray, material: Material) -> list[Track]:
    """About the foot of the letter, to either side."""
    side = material.rng.choice([-1, 1])
    angle = side * (material.rng.uniform(-10, 10) + material.rng.uniform(80, 100) * progress)
    x, y = 0.5 - side * 0.12, material.rng.uniform(0.6, 0.75)
    size = material.rng.uniform(0.45, 0.55)
    lean = np.radians(angle)
    return [thing(material, x=x + size / 2 * np.sin(lean), y=y - size / 2 * np.cos(lean), size=size, angle=angle)]


def _stacking(progress: np.ndarray, material: Material) -> list[Track]:
    x, ground = material.rng.uniform(0.4, 0.6), material.rng.uniform(0.72, 0.82)
    rest = ground - 0.38
    height = material.rng.uniform(0.45, 0.6)
    return [Track(material.panel(), x=x, y=ground, size=0.36), thing(material, x=x, y=rest - height * (1 - progress))]


def _circling_clockwise(progress: np.ndarray, material: Material) -> list[Track]:
    """About a panel in the middle, beginning anywhere."""
    angle = np.radians(material.rng.uniform(0, 360) + material.rng.uniform(180, 270) * progress)
    arm = material.rng.uniform(0.28, 0.36)
    # y runs down, so growing angles turn clockwise.
    around = {"x": 0.5 + arm * np.cos(angle), "y": 0.5 + arm * np.sin(angle)}
    return [Track(material.panel(), size=0.25), thing(material, **around)]


def _scattering(progress: np.ndarray, material: Material) -> list[Track]:
    turn = material.rng.uniform(0, np.pi / 2)
    x, y = material.rng.uniform(0.45, 0.55, size=2)
    way = 0.08 + material.rng.uniform(0.25, 0.35) * progress
    corners = turn + np.pi / 2 * np.arange(4)
    return [thing(material, x=x + way * np.cos(c), y=y + way * np.sin(c), size=0.28) for c in corners]


def _filling(progress: np.ndarray, material: Material) -> list[Track]:
    """Cloth rises from the bottom before a letter."""
    level = 1.45 - material.rng.uniform(0.55, 0.75) * progress
    return [thing(material, x=material.rng.uniform(0.35, 0.65), y=0.5), Track(material.panel(), y=level, size=1.1)]


def _laying_out(progress: np.ndarray, material: Material) -> list[Track]:
    """Four letters appear one after another, from either side."""
    y, step = material.rng.uniform(0.35, 0.65), material.rng.choice([-0.22, 0.22])
    places = 0.5 + step * (np.arange(4) - 1.5)
    shown = np.clip(4.5 * progress[None] - np.arange(4)[:, None], 0, 1)
    return [thing(material, x=x, y=y, size=0.3, opacity=there) for x, there in zip(places, shown, strict=True)]


def _climbing(progress: np.ndarray, material: Material) -> list[Track]:
    """Up a slope that rises to either side."""
    side, slope = material.rng.choice([-1, 1]), material.rng.uniform(20, 35)
    uphill = np.radians(slope)
    ground = Track(material.panel(), x=0.5, y=1.15, size=1.2, angle=-side * slope)
    way = material.rng.uniform(0.5, 0.65) * (progress - 0.5)
    # The panel's upper edge is 0.6 from its centre, and the letter stands on it.
    x = 0.5 + side * (way * np.cos(uphill) - 0.8 * np.sin(uphill))
    y = 1.15 - way * np.sin(uphill) - 0.8 * np.cos(uphill)
    return [ground, thing(material, x=x, y=y, angle=-side * slope)]


# (class of the clip as drawn, class of its reversal, motion)
PAIRS: tuple[tuple[str, str, Motion], ...] = (
    ("pushing", "pulling back", _pushing),
    ("tipping over", "setting up", _tipping_over),
    ("stacking", "unstacking", _stacking),
    ("circling clockwise", "circling counterclockwise", _circling_clockwise),
    ("scattering", "gathering", _scattering),
    ("filling", "draining", _filling),
    ("laying out", "picking up", _laying_out),
    ("climbing", "sliding down", _climbing),
)


def _along(direction: float, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y, (T,), of a way through the middle."""
    return 0.5 + way * np.cos(direction), 0.5 + way * np.sin(direction)
