"""How many seeds and clips a claim takes: the power of the tests that `stm.analysis.statistics` makes.

What a study will measure is taken to be normal: the difference around the true one, its mean squares as multiples of
chi-squared values. Given those the chance of a verdict is a normal tail, and it is averaged over a fixed lattice of
their quantiles, so that equal questions have equal answers. Values are fractions, n clips, S seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy import special

from stm.analysis.mixture import TAIL, Mixture, critical, student
from stm.analysis.statistics import Spread

POWER = 0.8
POINTS = 512
MOST_CLIPS = 10**8
MOST_SEEDS = 200


@dataclass(frozen=True)
class Test:
    """How a claim is judged: at `level`, its share of 5% after correction; `margin` for all kinds but direction."""

    kind: Literal["direction", "equivalence", "size"]
    level: float
    margin: float = 0.0


def power(test: Test, effect: float, spread: Spread, seeds: int, clips: float) -> float:
    """The chance that a study of so many seeds and clips finds what is true: that a claim holds.

    With one seed the test is of the difference at these weights, and what is to be found is the one over seeds.
    """
    m = max(2.0, spread.clusters * clips)
    clip, rest = spread.clips / clips, spread.rest / clips
    if seeds == 1:
        # The bootstrap's tails are those of Student's t.
        variance = (clip + rest) * _mean_square(1, m - 1)
        mixture = Mixture(1.0, m - 1, m - 1)
        if test.kind == "direction":
            # Its resamples come in steps of one clip, and those of no difference count against it: half a step.
            effect -= 0.5 / clips
    else:
        of_seeds = (spread.seeds / seeds + rest / seeds) * _mean_square(0, seeds - 1)
        of_clusters = (clip + rest / seeds) * _mean_square(1, m - 1)
        of_rest = rest / seeds * _mean_square(2, (seeds - 1) * (m - 1))
        variance = np.max([of_seeds + of_clusters - of_rest, of_seeds, of_clusters, of_rest], axis=0)
        of_fewer = of_seeds if seeds <= m else of_clusters
        mixture = Mixture(of_fewer / np.maximum(variance, 1e-300), *sorted([seeds - 1.0, m - 1.0]))
    error = np.sqrt(variance)
    scatter = float(np.sqrt(spread.seeds / seeds + clip + rest / seeds))
    return float(np.mean(_chance(test, effect, error, mixture, max(scatter, 1e-12))))


def clips_needed(test: Test, effect: float, spread: Spread, seeds: int) -> int | None:
    """The fewest clips with which so many seeds decide; None where no number of clips does."""
    return _fewest(lambda clips: power(test, effect, spread, seeds, clips), 2, MOST_CLIPS)


def seeds_needed(test: Test, effect: float, spread: Spread, clips: int) -> int | None:
    """The fewest seeds with which so many clips decide; None where 200 do not.

    One seed and two are questions of their own: of two, the standard deviation is next to unknown.
    """
    if power(test, effect, spread, 1, clips) >= POWER:
        return 1
    return _fewest(lambda seeds: power(test, effect, spread, seeds, clips), 2, MOST_SEEDS)


def smallest_decided(level: float, spread: Spread, seeds: int, clips: int) -> float | None:
    """The smallest true difference that a test of direction finds; None where none below 100 points is found."""
    test = Test("direction", level)
    steps = _fewest(lambda steps: power(test, steps / 1e4, spread, seeds, clips), 1, 10_000)
    return None if steps is None else steps / 1e4


def _fewest(powered: Callable[[int], float], low: int, high: int) -> int | None:
    """The first whole number with enough power, which grows with it."""
    if powered(low) >= POWER:
        return low
    step = low
    while powered(step) < POWER:
        if step == high:
            return None
        low, step = step, min(2 * step, high)
    while step - low > 1:
        middle = (low + step) // 2
        low, step = (low, middle) if powered(middle) >= POWER else (middle, step)
    return step


def _chance(test: Test, effect: float, error: np.ndarray, mixture: Mixture, scatter: float) -> np.ndarray:
    """Of the verdict that the claim holds, given the error that is measured; the conditions of `reporting.verdicts`."""
    if test.kind == "direction":
        return special.ndtr((effect - critical(test.level / 2, mixture) * error) / scatter)
    if test.kind == "size":
        # The whole interval within the margin of the published figure, which is the true one here.
        centre, room = 0.0, test.margin - critical(TAIL, mixture) * error
    else:
        centre, room = effect, test.margin - student(test.level, _freedom(mixture)) * error
    inside = special.ndtr((room - centre) / scatter) - special.ndtr((-room - centre) / scatter)
    return np.where(room > 0, inside, 0.0)


def _freedom(mixture: Mixture) -> Any:
    """`mixture.freedom_of`, of all shares at once: from a table of Student's t over the inverse of the freedom."""
    inverse = np.linspace(1 / mixture.more, 1 / mixture.fewer, 400)
    return 1 / np.interp(critical(TAIL, mixture), student(TAIL, 1 / inverse), inverse)


@lru_cache(maxsize=4096)
def _mean_square(dimension: int, freedom: float) -> np.ndarray:
    """Quantiles of chi-squared over its freedom, in an order of their own for each of three dimensions."""
    # The lattice of Roberts (2018), of the root of x^4 = x + 1.
    root = 1.2207440846057596
    u = (0.5 + np.arange(POINTS) * root ** -(dimension + 1.0)) % 1
    if freedom > 200:
        # Wilson and Hilferty's approximation; the tables of gamma functions are slow where there are many clips.
        part = 2 / (9 * freedom)
        return (1 - part + special.ndtri(np.clip(u, 1e-9, 1 - 1e-9)) * np.sqrt(part)) ** 3
    return 2 * special.gammaincinv(freedom / 2, u) / freedom
