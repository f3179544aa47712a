"""What every material cuts its textures into: sprites with a transparent surrounding, panels, backgrounds."""

from typing import Protocol

import numpy as np
from PIL import Image, ImageFilter

SPRITE_SIDE = 32  # pixels; sprites are drawn at about 10 to 40 pixels in a frame of 64
BACKGROUND_SIDE = 96  # pixels
INK = (16, 16, 16)


class Material(Protocol):
    """Draws the sprites and backgrounds of one clip from the share of things and textures that is its dataset's.

    Attributes:
        rng: the clip's own generator.
    """

    rng: np.random.Generator

    def background(self) -> Image.Image:
        """An opaque RGBA square, dark enough for what moves before it to stand out."""
        ...

    def panel(self) -> Image.Image:
        """An opaque RGBA square of texture with a dark rim."""
        ...

    def thing(self) -> Image.Image:
        """A thing that can be told from its background, RGBA, transparent elsewhere."""
        ...


def cutout(stroke: Image.Image, texture: Image.Image) -> Image.Image:
    """The texture where `stroke` (L) is white, with an outline that keeps it visible on any background: RGBA."""
    cut = Image.new("RGBA", stroke.size, (*INK, 0))
    cut.paste(texture, (0, 0), stroke)
    cut.putalpha(stroke.filter(ImageFilter.MaxFilter(5)))
    return cut


def rimmed(texture: Image.Image) -> Image.Image:
    """An opaque RGBA panel of the texture, a dark pixel wide its rim."""
    width, height = texture.size
    panel = Image.new("RGBA", texture.size, (*INK, 255))
    panel.paste(texture.crop((1, 1, width - 1, height - 1)), (1, 1))
    return panel
