"""What a measured effect says of a claim, in the words that its kind and its data allow.

*Replicated* and *refuted* are words for the paper's own data, backbone, initialisation, recipe and protocol
(`genuine`). Elsewhere an effect holds, fails or stays undecided *here*. Effects and margins are fractions; `p` is
Holm-adjusted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stm.analysis.interval import Interval
from stm.analysis.statistics import Estimate
from stm.csvfile import Value
from stm.reporting.cells import as_printed

LEVEL = 0.05
NOT_TESTABLE = "not testable here"
NOT_MADE = "not made"
INCONSISTENT = "inconsistent in the paper"
IDENTITY = "by construction"
OTHERS_FIGURES = "a printed figure of others can be compared with only on the paper's data and without deviations"
# Every word, in the order in which they are counted for a reader.
WORDS = (
    *("replicated", "holds here", "refuted", "fails here", "undecided", "undecided here"),
    *("control", "control undecided", "control failed", IDENTITY, INCONSISTENT, NOT_MADE, NOT_TESTABLE),
)


@dataclass(frozen=True)
class Verdict:
    """The word, and why it is that one where the numbers do not say so themselves."""

    word: str
    why: str = ""


def verdict_cells(claim: dict[str, Any], decide: Callable[[], Verdict], *beside: str) -> dict[str, Value]:
    """The word of a claim and why: what the paper itself contradicts is not decided.

    Args:
        claim: of a specification.
        decide: gives the verdict of a claim that the paper does not contradict.
        beside: what else is to be said, before the claim's own note.
    """
    verdict = Verdict(INCONSISTENT, claim["inconsistent"]) if "inconsistent" in claim else decide()
    return {"verdict": verdict.word, "why": "; ".join(filter(None, [verdict.why, *beside, claim.get("note")]))}


def direction(estimate: Estimate, p: float, *, genuine: bool) -> Verdict:
    """first > second: significantly so, significantly the other way, or neither."""
    holds, fails, undecided = _words(genuine)
    if p < LEVEL:
        return Verdict(holds if estimate.value > 0 else fails)
    return Verdict(undecided, f"p = {p:.2g} after Holm's adjustment")


def equivalence(p: float, p_beyond: float, margin: float, *, genuine: bool) -> Verdict:
    """first = second within the margin; `p` of the two one-sided tests, `p_beyond` of the difference beyond it."""
    holds, fails, undecided = _words(genuine)
    if p < LEVEL:
        return Verdict(holds)
    if p_beyond < LEVEL:
        return Verdict(fails)
    return Verdict(undecided, f"the margin is ±{100 * margin:g} points, p = {p:.2g} after Holm's adjustment")


def size(found: Interval, published: float, margin: float, *, genuine: bool) -> Verdict:
    """The published size: the whole interval within the margin of it, wholly outside, or neither."""
    if not genuine:
        return Verdict(NOT_TESTABLE, "a size can be tested only on the paper's data and without deviations")
    why = f"the margin is ±{100 * margin:g} points around the published figure"
    return Verdict(_held(found, published, margin), why)


def ahead(lead: Interval, *, genuine: bool) -> Verdict:
    """Past a printed figure of others: the whole interval of the lead above none, wholly below, or neither."""
    if not genuine:
        return Verdict(NOT_TESTABLE, OTHERS_FIGURES)
    return Verdict("replicated" if lead.low > 0 else "refuted" if lead.high < 0 else "undecided")


def comparable(lead: Interval, margin: float, *, genuine: bool) -> Verdict:
    """Near a printed figure of others: the whole interval of the lead within the margin, wholly outside, or neither."""
    if not genuine:
        return Verdict(NOT_TESTABLE, OTHERS_FIGURES)
    return Verdict(_held(lead, 0, margin), f"the margin is ±{100 * margin:g} points")


def construction(estimate: Estimate, p: float) -> Verdict:
    """An effect that the data were made to show: it says that the pipeline works, not that the paper holds."""
    why = "must hold by construction: only the order of frames tells the classes of a pair apart"
    if p >= LEVEL:
        return Verdict("control undecided", f"{why}; too few clips or too short a training to see it, p = {p:.2g}")
    return Verdict("control" if estimate.value > 0 else "control failed", why)


def chance(accuracy: Interval, expected: float) -> Verdict:
    """What has nothing to see, or nothing to learn from, must be at chance."""
    if accuracy.low <= expected <= accuracy.high:
        return Verdict("control", f"holds by construction: chance is {100 * expected:.4g}%")
    return Verdict(
        "control failed",
        f"something other than what the network could know gives the answer: chance is {100 * expected:.4g}%",
    )


def count(value: float, published: float, decimals: int) -> Verdict:
    """A count of the papers' own network, or a ratio of two: exact, so the same in every study."""
    if as_printed(value, published, decimals):
        return Verdict("replicated")
    return Verdict("refuted", f"counted: {value:.4f}, printed: {published:.{decimals}f}")


def about(value: float, published: float, margin: float) -> Verdict:
    """A count that the paper gives as approximate: within a part of the printed figure, or not."""
    word = "replicated" if abs(value - published) <= margin * published else "refuted"
    return Verdict(word, f"counted: {value:.4f}; the margin is ±{100 * margin:g}% of the published figure")


def listed(found: int, published: int) -> Verdict:
    """A number of what the dataset's own annotation files list; for the paper's data alone."""
    if found == published:
        return Verdict("replicated")
    return Verdict("refuted", f"listed: {found:,}, printed: {published:,}")


def faster(ratio: Interval, published: float, *, genuine: bool) -> Verdict:
    """One figure larger than another, as the published ratio has it: in every round, in none, or in some."""
    holds, fails, undecided = _words(genuine)
    low, high = (ratio.low, ratio.high) if published > 1 else (1 / ratio.high, 1 / ratio.low)
    if low > 1:
        return Verdict(holds)
    return Verdict(fails) if high < 1 else Verdict(undecided, "one is larger in some rounds, the other in others")


def below(found: Interval, limit: float, *, genuine: bool) -> Verdict:
    """A figure under a limit: in every round, in none, or in some."""
    holds, fails, undecided = _words(genuine)
    if found.high < limit:
        return Verdict(holds)
    return Verdict(fails) if found.low >= limit else Verdict(undecided, f"under {limit:g} in some rounds only")


def times_as_fast(found: Interval, published: float, margin: float, *, genuine: bool) -> Verdict:
    """The published speed or ratio: all rounds within the margin of it, all outside on one side, or neither."""
    holds, fails, undecided = _words(genuine)
    why = f"the margin is ±{100 * margin:g}% of the published figure"
    if abs(found.low - published) <= margin * published and abs(found.high - published) <= margin * published:
        return Verdict(holds, why)
    return Verdict(fails if _outside(found, published, margin * published) else undecided, why)


def _words(genuine: bool) -> tuple[str, str, str]:
    if genuine:
        return "replicated", "refuted", "undecided"
    return "holds here", "fails here", "undecided here"


def _held(found: Interval, centre: float, margin: float) -> str:
    if abs(found.low - centre) <= margin and abs(found.high - centre) <= margin:
        return "replicated"
    return "refuted" if _outside(found, centre, margin) else "undecided"


def _outside(interval: Interval, centre: float, margin: float) -> bool:
    return interval.low > centre + margin or interval.high < centre - margin
