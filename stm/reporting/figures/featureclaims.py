"""The claims that a figure of features decides."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stm.analysis.statistics import Estimate, holm, smallest_effect
from stm.csvfile import Value
from stm.reporting import verdicts
from stm.reporting.claims import common_cells
from stm.reporting.comparisons import plumbing
from stm.reporting.correlationloss import vanished_loss
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells


@dataclass(frozen=True)
class Pair:
    """What a claim compares.

    Args:
        lines: of the figure's specification, the two whose networks it speaks of.
        unit: of the difference.
        estimate: the difference first - second; None where there is nothing to measure it on.
        obstacle: why it cannot be tested on these data, beside what the lines say.
    """

    lines: tuple[dict[str, Any], dict[str, Any]]
    unit: str
    estimate: Estimate | None
    obstacle: str | None = None

    @property
    def obstacles(self) -> str:
        lost = vanished_loss([(line, line["classes"]) for line in self.lines])
        found = dict.fromkeys(filter(None, [self.obstacle, *(line["obstacle"] for line in self.lines), lost]))
        return plumbing(self.lines) or "; ".join(found)


def claim_rows(spec: dict[str, Any], pairs: Mapping[str, Pair]) -> list[dict[str, Value]]:
    """A row for each claim of a figure's specification, with the columns of every table's claims.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        pairs: by the claims' ids.
    """
    tested = {}
    for claim in spec["claims"]:
        pair = pairs[claim["id"]]
        if pair.estimate and "inconsistent" not in claim and not pair.obstacles:
            tested[_compared(claim)] = pair.estimate.p
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return [_claim(spec, claim, pairs[claim["id"]], adjusted.get(_compared(claim))) for claim in spec["claims"]]


def _compared(claim: dict[str, Any]) -> tuple[str, str, str]:
    """What claims that rest on one comparison have in common: it is tested once."""
    decider = claim.get("separation") or claim["likeness"]
    return decider["first"], decider["second"], decider["measure"]


def _claim(spec: dict[str, Any], claim: dict[str, Any], pair: Pair, p: float | None) -> dict[str, Value]:
    estimate = pair.estimate
    figures = (estimate.value, estimate.low, estimate.high, smallest_effect(estimate)) if estimate else ()
    rounded = [round(value, 4) if math.isfinite(value) else None for value in figures] or [None] * 4
    return {
        **common_cells(spec, claim),
        "unit": pair.unit,
        **dict(zip(("measured", "low", "high", "smallest_effect"), rounded, strict=True)),
        **verdict_cells(claim, lambda: _verdict(pair, p)),
        "deviations": "; ".join(dict.fromkeys(d for line in pair.lines for d in line["deviations"])),
        "experiments": "; ".join(dict.fromkeys(line["experiment"] for line in pair.lines)),
        "p_holm": None if p is None else float(f"{p:.3g}"),
        "table": spec["figure"],
    }


def _verdict(pair: Pair, p: float | None) -> Verdict:
    if pair.estimate is None or p is None or pair.obstacles:
        return Verdict(NOT_TESTABLE, pair.obstacles)
    # Never `replicated`: the paper shows a picture, and what is measured of it is ours.
    return verdicts.direction(pair.estimate, p, genuine=False)
