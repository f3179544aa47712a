"""Gestures of a drawn hand before a person: eight come in pairs of directions, three show in a single frame,
and a shaken hand goes to and fro.

Of the directions a frame tells little: only in a swipe to the side does the hand tend to lean the way it goes. Clips
are drawn one by one, so none is another's reversal.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from stm.data.synthetic.canvas import Composition, Path, Track
from stm.data.synthetic.patterns import texture
from stm.data.synthetic.shapes import Pen, open_hand, thumb_up
from stm.data.synthetic.sprites import BACKGROUND_SIDE, cutout
from stm.data.synthetic.temporal import wander

HAND_SIDE = 48  # pixels of the sprite
LEAN = (10.0, 15.0)  # mean and deviation of how far a hand leans the way it swipes, in degrees


class Person:
    """Who makes the gestures, and where.

    Args:
        rng: the person's own generator.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        room = "wallpaper" if rng.random() < 0.5 else "plaster"
        self.room = texture(room, rng, BACKGROUND_SIDE, tint=0.25, brightness=(0.6, 1.2)).convert("RGBA")
        body = Pen(BACKGROUND_SIDE)
        body.limb((0.32, 0.85), (0.68, 0.85), rng.uniform(0.4, 0.5))
        self.body = cutout(body.stroke(), texture("knit", rng, BACKGROUND_SIDE, tint=0.4, brightness=(0.6, 1.3)))
        skin = texture("skin", rng, BACKGROUND_SIDE, tint=0.08, brightness=(0.45, 1.0))
        head = Pen(BACKGROUND_SIDE)
        head.disc((0.5, 0.42), rng.uniform(0.13, 0.17))
        self.head = cutout(head.stroke(), skin)
        fingers = rng.uniform(0.24, 0.34), rng.uniform(0.075, 0.1)
        palm = skin.crop((0, 0, HAND_SIDE, HAND_SIDE))
        self.open_hand = cutout(open_hand(HAND_SIDE, *fingers), palm)
        self.thumb_up = cutout(thumb_up(HAND_SIDE, *fingers), palm)


# A gesture: its person, how far it has come in each frame, (T,) from 0 to 1, and the clip's own generator.
Gesture = Callable[[Person, np.ndarray, np.random.Generator], list[Track]]


def _swiping(dx: int, dy: int) -> Gesture:
    def gesture(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
        way = rng.uniform(0.5, 0.7) * (progress - 0.5)
        x, y = rng.uniform(0.42, 0.58), rng.uniform(0.5, 0.62)
        lean = dx * rng.normal(*LEAN) if dx else rng.uniform(-25, 25)
        return [_hand(person.open_hand, rng, x=x + dx * way, y=y + dy * way, angle=lean)]

    return gesture


def _reaching(sign: int) -> Gesture:
    """Towards the camera the hand grows."""

    def gesture(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
        far, near = rng.uniform(0.3, 0.4), rng.uniform(0.75, 0.95)
        size = (far + near) / 2 + sign * (near - far) * (progress - 0.5)
        return [_hand(person.open_hand, rng, size=size)]

    return gesture


def _turning(sign: int) -> Gesture:
    def gesture(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
        return [_hand(person.open_hand, rng, angle=sign * rng.uniform(90, 140) * (progress - 0.5))]

    return gesture


def _shaking(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
    swing = np.sin(2 * np.pi * (rng.uniform(2, 3) * progress + rng.random()))
    return [_hand(person.open_hand, rng, x=rng.uniform(0.42, 0.58) + 0.12 * swing, angle=20 * swing)]


def _thumb_up(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
    return [_hand(person.thumb_up, rng, **wander(progress, rng, reach=0.15))]


def _thumb_down(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:
    return [_hand(ImageOps.flip(person.thumb_up), rng, **wander(progress, rng, reach=0.15))]


def _nothing(person: Person, progress: np.ndarray, rng: np.random.Generator) -> list[Track]:  # noqa: ARG001
    return []


GESTURES: dict[str, Gesture] = {
    "swiping left": _swiping(-1, 0),
    "swiping right": _swiping(1, 0),
    "swiping up": _swiping(0, -1),
    "swiping down": _swiping(0, 1),
    "pushing hand away": _reaching(1),
    "pulling hand in": _reaching(-1),
    "turning hand clockwise": _turning(1),
    "turning hand counterclockwise": _turning(-1),
    "shaking hand": _shaking,
    "thumb up": _thumb_up,
    "thumb down": _thumb_down,
    "no gesture": _nothing,
}


def gesture_clip(person: Person, gesture: Gesture, frames: int, rng: np.random.Generator) -> Composition:
    """One gesture of a person."""
    time = np.linspace(0, 1, frames)
    begin, end = rng.uniform(0, 0.25), rng.uniform(0.75, 1)
    progress = np.clip((time - begin) / (end - begin), 0, 1)
    sway = wander(time, rng, reach=0.06)
    stage = [Track(person.room, size=1.3), Track(person.body, **sway), Track(person.head, **sway)]
    return Composition(stage, gesture(person, progress, rng))


def _hand(sprite: Image.Image, rng: np.random.Generator, **pose: Path) -> Track:
    """A hand of middling size near the middle, unless the pose says otherwise."""
    usual: dict[str, Path] = {
        "x": rng.uniform(0.4, 0.6),
        "y": rng.uniform(0.5, 0.65),
        "size": rng.uniform(0.5, 0.65),
        "angle": rng.uniform(-15, 15),
    }
    return Track(sprite, **(usual | pose))
