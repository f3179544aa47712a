"""Intervals and tests for accuracies and their differences, from what each clip and each seed says.

Shape letters: S seeds, n clips, m clusters. A cluster holds the clips of one source (speaker, original video), which
resemble each other; a clip without a known source is its own. Values are fractions, intervals are 95% and two-sided.

With one seed nothing is known of what another training would give, so intervals cover the choice of clips only. With
several, seeds and clusters are both random (two-way random effects): pooling the seeds covers far too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

TAIL = 0.025
RESAMPLES = 10_000
BOOTSTRAP_SEED = 20190827
# Counts that the bootstrap holds in memory at once.
CHUNK = 1 << 20

# Sums over clusters are whole or half numbers; smaller differences than this are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval and what the interval covers: "clips", or "clips and seeds"."""

    value: float
    low: float
    high: float
    covers: str


@dataclass(frozen=True)
class Estimate(Interval):
    """A difference: `p` is two-sided against none, `error` the standard error with its degrees of `freedom`."""

    p: float
    error: float
    freedom: float


def difference_interval(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> Estimate:
    """The mean of first - second over the same clips; seeds are paired by position.

    Args:
        first, second: (S, n), what each clip scores under each seed, in [0, 1].
        groups: the n clusters of the clips.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(f"paired values need one shape (seeds, clips): {first.shape} and {second.shape}")
    sums, sizes = _clusters(first.astype(float) - second, groups)
    value, m = _mean(sums, sizes), len(sizes)
    if m < 2:
        return Estimate(value, -1.0, 1.0, _covers(sums), 1.0, np.inf, np.inf)
    if _unanimous(sums, sizes):
        return _of_like_clusters(value, m, _covers(sums))
    return _bootstrap(sums[0], sizes) if len(sums) == 1 else _random_effects(sums, sizes)


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


def _of_like_clusters(value: float, m: int, covers: str) -> Estimate:
    """Where m clusters all say the same no resample differs from another, and yet not everything is known.

    Unlike clusters may be as frequent as the exact binomial bound for none in m; p is that of a sign test.
    """
    half = 1 - TAIL ** (1 / m)
    p = 1.0 if abs(value) < ROUNDING else 2.0 ** (1 - m)
    error = half / stats.norm.isf(TAIL)
    return Estimate(value, max(value - half, -1.0), min(value + half, 1.0), covers, p, float(error), np.inf)


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


def _random_effects(sums: np.ndarray, sizes: np.ndarray) -> Estimate:
    """The mean of a table of seeds and clusters (S, m), both drawn at random, with Satterthwaite's freedom."""
    seeds, m = sums.shape
    value = _mean(sums, sizes)
    # Linearised: what a cluster adds to the mean, in units of an average cluster.
    table = (sums - value * sizes) * (m / sizes.sum())
    by_seed, by_cluster = table.mean(axis=1), table.mean(axis=0)
    residual = table - by_seed[:, None] - by_cluster
    freedoms = np.array([seeds - 1, m - 1, (seeds - 1) * (m - 1)])
    squares = np.array([m * (by_seed**2).sum(), seeds * (by_cluster**2).sum(), (residual**2).sum()])
    of_seeds, of_clusters, of_rest = squares / freedoms / (seeds * m)
    # Each of the three is expected to be no more than the variance of the mean: a component of it that comes out
    # negative is taken as none.
    variance = max(of_seeds + of_clusters - of_rest, of_seeds, of_clusters, of_rest)
    freedom = variance**2 / (np.array([of_seeds, of_clusters, of_rest]) ** 2 / freedoms).sum()
    freedom = max(float(freedom), min(seeds, m) - 1)
    error = float(np.sqrt(variance))
    half = stats.t.isf(TAIL, freedom) * error
    p = 2 * stats.t.sf(abs(value) / error, freedom)
    return Estimate(value, float(value - half), float(value + half), "clips and seeds", float(p), error, freedom)


def _effective_clips(sums: np.ndarray, sizes: np.ndarray) -> float:
    """How many unrelated clips would say as much as these, of which clusters resemble each other.

    n over the design effect (never below 1), and fewer where there are few clusters to estimate it from (Korn and
    Graubard, Survey Methodology 24, 1998).
    """
    n, m, value = sizes.sum(), len(sizes), _mean(sums[None], sizes)
    clustered = m / (m - 1) * ((sums - value * sizes) ** 2).sum() / n**2
    design = max(1.0, clustered / (value * (1 - value) / (n - 1)))
    return float(n / design * (stats.t.isf(TAIL, n - 1) / stats.t.isf(TAIL, m - 1)) ** 2)
