"""Things before places, several clips cut from one recording: what the datasets have that scenes are transferred to.

As in `scene`, any frame shows the class and motion says nothing. All clips of a recording show the same three things
before the same place, so a recording is a group that no fold may divide.
"""

from collections.abc import Iterator

import numpy as np

from stm.data.synthetic.canvas import Composition, Track
from stm.data.synthetic.patterns import texture
from stm.data.synthetic.scene import random_paths
from stm.data.synthetic.shapes import SHAPES
from stm.data.synthetic.sprites import BACKGROUND_SIDE, SPRITE_SIDE, cutout

CLIPS_A_RECORDING = 3

# Of each generator: its things, what they are made of, its places.
WORLDS = {
    "outdoors": (("balls", "kites"), "rubber", ("grass", "water", "bricks", "pebbles")),
    "indoors": (("rings", "stars"), "glaze", ("planks", "tiles", "marble")),
}


def recording_classes(world: str) -> tuple[str, ...]:
    things, _, places = WORLDS[world]
    return tuple(f"{thing} before {place}" for place in places for thing in things)


def recording_clips(world: str, label: str, frames: int, rng: np.random.Generator) -> Iterator[Composition]:
    """The clips of one recording."""
    thing, _, place = label.split()
    # Motion has generators of its own: appearance depends on the class.
    appearance, *motions = rng.spawn(1 + CLIPS_A_RECORDING)
    background = texture(place, appearance, BACKGROUND_SIDE, tint=0.25, brightness=(0.5, 1.1)).convert("RGBA")
    _, made_of, _ = WORLDS[world]
    surfaces = [texture(made_of, appearance, SPRITE_SIDE, tint=0.5, brightness=(0.5, 0.9)) for _ in range(3)]
    sprites = [background, *(cutout(SHAPES[thing](SPRITE_SIDE), surface) for surface in surfaces)]
    for motion in motions:
        paths = random_paths(frames, motion)
        surroundings, *things = [Track(sprite, **path) for sprite, path in zip(sprites, paths, strict=True)]
        yield Composition([surroundings], things)
