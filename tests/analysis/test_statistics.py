"""Intervals and tests of accuracies and differences: by hand, and against scipy."""

import numpy as np
import pytest
from scipy import stats

from stm.analysis.statistics import (
    accuracy_interval,
    difference_interval,
    equivalence,
    holm,
    wilson,
)

from .clips import bernoulli, own_groups


@pytest.mark.parametrize(("right", "n"), [(0, 20), (7, 20), (20, 20), (5669, 11522)])
def test_wilson_is_scipys(right, n):
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high))


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_a_difference_of_one_seed_is_that_of_the_means_and_covers_clips():
    first, second = np.array([[1.0, 1, 1, 0, 1, 0]]), np.array([[1.0, 0, 1, 0, 0, 1]])
    estimate = difference_interval(first, second, own_groups(6))
    assert estimate.value == pytest.approx(1 / 6)
    assert estimate.covers == "clips"
    assert estimate.low < estimate.value < estimate.high


def test_the_bootstrap_agrees_with_a_paired_t_test_where_clips_are_many():
    generator = np.random.default_rng(1)
    first, second = bernoulli(generator, 0.55, (1, 2000)), bernoulli(generator, 0.5, (1, 2000))
    estimate = difference_interval(first, second, own_groups(2000))
    test = stats.ttest_rel(first[0], second[0])
    interval = test.confidence_interval()
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high), abs=0.002)
    assert estimate.p == pytest.approx(test.pvalue, abs=0.005)
    assert estimate.error == pytest.approx(stats.sem(first[0] - second[0]), rel=0.03)


def test_equal_calls_give_equal_intervals_whatever_the_order_of_the_clips():
    generator = np.random.default_rng(2)
    first, second = bernoulli(generator, 0.6, (1, 300)), bernoulli(generator, 0.5, (1, 300))
    groups = [f"speaker{i % 30}" for i in range(300)]
    order = generator.permutation(300)
    shuffled = difference_interval(first[:, order], second[:, order], [groups[i] for i in order])
    assert difference_interval(first, second, groups) == shuffled


@pytest.mark.parametrize("seeds", [1, 3])
def test_swapping_first_and_second_mirrors_the_interval(seeds):
    generator = np.random.default_rng(3)
    first, second = bernoulli(generator, 0.6, (seeds, 200)), bernoulli(generator, 0.5, (seeds, 200))
    there, back = (
        difference_interval(first, second, own_groups(200)),
        difference_interval(second, first, own_groups(200)),
    )
    assert back.value == -there.value
    # The bootstrap draws anew, so that its ends agree as well as 10,000 resamples can.
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-12 if seeds > 1 else 0.006)
    assert back.p == pytest.approx(there.p, abs=0.01)


def test_two_way_random_effects_by_hand():
    first = np.array([[1.0, 1, 0, 1], [1, 0, 0, 1]])
    estimate = difference_interval(first, np.zeros((2, 4)), own_groups(4))
    # Means: seeds 3/4 and 1/2, clips 1, 1/2, 0, 1. Squares: seeds 1/32 / 2, clips (11/16 / 3) / 4, rest (3/8 / 3) / 8.
    assert estimate.value == pytest.approx(5 / 8)
    assert estimate.error**2 == pytest.approx(1 / 64 + 11 / 192 - 1 / 64)
    assert estimate.covers == "clips and seeds"
    # Banerjee: of the variance, 11/192, the two seeds (t of 1) make 1/64 and the four clips (t of 3) the rest.
    critical = np.sqrt(3 / 11 * stats.t.isf(0.025, 1) ** 2 + 8 / 11 * stats.t.isf(0.025, 3) ** 2)
    assert critical * estimate.error > 1 + 5 / 8
    assert (estimate.low, estimate.high) == (-1, 1)
    assert stats.t.isf(0.025, estimate.freedom) == pytest.approx(critical)
    tail = estimate.p / 2
    weighted = 3 / 11 * stats.t.isf(tail, 1) ** 2 + 8 / 11 * stats.t.isf(tail, 3) ** 2
    assert np.sqrt(weighted) == pytest.approx(5 / 8 / estimate.error)


