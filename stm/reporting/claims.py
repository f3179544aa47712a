"""The claims that a table decides: what was compared, the effect, and the verdict on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stm.analysis.statistics import (
    Estimate,
    Interval,
    accuracy_interval,
    difference_interval,
    difference_of_differences,
    equivalence,
    holm,
    published_difference_interval,
    smallest_effect,
)
from stm.reporting import verdicts
from stm.reporting.cells import Value, as_printed, decimals, points
from stm.reporting.measured import Counts, Measured
from stm.reporting.verdicts import NOT_TESTABLE, Verdict

COLUMNS = [
    *("claim", "paper", "where", "statement", "kind", "unit", "published", "published_low", "published_high"),
    *("measured", "low", "high", "verdict", "deviations", "same_evidence_as", "study", "experiments"),
    *("smallest_effect", "p_holm", "why", "table"),
]

UNITS = {"params_m": "M", "flops_g": "G"}

# Of a line that sees no order, on data where only order tells the classes of a pair apart.
BLIND = "cannot see the order of frames and must be at chance (50%) inside reversed pairs"


@dataclass(frozen=True, eq=False)
class Side:
    """One line of a comparison with all that was found of it."""

    line: dict[str, Any]
    found: Measured | None
    counts: Counts

    @property
    def run(self) -> dict[str, Any] | None:
        return self.line["measured"]

    @property
    def role(self) -> str:
        return self.line["role"]


Sides = dict[str, Side]


@dataclass(frozen=True, eq=False)
class Gap:
    """Two lines, and their difference in one measure."""

    first: Side
    second: Side
    measure: str

    @property
    def obstacle(self) -> str:
        """What keeps the difference from being measured, or from saying anything."""
        sides = (self.first, self.second)
        missing = [side.line["method"] for side in sides if side.run is None]
        if missing:
            return f"{' and '.join(missing)}: not measured in this study"
        if self.first.role != self.second.role:
            return "the two lines are of different roles"
        found = self.first.found
        if found is not None and self.measure not in found.correct:
            return f"{self.measure} says nothing of {len(found.predictions.classes)} classes"
        return "; ".join(dict.fromkeys(side.run["obstacle"] for side in sides if side.run and side.run["obstacle"]))

    @property
    def values(self) -> tuple[Any, Any, list[str]]:
        """What each clip scores in both lines under each seed, and the clusters of the clips."""
        assert self.first.found is not None and self.second.found is not None, "an obstacle was not heeded"
        one, other = self.first.found, self.second.found
        return one.correct[self.measure], other.correct[self.measure], one.groups

    @property
    def published(self) -> tuple[float, float, float] | None:
        """The difference of the two printed figures in points, with its binomial interval; None if one is missing."""
        first, second = (side.line["published"].get(self.measure) for side in (self.first, self.second))
        if first is None or second is None:
            return None
        low, high = published_difference_interval(first / 100, second / 100, self.first.line["published_clips"])
        return round(first - second, 2), points(low), points(high)


@dataclass(frozen=True, eq=False)
class Compared:
    """What a claim compares: a gap, or how much larger it is than another (`less`)."""

    gap: Gap
    less: Gap | None

    @property
    def sides(self) -> list[Side]:
        gaps = [self.gap, *([self.less] if self.less else [])]
        return [side for gap in gaps for side in (gap.first, gap.second)]

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [side.run for side in self.sides if side.run]

    @property
    def obstacle(self) -> str:
        """Why the claim cannot be tested in this study."""
        gaps = [self.gap, *([self.less] if self.less else [])]
        found = [gap.obstacle for gap in gaps if gap.obstacle]
        if not found and not all(run["tests_claims"] for run in self.runs):
            found = ["the dataset is a check of the plumbing (tests_claims: false)"]
        return "; ".join(dict.fromkeys(found))

    def estimate(self) -> Estimate | None:
        """The effect; None where a line of it is not measured."""
        gaps = [self.gap, *([self.less] if self.less else [])]
        if any(side.found is None for side in self.sides) or any(gap.first.role != gap.second.role for gap in gaps):
            return None
        if any(gap.measure not in side.found.correct for gap in gaps for side in self.sides if side.found):
            return None
        first, second, groups = self.gap.values
        if self.less is None:
            return difference_interval(first, second, groups)
        other_first, other_second, other_groups = self.less.values
        if self.gap.first.role == self.less.first.role:
            # All four lines are of the same clips.
            return difference_interval(first - second, other_first - other_second, groups)
        return difference_of_differences(
            difference_interval(first, second, groups), difference_interval(other_first, other_second, other_groups)
        )

    @property
    def deviations(self) -> list[str]:
        """In what the lines, or their printed figures, are not what the paper compares."""
        unlike = [
            f"the published {side.line['method']} is of another protocol ({side.line['published_protocol']})"
            for side in self.sides
            if side.run and side.line["published"] and side.line["published_protocol"] != side.run["protocol"]
        ]
        return list(dict.fromkeys([*(d for run in self.runs for d in run["deviations"]), *unlike]))

    @property
    def genuine(self) -> bool:
        return not self.deviations and all(run["genuine"] for run in self.runs)

    @property
    def by_construction(self) -> bool:
        """Whether the data were made so that the first must win: it learned the order of frames, the second could not.

        Only in top-1: both classes of a pair fit among the first five.
        """
        one, other = self.gap.first.run, self.gap.second.run
        if self.less is not None or self.gap.measure != "top1" or one is None or other is None:
            return False
        return bool(one["order_only"] and one["learns_order"] and not other["learns_order"])

    @property
    def published(self) -> tuple[float, float, float] | None:
        """The printed effect in points, with its binomial interval."""
        first = self.gap.published
        if self.less is None or first is None:
            return first
        second = self.less.published
        if second is None:
            return None
        value = first[0] - second[0]
        half = math.hypot(first[2] - first[0], second[2] - second[0])
        return round(value, 2), round(value - half, 2), round(value + half, 2)


def claim_rows(
    spec: dict[str, Any], measured: Sequence[Measured | None], counted: Sequence[Counts]
) -> list[dict[str, Value]]:
    """A row for each claim of a table's specification, and for each control that its data allow.

    Args:
        spec: of `stm.config.tableplan.TablePlan`.
        measured, counted: of its `lines` and then its `others`, in their order.
    """
    names = [*(line["name"] for line in spec["lines"]), *spec["others"]]
    lines = [*spec["lines"], *spec["others"].values()]
    sides = {
        name: Side(line, found, cost) for name, line, found, cost in zip(names, lines, measured, counted, strict=True)
    }
    compared = {claim["id"]: compared_sides(claim["compare"], sides) for claim in spec["claims"] if "compare" in claim}
    estimates = {name: pair.estimate() for name, pair in compared.items()}
    adjusted = _adjusted(spec["claims"], compared, estimates)
    rows = []
    for claim in spec["claims"]:
        row = {**_common(spec, claim), "table": spec["table"]}
        if "count" in claim:
            rows.append(row | _count(claim, sides))
        else:
            name = claim["id"]
            rows.append(row | _effect(claim, compared[name], estimates[name], adjusted.get(tested(claim))))
    controls = [_control(spec, side) for side in list(sides.values())[: len(spec["lines"])]]
    return rows + [row for found in controls for row in found]


def compared_sides(compare: dict[str, Any], sides: Sides) -> Compared:
    measure = compare["measure"]
    less = compare.get("less")
    return Compared(
        Gap(sides[compare["first"]], sides[compare["second"]], measure),
        Gap(sides[less["first"]], sides[less["second"]], measure) if less else None,
    )


def tested(claim: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two claims one test: statements that rest on the same comparison are not corrected for twice."""
    compare = claim["compare"]
    less = compare.get("less") or {}
    lines = (compare["first"], compare["second"], less.get("first"), less.get("second"))
    return claim["kind"], lines, compare["measure"], claim.get("margin")


