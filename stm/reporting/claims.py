"""The claims that a table decides: the effect, its figures and the verdict on it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stm.analysis.statistics import (
    Estimate,
    Interval,
    accuracy_interval,
    beyond,
    equivalence,
    holm,
    smallest_effect,
)
from stm.csvfile import Value
from stm.reporting import verdicts
from stm.reporting.cells import as_printed, decimals, points
from stm.reporting.comparisons import Compared, Side, Sides, compared_sides, tested
from stm.reporting.measured import Counts, Measured
from stm.reporting.reachedclaims import reached_claim
from stm.reporting.timedclaims import Timings, timed_claim
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells

COLUMNS = [
    *("claim", "paper", "where", "statement", "kind", "unit", "published", "published_low", "published_high"),
    *("measured", "low", "high", "verdict", "deviations", "same_evidence_as", "study", "experiments"),
    *("smallest_effect", "p_holm", "why", "table"),
]

UNITS = {"params_m": "M", "flops_g": "G"}

# Of a line that sees no order, on data where only order tells the classes of a pair apart.
BLIND = "cannot see the order of frames and must be at chance (50%) inside reversed pairs"


def claim_rows(
    spec: dict[str, Any],
    measured: Sequence[Measured | None],
    counted: Sequence[Counts],
    timings: Mapping[str, Timings],
) -> list[dict[str, Value]]:
    """A row for each claim of a table's specification, and for each control that its data allow.

    Args:
        spec: of `stm.config.tableplan.TablePlan`.
        measured, counted: of its `lines` and then its `others`, in their order.
        timings: what was timed for the table, by the measure.
    """
    names = [*(line["name"] for line in spec["lines"]), *spec["others"]]
    lines = [*spec["lines"], *spec["others"].values()]
    sides = {
        name: Side(line, found, cost) for name, line, found, cost in zip(names, lines, measured, counted, strict=True)
    }
    compared = {claim["id"]: compared_sides(claim["compare"], sides) for claim in spec["claims"] if "compare" in claim}
    estimates = {name: pair.estimate() for name, pair in compared.items()}
    roots = _judged_elsewhere(spec, sides)
    own = [claim for claim in spec["claims"] if claim.get("same_evidence_as") not in roots]
    adjusted = _adjusted(own, compared, estimates)
    rows = []
    for claim in spec["claims"]:
        row = {**common_cells(spec, claim), "table": spec["table"]}
        if "count" in claim:
            rows.append(row | _count(claim, sides))
        elif "reached" in claim:
            rows.append(row | reached_claim(claim, sides))
        elif "speed" in claim:
            rows.append(row | timed_claim(claim, sides, timings[claim["speed"]["measure"]]))
        else:
            name, root = claim["id"], claim.get("same_evidence_as")
            p = roots[root] if root in roots else adjusted.get(name, [])
            rows.append(row | _effect(claim, compared[name], estimates[name], p))
    controls = [_control(spec, side) for side in list(sides.values())[: len(spec["lines"])]]
    return rows + [row for found in controls for row in found]


def _judged_elsewhere(spec: dict[str, Any], sides: Sides) -> dict[str, list[float]]:
    """As `_adjusted`, of claims of other tables that those of this one rest on, each in the family of its own table."""
    found: dict[str, list[float]] = {}
    for claims in spec["families"].values():
        compared = {claim["id"]: compared_sides(claim["compare"], sides) for claim in claims}
        found |= _adjusted(claims, compared, {name: pair.estimate() for name, pair in compared.items()})
    return found


def _adjusted(
    claims: list[dict[str, Any]], compared: dict[str, Compared], estimates: dict[str, Estimate | None]
) -> dict[str, list[float]]:
    """By id, of each claim that has a verdict, p after Holm's adjustment over every distinct test of the claims.

    An equivalence has two, of its holding and of its failing; sizes have none: they are judged by their interval.
    """
    tests: dict[tuple[Any, ...], list[float]] = {}
    for claim in claims:
        estimate = estimates.get(claim["id"])
        if estimate is None or "inconsistent" in claim or compared[claim["id"]].obstacle:
            continue
        if claim["kind"] == "direction":
            tests[tested(claim)] = [estimate.p]
        elif claim["kind"] == "equivalence":
            margin = claim["margin"] / 100
            tests[tested(claim)] = [equivalence(estimate, margin), beyond(estimate, margin)]
    found = in_family(tests)
    return {c["id"]: found[tested(c)] for c in claims if c["id"] in compared and tested(c) in found}


def in_family(tests: Mapping[tuple[Any, ...], list[float]]) -> dict[tuple[Any, ...], list[float]]:
    """The p-values of each test after Holm's adjustment over all of them."""
    adjusted = iter(holm([p for values in tests.values() for p in values]))
    return {test: [next(adjusted) for _ in values] for test, values in tests.items()}


def _verdict(claim: dict[str, Any], pair: Compared, estimate: Estimate | None, p: list[float]) -> Verdict:
    if estimate is None or pair.obstacle:
        return Verdict(NOT_TESTABLE, pair.obstacle)
    if claim["kind"] == "size":
        return verdicts.size(estimate, claim["published"] / 100, claim["margin"] / 100, genuine=pair.genuine)
    assert p, f"{claim['id']} is tested and has no p"
    if claim["kind"] == "equivalence":
        return verdicts.equivalence(p[0], p[1], claim["margin"] / 100, genuine=pair.genuine)
    if pair.by_construction:
        return verdicts.construction(estimate, p[0])
    return verdicts.direction(estimate, p[0], genuine=pair.genuine)


def common_cells(spec: dict[str, Any], claim: dict[str, Any]) -> dict[str, Value]:
    """The cells that say what a claim is, and the others empty."""
    empty: dict[str, Value] = dict.fromkeys(COLUMNS)
    return {
        **empty,
        "claim": claim["id"],
        **{key: claim.get(key) for key in ("paper", "where", "statement", "kind", "published", "same_evidence_as")},
        "study": spec["study"],
    }


def _effect(claim: dict[str, Any], pair: Compared, estimate: Estimate | None, p: list[float]) -> dict[str, Value]:
    """The cells of a claim that accuracies decide."""
    printed, low, high = pair.published or (None, None, None)
    smallest = None if estimate is None else smallest_effect(estimate)
    return {
        "unit": "points",
        "published": claim.get("published", printed),
        "published_low": low,
        "published_high": high,
        **_cells(estimate),
        **verdict_cells(claim, lambda: _verdict(claim, pair, estimate, p)),
        "deviations": "; ".join(pair.deviations),
        "experiments": "; ".join(dict.fromkeys(run["experiment"] for run in pair.runs)),
        "smallest_effect": None if smallest is None or not math.isfinite(smallest) else points(smallest),
        "p_holm": float(f"{p[0]:.3g}") if p else None,
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
    return {
        "unit": "ratio" if "over" in count else UNITS[count["measure"]],
        "measured": round(value, 4),
        **verdict_cells(claim, lambda: _counted(claim, operands, value)),
    }


def _counted(claim: dict[str, Any], operands: list[Side], value: float) -> Verdict:
    if "margin" in claim:
        return verdicts.about(value, claim["published"], claim["margin"] / 100)
    if len(operands) == 2 and _ratio_as_printed(claim, operands, claim["count"]["measure"]):
        # The papers divide what they print: 33.3 by 32.9.
        return Verdict("replicated", f"both counts are the printed ones; unrounded their ratio is {value:.4f}")
    return verdicts.count(value, claim["published"], claim["decimals"])


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
