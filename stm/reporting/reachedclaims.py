"""The claims that the accuracy of one line decides: its printed figure, and its place beside printed ones of others."""

from typing import Any

from stm.analysis.interval import Interval
from stm.analysis.statistics import accuracy_interval, published_difference_interval, wilson
from stm.csvfile import Value
from stm.reporting import verdicts
from stm.reporting.cells import points
from stm.reporting.comparisons import Side, Sides, deviations_of, obstacle_of, plumbing
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells


def reached_claim(claim: dict[str, Any], sides: Sides) -> dict[str, Value]:
    """The cells of a claim of what a line reaches: of its accuracy, or of its lead over a printed figure of others.

    The lead is as it is claimed, so that a line which is said to be below has a positive one where it is.
    """
    reached = claim["reached"]
    side, measure = sides[reached["line"]], reached["measure"]
    place = next((key for key in ("above", "below", "comparable") if key in reached), None)
    if place is None:
        found, printed, beside = _accuracy(side, measure), _printed(side, measure), ""
    else:
        rival = _strongest([sides[name] for name in reached[place]], measure, place)
        found, printed = _lead(side, rival, measure, place), _printed_lead(side, rival, measure, place)
        beside = f"the printed {rival.line['published'][measure]} of {rival.line['method']}, taken as it stands"
    value, low, high = printed or (None, None, None)
    return {
        "unit": "percent" if place is None else "points",
        "published": claim.get("published", value),
        "published_low": low,
        "published_high": high,
        "measured": None if found is None else points(found.value),
        "low": None if found is None else points(found.low),
        "high": None if found is None else points(found.high),
        **verdict_cells(claim, lambda: _verdict(claim, side, found, place), beside),
        "deviations": "; ".join(deviations_of([side])),
        "experiments": side.run["experiment"] if side.run else "",
    }


def _accuracy(side: Side, measure: str) -> Interval | None:
    """What a line reaches; None where it is not measured."""
    if side.found is None or measure not in side.found.correct:
        return None
    return accuracy_interval(side.found.correct[measure], side.found.groups)


def _strongest(rivals: list[Side], measure: str, place: str) -> Side:
    """The line whose printed figure decides: the highest, and of those that a line is below the lowest."""
    pick = min if place == "below" else max
    return pick(rivals, key=lambda side: side.line["published"][measure])


def _lead(side: Side, rival: Side, measure: str, place: str) -> Interval | None:
    found, figure = _accuracy(side, measure), rival.line["published"][measure] / 100
    if found is None:
        return None
    if place == "below":
        return Interval(figure - found.value, figure - found.high, figure - found.low, found.covers)
    return Interval(found.value - figure, found.low - figure, found.high - figure, found.covers)


def _printed(side: Side, measure: str) -> tuple[float, float, float] | None:
    """The printed figure in percent, with its binomial interval; None where there is none."""
    figure = side.line["published"].get(measure)
    if figure is None:
        return None
    low, high = wilson(figure / 100, side.line["published_clips"])
    return figure, points(low), points(high)


def _printed_lead(side: Side, rival: Side, measure: str, place: str) -> tuple[float, float, float] | None:
    """The difference of the two printed figures in points, with its binomial interval; None where one is missing."""
    figures = [one.line["published"].get(measure) for one in ((rival, side) if place == "below" else (side, rival))]
    if None in figures:
        return None
    first, second = figures
    low, high = published_difference_interval(first / 100, second / 100, side.line["published_clips"])
    return round(first - second, 2), points(low), points(high)


def _verdict(claim: dict[str, Any], side: Side, found: Interval | None, place: str | None) -> Verdict:
    obstacle = obstacle_of([side], claim["reached"]["measure"]) or plumbing([side.run] if side.run else [])
    if found is None or obstacle:
        return Verdict(NOT_TESTABLE, obstacle)
    genuine = bool(side.run and side.run["genuine"] and not deviations_of([side]))
    if place is None:
        return verdicts.size(found, claim["published"] / 100, claim["margin"] / 100, genuine=genuine)
    if place == "comparable":
        return verdicts.comparable(found, claim["margin"] / 100, genuine=genuine)
    return verdicts.ahead(found, genuine=genuine)
