"""Student's t of a variance that has two sources, such as seeds and clips."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

# Of a two-sided interval of 95%, on each side.
TAIL = 0.025

# Tails below this one are none.
SMALLEST_TAIL = 1e-100


@dataclass(frozen=True)
class Mixture:
    """A variance of two sources: the share of the one with `fewer` degrees of freedom; the other has `more`."""

    # A number, or an array of them for as many critical values.
    share: Any
    fewer: float
    more: float


def critical(tail: float, mixture: Mixture) -> Any:
    """Banerjee's critical value: the squares of the two sources' values of Student's t, weighted by their variances.

    (Sankhya 22, 1960, 357-358.) With normal effects the interval holds the truth in at least 95%, whatever the ratio of
    the variances: the distribution function of a squared normal value is concave, so that its mean over the estimates
    is no less than the weighted mean of what each source alone would have, which is exactly 95%. Satterthwaite's
    freedom is itself estimated instead: two or three seeds that agree by chance make the variance small and the freedom
    large at once, so that up to 13% of true nulls are decided.
    """
    few, many = student(tail, mixture.fewer), student(tail, mixture.more)
    return np.sqrt(mixture.share * few**2 + (1 - mixture.share) * many**2)


def tail_of(statistic: float, mixture: Mixture) -> float:
    """The tail whose critical value is `statistic`, from 0 to 1/2."""
    if statistic >= critical(SMALLEST_TAIL, mixture):
        return 0.0
    ends = np.log([SMALLEST_TAIL, 0.5])
    return float(np.exp(optimize.brentq(lambda x: critical(np.exp(x), mixture) - statistic, *ends)))


def freedom_of(mixture: Mixture) -> float:
    """The degrees of freedom at which Student's t has the critical value of the mixture."""
    limit = critical(TAIL, mixture)
    # Over the inverse, which is finite where the freedom is not.
    many, few = 1 / mixture.more, 1 / mixture.fewer
    if limit <= student(TAIL, mixture.more):
        return mixture.more
    if limit >= student(TAIL, mixture.fewer):
        return mixture.fewer
    inverse = optimize.brentq(lambda x: student(TAIL, 1 / x if x else np.inf) - limit, many, few)
    return float(1 / inverse)


def student(tail: float, freedom: Any) -> Any:
    """Where Student's t has this upper tail; many times as fast as scipy.stats."""
    return -special.stdtrit(freedom, tail)
