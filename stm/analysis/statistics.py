"""Intervals and tests for accuracies and their differences, from what each clip and each seed says.

Shape letters: S seeds, n clips, m clusters. A cluster holds the clips of one source (speaker, original video), which
resemble each other; a clip without a known source is its own. Values are fractions, intervals are 95% and two-sided.

With one seed nothing is known of what another training would give, so intervals cover the choice of clips only. With
several, seeds and clusters are both random (two-way random effects): pooling the seeds covers far too little.
What the intervals cover in simulations is in benchmarks/coverage.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from stm.analysis.interval import Interval
from stm.analysis.mixture import TAIL, Mixture, critical, freedom_of, student, tail_of

RESAMPLES = 10_000
BOOTSTRAP_SEED = 20190827
# Counts that the bootstrap holds in memory at once.
CHUNK = 1 << 20

# Sums over clusters are whole or half numbers; smaller differences than this are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate(Interval):
    """A difference: `p` is two-sided against none, `error` the standard error with its degrees of `freedom`.

    Where nothing is known, as of a single cluster, the error is infinite.
    """

    p: float
    error: float
    freedom: float


def difference_interval(first: np.ndarray, second: np.ndarray, groups: Sequence[str], limit: float = 1.0) -> Estimate:
    """The mean of first - second over the same clips; seeds are paired by position.

    Args:
        first, second: (S, n), what each clip scores under each seed.
        groups: the n clusters of the clips.
        limit: the largest difference that there can be: 1 of scores in [0, 1], 2 of signed ones in [-1, 1].

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"paired values need one shape (seeds, clips): {first.shape} and {second.shape}")
    sums, sizes = _clusters(first.astype(float) - second, groups)
    value, m = _mean(sums, sizes), len(sizes)
    if m < 2:
        return Estimate(value, -limit, limit, _covers(sums), 1.0, np.inf, np.inf)
    if _unanimous(sums, sizes):
        return _of_like_clusters(value, m, _covers(sums), limit)
    return _bootstrap(sums[0], sizes) if len(sums) == 1 else _random_effects(sums, sizes, limit)


def difference_of_differences(one: Estimate, other: Estimate) -> Estimate:
    """one - other, of two independent datasets, as a fraction: how much larger an effect is on one than on the other.

    Variances add. The interval is Banerjee's (`critical`): with Welch and Satterthwaite's freedom up to 13% of true
    nulls are decided where one dataset has two seeds. Seeds count as covered only where both estimates cover them.
    """
    value = one.value - other.value
    covers = one.covers if one.covers == other.covers else "clips"
    fewer, more = sorted([one, other], key=lambda estimate: estimate.freedom)
    variance = one.error**2 + other.error**2
    if not np.isfinite(variance):
        return Estimate(value, -2.0, 2.0, covers, 1.0, np.inf, np.inf)
    mixture = Mixture(fewer.error**2 / variance, fewer.freedom, more.freedom)
    return _of_mixture(value, variance, mixture, covers, limit=2.0)


def smallest_effect(estimate: Estimate, power: float = 0.8) -> float:
    """The smallest true difference, as a fraction, that a two-sided 5% test finds with this power.

    The minimum detectable effect of Bloom (Evaluation Review 19, 1995): (t of 0.975 + t of the power) standard errors,
    which takes error and freedom to be those of the next measurement too. Infinite where the error is.
    """
    return float((student(TAIL, estimate.freedom) + student(1 - power, estimate.freedom)) * estimate.error)


def published_difference_interval(first: float, second: float, clips: int) -> tuple[float, float]:
    """95% interval of first - second, two published accuracies (fractions) on the same number of clips.

    Papers give no result of single clips, so that the two are treated as independent binomials. Scored on the same
    clips they are correlated, mostly positively, and the interval is then too wide; and it says nothing of seeds.
    Newcombe's hybrid of Wilson's intervals (Statistics in Medicine 17, 1998, 873-890, method 10): it is no point at 0
    and 100%, and equals the textbook interval where clips are many.

    Raises:
        ValueError: an accuracy is no fraction, or there are no clips.
    """
    if clips < 1 or not (0 <= first <= 1 and 0 <= second <= 1):
        raise ValueError(f"two fractions of at least one clip are needed: {first}, {second}, {clips} clips")
    (low_first, high_first), (low_second, high_second) = wilson(first, clips), wilson(second, clips)
    below = np.hypot(first - low_first, high_second - second)
    above = np.hypot(high_first - first, second - low_second)
    return float(first - second - below), float(first - second + above)


