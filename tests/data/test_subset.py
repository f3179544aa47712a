"""A part of a dataset: which clips it takes. Its counts on the papers' own lists: test_official_lists.py."""

import random
from collections import Counter

import pytest

from stm.config.loading import ConfigError, read_yaml, validated
from stm.config.schema.datasets import Dataset
from stm.data.annotations import AnnotationError, Clip, class_list, read
from stm.data.annotations.subset import subset

CLIPS = [
    Clip(f"{label}{number}", ("train" if number < 8 else "validation",), label, f"{label}{number}", f"{number}.mp4")
    for label in "abcdef"
    for number in range(12)
]


def test_a_subset_has_so_many_classes_and_at_most_so_many_clips_of_each():
    chosen = subset(CLIPS, classes=3, clips_per_class={"train": 5, "validation": 9})
    counts = Counter((clip.label, *clip.splits) for clip in chosen)
    assert len({label for label, _ in counts}) == 3
    # There are four of each class in validation.
    assert {counts[key] for key in counts if key[1] == "train"} == {5}
    assert {counts[key] for key in counts if key[1] == "validation"} == {4}


def test_a_subset_is_the_same_whatever_the_order_and_keeps_that_of_the_files():
    shuffled = random.Random(0).sample(CLIPS, len(CLIPS))
    chosen = subset(CLIPS, 3, {"train": 5})
    assert {clip.clip for clip in subset(shuffled, 3, {"train": 5})} == {clip.clip for clip in chosen}
    assert chosen == [clip for clip in CLIPS if clip in chosen] != CLIPS[: len(chosen)]


def test_a_larger_subset_holds_the_smaller_ones():
    small, large = ({clip.clip for clip in subset(CLIPS, n, {"train": n})} for n in (2, 4))
    assert small < large


def test_a_clip_that_goes_changes_no_other_choice_among_the_clips_that_stay():
    chosen = subset(CLIPS, 3, {"train": 5})
    rest = [clip for clip in CLIPS if clip != chosen[0]]
    again = subset(rest, 3, {"train": 5})
    assert set(chosen) - set(again) == {chosen[0]} and len(again) == len(chosen)


def test_each_fold_has_its_own_number_of_clips():
    folded = [
        Clip(c.clip, (c.splits[0], "train" if c.splits[0] == "validation" else "validation"), c.label, c.group, c.video)
        for c in CLIPS
    ]
    chosen = subset(folded, clips_per_class={"train": 3, "validation": 2})
    for fold in range(2):
        counts = Counter((clip.label, clip.splits[fold]) for clip in chosen if clip.splits[fold])
        assert set(counts.values()) == {3, 2}
    assert all(any(clip.splits) for clip in chosen)


def test_clips_without_a_label_are_of_no_chosen_class():
    unknown = Clip("x", ("test",), "", "x", "x.mp4")
    assert unknown in subset([*CLIPS, unknown], clips_per_class={"train": 1})
    assert unknown not in subset([*CLIPS, unknown], classes=6)


def test_more_classes_than_there_are_is_refused():
    with pytest.raises(AnnotationError, match=r"subset\.classes = 7: the dataset has 6"):
        subset(CLIPS, classes=7)


def test_the_classes_of_a_subset_keep_the_makers_order(tmp_path):
    lines = {"train": "1;b\n2;a\n3;c\n", "validation": "4;b\n5;a\n6;c\n", "labels": "c\nb\na\n"}
    for part, text in lines.items():
        (tmp_path / part).write_text(text)
    paths = {part: str(tmp_path / part) for part in lines}
    spec = {"format": "jester", "annotations": paths, "folds": [], "leave_groups_out": None, "subset": {"classes": 2}}
    clips = read(spec)
    assert len(clips) == 4
    assert class_list(spec, clips) == [label for label in "cba" if label in {clip.label for clip in clips}]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("genuine: jester\nsubset: {classes: 2}", "a subset is not the papers' jester"),
        ("subset: {}", "give `classes`, `clips_per_class` or both"),
        ("subset: {clips_per_class: {trian: 3}}", "expected 'train', 'validation' or 'test'"),
    ],
)
def test_a_subset_that_cannot_be_meant_is_refused(tmp_path, more, problem):
    path = tmp_path / "d.yaml"
    path.write_text(f"title: t\nformat: jester\nannotations: {{train: a, validation: b}}\n{more}\n")
    with pytest.raises(ConfigError) as refused:
        validated(Dataset, read_yaml(path))
    assert problem in str(refused.value) and str(path) in str(refused.value)
