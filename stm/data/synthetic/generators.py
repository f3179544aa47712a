"""The generators by their names, and how each turns a split's number of clips into clips."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from stm.config.schema.datasets import DrawnSplit, Render
from stm.data.synthetic import handling, temporal
from stm.data.synthetic.canvas import Paint
from stm.data.synthetic.gestures import GESTURES, Person, gesture_clip
from stm.data.synthetic.handling import Lettered
from stm.data.synthetic.recordings import CLIPS_A_RECORDING, recording_classes, recording_clips
from stm.data.synthetic.scene import SCENES, scene_clip
from stm.data.synthetic.settings import SPLITS, Clip, Generator
from stm.data.synthetic.temporal import Motion, temporal_clip
from stm.data.synthetic.textures import Photographed


def _paired(
    pairs: tuple[tuple[str, str, Motion], ...],
    material: type[Photographed | Lettered],
    settings: Render,
    split: DrawnSplit,
    paint: Paint,
) -> Iterator[Clip]:
    """A clip of each pair in turn, forwards and backwards."""
    chosen = pairs[: settings.pairs]
    for index in range(settings.clips[split] // 2):
        drawn, reverse, motion = chosen[index % len(chosen)]
        shown = temporal_clip(motion, material(split, _rng(settings, split, index)), settings.frames)
        clip = paint(shown, settings.frames, settings.size)
        for label, frames in ((drawn, clip), (reverse, clip[::-1])):
            yield _alone(label, f"{split}-{index:05d}", frames)


def _scenes(settings: Render, split: DrawnSplit, paint: Paint) -> Iterator[Clip]:
    for index in range(settings.clips[split]):
        label, thing, place = SCENES[index % len(SCENES)]
        rng = _rng(settings, split, index)
        shown = scene_clip(thing, place, split, settings.frames, rng)
        yield _alone(label, f"{split}-{index:05d}", paint(shown, settings.frames, settings.size))


def _gestures(settings: Render, split: DrawnSplit, paint: Paint) -> Iterator[Clip]:
    """Each person makes each gesture once."""
    for number in range(settings.clips[split] // len(GESTURES)):
        appearance, *motions = _rng(settings, split, number).spawn(1 + len(GESTURES))
        person = Person(appearance)
        for (label, gesture), rng in zip(GESTURES.items(), motions, strict=True):
            shown = gesture_clip(person, gesture, settings.frames, rng)
            yield _alone(label, f"{split}-{number:05d}", paint(shown, settings.frames, settings.size))


def _recordings(world: str, settings: Render, split: DrawnSplit, paint: Paint) -> Iterator[Clip]:
    classes = recording_classes(world)
    for number in range(settings.clips[split] // CLIPS_A_RECORDING):
        label = classes[number % len(classes)]
        group = f"{label.replace(' ', '-')}-g{number // len(classes) + 1:02d}"
        rng = _rng(settings, split, number)
        for k, shown in enumerate(recording_clips(world, label, settings.frames, rng), 1):
            yield Clip(f"{group}-c{k:02d}", label, group, paint(shown, settings.frames, settings.size))


def _alone(label: str, group: str, frames: np.ndarray) -> Clip:
    """The only clip of its class in a group."""
    return Clip(f"{group}-{label.replace(' ', '-')}", label, group, frames)


def _rng(settings: Render, split: DrawnSplit, index: int) -> np.random.Generator:
    """A group's own random numbers: they depend on no other, so more clips leave the first ones as they were."""
    generator = list(GENERATORS).index(settings.generator)
    return np.random.default_rng([settings.seed, generator, SPLITS.index(split), index])


def _both(pairs: tuple[tuple[str, str, Motion], ...]) -> tuple[str, ...]:
    return tuple(label for drawn, reverse, _ in pairs for label in (drawn, reverse))


def _recorded(world: str) -> Generator:
    """Their clips are divided by folds that leave whole recordings out, as those of the papers' targets are."""
    classes = recording_classes(world)
    return Generator(classes, partial(_recordings, world), together=CLIPS_A_RECORDING, splits=("train",))


# A generator's place is part of its random numbers: new ones come last.
GENERATORS: dict[str, Generator] = {
    "temporal": Generator(_both(temporal.PAIRS), partial(_paired, temporal.PAIRS, Photographed), paired=True),
    "scene": Generator(tuple(label for label, _, _ in SCENES), _scenes),
    "handling": Generator(_both(handling.PAIRS), partial(_paired, handling.PAIRS, Lettered), paired=True),
    "gestures": Generator(tuple(GESTURES), _gestures),
    "outdoors": _recorded("outdoors"),
    "indoors": _recorded("indoors"),
}
