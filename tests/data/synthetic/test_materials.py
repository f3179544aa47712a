"""No clip, digit, letter or texture is shared between two datasets, or between training and testing."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pytest
from PIL import ImageDraw

from stm.data.synthetic import gestures, handling, patterns, recordings, textures
from stm.data.synthetic.canvas import draw
from stm.data.synthetic.generators import GENERATORS
from stm.data.synthetic.settings import checked
from stm.data.synthetic.textures import DIGITS, PARTS, PLACES

DRAWN = ("handling", "gestures", "outdoors", "indoors")


@dataclass
class Used:
    """What the clips of one generator were drawn from, by split and group."""

    kinds: set = field(default_factory=set)
    textures: dict = field(default_factory=lambda: defaultdict(set))
    letters: dict = field(default_factory=lambda: defaultdict(set))
    frames: dict = field(default_factory=lambda: defaultdict(set))


@pytest.fixture(scope="module")
def used():
    """Of every generator, two groups of each class in each split."""
    with pytest.MonkeyPatch.context() as patch:
        return {name: _used(name, patch) for name in GENERATORS}


def _used(name, patch):
    found, drawn, written = Used(), [], []

    def texture(kind, *arguments, **settings):
        image = patterns.texture(kind, *arguments, **settings)
        drawn.append((kind, digest(image.tobytes())))
        return image

    def text(self, xy, letter, **settings):
        written.append(letter)
        return real_text(self, xy, letter, **settings)

    def photographed():
        raise AssertionError(f"{name} uses the digits or the photographs, which are another dataset's")

    for module in (handling, gestures, recordings):
        patch.setattr(module, "texture", texture)
    if name in DRAWN:
        patch.setattr(textures, "_photos", photographed)
        patch.setattr(textures, "_digits", photographed)
    real_text = ImageDraw.ImageDraw.text
    patch.setattr(ImageDraw.ImageDraw, "text", text)
    generator = GENERATORS[name]
    count = 2 * generator.together * len(generator.classes)
    settings = checked(
        {"generator": name, "seed": 0, "clips": dict.fromkeys(generator.splits, count), "size": 32}, GENERATORS
    )
    for split in generator.splits:
        for clip in generator.clips(settings, split, draw):
            found.frames[clip.group] |= {digest(frame.tobytes()) for frame in clip.frames}
            found.kinds |= {kind for kind, _ in drawn}
            found.textures[clip.group] |= {texture for _, texture in drawn}
            found.letters[split] |= set(written)
            drawn.clear()
            written.clear()
    patch.undo()
    return found


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_no_frame_stands_in_two_groups_of_any_dataset(used):
    groups = [frames for of_generator in used.values() for frames in of_generator.frames.values()]
    assert len(groups) > 100 and all(groups)
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_every_kind_of_texture_belongs_to_one_dataset(used):
    for one, other in combinations(GENERATORS, 2):
        assert not used[one].kinds & used[other].kinds
    # The rest are made of digits and photographs, which none of these touched.
    assert {name for name in GENERATORS if used[name].kinds} == set(DRAWN)
    assert set.union(*(used[name].kinds for name in DRAWN)) == set(patterns.KINDS)


@pytest.mark.parametrize("name", DRAWN)
def test_no_texture_is_shared_by_two_groups_and_so_by_two_splits(name, used):
    groups = list(used[name].textures.values())
    assert all(groups)
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_train_and_validation_share_no_letter(used):
    train, validation = (used["handling"].letters[split] for split in ("train", "validation"))
    assert len(train) > 8 and len(validation) > 4
    assert not train & validation


def test_train_and_validation_share_no_digit():
    assert not set(DIGITS["train"]) & set(DIGITS["validation"])


# `temporal` and `scene` cut their textures from the same two photographs, at the same line: what either is trained on
# is nothing that the other is tested on.
def test_train_and_validation_share_no_pixel_of_a_photograph():
    train, validation = (used_pixels(split) for split in ("train", "validation"))
    assert not (train & validation).any()
    assert train.any() and validation.any()


def used_pixels(split):
    used = np.zeros((2, 427, 640), bool)
    for photo, left, top, right, bottom in (*PARTS[split], *PLACES[split].values()):
        used[photo, top:bottom, left:right] = True
    return used
