"""Textures drawn from numbers alone, of kinds that a person tells apart.

Each kind belongs to one dataset (`felt` to the handled letters, `water` to the outdoor recordings ...), so that no two
datasets share a texture, nor one with the photographs. Within a dataset each texture is drawn from random numbers that
are the clip's or the recording's own.

Shape letters: S pixels of a side. A field is float (S, S), about 0 to 1: how far each pixel is from the kind's first
colour to its second.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]


def noise(
    rng: np.random.Generator, side: int, cells: tuple[int, int], octaves: int = 1, contrast: float = 1.0
) -> np.ndarray:
    """Smooth noise: `cells` (down, across) random values over the side, and twice as many at half the strength ..."""
    field = np.zeros((side, side))
    for octave in range(octaves):
        values = rng.random([count * 2**octave for count in cells], dtype=np.float32)
        smooth = Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC)
        field += (np.asarray(smooth) - 0.5) / 2**octave
    return 0.5 + contrast * field


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels, fractions of the side: (S, 1) and (1, S)."""
    line = np.arange(side) / side
    return line[:, None], line[None, :]


def _weave(rng: np.random.Generator, side: int) -> np.ndarray:
    down, across = _grid(side)
    threads, phase = rng.uniform(11, 15), rng.uniform(0, 2 * np.pi, size=2)
    over = np.sin(2 * np.pi * threads * down + phase[0]) * np.sin(2 * np.pi * threads * across + phase[1])
    return 0.5 + 0.4 * over + noise(rng, side, (4, 4), contrast=0.3) - 0.5


def _wallpaper(rng: np.random.Generator, side: int) -> np.ndarray:
    _, across = _grid(side)
    stripes = np.sin(2 * np.pi * (rng.uniform(5, 9) * across + rng.random()))
    return np.broadcast_to(0.5 + 0.35 * np.sign(stripes), (side, side))


def _knit(rng: np.random.Generator, side: int) -> np.ndarray:
    down, across = _grid(side)
    zigzag = 0.06 * np.abs((across * rng.uniform(5, 7)) % 2 - 1)
    return 0.5 + 0.4 * np.sin(2 * np.pi * rng.uniform(7, 10) * (down + zigzag) + rng.uniform(0, 2 * np.pi))


def _grass(rng: np.random.Generator, side: int) -> np.ndarray:
    meadow = Image.new("L", (side, side), 40)
    pen = ImageDraw.Draw(meadow)
    for x, y, lean, height, shade in rng.random((side * 10, 5)) * (side, 1.2 * side, 8, 14, 255):
        pen.line((x, y, x + lean - 4, y - 5 - height), fill=int(shade))
    return np.asarray(meadow) / 255


def _water(rng: np.random.Generator, side: int) -> np.ndarray:
    down, _ = _grid(side)
    swell = noise(rng, side, (3, 4), octaves=2, contrast=0.12)
    return 0.5 + 0.45 * np.sin(2 * np.pi * (rng.uniform(6, 9) * (down + swell) + rng.random()))


def _courses(rng: np.random.Generator, side: int, rows: int, columns: int, bond: float) -> np.ndarray:
    """Rows of stones, each of a shade, with a dark joint between them; `bond`: how far each row is shifted."""
    down, across = (line + rng.random() for line in _grid(side))
    row = (down * rows).astype(int)
    along = across * columns + bond * row
    shades = rng.uniform(0.45, 1, size=(16, 16))
    stones = shades[row % 16, along.astype(int) % 16]
    joint = (down * rows % 1 < 0.12) | (along % 1 < 0.12 * columns / rows)
    return np.where(joint, 0.0, stones)


def _bricks(rng: np.random.Generator, side: int) -> np.ndarray:
    return _courses(rng, side, rows=int(rng.integers(9, 13)), columns=int(rng.integers(4, 6)), bond=0.5)


