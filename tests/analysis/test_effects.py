"""What differences are compared with: margins, published figures, each other, what a study could have seen."""

import numpy as np
import pytest
from scipy import stats

from stm.analysis.statistics import (
    Estimate,
    beyond,
    difference_interval,
    difference_of_differences,
    equivalence,
    published_difference_interval,
    smallest_effect,
)

from .clips import bernoulli, own_groups

UNKNOWN = Estimate(0.1, -1.0, 1.0, "clips", 1.0, np.inf, np.inf)


def estimated(value, error, freedom, covers="clips"):
    return Estimate(value, value - 2 * error, value + 2 * error, covers, 0.5, error, freedom)


def test_the_smallest_effect_is_28_errors_in_ten_where_the_error_is_known():
    assert smallest_effect(estimated(0.3, 0.01, np.inf)) == pytest.approx(0.02801585, abs=1e-7)
    assert smallest_effect(estimated(0.3, 0.01, 4)) == pytest.approx(0.01 * (2.776445 + 0.940965), abs=1e-7)
    assert smallest_effect(estimated(0.3, 0.01, np.inf), power=0.5) == pytest.approx(0.01959964, abs=1e-7)
    assert smallest_effect(UNKNOWN) == np.inf


def test_the_smallest_effect_is_found_with_its_power():
    generator = np.random.default_rng(13)
    error, freedom = 0.02, 20
    effect = smallest_effect(estimated(0, error, freedom), power=0.8)
    # What a measurement of this error and freedom gives: a normal value over an error estimated with that freedom.
    values = effect + error * generator.standard_normal(100_000)
    errors = error * np.sqrt(generator.chisquare(freedom, 100_000) / freedom)
    assert np.mean(values / errors > stats.t.isf(0.025, freedom)) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("first", "second", "clips", "expected"),
    [(0.9, 0.3, 10, (0.1705, 0.8090)), (1, 0, 10, (0.6075, 1))],  # Newcombe 1998, table II, method 10
)
def test_the_difference_of_two_published_accuracies_is_newcombes(first, second, clips, expected):
    assert published_difference_interval(first, second, clips) == pytest.approx(expected, abs=5e-5)
    mirrored = published_difference_interval(second, first, clips)
    assert mirrored == pytest.approx((-expected[1], -expected[0]), abs=5e-5)


def test_of_many_clips_it_is_the_textbook_interval():
    half = 1.959964 * np.sqrt((0.492 * 0.508 + 0.347 * 0.653) / 11522)
    low, high = published_difference_interval(0.492, 0.347, 11522)
    assert (low, high) == pytest.approx((0.145 - half, 0.145 + half), abs=1e-4)


def test_equal_extremes_are_no_point():
    low, high = published_difference_interval(1, 1, 100)
    assert -low == pytest.approx(high) and high > 0.03


@pytest.mark.parametrize("wrong", [(49.2, 34.7, 11522), (0.5, -0.1, 100), (0.5, 0.4, 0)])
def test_percentages_and_no_clips_are_refused(wrong):
    with pytest.raises(ValueError, match="fractions"):
        published_difference_interval(*wrong)


def test_independent_differences_add_their_variances():
    found = difference_of_differences(estimated(0.2, 0.03, np.inf), estimated(0.05, 0.04, np.inf))
    assert (found.value, found.error) == pytest.approx((0.15, 0.05))
    assert found.freedom == np.inf
    assert found.p == pytest.approx(2 * stats.norm.sf(3))
    assert (found.low, found.high) == pytest.approx((0.15 - 0.05 * 1.959964, 0.15 + 0.05 * 1.959964))


def test_the_freedom_of_a_difference_of_differences_lies_between_those_of_the_two():
    few, many = estimated(0.2, 0.03, 2, "clips and seeds"), estimated(0.05, 0.04, 399, "clips and seeds")
    found, mirrored = difference_of_differences(few, many), difference_of_differences(many, few)
    assert 2 < found.freedom < 399
    critical = np.sqrt(0.36 * stats.t.isf(0.025, 2) ** 2 + 0.64 * stats.t.isf(0.025, 399) ** 2)
    assert found.high - found.value == pytest.approx(critical * 0.05)
    assert (mirrored.low, mirrored.high, mirrored.p) == pytest.approx((-found.high, -found.low, found.p))
    assert difference_of_differences(few, few).freedom == 2
    assert difference_of_differences(few, few).p == pytest.approx(1)


def test_seeds_are_covered_only_where_both_cover_them():
    one, several = estimated(0.2, 0.03, 399), estimated(0.1, 0.03, 2, "clips and seeds")
    assert difference_of_differences(one, several).covers == "clips"
    assert difference_of_differences(several, several).covers == "clips and seeds"


def test_of_a_dataset_that_tells_nothing_no_difference_is_known():
    for pair in ((UNKNOWN, estimated(0.2, 0.01, 9)), (estimated(0.2, 0.01, 9), UNKNOWN), (UNKNOWN, UNKNOWN)):
        found = difference_of_differences(*pair)
        assert (found.low, found.high, found.p, found.error) == (-2, 2, 1, np.inf)
        assert smallest_effect(found) == np.inf


def test_beyond_a_margin_at_5_percent_is_an_interval_wholly_outside_of_it():
    value, error = 0.05, 0.01
    half = stats.t.isf(0.025, 30) * error
    estimate = Estimate(value, value - half, value + half, "clips", 0.0, error, 30)
    assert beyond(estimate, value - half) == pytest.approx(0.05)
    assert beyond(estimate, 0.04) > 0.05 > beyond(estimate, 0.02)
    assert beyond(estimate, 0.2) == beyond(UNKNOWN, 0.05) == 1.0 and equivalence(estimate, 0.1) < 0.05


def test_equivalence_needs_the_difference_inside_the_margin_from_both_sides():
    generator = np.random.default_rng(7)
    first = bernoulli(generator, 0.6, (1, 4000))
    second = first.copy()
    second[0, :40] = 1 - second[0, :40]
    estimate = difference_interval(first, second, own_groups(4000))
    assert equivalence(estimate, 0.02) < 0.001
    assert equivalence(estimate, 0.0001) > 0.05
    shifted = difference_interval(first, np.zeros_like(first), own_groups(4000))
    assert equivalence(shifted, 0.02) > 0.99


@pytest.mark.parametrize(("seeds", "groups"), [(2, ["a", "b"]), (1, ["a", "a"]), (1, ["a", "b"])])
def test_two_differences_of_the_same_clips_may_differ_by_two(seeds, groups):
    better, worse = np.ones((seeds, 2)), -np.ones((seeds, 2))
    if seeds > 1:
        better[0, 0] = 0
    estimate = difference_interval(better, worse, groups, limit=2.0)
    assert -2 <= estimate.low < 1 < estimate.value <= estimate.high == 2
