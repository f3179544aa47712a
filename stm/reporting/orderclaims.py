"""The claims that the order of frames decides: what a clip played backwards is taken for, and what one frame tells.

Shape letters: S seeds, p clips whose class is one of a reversed pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stm.analysis.statistics import Estimate, beyond, difference_interval, equivalence
from stm.csvfile import Value
from stm.evaluation.metrics import partners, topk_correct
from stm.reporting import verdicts
from stm.reporting.cells import points
from stm.reporting.claims import common_cells, in_family
from stm.reporting.comparisons import plumbing
from stm.reporting.measured import Measured, TableError, joined
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells


@dataclass(frozen=True)
class Found:
    """What was found of a claim: the difference, or why there is none, and the accuracies that it is made of."""

    estimate: Estimate | None
    said: str


def order_claims(spec: dict[str, Any], measured: Mapping[str, Mapping[str, Measured]]) -> list[dict[str, Value]]:
    """A row for each claim of the specification, with the columns of every table's claims.

    Args:
        spec: of `stm.config.orderplan.OrderPlan`.
        measured: by experiment and order.
    """
    lines = {line["experiment"]: line for line in spec["lines"]}
    found = {claim["id"]: _found(claim, lines.get(claim["experiment"]), measured) for claim in spec["claims"]}
    tests: dict[tuple[Any, ...], list[float]] = {}
    for claim in spec["claims"]:
        estimate = found[claim["id"]].estimate
        if estimate is not None and not plumbing([lines[claim["experiment"]]]):
            margin = claim.get("margin", 0) / 100
            one_sided = [equivalence(estimate, margin), beyond(estimate, margin)]
            tests[_tested(claim)] = one_sided if margin else [estimate.p]
    adjusted = in_family(tests)
    return [
        _row(spec, claim, lines.get(claim["experiment"]), found[claim["id"]], adjusted.get(_tested(claim), []))
        for claim in spec["claims"]
    ]


def _tested(claim: dict[str, Any]) -> tuple[Any, ...]:
    return claim["experiment"], claim["order"]["frames"], claim.get("margin")


def _found(claim: dict[str, Any], line: dict[str, Any] | None, measured: Mapping[str, Mapping[str, Measured]]) -> Found:
    order = claim["order"]
    if line is None:
        return Found(None, f"no table of this study trains {order['table']}/{order['line']}")
    if order["frames"] == "reversed":
        return _opposite(line)
    forward, single = (measured[line["experiment"]][name] for name in ("forward", "single"))
    correct = forward.correct["top1"], single.correct["top1"]
    said = f"{points(correct[0].mean())}% with the frames in order, {points(correct[1].mean())}% with one repeated"
    return Found(difference_interval(*correct, forward.groups), said)


def _opposite(line: dict[str, Any]) -> Found:
    """Of clips played backwards, how much oftener they are taken for the opposite class than for their own."""
    if not line["reversed_pairs"]:
        return Found(None, f"no opposite classes (`reversed_pairs`) are named of {line['dataset']}")
    seeds = {
        order: [joined([Path(file) for file in folds]) for folds in line["predictions"][order]]
        for order in ("forward", "reversed")
    }
    first = seeds["reversed"][0]
    try:
        opposites = partners(first.classes, line["reversed_pairs"])[first.labels]
    except ValueError as error:
        raise TableError(f"{line['experiment']}: {error}") from error
    paired = opposites >= 0
    if not paired.any():
        return Found(None, f"no clip of {line['dataset']} has an opposite class")

    def taken_for(labels: np.ndarray, order: str) -> np.ndarray:
        """Whether each clip is, (S, p)."""
        return np.stack([topk_correct(p.scores[paired], labels[paired], 1) for p in seeds[order]]).astype(float)

    opposite, own = taken_for(opposites, "reversed"), taken_for(first.labels, "reversed")
    forward = taken_for(first.labels, "forward")
    groups = [group for group, kept in zip(first.groups, paired, strict=True) if kept]
    said = (
        f"of {paired.sum()} clips played backwards {points(opposite.mean())}% are taken for the opposite class and "
        f"{points(own.mean())}% for their own, for which {points(forward.mean())}% are taken forwards"
    )
    return Found(difference_interval(opposite, own, groups), said)


def _row(
    spec: dict[str, Any], claim: dict[str, Any], line: dict[str, Any] | None, found: Found, p: list[float]
) -> dict[str, Value]:
    estimate = found.estimate
    interval = (points(estimate.value), points(estimate.low), points(estimate.high)) if estimate else (None,) * 3
    return {
        **common_cells(spec, claim),
        "unit": "points",
        **dict(zip(("measured", "low", "high"), interval, strict=True)),
        **verdict_cells(claim, lambda: _verdict(claim, line, estimate, p), found.said),
        "deviations": "; ".join(line["deviations"]) if line else None,
        "experiments": claim["experiment"],
        "p_holm": float(f"{p[0]:.3g}") if p else None,
        "table": "temporal_order",
    }


def _verdict(claim: dict[str, Any], line: dict[str, Any] | None, estimate: Estimate | None, p: list[float]) -> Verdict:
    if line is None or estimate is None or not p:
        return Verdict(NOT_TESTABLE, plumbing([line]) if line else "")
    # Never `replicated`: the papers show single clips, and what is measured of all is ours.
    if "margin" in claim:
        return verdicts.equivalence(p[0], p[1], claim["margin"] / 100, genuine=False)
    if line["order_only"] and line["sees_order"]:
        return verdicts.construction(estimate, p[0])
    return verdicts.direction(estimate, p[0], genuine=False)
