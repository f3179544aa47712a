"""What training does to a clip: views, mirroring, colours, and the controls that break order or labels."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from stm.config.schema.recipes import Augmentation, ColourJitter, Twins
from stm.data import augmentation
from stm.data.augmentation import augmented, hue_shifted, jittered
from stm.data.dataset import TrainingClips
from stm.data.shards import FrameIndex
from stm.draws import Purpose, generator

STILL = {"crop": "centre", "scales": [1.0], "horizontal_flip": 0.0, "colour_jitter": None, "grayscale": 0.0}
STRENGTHS = ColourJitter(probability=1.0).model_dump()
ALL = Augmentation(horizontal_flip=0.5, colour_jitter=ColourJitter(), grayscale=0.2).model_dump()
PAIRS = [["moving left", "moving right"]]
SIDE = 32


@pytest.fixture(scope="module")
def frames(index) -> FrameIndex:
    return FrameIndex(index)


@pytest.fixture
def clips(frames, spec):
    """Make the training clips of a recipe that departs from the usual one in `changes`."""

    def make(seed: int = 0, flip_pairs=(), twins: bool = True, **changes) -> TrainingClips:
        recipe = copy.deepcopy(spec["recipe"]) | {"twins": Twins().model_dump() if twins else None}
        augment = {**STILL, **changes.pop("augmentation", {})}
        recipe |= {"augmentation": augment, **changes}
        return TrainingClips(frames, frames.select("train", None), recipe, 4, seed, flip_pairs)

    return make


def rows(frames: FrameIndex, *classes: str) -> list[int]:
    found = [int(row) for row in frames.select("train", None)]
    return [row for row in found if not classes or frames.classes[frames.clip(row).label] in classes]


def picture(seed: int = 0, frames: int = 1, side: int = 48) -> Tensor:
    return torch.randint(
        0, 256, (frames, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


# Views


def test_twins_shows_two_views_of_a_clip_and_other_trainings_one(clips, frames):
    row = rows(frames)[0]
    assert clips()[0, row][0].shape == (2, 4, 3, SIDE, SIDE) and clips()[0, row][0].dtype == torch.uint8
    assert clips(twins=False)[0, row][0].shape == (1, 4, 3, SIDE, SIDE)


@pytest.mark.parametrize("order", ["forward", "shuffled"])
def test_both_views_are_of_the_same_frames_in_the_same_order(clips, frames, order):
    made = clips(frame_order=order)
    for row in rows(frames):
        first, second = made[3, row][0]
        assert torch.equal(first, second)


def test_the_two_views_are_augmented_apart(clips, frames):
    made = clips(augmentation=ALL)
    same = [torch.equal(*made[0, row][0]) for row in rows(frames)]
    assert not any(same)


def test_the_first_view_is_that_of_a_training_with_one_view(clips, frames):
    two, one = clips(augmentation=ALL), clips(augmentation=ALL, twins=False)
    for row in rows(frames):
        (views, label), (view, its_label) = two[1, row], one[1, row]
        assert torch.equal(views[0], view[0]) and label == its_label


def test_a_view_follows_from_seed_epoch_and_clip_and_from_nothing_else(clips, frames):
    row = rows(frames)[5]
    view = clips(augmentation=ALL)[2, row][0]
    later = clips(augmentation=ALL)
    for other in rows(frames)[:4]:
        later[2, other]
    assert torch.equal(later[2, row][0], view)
    for another in (clips(augmentation=ALL)[3, row][0], clips(augmentation=ALL, seed=1)[2, row][0]):
        assert not torch.equal(another[0], view[0]) and not torch.equal(another[1], view[1])


# One draw for all frames


def test_everything_is_drawn_once_for_all_frames_of_a_view():
    still = picture().expand(6, -1, -1, -1)
    settings = {**ALL, "colour_jitter": STRENGTHS, "grayscale": 0.5}
    found = []
    for k in range(40):
        view, _ = augmented(still, settings, (SIDE, SIDE), 0.875, generator(0, Purpose.AUGMENTATION, k))
        assert all(torch.equal(frame, view[0]) for frame in view)
        found.append(view[0])
    assert len({frame.numpy().tobytes() for frame in found}) == 40


# Mirroring


def test_a_clip_without_a_partner_is_mirrored_view_by_view_and_keeps_its_label(clips, frames):
    plain = clips()
    mirroring = clips(flip_pairs=PAIRS, augmentation={"horizontal_flip": 0.5})
    seen = Counter()
    for epoch in range(8):
        for row in rows(frames, "rising", "falling"):
            (views, label), (still, its_label) = mirroring[epoch, row], plain[epoch, row]
            assert label == its_label
            assert all(torch.equal(v, s) or torch.equal(v, s.flip(-1)) for v, s in zip(views, still, strict=True))
            seen[tuple(torch.equal(v, s.flip(-1)) for v, s in zip(views, still, strict=True))] += 1
    assert len(seen) == 4 and min(seen.values()) > 10 and sum(seen.values()) == 96


def test_a_clip_with_a_partner_is_mirrored_in_both_views_or_neither_and_takes_its_partner_s_label(clips, frames):
    plain = clips()
    mirroring = clips(flip_pairs=PAIRS, augmentation={"horizontal_flip": 0.5})
    left, right = (frames.classes.index(name) for name in PAIRS[0])
    mirrored = []
    for epoch in range(8):
        for row in rows(frames, *PAIRS[0]):
            (views, label), (still, its_label) = mirroring[epoch, row], plain[epoch, row]
            swapped = label != its_label
            assert {label, its_label} == ({left, right} if swapped else {its_label})
            assert torch.equal(views, still.flip(-1) if swapped else still)
            mirrored.append(swapped)
    assert 30 < sum(mirrored) < 66 and len(mirrored) == 96


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_never_and_always_are_meant(clips, frames, chance):
    plain = clips()
    mirroring = clips(flip_pairs=PAIRS, augmentation={"horizontal_flip": chance})
    for row in rows(frames)[:12]:
        assert torch.equal(mirroring[0, row][0], plain[0, row][0].flip(-1) if chance else plain[0, row][0])


def test_whether_a_clip_is_mirrored_changes_no_other_draw(clips, frames):
    made = [clips(augmentation={**ALL, "horizontal_flip": chance}) for chance in (0.0, 1.0)]
    for row in rows(frames)[:6]:
        still, mirrored = (some[0, row][0] for some in made)
        assert torch.equal(still, mirrored.flip(-1))


# Colours


def test_colours_change_by_amounts_within_their_bounds_in_every_order(monkeypatch):
    calls: list[tuple[str, float]] = []
    for name in ("brightness", "contrast", "saturation", "hue"):
        place = (augmentation, "hue_shifted") if name == "hue" else (functional, f"adjust_{name}")
        monkeypatch.setattr(*place, lambda frames, amount, name=name: (calls.append((name, amount)), frames)[1])
    orders = set()
    for k in range(400):
        del calls[:-4]
        jittered(picture(), STRENGTHS, generator(0, Purpose.AUGMENTATION, k))
        orders.add(tuple(name for name, _ in calls[-4:]))
    assert len(orders) == 24
    amounts: dict[str, list[float]] = {name: [] for name in ("brightness", "contrast", "saturation", "hue")}
    monkeypatch.undo()
    for k in range(2000):
        rng = generator(1, Purpose.AUGMENTATION, k)
        for name, drawn in amounts.items():
            drawn.append(augmentation._amount(name, STRENGTHS[name], rng))
    bounds = {"brightness": (0.6, 1.4), "contrast": (0.6, 1.4), "saturation": (0.8, 1.2), "hue": (-0.1, 0.1)}
    for name, (low, high) in bounds.items():
        assert low <= min(amounts[name]) < low + 0.01 and high - 0.01 < max(amounts[name]) <= high


def test_a_strength_above_one_makes_no_negative_factor():
    rng = generator(0, Purpose.AUGMENTATION)
    assert min(augmentation._amount("contrast", 3.0, rng) for _ in range(500)) >= 0


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_one_colour_alone_is_torchvisions(name):
    frames = picture(frames=3)
    strengths = {key: 0.3 if key == name else 0.0 for key in STRENGTHS}
    changed = jittered(frames, strengths, generator(4, Purpose.AUGMENTATION))
    rng = generator(4, Purpose.AUGMENTATION)
    amounts = {
        key: augmentation._amount(key, strengths[key], rng) for key in ("brightness", "contrast", "saturation", "hue")
    }
    expected = functional.to_dtype(
        getattr(functional, f"adjust_{name}")(functional.to_dtype(frames, torch.float32, scale=True), amounts[name]),
        torch.uint8,
        scale=True,
    )
    assert (changed.int() - expected.int()).abs().max() <= 1 and not torch.equal(changed, frames)


@pytest.mark.parametrize("shift", [-0.5, -0.1, 0.0, 0.03, 0.5])
def test_a_shift_of_hue_is_torchvisions(shift):
    # Of every kind of pixel: gray, black, white, with two channels alike, and any.
    levels = torch.tensor([0, 1, 64, 127, 254, 255], dtype=torch.uint8)
    pixels = torch.cat([torch.cartesian_prod(levels, levels, levels), picture()[0].flatten(1).T])
    colours = pixels.T[:, None].float() / 255
    expected = functional.adjust_hue(colours, shift)
    torch.testing.assert_close(hue_shifted(colours, shift), expected, rtol=0, atol=1e-5)


def test_no_strength_changes_no_colour():
    frames = picture()
    assert torch.equal(jittered(frames, dict.fromkeys(STRENGTHS, 0.0), generator(0, Purpose.AUGMENTATION)), frames)


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0), (0.3, 0.3), (1.0, 1)])
def test_a_view_turns_gray_as_often_as_is_said(chance, share):
    views = [
        augmented(picture(), {**STILL, "grayscale": chance}, (8, 8), 1.0, generator(0, Purpose.AUGMENTATION, k))[0]
        for k in range(300)
    ]
    gray = [bool((view[:, 0] == view[:, 1]).all() and (view[:, 1] == view[:, 2]).all()) for view in views]
    assert np.mean(gray) == pytest.approx(share, abs=0.08 if 0 < chance < 1 else 0)
    assert all(view.shape == (1, 3, 8, 8) and view.dtype == torch.uint8 for view in views)


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0), (0.8, 0.8), (1.0, 1)])
def test_colours_change_as_often_as_is_said(chance, share):
    settings = {**STILL, "colour_jitter": {**STRENGTHS, "hue": 0.0, "probability": chance}}
    plain, _ = augmented(picture(), STILL, (8, 8), 1.0, generator(0, Purpose.AUGMENTATION))
    changed = [
        not torch.equal(plain, augmented(picture(), settings, (8, 8), 1.0, generator(0, Purpose.AUGMENTATION, k))[0])
        for k in range(300)
    ]
    assert np.mean(changed) == pytest.approx(share, abs=0.08 if 0 < chance < 1 else 0)


# Controls


def test_permuted_labels_are_as_many_of_each_class_and_belong_to_other_clips(clips, frames):
    true, dealt = clips(), clips(labels="permuted")
    found = rows(frames)
    before, after = ([made[0, row][1] for row in found] for made in (true, dealt))
    assert Counter(before) == Counter(after) and before != after
    assert torch.equal(true[0, found[0]][0], dealt[0, found[0]][0])
    # The same in every epoch, or there would be nothing to memorise; another deal for another seed.
    assert [dealt[5, row][1] for row in found] == after
    other = clips(labels="permuted", seed=1)
    assert [other[0, row][1] for row in found] != after


def test_permuted_labels_stay_among_the_training_clips(frames, spec):
    recipe = spec["recipe"] | {"twins": None, "labels": "permuted"}
    some = rows(frames, "rising")
    made = TrainingClips(frames, some, recipe, 4, 0)
    assert {made[0, row][1] for row in some} == {frames.classes.index("rising")}


def test_shuffled_frames_are_the_same_frames_in_an_order_of_their_own(clips, frames, monkeypatch):
    shown: list[np.ndarray] = []
    read = FrameIndex.read
    monkeypatch.setattr(
        FrameIndex, "read", lambda self, row, numbers: (shown.append(numbers), read(self, row, numbers))[1]
    )
    forward, shuffled = clips(), clips(frame_order="shuffled")
    orders = set()
    for epoch in range(3):
        for row in rows(frames):
            forward[epoch, row]
            shuffled[epoch, row]
            assert sorted(shown[-2]) == list(shown[-2]) == sorted(shown[-1])
            orders.add(tuple(np.argsort(shown[-1])))
    assert len(orders) > 12


def test_a_training_that_changes_no_colours_needs_no_operator_of_torchvision(clips, frames, monkeypatch):
    # Loading it takes every process seconds: only the recipes that change colours pay.
    for name in ("rgb_to_grayscale", "adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue"):
        monkeypatch.setattr(functional, name, None)
    clips(twins=False)[0, rows(frames)[0]]
