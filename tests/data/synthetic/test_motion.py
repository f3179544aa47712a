"""What moves, and what the class has to do with it: the tracks of the sprites, before they are drawn."""

import numpy as np
import pytest
from PIL import Image

from stm.data.synthetic import movers
from stm.data.synthetic.canvas import Composition, Track, mover_masks
from stm.data.synthetic.gestures import GESTURES, Person, gesture_clip
from stm.data.synthetic.recordings import WORLDS, recording_classes, recording_clips
from stm.data.synthetic.scene import SCENES, scene_clip

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)

# How the hand's pose changes from the first frame to the last.
DIRECTIONS = {
    "swiping left": ("x", -1),
    "swiping right": ("x", 1),
    "swiping up": ("y", -1),
    "swiping down": ("y", 1),
    "pushing hand away": ("size", 1),
    "pulling hand in": ("size", -1),
    "turning hand clockwise": ("angle", 1),
    "turning hand counterclockwise": ("angle", -1),
}


def paths(shown):
    return [np.stack([track.x, track.y, track.size]) for track in [*shown.surroundings, *shown.actors]]


def test_the_motion_of_a_scene_does_not_depend_on_its_class():
    first, *others = (scene_clip(thing, place, "train", 24, np.random.default_rng(5)) for _, thing, place in SCENES)
    for shown in others:
        assert np.array_equal(paths(shown), paths(first))


@pytest.mark.parametrize("world", WORLDS)
def test_the_motion_of_a_recording_does_not_depend_on_its_class_and_differs_from_clip_to_clip(world):
    recordings = [
        list(recording_clips(world, label, 24, np.random.default_rng(5))) for label in recording_classes(world)
    ]
    for clips in recordings:
        for shown, first in zip(clips, recordings[0], strict=True):
            assert np.array_equal(paths(shown), paths(first))
    assert not np.array_equal(paths(recordings[0][0]), paths(recordings[0][1]))


@pytest.mark.parametrize("label", DIRECTIONS)
def test_a_hand_goes_the_way_that_its_class_says(label):
    key, sign = DIRECTIONS[label]
    for seed in range(10):
        person = Person(np.random.default_rng(seed))
        (hand,) = gesture_clip(person, GESTURES[label], 24, np.random.default_rng(seed)).actors
        pose = getattr(hand, key)
        assert sign * (pose[-1] - pose[0]) > 0
        assert (sign * np.diff(pose) >= 0).all()


def test_thumbs_and_no_gesture_show_in_any_frame():
    assert set(GESTURES) - set(DIRECTIONS) == {"shaking hand", "thumb up", "thumb down", "no gesture"}
    person = Person(np.random.default_rng(0))
    nothing, up, down = (
        gesture_clip(person, GESTURES[label], 24, np.random.default_rng(0)).actors
        for label in ("no gesture", "thumb up", "thumb down")
    )
    assert len(nothing) == 0 and len(up) == len(down) == 1
    assert up[0].sprite.tobytes() != down[0].sprite.tobytes()


def square(side: int, colour: tuple[int, ...], **pose) -> Track:
    return Track(Image.new("RGBA", (8, 8), colour), size=side / 16, **pose)


def test_the_mask_covers_exactly_the_pixels_that_a_mover_changes():
    """Of 16 pixels a side: an actor of 4 that goes one pixel a frame, one that keeps still, and a bystander."""
    x = (np.arange(3) + 6) / 16
    mover, still = square(4, RED, x=x, y=0.5), square(2, RED, x=2 / 16, y=2 / 16)
    bystander = square(2, RED, x=x, y=14 / 16)
    masks = mover_masks(Composition([square(16, BLUE), bystander], [still, mover]), 3, 16)
    expected = np.zeros((3, 16, 16), bool)
    for time in range(3):
        expected[time, 6:10, 4 + time : 8 + time] = True
    assert np.array_equal(masks, expected)


def test_a_mover_is_where_it_is_seen():
    """One that has not appeared yet is nowhere, and one that a later actor covers is not where that covers it."""
    appearing = square(4, RED, x=0.5, y=0.5, opacity=np.array([0.0, 1.0]))
    cover = square(4, GREEN, x=10 / 16, y=0.5)
    absent, there = mover_masks(Composition([square(16, BLUE)], [appearing, cover]), 2, 16)
    assert not absent.any()
    assert np.argwhere(there).min(axis=0).tolist() == [6, 6] and np.argwhere(there).max(axis=0).tolist() == [9, 7]


def test_the_masks_of_a_drawn_clip_are_those_of_its_frames_reversed_with_it():
    settings = {"generator": "temporal", "seed": 3, "clips": {"train": 4, "validation": 4}, "pairs": 2, "size": 32}
    names = [f"validation/validation-00000-{label}.mp4" for label in ("moving-left", "moving-right")]
    masks = movers(settings, names)
    left, right = (masks[name] for name in names)
    assert left.shape == (24, 32, 32) and np.array_equal(left, right[::-1])
    # A digit before the middle, never the whole frame.
    assert 0.02 < left.mean() < 0.5
    columns = [np.flatnonzero(mask.any(axis=0)).mean() for mask in left if mask.any()]
    assert columns[-1] < columns[0] - 8


def test_a_clip_that_is_not_drawn_has_no_mask():
    settings = {"generator": "scene", "seed": 3, "clips": {"train": 10, "validation": 10}, "size": 32}
    with pytest.raises(ValueError, match=r"train/other.mp4 is no clip that generator scene draws"):
        movers(settings, ["train/other.mp4"])
