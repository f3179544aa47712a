"""What a claim compares: two lines of a table, or two gaps between lines, with all that was found of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stm.analysis.statistics import (
    Estimate,
    difference_interval,
    difference_of_differences,
    published_difference_interval,
)
from stm.reporting.cells import points
from stm.reporting.correlationloss import vanished_loss
from stm.reporting.measured import Counts, Measured


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

    @property
    def classes(self) -> int | None:
        """Those of its predictions; where there are none yet, those that are expected of its data."""
        if self.found is not None:
            return len(self.found.predictions.classes)
        return self.run["classes"] if self.run else None


Sides = dict[str, Side]


def obstacle_of(sides: Sequence[Side], measure: str) -> str:
    """What keeps a measure of some lines from being measured, or from saying anything; nothing where nothing does."""
    missing = [side.line["method"] for side in sides if side.run is None]
    if missing:
        return f"{' and '.join(missing)}: not measured in this study"
    if len({side.role for side in sides}) > 1:
        return "the two lines are of different roles"
    found = sides[0].found
    if found is not None and measure not in found.correct:
        return f"{measure} says nothing of {len(found.predictions.classes)} classes"
    return "; ".join(dict.fromkeys(side.run["obstacle"] for side in sides if side.run and side.run["obstacle"]))


def plumbing(runs: Sequence[dict[str, Any]]) -> str:
    """Why data that were not made to be learned from decide nothing; nothing where all of them were."""
    tests = all(run["tests_claims"] for run in runs)
    return "" if tests else "the dataset is a check of the plumbing (tests_claims: false)"


def deviations_of(sides: Sequence[Side]) -> list[str]:
    """In what lines, or their printed figures, are not what the paper has."""
    unlike = [
        f"the published {side.line['method']} is of another protocol ({side.line['published_protocol']})"
        for side in sides
        if side.run and side.line["published"] and side.line["published_protocol"] != side.run["protocol"]
    ]
    return list(dict.fromkeys([*(d for side in sides if side.run for d in side.run["deviations"]), *unlike]))


@dataclass(frozen=True, eq=False)
class Gap:
    """Two lines, and their difference in one measure."""

    first: Side
    second: Side
    measure: str

    @property
    def obstacle(self) -> str:
        """What keeps the difference from being measured, or from saying anything."""
        return obstacle_of([self.first, self.second], self.measure)

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
    def gaps(self) -> list[Gap]:
        return [self.gap, *([self.less] if self.less else [])]

    @property
    def sides(self) -> list[Side]:
        return [side for gap in self.gaps for side in (gap.first, gap.second)]

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [side.run for side in self.sides if side.run]

    @property
    def obstacle(self) -> str:
        """Why the claim cannot be tested in this study."""
        unmeasured = "; ".join(dict.fromkeys(gap.obstacle for gap in self.gaps if gap.obstacle))
        lost = vanished_loss([(side.run, side.classes) for side in self.sides if side.run])
        return unmeasured or lost or plumbing(self.runs)

    def estimate(self) -> Estimate | None:
        """The effect; None where a line of it is not measured."""
        if any(side.found is None for side in self.sides):
            return None
        if any(gap.first.role != gap.second.role for gap in self.gaps):
            return None
        if any(gap.measure not in side.found.correct for gap in self.gaps for side in self.sides if side.found):
            return None
        first, second, groups = self.gap.values
        if self.less is None:
            return difference_interval(first, second, groups)
        other_first, other_second, other_groups = self.less.values
        if self.gap.first.role == self.less.first.role:
            # All four lines are of the same clips.
            return difference_interval(first - second, other_first - other_second, groups, limit=2.0)
        return difference_of_differences(
            difference_interval(first, second, groups), difference_interval(other_first, other_second, other_groups)
        )

    @property
    def deviations(self) -> list[str]:
        """In what the lines, or their printed figures, are not what the paper compares."""
        return deviations_of(self.sides)

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
