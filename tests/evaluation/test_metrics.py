"""Which clips count as right."""

import numpy as np
import pytest

from stm.evaluation.metrics import in_pair, inside_pair_correct, topk_correct

CLASSES = ["opening", "waving", "closing"]
PAIRS = [["opening", "closing"]]


def test_a_clip_is_right_when_its_label_is_among_the_k_highest():
    scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2])
    assert topk_correct(scores, labels, 1).tolist() == [True, False, False]
    assert topk_correct(scores, labels, 2).tolist() == [True, True, False]


def test_a_tie_counts_against_the_network():
    scores = np.full((3, 3), 1 / 3)
    labels = np.array([0, 1, 2])
    assert not topk_correct(scores, labels, 1).any()
    assert not topk_correct(scores, labels, 2).any()


def test_topk_agrees_with_a_sort_where_nothing_ties():
    generator = np.random.default_rng(0)
    scores, labels = generator.random((200, 12)), generator.integers(0, 12, 200)
    first_five = np.argsort(-scores, axis=1)[:, :5]
    assert topk_correct(scores, labels, 5).tolist() == (first_five == labels[:, None]).any(axis=1).tolist()


def test_with_as_many_as_all_classes_every_clip_is_right():
    assert topk_correct(np.full((2, 3), 1 / 3), np.array([0, 2]), 5).all()


def test_inside_a_pair_only_the_two_classes_of_the_pair_compete():
    scores = np.array([[0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.4, 0.2], [0.0, 1.0, 0.0]])
    labels = np.array([0, 0, 2, 1])  # right, tied, wrong, and of no pair
    assert inside_pair_correct(scores, labels, CLASSES, PAIRS).tolist() == [1, 0.5, 0]
    assert in_pair(labels, CLASSES, PAIRS).tolist() == [True, True, True, False]


def test_a_network_that_sees_the_same_in_a_clip_and_its_reversal_is_right_in_half():
    scores = np.repeat(np.random.default_rng(1).random((50, 3)), 2, axis=0)
    assert inside_pair_correct(scores, np.tile([0, 2], 50), CLASSES, PAIRS).mean() == 0.5


def test_a_pair_of_a_class_that_is_not_there_is_refused_by_name():
    with pytest.raises(ValueError, match="'shutting' is no class"):
        in_pair(np.array([0]), CLASSES, [["opening", "shutting"]])


def test_scores_that_are_no_numbers_are_refused():
    scores = np.array([[0.5, 0.5, 0], [np.nan, 0, 0]])
    for metric in (
        lambda: topk_correct(scores, np.array([0, 0]), 1),
        lambda: inside_pair_correct(scores, np.array([0, 0]), CLASSES, PAIRS),
    ):
        with pytest.raises(ValueError, match="1 clips have scores that are not numbers, the first in row 1"):
            metric()
