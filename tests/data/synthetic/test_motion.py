"""What moves, and what the class has to do with it: the tracks of the sprites, before they are drawn."""

import numpy as np
import pytest

from stm.data.synthetic.gestures import GESTURES, Person, gesture_clip
from stm.data.synthetic.recordings import WORLDS, recording_classes, recording_clips
from stm.data.synthetic.scene import SCENES, scene_clip

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


@pytest.fixture
def drawn(monkeypatch):
    """The tracks of every clip that is asked for."""
    clips = []

    def tracks_only(tracks, frames, side):
        clips.append(tracks)
        return np.zeros((frames, side, side, 3), np.uint8)

    for module in ("scene", "recordings", "gestures"):
        monkeypatch.setattr(f"stm.data.synthetic.{module}.draw", tracks_only)
    return clips


def paths(tracks):
    return [np.stack([track.x, track.y, track.size]) for track in tracks]


def test_the_motion_of_a_scene_does_not_depend_on_its_class(drawn):
    for _, thing, place in SCENES:
        scene_clip(thing, place, "train", 24, 32, np.random.default_rng(5))
    for tracks in drawn[1:]:
        assert np.array_equal(paths(tracks), paths(drawn[0]))


@pytest.mark.parametrize("world", WORLDS)
def test_the_motion_of_a_recording_does_not_depend_on_its_class_and_differs_from_clip_to_clip(world, drawn):
    classes = recording_classes(world)
    for label in classes:
        list(recording_clips(world, label, 24, 32, np.random.default_rng(5)))
    clips = len(drawn) // len(classes)
    for k, tracks in enumerate(drawn):
        assert np.array_equal(paths(tracks), paths(drawn[k % clips]))
    assert not np.array_equal(paths(drawn[0]), paths(drawn[1]))


@pytest.mark.parametrize("label", DIRECTIONS)
def test_a_hand_goes_the_way_that_its_class_says(label, drawn):
    key, sign = DIRECTIONS[label]
    for seed in range(10):
        gesture_clip(Person(np.random.default_rng(seed)), GESTURES[label], 24, 32, np.random.default_rng(seed))
        pose = getattr(drawn[-1][-1], key)
        assert sign * (pose[-1] - pose[0]) > 0
        assert (sign * np.diff(pose) >= 0).all()


def test_thumbs_and_no_gesture_show_in_any_frame(drawn):
    assert set(GESTURES) - set(DIRECTIONS) == {"shaking hand", "thumb up", "thumb down", "no gesture"}
    person = Person(np.random.default_rng(0))
    for label in ("no gesture", "thumb up", "thumb down"):
        gesture_clip(person, GESTURES[label], 24, 32, np.random.default_rng(0))
    nothing, up, down = drawn
    assert len(nothing) == 3 and len(up) == len(down) == 4
    assert up[-1].sprite.tobytes() != down[-1].sprite.tobytes()