def _adjusted(
    claims: list[dict[str, Any]], compared: dict[str, Compared], estimates: dict[str, Estimate | None]
) -> dict[tuple[Any, ...], float]:
    """Holm-adjusted p of every distinct test of the table that has a verdict; sizes are judged by their interval."""
    p_values = {}
    for claim in claims:
        estimate = estimates.get(claim["id"])
        if estimate is None or "inconsistent" in claim or compared[claim["id"]].obstacle:
            continue
        if claim["kind"] == "direction":
            p_values[tested(claim)] = estimate.p
        elif claim["kind"] == "equivalence":
            p_values[tested(claim)] = equivalence(estimate, claim["margin"] / 100)
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _verdict(claim: dict[str, Any], pair: Compared, estimate: Estimate | None, p: float | None) -> Verdict:
    if "inconsistent" in claim:
        return Verdict(verdicts.INCONSISTENT, claim["inconsistent"])
    if estimate is None or pair.obstacle:
        return Verdict(NOT_TESTABLE, pair.obstacle)
    if claim["kind"] == "size":
        return verdicts.size(estimate, claim["published"] / 100, claim["margin"] / 100, genuine=pair.genuine)
    assert p is not None, f"{claim['id']} is tested and has no p"
    if claim["kind"] == "equivalence":
        return verdicts.equivalence(estimate, p, claim["margin"] / 100, genuine=pair.genuine)
    if pair.by_construction:
        return verdicts.construction(estimate, p)
    return verdicts.direction(estimate, p, genuine=pair.genuine)


