"""Scenes: what is shown and where tells the class in any frame; how it moves is drawn without a look at the class."""

import numpy as np

from stm.data.synthetic.canvas import Composition, Track
from stm.data.synthetic.temporal import wander
from stm.data.synthetic.textures import PLACES, Photographed

THINGS = ("digits", "panels")
# (class, thing, place)
SCENES = tuple((f"{thing} before {place}", thing, place) for place in PLACES["train"] for thing in THINGS)


def scene_clip(thing: str, place: str, split: str, frames: int, rng: np.random.Generator) -> Composition:
    """One clip of three things that move before a place."""
    # Motion has a generator of its own: how many draws the things take depends on the class.
    motion, appearance = rng.spawn(2)
    paths = random_paths(frames, motion)
    material = Photographed(split, appearance)
    background = Track(material.place(place), **paths[0])
    sprite = material.thing if thing == "digits" else material.panel
    return Composition([background], [Track(sprite(), **path) for path in paths[1:]])


def random_paths(frames: int, rng: np.random.Generator) -> list[dict[str, np.ndarray]]:
    """The path of the background, then those of three things: fields of `Track`, each (T,)."""
    time = np.linspace(0, 1, frames)
    background = wander(time, rng, reach=0.12) | {"size": np.full(frames, 1.5)}
    return [background, *(_path(time, rng) for _ in range(3))]


def _path(time: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    angle, turn = rng.uniform(0, 360), rng.uniform(-120, 120)
    first, last = rng.uniform(0.3, 0.45, size=2)
    return wander(time, rng, reach=0.4) | {"size": first + (last - first) * time, "angle": angle + turn * time}
