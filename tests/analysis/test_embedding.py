"""How far apart classes lie, on points whose measures are known."""

import numpy as np
import pytest

from stm.analysis.embedding import class_distances, neighbours_agree, silhouettes, tsne_map, unit_length

# Two pairs on a line: 0 and 1 of one class, 10 and 12 of the other.
LINE = np.array([[0.0], [1.0], [10.0], [12.0]])
LABELS = np.array([0, 0, 1, 1])


def test_a_silhouette_compares_the_own_class_with_the_nearest_other():
    # Of the point 0: 1 to its own class, 11 to the other.
    assert silhouettes(LINE, LABELS) == pytest.approx([10 / 11, 9 / 10, 7.5 / 9.5, 9.5 / 11.5])


def test_the_distance_within_a_class_is_to_the_mean_of_its_others():
    within, between = class_distances(LINE, LABELS)
    assert within.tolist() == [1, 1, 2, 2]
    assert between.tolist() == [11, 10, 9.5, 11.5]


def test_of_three_classes_the_distance_between_is_the_mean_over_the_other_two():
    points = np.array([[0.0, 0], [0, 0], [3, 4], [3, 4], [0, 1], [0, 1]])
    within, between = class_distances(points, np.array([0, 0, 1, 1, 2, 2]))
    assert within.tolist() == [0] * 6 and between[:2].tolist() == [3, 3]


def test_scaled_points_have_the_same_silhouettes_and_at_unit_length_the_same_distances():
    points = np.random.default_rng(0).normal(size=(20, 5))
    labels = np.arange(20) % 4
    assert silhouettes(7 * points, labels) == pytest.approx(silhouettes(points, labels))
    for one, other in zip(
        class_distances(unit_length(7 * points), labels), class_distances(unit_length(points), labels), strict=True
    ):
        assert one == pytest.approx(other)


def test_the_origin_has_no_direction_and_stays():
    assert unit_length(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0, 0], [0.6, 0.8]]


def test_no_point_votes_for_itself():
    # Each is nearest to a point of the other class.
    points, labels = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 1, 0, 1])
    assert not neighbours_agree(points, labels, 1).any()
    assert neighbours_agree(LINE, LABELS, 1).all()


def test_of_as_many_votes_those_of_the_nearer_points_win():
    # Nearest to the point 0 are one of its class, then one of the other.
    points, labels = np.array([[0.0], [1.0], [-2.0], [50.0]]), np.array([1, 1, 0, 0])
    assert neighbours_agree(points, labels, 2)[0]


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 0, 0, 1]])
def test_one_class_or_a_class_of_one_point_has_no_distances(labels):
    with pytest.raises(ValueError, match="two classes of two points each"):
        class_distances(LINE, np.array(labels))


def test_a_map_keeps_groups_apart_and_is_the_same_each_time_for_a_seed():
    generator = np.random.default_rng(0)
    labels = np.arange(24) % 2
    points = generator.normal(size=(24, 6)) + 20 * labels[:, None]
    one, again, other = (tsne_map(points, 5.0, seed) for seed in (0, 0, 1))
    assert one.shape == (24, 2) and np.array_equal(one, again) and not np.allclose(one, other)
    assert neighbours_agree(one, labels, 3).all()
