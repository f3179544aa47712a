"""Motions in pairs, each the exact reversal of the other: only the order of the frames tells the two apart.

One clip of a pair is drawn and its frames are written forwards and backwards. So whatever else the clip shows (digit,
texture, speed, position, the drift of the background, a second digit that wanders) is the same for both classes, and
a network that averages frames is at chance inside a pair.
"""

from collections.abc import Callable

import numpy as np

from stm.data.synthetic.canvas import Composition, Path, Track
from stm.data.synthetic.sprites import Material

# What makes it neither trivial nor hopeless for a network that sees time: calibrated once, on another seed than the
# demo's and with none of the papers' networks (benchmarks/calibrate_demo.md).
BYSTANDERS = 0.5  # the share of clips in which a small second digit wanders
LEAST_SHOWN = 0.8  # a clip shows at least this much of its motion, and up to all of it

# A motion: how far it has come in each frame, (T,) from 0 to 1, and what to draw it with.
Motion = Callable[[np.ndarray, Material], list[Track]]


def _moving_left(progress: np.ndarray, material: Material) -> list[Track]:
    along, across = _crossing(progress, material.rng)
    return [thing(material, x=along, y=across)]


def _rising(progress: np.ndarray, material: Material) -> list[Track]:
    along, across = _crossing(progress, material.rng)
    return [thing(material, x=across, y=along)]


def _approaching(progress: np.ndarray, material: Material) -> list[Track]:
    far, near = material.rng.uniform(0.15, 0.3), material.rng.uniform(0.6, 0.9)
    x, y = material.rng.uniform(0.35, 0.65, size=2)
    return [thing(material, x=x, y=y, size=far + (near - far) * progress)]


def _turning_clockwise(progress: np.ndarray, material: Material) -> list[Track]:
    """About a point below the middle of the digit, which stays above that point: any phase would need more clips."""
    x, y = material.rng.uniform(0.45, 0.55, size=2)
    turn = material.rng.uniform(120, 200)
    angle = material.rng.uniform(-60, 60) + turn * (progress - 0.5)
    arm = material.rng.uniform(0.15, 0.25)
    upwards = np.radians(angle)
    pose = {"x": x + arm * np.sin(upwards), "y": y - arm * np.cos(upwards), "angle": angle}
    return [thing(material, **pose)]


def _meeting(progress: np.ndarray, material: Material) -> list[Track]:
    direction = material.rng.uniform(0, 2 * np.pi)
    apart, together = material.rng.uniform(0.32, 0.42), material.rng.uniform(0.1, 0.15)
    distance = apart + (together - apart) * progress
    dx, dy = distance * np.cos(direction), distance * np.sin(direction)
    x, y = material.rng.uniform(0.45, 0.55, size=2)
    size = material.rng.uniform(0.28, 0.36)
    return [thing(material, x=x + sign * dx, y=y + sign * dy, size=size) for sign in (-1, 1)]


def _covering(progress: np.ndarray, material: Material) -> list[Track]:
    direction = material.rng.uniform(0, 2 * np.pi)
    x, y = material.rng.uniform(0.4, 0.6, size=2)
    distance = material.rng.uniform(0.5, 0.7) * (1 - progress)
    cover = {"x": x + distance * np.cos(direction), "y": y + distance * np.sin(direction)}
    tilt = material.rng.uniform(0, 360)
    return [thing(material, x=x, y=y), Track(material.panel(), size=0.5, angle=tilt, **cover)]


def _opening(progress: np.ndarray, material: Material) -> list[Track]:
    """Two doors, each as large as the frame, slide apart before a digit."""
    offset = 0.5 + material.rng.uniform(0.3, 0.42) * progress
    upright = material.rng.random() < 0.5
    doors = [Track(material.panel(), **{"x" if upright else "y": 0.5 + sign * offset}) for sign in (-1, 1)]
    return [thing(material, x=0.5, y=0.5), *doors]


def _appearing(progress: np.ndarray, material: Material) -> list[Track]:
    x, y = material.rng.uniform(0.35, 0.65, size=2)
    return [thing(material, x=x, y=y, size=material.rng.uniform(0.5, 0.7), opacity=progress)]


# (class of the clip as drawn, class of its reversal, motion)
PAIRS: tuple[tuple[str, str, Motion], ...] = (
    ("moving left", "moving right", _moving_left),
    ("rising", "falling", _rising),
    ("approaching", "receding", _approaching),
    ("turning clockwise", "turning counterclockwise", _turning_clockwise),
    ("meeting", "parting", _meeting),
    ("covering", "uncovering", _covering),
    ("opening", "closing", _opening),
    ("appearing", "dissolving", _appearing),
)


def temporal_clip(motion: Motion, material: Material, frames: int) -> Composition:
    """One clip of a motion, as drawn (not reversed)."""
    rng = material.rng
    time = np.linspace(0, 1, frames)
    begin, end = rng.uniform(0, 0.15), rng.uniform(0.85, 1)
    shown = rng.uniform(LEAST_SHOWN, 1)
    progress = rng.uniform(0, 1 - shown) + shown * np.clip((time - begin) / (end - begin), 0, 1)
    background = Track(material.background(), size=1.5, **wander(time, rng, reach=0.08))
    bystander = Track(material.thing(), size=rng.uniform(0.12, 0.18), **wander(time, rng, reach=0.4))
    surroundings = [background, bystander] if rng.random() < BYSTANDERS else [background]
    return Composition(surroundings, motion(progress, material))


def wander(time: np.ndarray, rng: np.random.Generator, reach: float) -> dict[str, np.ndarray]:
    """A straight path across a random part of the frame; forwards and backwards are equally likely."""
    start, end = rng.uniform(0.5 - reach, 0.5 + reach, size=(2, 2))
    return {"x": start[0] + (end[0] - start[0]) * time, "y": start[1] + (end[1] - start[1]) * time}


def _crossing(progress: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A path from the far side to the near one, (T,), and the height at which it runs."""
    return 0.5 + rng.uniform(0.45, 0.7) * (0.5 - progress), rng.uniform(0.35, 0.65)


def thing(material: Material, **pose: Path) -> Track:
    """A thing of middling size, slightly tilted, unless the pose says otherwise."""
    usual: dict[str, Path] = {"size": material.rng.uniform(0.38, 0.5), "angle": material.rng.uniform(-15, 15)}
    return Track(material.thing(), **(usual | pose))
