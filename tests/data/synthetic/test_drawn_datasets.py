"""The drawn datasets of `config/datasets`: they hold what they say, in the splits that they say."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from stm.config.plan import Plan
from stm.config.schema.datasets import Role
from stm.data import synthetic
from stm.data.annotations import class_list, read
from stm.data.check import check_study
from stm.data.counts import counts
from stm.data.mirror import mirrored_labels
from stm.data.synthetic.recordings import CLIPS_A_RECORDING

CONFIG = Path(__file__).parents[3] / "config"
DATASETS = sorted(path.stem for path in (CONFIG / "datasets").glob("synthetic_*.yaml"))


@pytest.fixture(scope="module")
def demo():
    return Plan(CONFIG / "config.yaml", config=CONFIG)


def drawn(demo, name):
    return demo.dataset(name).entry


def test_every_role_is_played_by_a_drawn_dataset_of_its_own(demo):
    bound = demo.settings.roles
    assert set(bound) == set(get_args(Role))
    assert sorted(bound.values()) == DATASETS


def test_every_drawn_dataset_holds_what_it_expects(demo):
    for report in check_study(demo, sample=None):
        assert report.findings == [], report.dataset
        assert {"classes", "train"} <= set(drawn(demo, report.dataset).expect)


def test_the_source_of_transfer_is_larger_than_its_targets(demo):
    sizes = {role: sum(demo.dataset_of(role).entry.render.clips.values()) for role in demo.settings.roles}
    assert sizes["kinetics400"] > sizes["ucf101"] > sizes["hmdb51"]


@pytest.mark.parametrize("name", ["synthetic_temporal", "synthetic_handling"])
def test_the_pairs_of_a_dataset_are_those_that_its_generator_reverses(name, demo):
    dataset = drawn(demo, name)
    assert dataset.order_only
    assert [tuple(pair) for pair in dataset.reversed_pairs] == synthetic.reversed_pairs(dataset.render.settings())


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("synthetic_handling", [("circling clockwise", "circling counterclockwise")]),
        (
            "synthetic_gestures",
            [
                ("swiping left", "swiping right"),
                ("turning hand clockwise", "turning hand counterclockwise"),
            ],
        ),
    ],
)
def test_labels_tell_which_classes_a_flip_exchanges(name, pairs, demo):
    dataset = drawn(demo, name)
    classes = synthetic.labels(dataset.render.settings())
    both_ways = dict(pairs) | {second: first for first, second in pairs}
    assert mirrored_labels(classes, dataset.flip_pairs) == both_ways


@pytest.mark.parametrize("name", ["synthetic_outdoors", "synthetic_indoors"])
def test_three_splits_test_every_clip_once_and_divide_no_recording(name, demo, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "write_mp4", lambda frames, path: None)
    monkeypatch.setattr(synthetic, "draw", lambda *_: None)
    monkeypatch.setattr("stm.data.synthetic.generators.recording_clips", lambda *_: [None] * CLIPS_A_RECORDING)
    dataset = demo.dataset(name)
    render = dataset.entry.render
    synthetic.render(render.settings(), tmp_path, tmp_path / "annotations.csv")
    spec = dataset.listing_spec | {"annotations": {"list": str(tmp_path / "annotations.csv")}}
    clips = read(spec)
    classes = class_list(spec, clips)
    found = counts([clip.splits for clip in clips], len(classes))
    expected = dataset.entry.expect
    assert {key: found[key] for key in expected} == {
        key: value if isinstance(value, list) else [value] for key, value in expected.items()
    }
    for clip in clips:
        assert sorted(clip.splits) == ["train", "train", "validation"]
    for fold in range(3):
        tested = [clip for clip in clips if clip.splits[fold] == "validation"]
        assert len(set(Counter(clip.label for clip in tested).values())) == 1
        trained = {clip.group for clip in clips if clip.splits[fold] == "train"}
        assert not trained & {clip.group for clip in tested}


def test_clips_without_validation_need_folds(demo):
    outdoors = drawn(demo, "synthetic_outdoors")
    with pytest.raises(ValueError, match=r"render\.clips: nothing is drawn for validation; say leave_groups_out"):
        type(outdoors).model_validate(outdoors.model_dump() | {"leave_groups_out": None})