def accuracy_interval(correct: np.ndarray, groups: Sequence[str]) -> Interval:
    """The mean of `correct` (S, n) over seeds and clips.

    One seed: Wilson's interval at the effective number of clips, since a bootstrap collapses near 0 and 100%. Several:
    two-way random effects. Where all clusters agree in all seeds: Wilson's interval at the number of clusters.
    """
    sums, sizes = _clusters(correct.astype(float), groups)
    value = _mean(sums, sizes)
    if len(sizes) < 2 or _unanimous(sums, sizes):
        low, high = wilson(value, len(sizes))
    elif len(sums) == 1:
        low, high = wilson(value, _effective_clips(sums[0], sizes))
    else:
        effect = _random_effects(sums, sizes)
        low, high = max(effect.low, 0.0), min(effect.high, 1.0)
    return Interval(value, low, high, _covers(sums))


def wilson(fraction: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a fraction of n trials; n need not be whole."""
    z2 = stats.norm.isf(TAIL) ** 2
    centre = (fraction + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (fraction * (1 - fraction) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given; compare each with the level of the whole family."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted.tolist()


def equivalence(estimate: Estimate, margin: float) -> float:
    """p of two one-sided tests: small where the difference is surely within -margin and +margin."""
    nearest = margin - abs(estimate.value)
    return float(stats.t.sf(nearest / estimate.error, estimate.freedom))


def beyond(estimate: Estimate, margin: float) -> float:
    """p of a test that the difference is not beyond the margin, on whichever side: small where it surely is.

    At 5% it says what the 95% interval says that lies wholly outside.
    """
    further = abs(estimate.value) - margin
    return min(1.0, 2 * float(stats.t.sf(further / estimate.error, estimate.freedom)))


def _clusters(values: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the clips of each cluster (S, m), and how many clips each has (m)."""
    if len(groups) != values.shape[1]:
        raise ValueError(f"{len(groups)} groups for {values.shape[1]} clips")
    _, index, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.stack([np.bincount(index, weights=row) for row in values]), sizes


def _mean(sums: np.ndarray, sizes: np.ndarray) -> float:
    return float(sums.sum() / (len(sums) * sizes.sum()))


def _covers(sums: np.ndarray) -> str:
    return "clips" if len(sums) == 1 else "clips and seeds"


def _unanimous(sums: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether every cluster has the same mean in every seed."""
    return bool(np.abs(sums - _mean(sums, sizes) * sizes).max() < ROUNDING)


def _of_like_clusters(value: float, m: int, covers: str, limit: float) -> Estimate:
    """Where m clusters all say the same no resample differs from another, and yet not everything is known.

    Unlike clusters may be as frequent as the exact binomial bound for none in m; p is that of a sign test.
    """
    half = limit * (1 - TAIL ** (1 / m))
    p = 1.0 if abs(value) < ROUNDING else 2.0 ** (1 - m)
    error = half / stats.norm.isf(TAIL)
    return Estimate(value, max(value - half, -limit), min(value + half, limit), covers, p, float(error), np.inf)


def _bootstrap(sums: np.ndarray, sizes: np.ndarray) -> Estimate:
    """Clusters drawn with replacement, one seed; percentile interval.

    Tails are those of Student's t with m - 1 degrees of freedom and a standard deviation that divides by m - 1 (the
    expanded percentile interval: Hesterberg, The American Statistician 69, 2015). Of hundreds of clusters it is the
    plain percentile interval; of four speakers the plain one covers far too little.
    """
    m = len(sizes)
    means = _resampled_means(sums, sizes)
    widening = np.sqrt(m / (m - 1))
    tail = stats.norm.sf(widening * stats.t.isf(TAIL, m - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    z = stats.norm.isf(min(0.5, (beyond + 1) / (RESAMPLES + 1)))
    p = 2 * stats.t.sf(z / widening, m - 1)
    error = means.std(ddof=1) * widening
    return Estimate(_mean(sums[None], sizes), float(low), float(high), "clips", float(p), float(error), m - 1)


def _resampled_means(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The mean over clips of every resample of the clusters, (RESAMPLES).

    Clusters of equal sum and size are interchangeable, so that a draw of how many of each kind is a draw of clusters:
    20,000 clips that are worse, equal or better are three kinds.
    """
    kinds, counts = np.unique(np.column_stack([sums, sizes]), axis=0, return_counts=True)
    generator = np.random.default_rng(np.random.SeedSequence(BOOTSTRAP_SEED))
    rows = max(1, CHUNK // len(kinds))
    means = []
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=size) @ kinds
        means.append(drawn[:, 0] / drawn[:, 1])
    return np.concatenate(means)


def _random_effects(sums: np.ndarray, sizes: np.ndarray, limit: float = 1.0) -> Estimate:
    """The mean of a table of seeds and clusters (S, m), both drawn at random; it lies between -limit and +limit."""
    seeds, m = sums.shape
    value = _mean(sums, sizes)
    of_seeds, of_clusters, of_rest = _mean_squares(sums, sizes)
    # Each of the three is expected to be no more than the variance of the mean: a component of it that comes out
    # negative is taken as none.
    variance = float(max(of_seeds + of_clusters - of_rest, of_seeds, of_clusters, of_rest))
    of_fewer = of_seeds if seeds <= m else of_clusters
    mixture = Mixture(float(of_fewer / variance), *sorted([seeds - 1.0, m - 1.0]))
    return _of_mixture(value, variance, mixture, "clips and seeds", limit)


def _mean_squares(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Of seeds, of clusters and of the rest, each as a variance of the mean of the table (S, m); S > 1."""
    seeds, m = sums.shape
    # Linearised: what a cluster adds to the mean, in units of an average cluster.
    table = (sums - _mean(sums, sizes) * sizes) * (m / sizes.sum())
    by_seed, by_cluster = table.mean(axis=1), table.mean(axis=0)
    residual = table - by_seed[:, None] - by_cluster
    freedoms = np.array([seeds - 1, m - 1, (seeds - 1) * (m - 1)])
    squares = np.array([m * (by_seed**2).sum(), seeds * (by_cluster**2).sum(), (residual**2).sum()])
    return squares / freedoms / (seeds * m)


@dataclass(frozen=True)
class Spread:
    """What varies in a paired difference, as variances: between seeds; between clips alike in all seeds, and the rest,
    both of one clip; and how many unrelated clusters there are for each clip.
    """

    seeds: float
    clips: float
    rest: float
    clusters: float = 1.0


def difference_spread(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> Spread | None:
    """What varies in first - second (arguments of `difference_interval`); None where fewer than two clusters can say.

    Of one seed nothing is known about seeds (NaN), and all that varies is as of clips alike in all seeds.
    """
    sums, sizes = _clusters(first.astype(float) - second, groups)
    seeds, m = sums.shape
    n = float(sizes.sum())
    if m < 2:
        return None
    if seeds == 1:
        deviations = sums[0] - _mean(sums, sizes) * sizes
        return Spread(np.nan, float((deviations**2).sum() * m / (m - 1) / n), 0.0, m / n)
    of_seeds, of_clusters, of_rest = _mean_squares(sums, sizes)
    return Spread(
        float(max(of_seeds - of_rest, 0)) * seeds,
        float(max(of_clusters - of_rest, 0)) * n,
        float(of_rest) * seeds * n,
        m / n,
    )


def _of_mixture(value: float, variance: float, mixture: Mixture, covers: str, limit: float) -> Estimate:
    """What lies between -limit and +limit, measured with an error of two sources."""
    error = float(np.sqrt(variance))
    half = float(critical(TAIL, mixture)) * error
    low, high = max(value - half, -limit), min(value + half, limit)
    return Estimate(value, low, high, covers, 2 * tail_of(abs(value) / error, mixture), error, freedom_of(mixture))


def _effective_clips(sums: np.ndarray, sizes: np.ndarray) -> float:
    """How many unrelated clips would say as much as these, of which clusters resemble each other.

    n over the design effect (never below 1), and fewer where there are few clusters to estimate it from (Korn and
    Graubard, Survey Methodology 24, 1998).
    """
    n, m, value = sizes.sum(), len(sizes), _mean(sums[None], sizes)
    clustered = m / (m - 1) * ((sums - value * sizes) ** 2).sum() / n**2
    design = max(1.0, clustered / (value * (1 - value) / (n - 1)))
    return float(n / design * (stats.t.isf(TAIL, n - 1) / stats.t.isf(TAIL, m - 1)) ** 2)
