"""The claims that timing decides, of videos a second or of a stream's latency."""

from typing import Any, Protocol

from stm.analysis.interval import Interval
from stm.analysis.rounds import median, ratio
from stm.csvfile import Value
from stm.reporting import verdicts
from stm.reporting.comparisons import Side, Sides
from stm.reporting.speeds import rounded
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells


class Timings(Protocol):
    """What one job found: `stm.reporting.speeds.Speeds` or `stm.reporting.latencies.Latencies`."""

    @property
    def unit(self) -> str: ...

    @property
    def deviations(self) -> list[str]:
        """From how the paper measured."""

    @property
    def unfair(self) -> str:
        """Why no ratio counts; nothing where they do."""

    def rounds_of(self, line: dict[str, Any]) -> list[float] | None:
        """What each round found of a line of the table's specification; None where it was not timed."""


def timed_claim(claim: dict[str, Any], sides: Sides, timings: Timings) -> dict[str, Value]:
    """The cells of a claim that a job of timings decides."""
    operands = [sides[claim["speed"][key]] for key in ("line", "over") if key in claim["speed"]]
    missing = [side.line["method"] for side in operands if timings.rounds_of(side.line) is None]
    found = None if missing else _measured(operands, timings)
    obstacle = f"{' and '.join(missing)}: not timed in this study" if missing else timings.unfair
    return {
        "unit": "ratio" if "over" in claim["speed"] else timings.unit,
        "measured": None if found is None else rounded(found.value),
        "low": None if found is None else rounded(found.low),
        "high": None if found is None else rounded(found.high),
        **verdict_cells(claim, lambda: _verdict(claim, found, obstacle, genuine=not timings.deviations)),
        "deviations": "; ".join(timings.deviations),
    }


def _measured(operands: list[Side], timings: Timings) -> Interval | None:
    rounds = [timings.rounds_of(side.line) or [] for side in operands]
    if len(rounds) == 1:
        return median(rounds[0])
    return None if timings.unfair else ratio(rounds[0], rounds[1])


def _verdict(claim: dict[str, Any], found: Interval | None, obstacle: str, *, genuine: bool) -> Verdict:
    if found is None:
        return Verdict(NOT_TESTABLE, obstacle)
    if "below" in claim["speed"]:
        return verdicts.below(found, claim["speed"]["below"], genuine=genuine)
    if "margin" not in claim:
        return verdicts.faster(found, claim["published"], genuine=genuine)
    if "over" not in claim["speed"] and not genuine:
        why = "the figure itself can be tested only as the paper measured it, on its device and with its batch"
        return Verdict(NOT_TESTABLE, why)
    return verdicts.times_as_fast(found, claim["published"], claim["margin"] / 100, genuine=genuine)