def test_with_many_clusters_the_interval_is_as_wide_as_the_critical_value_says():
    generator = np.random.default_rng(14)
    estimate = difference_interval(
        bernoulli(generator, 0.6, (5, 200)), bernoulli(generator, 0.5, (5, 200)), own_groups(200)
    )
    half = stats.t.isf(0.025, estimate.freedom) * estimate.error
    assert (estimate.low, estimate.high) == pytest.approx((estimate.value - half, estimate.value + half))


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_over_seeds_a_difference_is_decided_exactly_where_the_interval_leaves_zero_out(seeds):
    generator = np.random.default_rng(12)
    decided = []
    for shift in np.linspace(0, 0.5, 26):
        first, second = bernoulli(generator, 0.4 + shift, (seeds, 50)), bernoulli(generator, 0.4, (seeds, 50))
        estimate = difference_interval(first, second, own_groups(50))
        decided.append(estimate.p < 0.05)
        assert decided[-1] == (estimate.low > 0 or estimate.high < 0)
        assert 1 <= seeds - 1 <= estimate.freedom <= 49
        assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert any(decided) and not all(decided)


def test_a_difference_without_any_doubt_has_the_smallest_p():
    first = np.ones((3, 4000))
    first[0, 0] = 0
    estimate = difference_interval(first, np.zeros((3, 4000)), own_groups(4000))
    assert 0 <= estimate.p < 1e-5
    assert estimate.low > 0.99


def test_a_seed_effect_widens_the_interval_of_several_seeds():
    generator = np.random.default_rng(4)
    steady = bernoulli(generator, np.full((3, 1), 0.6), (3, 400))
    moving = bernoulli(generator, np.array([[0.5], [0.6], [0.7]]), (3, 400))
    width = [i.high - i.low for i in (accuracy_interval(x, own_groups(400)) for x in (steady, moving))]
    assert width[1] > 2 * width[0]


def test_seeds_that_contradict_each_other_clip_by_clip_leave_a_variance():
    first = np.array([[1.0, 0], [0, 1]])
    estimate = difference_interval(first, np.full((2, 2), 0.5), own_groups(2))
    assert estimate.error > 0 and estimate.p == pytest.approx(1)


def test_clips_of_one_source_widen_the_interval():
    generator = np.random.default_rng(5)
    source = np.repeat(np.arange(20), 20)
    right = bernoulli(generator, generator.random(20)[source], (1, 400))
    groups = [f"speaker{s}" for s in source]
    for interval in (accuracy_interval, lambda x, g: difference_interval(x, np.zeros_like(x), g)):
        plain, clustered = interval(right, own_groups(400)), interval(right, groups)
        assert clustered.value == plain.value
        assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


def test_an_accuracy_of_one_seed_is_wilsons_where_clips_are_their_own_sources():
    interval = accuracy_interval(np.array([[1.0] * 30 + [0.0] * 10]), own_groups(40))
    assert (interval.low, interval.high) == pytest.approx(wilson(0.75, 40))
    assert interval.covers == "clips"


def test_at_100_percent_the_interval_counts_sources_and_is_no_point():
    interval = accuracy_interval(np.ones((1, 100)), [f"speaker{i % 10}" for i in range(100)])
    assert (interval.low, interval.high) == pytest.approx(wilson(1.0, 10))
    assert accuracy_interval(np.ones((3, 100)), own_groups(100)).low == pytest.approx(wilson(1.0, 100)[0])


def test_an_accuracy_stays_between_0_and_1():
    right = np.ones((3, 50))
    right[0, :3] = 0
    assert accuracy_interval(right, own_groups(50)).high == 1


def test_no_clip_that_differs_is_no_proof_of_equality():
    right = np.ones((1, 20))
    estimate = difference_interval(right, right, own_groups(20))
    assert estimate.high == pytest.approx(1 - 0.025 ** (1 / 20))  # the exact binomial bound: 17 points
    assert estimate.p == 1
    assert equivalence(estimate, 0.05) > 0.05


def test_every_clip_better_is_significant():
    assert difference_interval(np.ones((1, 20)), np.zeros((1, 20)), own_groups(20)).p < 1e-5


def test_a_single_source_tells_nothing():
    generator = np.random.default_rng(6)
    right = bernoulli(generator, 0.7, (1, 100))
    estimate = difference_interval(right, np.zeros((1, 100)), ["the one speaker"] * 100)
    assert (estimate.low, estimate.high, estimate.p) == (-1, 1, 1)
    assert equivalence(estimate, 0.05) >= 0.5


def test_a_single_cluster_says_nothing_whatever_a_difference_may_be():
    gaps = np.ones((1, 3)), np.zeros((1, 3))
    for limit in (1.0, 2.0):
        estimate = difference_interval(*gaps, ["the one speaker"] * 3, limit=limit)
        assert (estimate.low, estimate.high) == (-limit, limit)


def test_values_that_cannot_be_paired_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        difference_interval(np.ones((2, 5)), np.ones((1, 5)), own_groups(5))
    with pytest.raises(ValueError, match="4 groups for 5 clips"):
        difference_interval(np.ones((1, 5)), np.ones((1, 5)), own_groups(4))
