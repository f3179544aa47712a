"""What rounds of timing say: speeds, their ratios, and how far rounds are apart.

Networks are timed one after the other in every round, so that a machine that slows down slows them all; a ratio is
taken round by round. The range of n rounds holds the true median with a probability of 1 - 2^(1 - n): 94% of five, 97%
of six.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from stm.analysis.interval import Interval

# torchvision's own ResNet-50 on the frames of TSN's clips, in every job of speeds.
REFERENCE = "torchvision"
# Of its speed, what TSN must reach: a baseline that is slow by our own doing would flatter every other network.
LEAST_SHARE = 0.97
# Of the machine's processor time, what other processes may take meanwhile: as much as TSN may be slower.
MOST_ELSEWHERE = 1 - LEAST_SHARE


def median(rounds: Sequence[float]) -> Interval:
    """The median of some rounds, with their range."""
    return Interval(statistics.median(rounds), min(rounds), max(rounds), "rounds")


def ratio(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The median of the rounds' ratios, with their range; of speeds, how many times as fast the first is."""
    return median([one / other for one, other in zip(first, second, strict=True)])


def slow_baseline(tsn: Sequence[float], reference: Sequence[float]) -> str:
    """Why no ratio to TSN counts, by rounds of its speed and of `REFERENCE`'s; nothing where ratios count."""
    share = ratio(tsn, reference).value
    if share >= LEAST_SHARE:
        return ""
    return f"TSN has {share:.3f} of the speed of torchvision's ResNet-50 on the same images, less than {LEAST_SHARE}"


def machine(made: Mapping[str, Any]) -> str:
    """What computed: the GPU, or the processor with its threads.

    Args:
        made: of `stm.training.provenance.provenance`.
    """
    if made["device"] != "cpu":
        return str(made["device"])
    return f"{made['processor']}, {made['threads']} thread{'s' * (made['threads'] > 1)}"