def _common(spec: dict[str, Any], claim: dict[str, Any]) -> dict[str, Value]:
    empty: dict[str, Value] = dict.fromkeys(COLUMNS)
    return {
        **empty,
        "claim": claim["id"],
        **{key: claim.get(key) for key in ("paper", "where", "statement", "kind", "published", "same_evidence_as")},
        "study": spec["study"],
    }


def _effect(claim: dict[str, Any], pair: Compared, estimate: Estimate | None, p: float | None) -> dict[str, Value]:
    """The cells of a claim that accuracies decide."""
    verdict = _verdict(claim, pair, estimate, p)
    printed, low, high = pair.published or (None, None, None)
    smallest = None if estimate is None else smallest_effect(estimate)
    return {
        "unit": "points",
        "published": claim.get("published", printed),
        "published_low": low,
        "published_high": high,
        **_cells(estimate),
        "verdict": verdict.word,
        "deviations": "; ".join(pair.deviations),
        "experiments": "; ".join(dict.fromkeys(run["experiment"] for run in pair.runs)),
        "smallest_effect": None if smallest is None or not math.isfinite(smallest) else points(smallest),
        "p_holm": None if p is None else float(f"{p:.3g}"),
        "why": "; ".join(filter(None, [verdict.why, claim.get("note")])),
    }


def _cells(found: Interval | None) -> dict[str, Value]:
    if found is None:
        return {"measured": None, "low": None, "high": None}
    return {"measured": points(found.value), "low": points(found.low), "high": points(found.high)}


def _count(claim: dict[str, Any], sides: Sides) -> dict[str, Value]:
    """The cells of a claim about the papers' full-size networks: no data, no study changes them."""
    count, measure = claim["count"], claim["count"]["measure"]
    operands = [sides[count[key]] for key in ("line", "over") if key in count]
    value = operands[0].counts.full_size[measure]
    if len(operands) == 2:
        value /= operands[1].counts.full_size[measure]
    if "inconsistent" in claim:
        verdict = Verdict(verdicts.INCONSISTENT, claim["inconsistent"])
    elif len(operands) == 2 and _ratio_as_printed(claim, operands, measure):
        # The papers divide what they print: 33.3 by 32.9.
        verdict = Verdict("replicated", f"both counts are the printed ones; unrounded their ratio is {value:.4f}")
    else:
        verdict = verdicts.count(value, claim["published"], claim["decimals"])
    return {
        "unit": "ratio" if "over" in count else UNITS[count["measure"]],
        "measured": round(value, 4),
        "verdict": verdict.word,
        "why": "; ".join(filter(None, [verdict.why, claim.get("note")])),
    }


def _ratio_as_printed(claim: dict[str, Any], operands: list[Side], measure: str) -> bool:
    """Whether both counts are the ones that their tables print, and a claim's ratio is that of the two."""
    printed = [side.line["published"].get(measure) for side in operands]
    if None in printed or not as_printed(printed[0] / printed[1], claim["published"], claim["decimals"]):
        return False
    counted = [side.counts.full_size[measure] for side in operands]
    return all(as_printed(value, figure, decimals(figure)) for value, figure in zip(counted, printed, strict=True))


def _control(spec: dict[str, Any], side: Side) -> list[dict[str, Value]]:
    """What must hold of a line whatever the papers say: chance where there is nothing to be seen or to be learned."""
    run, found = side.run, side.found
    if run is None or found is None:
        return []
    rows = []
    if run["order_only"] and not run["sees_order"] and found.paired is not None:
        interval = accuracy_interval(found.paired, found.paired_groups)
        rows.append(_control_row(spec, side, BLIND, interval, verdicts.chance(interval, 0.5)))
    if run["permuted_labels"]:
        classes = len(found.predictions.classes)
        # It gives whole classes one answer, so that clips of a class are right or wrong together.
        interval = accuracy_interval(found.correct["top1"], [str(label) for label in found.predictions.labels])
        text = f"has learned from labels that say nothing and must be at chance (one of {classes} classes)"
        rows.append(_control_row(spec, side, text, interval, verdicts.chance(interval, 1 / classes)))
    return rows


def _control_row(spec: dict[str, Any], side: Side, text: str, interval: Interval, verdict: Verdict) -> dict[str, Value]:
    run = side.run
    assert run is not None, "a control is measured"
    empty: dict[str, Value] = dict.fromkeys(COLUMNS)
    return {
        **empty,
        "claim": f"control-{spec['table']}-{side.line['name']}",
        "paper": spec["paper"],
        "where": f"{spec['where']}, on {run['dataset']}",
        "statement": f"{side.line['method']} {text}",
        "kind": "control",
        "unit": "percent",
        **_cells(interval),
        "verdict": verdict.word,
        "deviations": "; ".join(run["deviations"]),
        "study": spec["study"],
        "experiments": run["experiment"],
        "why": verdict.why,
        "table": spec["table"],
    }
