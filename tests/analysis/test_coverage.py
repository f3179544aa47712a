"""How often an interval holds the truth, by simulation under a true null."""

import numpy as np
import pytest

from stm.analysis.statistics import (
    difference_interval,
)

from .clips import bernoulli, own_groups


def covered(make, times):
    """How often the interval of a true null holds zero."""
    hits = 0
    for k in range(times):
        estimate = difference_interval(*make(np.random.default_rng([11, k])))
        hits += estimate.low <= 0 <= estimate.high
    return hits / times


def test_the_interval_covers_95_percent_over_clips():
    def null(generator):
        hardness = generator.random(400)
        return bernoulli(generator, hardness, (1, 400)), bernoulli(generator, hardness, (1, 400)), own_groups(400)

    assert 0.91 <= covered(null, 300) <= 0.985


def test_the_interval_covers_95_percent_over_seeds_that_differ():
    def null(generator):
        hardness = generator.uniform(0.1, 0.9, 400)
        shift = 0.02 * generator.standard_normal((2, 3, 1))
        return (*bernoulli(generator, hardness + shift, (2, 3, 400)), own_groups(400))

    assert 0.91 <= covered(null, 400) <= 0.995


@pytest.mark.parametrize(("seeds", "least"), [(2, 0.95), (5, 0.93)])
def test_the_interval_covers_95_percent_where_few_seeds_differ_by_three_points(seeds, least):
    """In this simulation Satterthwaite's freedom covers 92% of two seeds, and seeds that are pooled cover 64%."""

    def null(generator):
        hardness = generator.choice([0.12, 0.88], 400)
        shift = 0.03 * generator.standard_normal((2, seeds, 1))
        return (*bernoulli(generator, hardness + shift, (2, seeds, 400)), own_groups(400))

    assert least <= covered(null, 600) <= 0.995


@pytest.mark.parametrize("sources", [4, 40])
def test_the_interval_covers_95_percent_over_clips_of_few_sources(sources):
    source = np.arange(400) % sources

    def null(generator):
        effect = 0.15 * generator.standard_normal((2, 1, sources))[..., source]
        return (*bernoulli(generator, 0.5 + effect, (2, 1, 400)), [str(s) for s in source])

    assert 0.90 <= covered(null, 200) <= 0.995