def _pebbles(rng: np.random.Generator, side: int) -> np.ndarray:
    """Each pixel by its distances to the two nearest of random points: dark where they are about equal."""
    points = rng.random((int(rng.integers(70, 110)), 2))
    down, across = _grid(side)
    distance = np.sqrt((down[..., None] - points[:, 0]) ** 2 + (across[..., None] - points[:, 1]) ** 2)
    nearest = np.partition(distance, 1, axis=2)
    shade = rng.uniform(0.5, 1, size=len(points))[distance.argmin(axis=2)]
    return shade * np.clip((nearest[..., 1] - nearest[..., 0]) * 30, 0, 1)


def _planks(rng: np.random.Generator, side: int) -> np.ndarray:
    grain = noise(rng, side, (3, 24), octaves=2, contrast=0.8)
    _, across = _grid(side)
    board = (across + rng.random()) * int(rng.integers(5, 8))
    shades = rng.uniform(-0.2, 0.2, size=16)
    return np.where(board % 1 < 0.08, 0.0, grain + shades[board.astype(int) % 16])


def _tiles(rng: np.random.Generator, side: int) -> np.ndarray:
    count = int(rng.integers(7, 10))
    down, across = (((line + rng.random()) * count).astype(int) for line in _grid(side))
    return 0.15 + 0.7 * ((down + across) % 2) + noise(rng, side, (6, 6), contrast=0.2) - 0.5


def _marble(rng: np.random.Generator, side: int) -> np.ndarray:
    down, across = _grid(side)
    slope = rng.uniform(-1, 1, size=2)
    folds = slope[0] * down + slope[1] * across + noise(rng, side, (3, 3), octaves=3, contrast=1.2)
    return np.abs(np.sin(2 * np.pi * 2 * folds)) ** 0.4


# Kind: its field, and the colours where that is 0 and 1.
KINDS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], Colour, Colour]] = {
    "felt": (partial(noise, cells=(4, 4), octaves=3), (30, 40, 60), (150, 150, 140)),
    "weave": (_weave, (50, 35, 40), (160, 130, 120)),
    "enamel": (partial(noise, cells=(2, 2)), (170, 170, 170), (255, 255, 255)),
    "plaster": (partial(noise, cells=(2, 3), contrast=0.8), (70, 75, 80), (150, 150, 140)),
    "wallpaper": (_wallpaper, (80, 85, 100), (130, 125, 120)),
    "knit": (_knit, (40, 40, 80), (130, 90, 100)),
    "skin": (partial(noise, cells=(10, 10), contrast=0.5), (150, 95, 70), (255, 205, 170)),
    "grass": (_grass, (20, 45, 15), (110, 160, 70)),
    "water": (_water, (20, 50, 80), (140, 175, 185)),
    "bricks": (_bricks, (60, 55, 50), (180, 100, 75)),
    "pebbles": (_pebbles, (30, 30, 30), (165, 155, 145)),
    "rubber": (partial(noise, cells=(3, 3)), (110, 110, 110), (255, 255, 255)),
    "planks": (_planks, (45, 30, 20), (175, 125, 80)),
    "tiles": (_tiles, (60, 65, 70), (190, 185, 175)),
    "marble": (_marble, (70, 75, 85), (185, 185, 190)),
    "glaze": (partial(noise, cells=(16, 16), contrast=0.8), (110, 110, 110), (255, 255, 255)),
}


def texture(
    kind: str, rng: np.random.Generator, side: int, tint: float, brightness: tuple[float, float]
) -> Image.Image:
    """A texture of a kind, RGB (S, S): its colours times gains that differ by `tint`, all of it by `brightness`."""
    field, first, second = KINDS[kind]
    share = field(rng, side).clip(0, 1)[..., None]
    gains = rng.uniform(*brightness) * rng.uniform(1 - tint, 1 + tint, size=3)
    pixels = ((1 - share) * first + share * second) * gains
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
