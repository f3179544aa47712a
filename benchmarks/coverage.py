"""How often do the intervals hold the truth, and how often is nothing taken for something?

    python benchmarks/coverage.py

Draws what two networks say of the same clips, many times, from a population in which the true accuracies are known,
and asks stm.analysis.statistics as the tables do. A clip's difficulty is shared by both networks and all seeds; each
network may find clips of its own easy; each seed moves the accuracy of its network; what is left is chance. The record
is coverage.md.
"""

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import numpy as np
import scipy
from scipy import special

from stm.analysis.statistics import Estimate, Interval, accuracy_interval, difference_interval, equivalence

SEED = 1974
LEVEL = 0.05
# The margin of the claims (config/published/claims), as a fraction.
MARGIN = 0.03
PARTS = ["seeds", "fixed", "beyond", "worst"]

# Shape letters in this file: K 2 networks, S seeds, n clips. Accuracies are fractions, and percentages where printed.


@dataclass(frozen=True)
class Population:
    """A clip is right where a sum of normal effects is positive; chance has variance 1, `shared` and `own` are theirs.

    `shared` is the variance of what makes a clip easy for both networks, `own` of what makes it easy for one alone.
    """

    accuracy: float
    shared: float
    own: float


POPULATIONS = {
    "networks that find the same clips easy": Population(0.6, 2.0, 0.0),
    "networks that find other clips easy": Population(0.6, 2.0, 0.5),
}
FIXED = {
    "60%, the same clips easy": Population(0.6, 2.0, 0.0),
    "60%, other clips easy": Population(0.6, 2.0, 0.5),
    "90%, other clips easy": Population(0.9, 2.0, 0.5),
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table; `seed_sd` is that of each network's accuracy over its seeds, as a fraction."""

    population: Population
    seeds: int
    seed_sd: float
    clips: int


def draw(rng: np.random.Generator, cell: Cell, difference: float) -> tuple[np.ndarray, np.ndarray]:
    """What is right (K, S, n), where the first network is truly better by `difference`; and the accuracies (K, S)
    that these weights have over all clips of the population."""
    population = cell.population
    means = population.accuracy + np.array([difference, 0.0])
    truth = np.clip(means[:, None] + cell.seed_sd * rng.standard_normal((2, cell.seeds)), 1e-6, 1 - 1e-6)
    # The probit of an accuracy, in units of all that varies over clips: the accuracy over all clips is then exact.
    moved = np.sqrt(1 + population.shared + population.own) * special.ndtri(truth)
    shared = np.sqrt(population.shared) * rng.standard_normal(cell.clips)
    own = np.sqrt(population.own) * rng.standard_normal((2, 1, cell.clips))
    chance = rng.standard_normal((2, cell.seeds, cell.clips))
    return moved[:, :, None] + shared + own + chance > 0, truth


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def over_seeds(rng: np.random.Generator, cell: Cell, groups: np.ndarray) -> list[float]:
    """One simulation with several seeds; the order is that of `SEEDS_COLUMNS`."""
    accuracy = cell.population.accuracy
    right, _ = draw(rng, cell, 0.0)
    none = difference_interval(*right, groups)
    one = accuracy_interval(right[1], groups)
    right, _ = draw(rng, cell, MARGIN)
    some = difference_interval(*right, groups)
    found = [holds(none, 0.0), holds(some, MARGIN), holds(one, accuracy), none.p < LEVEL, outside(some)]
    return [*found, (none.high - none.low) / 2]


SEEDS_COLUMNS = [
    *("no difference held", "3 points held", "accuracy held", "null decided", "falsely equivalent", "half-width"),
]


@cache
def of_counts(worse: int, equal: int, better: int) -> Estimate:
    """The difference of one seed. It depends on the counts only, as the bootstrap draws from them with a seed of its
    own: keeping those already seen spares most bootstraps and changes no digit."""
    first = np.array([[0.0, 1.0, 1.0]]).repeat([worse, equal, better], axis=1)
    second = np.array([[1.0, 1.0, 0.0]]).repeat([worse, equal, better], axis=1)
    return difference_interval(first, second, np.arange(first.shape[1]).astype(str))


def of_one_seed(right: np.ndarray) -> Estimate:
    first, second = right[:, 0].astype(int)
    counts = [int((first - second == by).sum()) for by in (-1, 0, 1)]
    return of_counts(*counts)


def at_fixed_weights(rng: np.random.Generator, cell: Cell, groups: np.ndarray) -> list[float]:
    """One simulation of one seed; the truth is that of these weights over all clips of the population."""
    right, truth = draw(rng, cell, 0.0)
    estimate = of_one_seed(right)
    one = accuracy_interval(right[1], groups)
    actual = float(truth[0, 0] - truth[1, 0])
    alike, _ = draw(rng, still(cell), 0.0)
    apart, _ = draw(rng, still(cell), MARGIN)
    null = of_one_seed(alike)
    at_margin = of_one_seed(apart)
    found = [holds(estimate, actual), holds(estimate, 0.0), holds(one, float(truth[1, 0])), null.p < LEVEL]
    return [*found, outside(at_margin), (estimate.high - estimate.low) / 2]


FIXED_COLUMNS = [
    *("these weights held", "mean over seeds held", "accuracy held"),
    *("null decided", "falsely equivalent", "half-width"),
]


def still(cell: Cell) -> Cell:
    """The cell with weights of exactly the mean accuracy: the difference at these weights is then known beforehand."""
    return Cell(cell.population, cell.seeds, 0.0, cell.clips)


def outside(at_margin: Estimate) -> bool:
    """Whether a difference that is exactly the margin is called smaller."""
    return equivalence(at_margin, MARGIN) < LEVEL


def decided(fewer: float, more: float, ratio: float) -> list[float]:
    """How many true nulls a 5% test decides with Satterthwaite's freedom, with Cochran and Cox's
    critical value and with Banerjee's, which is the one of stm.analysis.mixture.

    The value is normal and its variance the sum of two, `ratio` and 1, estimated with `fewer` and `more` degrees of
    freedom; integrated over a grid of equally probable estimates.
    """
    one = (ratio * special.chdtri(fewer, (np.arange(1000) + 0.5) / 1000) / fewer)[:, None]
    other = special.chdtri(more, (np.arange(50) + 0.5) / 50) / more
    variance = one + other
    satterthwaite = variance**2 / (one**2 / fewer + other**2 / more)
    few, many = special.stdtrit(fewer, LEVEL / 2), special.stdtrit(more, LEVEL / 2)
    criticals = [
        special.stdtrit(satterthwaite, LEVEL / 2),
        (one * few + other * many) / variance,
        -np.sqrt((one * few**2 + other * many**2) / variance),
    ]
    return [2 * float(special.ndtr(critical * np.sqrt(variance / (ratio + 1))).mean()) for critical in criticals]


def worst_cases() -> None:
    """Print the most nulls that the methods decide, over all ratios of the two variances."""
    methods = "Satterthwaite | Cochran and Cox | Banerjee"
    print(f"\nThe most true nulls decided, %\n\n| degrees of freedom | {methods} |\n|---|---|---|---|")
    for fewer, more in [(1, 399), (2, 399), (4, 399), (1, 1), (2, 2), (4, 4)]:
        found = np.array([decided(fewer, more, ratio) for ratio in np.geomspace(0.01, 100, 13)])
        print(f"| {fewer} and {more} |", " | ".join(f"{100 * most:.1f}" for most in found.max(axis=0)), "|", flush=True)


Simulation = Callable[[np.random.Generator, Cell, np.ndarray], list[float]]


def row(simulation: Simulation, cell: Cell, times: int) -> list[float]:
    """Percentages of the simulations, and the median half-width in points."""
    groups = np.array([f"clip {i}" for i in range(cell.clips)])
    key = [SEED, cell.seeds, cell.clips, round(1000 * cell.seed_sd), round(1000 * cell.population.accuracy)]
    run = partial(simulation, cell=cell, groups=groups)
    found = np.array([run(np.random.default_rng([*key, round(10 * cell.population.own), k])) for k in range(times)])
    return [*(100 * found[:, :-1].mean(axis=0)), 100 * float(np.median(found[:, -1]))]


def table(title: str, simulation: Simulation, columns: list[str], cells: list[Cell], times: int) -> None:
    """Print a table, and name the cells in which an interval holds the truth in less than 93%."""
    print(f"\n{title}; {times} simulations a cell\n")
    print(f"| seeds | seed SD, points | clips | {' | '.join(columns)} |\n|{'---|' * (3 + len(columns))}", flush=True)
    low = []
    for cell in cells:
        name = f"{cell.seeds} seeds, SD {100 * cell.seed_sd:g}, {cell.clips} clips"
        values = row(simulation, cell, times)
        print(
            f"| {cell.seeds} | {100 * cell.seed_sd:g} | {cell.clips} |",
            " | ".join(f"{value:.1f}" for value in values),
            "|",
            flush=True,
        )
        # Only one seed has a column that is meant to fall short: it holds nothing but these weights.
        held = [c for c in columns if c.endswith("held") and c != "mean over seeds held"]
        low += [f"{name}, {c}: {values[columns.index(c)]:.1f}" for c in held if values[columns.index(c)] < 93]
    print("\nBelow 93%:", "; ".join(low) or "none")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    options = parser.parse_args()
    start = time.perf_counter()
    print(f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, seed {SEED}")
    if "seeds" in options.only:
        for name, population in POPULATIONS.items():
            cells = [Cell(population, *at) for at in product([2, 3, 5], [0.0, 0.01, 0.03], [100, 400])]
            table(f"Several seeds, {name}", over_seeds, SEEDS_COLUMNS, cells, options.simulations)
    if "fixed" in options.only:
        for name, population in FIXED.items():
            cells = [Cell(population, 1, *at) for at in [(0.03, 100), (0.03, 400)]]
            table(f"One seed at fixed weights, {name}", at_fixed_weights, FIXED_COLUMNS, cells, options.simulations)
    if "beyond" in options.only:
        cells = [Cell(population, s, 0.03, 2000) for population in POPULATIONS.values() for s in (2, 3, 5)]
        title = "Beyond the table: the same clips easy, then other clips"
        table(title, over_seeds, SEEDS_COLUMNS, cells, options.simulations)
    if "worst" in options.only:
        worst_cases()
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
