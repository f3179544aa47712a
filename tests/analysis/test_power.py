"""The numbers of seeds and clips that are asked for, held to simulations of the tests that verdicts are made of."""

from functools import cache

import numpy as np
import pytest

from stm.analysis import power
from stm.analysis.power import Test as Judged
from stm.analysis.power import clips_needed, seeds_needed, smallest_decided
from stm.analysis.statistics import Spread, difference_interval, difference_spread, equivalence

SIMULATIONS = 250


def drawn(rng, accuracies, seeds, clips, seed_sd):
    """Two networks of independent clips (S, n): which clips are easy is the same in all seeds."""
    easy = rng.random((2, clips))
    moved = np.array(accuracies)[:, None] + seed_sd * rng.standard_normal((2, seeds))
    return (easy[:, None] < moved[:, :, None]).astype(float)


def binomial(accuracies, seed_sd):
    return Spread(2 * seed_sd**2, sum(p * (1 - p) for p in accuracies), 0.0)


@cache
def of_counts(worse, equal, better):
    """The estimate of one seed, which depends on no more than these: most bootstraps are spared."""
    first = np.array([[0.0, 1.0, 1.0]]).repeat([worse, equal, better], axis=1)
    second = np.array([[1.0, 1.0, 0.0]]).repeat([worse, equal, better], axis=1)
    return difference_interval(first, second, np.arange(first.shape[1]))


def measured(first, second):
    if len(first) == 1:
        return of_counts(*(int((first - second == by).sum()) for by in (-1, 0, 1)))
    return difference_interval(first, second, np.arange(first.shape[1]))


def decided(test, published, rng, accuracies, seeds, clips, seed_sd):
    found = 0
    for _ in range(SIMULATIONS):
        estimate = measured(*drawn(rng, accuracies, seeds, clips, seed_sd))
        if test.kind == "direction":
            found += estimate.p < test.level and estimate.value > 0
        elif test.kind == "equivalence":
            found += equivalence(estimate, test.margin) < test.level
        else:
            found += max(abs(estimate.low - published), abs(estimate.high - published)) <= test.margin
    return found / SIMULATIONS


@pytest.mark.parametrize(
    ("test", "accuracies", "seeds", "seed_sd"),
    [
        (Judged("direction", 0.05), (0.70, 0.50), 1, 0.0),
        (Judged("direction", 0.01), (0.70, 0.50), 1, 0.05),
        (Judged("direction", 0.05), (0.60, 0.50), 3, 0.02),
        (Judged("direction", 0.01), (0.90, 0.80), 5, 0.02),
        (Judged("equivalence", 0.05, 0.20), (0.60, 0.58), 1, 0.02),
        (Judged("equivalence", 0.05, 0.15), (0.60, 0.58), 4, 0.02),
        (Judged("size", 0.05, 0.15), (0.60, 0.50), 4, 0.02),
    ],
)
def test_as_many_clips_as_are_asked_for_decide_four_times_in_five(test, accuracies, seeds, seed_sd):
    effect = accuracies[0] - accuracies[1]
    clips = clips_needed(test, effect, binomial(accuracies, seed_sd), seeds)
    assert clips is not None
    rng = np.random.default_rng(7)
    assert 0.74 <= decided(test, effect, rng, accuracies, seeds, clips, seed_sd) <= 0.86


def test_as_many_seeds_as_are_asked_for_decide_four_times_in_five():
    test, accuracies, seed_sd, clips = Judged("direction", 0.05), (0.60, 0.50), 0.10, 1000
    seeds = seeds_needed(test, 0.10, binomial(accuracies, seed_sd), clips)
    assert seeds is not None and seeds > 2
    found = decided(test, 0.10, np.random.default_rng(8), accuracies, seeds, clips, seed_sd)
    # One seed more or less is a large step.
    assert 0.76 <= found <= 0.92
    assert power.power(test, 0.10, binomial(accuracies, seed_sd), seeds - 1, clips) < 0.8


def test_no_number_of_clips_makes_up_for_the_seeds_of_one_training():
    spread = binomial((0.6, 0.58), 0.03)
    assert clips_needed(Judged("direction", 0.05), 0.02, spread, 1) is None
    assert seeds_needed(Judged("direction", 0.05), 0.02, spread, 10**6) is not None
    assert clips_needed(Judged("equivalence", 0.05, 0.01), 0.02, spread, 5) is None


def test_the_smallest_effect_is_decided_four_times_in_five():
    clips = 500
    effect = smallest_decided(0.05, binomial((0.5, 0.5), 0.0), 1, clips)
    assert effect is not None
    accuracies = (0.5 + effect / 2, 0.5 - effect / 2)
    found = decided(Judged("direction", 0.05), effect, np.random.default_rng(9), accuracies, 1, clips, 0.0)
    assert 0.74 <= found <= 0.86


def test_what_varies_is_found_in_what_is_measured():
    rng = np.random.default_rng(10)
    groups = np.arange(4000)
    found = [difference_spread(*drawn(rng, (0.6, 0.5), 5, 4000, 0.03), groups) for _ in range(40)]
    wanted = binomial((0.6, 0.5), 0.03)
    assert np.mean([f.seeds for f in found]) == pytest.approx(wanted.seeds, rel=0.25)
    assert np.mean([f.clips + f.rest for f in found]) == pytest.approx(wanted.clips, rel=0.05)
    one = difference_spread(*drawn(rng, (0.6, 0.5), 1, 4000, 0.0), groups)
    assert np.isnan(one.seeds) and one.clips == pytest.approx(wanted.clips, rel=0.05)


def test_clips_of_a_source_count_as_far_as_they_differ():
    rng = np.random.default_rng(11)
    first, second = (np.repeat(x, 4, axis=1) for x in drawn(rng, (0.6, 0.5), 1, 500, 0.0))
    alone = difference_spread(first[:, ::4], second[:, ::4], np.arange(500))
    fours = difference_spread(first, second, np.arange(2000) // 4)
    assert fours.clusters == 0.25 and fours.clips == pytest.approx(4 * alone.clips)
    assert difference_spread(first, second, ["one"] * 2000) is None
