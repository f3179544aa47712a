"""What a claim asks of seeds and clips: which test, of which effect, and what varies in what is measured for it."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from stm.analysis.statistics import Spread, difference_spread
from stm.config.products import DatasetPlan
from stm.config.tableplan import TableLine
from stm.planning.clips import clips_of
from stm.reporting.comparisons import Compared, Side, deviations_of
from stm.reporting.measured import LEAST_CLASSES_FOR_TOP5

# Of one network's accuracy over seeds, in points, where neither seeds nor the user say it.
SEED_SD = 1.0


@dataclass(frozen=True)
class Known:
    """What all questions share: the SD over seeds where the user says it, in points, and clips, read once a dataset."""

    seed_sd: float | None = None
    by_dataset: dict[str, int | None] = field(default_factory=dict)

    def clips(self, dataset: DatasetPlan) -> int | None:
        """Of its validation split, all folds together; None where nobody knows."""
        if dataset.key not in self.by_dataset:
            self.by_dataset[dataset.key] = sum(clips_of(dataset).validation.values()) or None
        return self.by_dataset[dataset.key]


@dataclass(frozen=True)
class Question:
    """One test before its step of Holm's correction is known; as `stm.planning.decisions.Decision`.

    `networks`: how many are trained for it, two for a comparison; what one reaches is judged by its interval alone.
    """

    claims: list[str]
    kind: Literal["direction", "equivalence", "size"]
    effect: float
    margin: float
    spread: Spread
    clips: int | None
    measured: bool
    networks: int = 2

    @property
    def adjusted(self) -> bool:
        """Whether it is one of the tests that Holm corrects for."""
        return self.kind != "size" and self.networks == 2

    def certainty(self, seeds: int) -> float:
        """How many standard errors the effect is from what the test refuses."""
        n = self.clips or 1000
        variance = self.spread.seeds / seeds + self.spread.clips / n + self.spread.rest / seeds / n
        distance = self.effect if self.kind == "direction" else self.margin - abs(self.effect)
        return distance / math.sqrt(variance) if variance else math.inf


def compared_obstacle(claim: dict[str, Any], pair: Compared, lines: dict[str, TableLine]) -> str:
    """Why a claim has no verdict in this study that seeds and clips could change."""
    if "inconsistent" in claim:
        return "inconsistent in the paper"
    if pair.obstacle:
        return "not testable here; claims.csv says why"
    if claim["kind"] == "size" and not pair.genuine:
        return "of the size of an effect, which need the paper's data and no deviation"
    classes = _dataset(lines[claim["compare"]["first"]]).entry.expect.get("classes")
    if claim["compare"]["measure"] == "top5" and isinstance(classes, int) and classes < LEAST_CLASSES_FOR_TOP5:
        return "not testable here; claims.csv says why"
    return ""


def compared_question(
    claims: list[dict[str, Any]], pair: Compared, line: TableLine, known: Known
) -> tuple[str, Question | None]:
    """What is asked of two lines, or why it is left out."""
    claim = claims[0]
    if pair.less is not None:
        return "of gaps on two datasets, which this page does not plan for", None
    printed = pair.gap.published
    if printed is None:
        return "without a published effect", None
    effect = (claim["published"] if claim["kind"] == "size" else printed[0]) / 100
    margin = claim.get("margin", 0.0) / 100
    if (claim["kind"] == "direction" and effect <= 0) or (claim["kind"] == "equivalence" and abs(effect) >= margin):
        return "that the published figures themselves do not show", None
    spread = None
    if pair.gap.first.found is not None and pair.gap.second.found is not None:
        spread = difference_spread(*pair.gap.values)
    asked = [claim["id"] for claim in claims], claim["kind"], effect, margin
    return "", _question(asked, [pair.gap.first, pair.gap.second], pair.gap.measure, spread, line, known)


def reached_question(claim: dict[str, Any], side: Side, line: TableLine, known: Known) -> tuple[str, Question | None]:
    """What is asked of one line, or why it is left out: its own figure, or its lead over a printed one of others."""
    if "inconsistent" in claim:
        return "inconsistent in the paper", None
    if side.run is None or deviations_of([side]) or not side.run["genuine"]:
        return "of printed figures themselves, which need the paper's data and no deviation", None
    if "comparable" in claim["reached"]:
        return "of being comparable to a printed figure, which this page does not plan for", None
    measure, kind = claim["reached"]["measure"], "size" if claim["kind"] == "size" else "direction"
    asked = [claim["id"]], kind, claim["published"] / 100, claim.get("margin", 0.0) / 100
    spread = None
    if side.found is not None:
        correct = side.found.correct[measure]
        spread = difference_spread(correct, np.zeros_like(correct), side.found.groups)
    return "", _question(asked, [side], measure, spread, line, known)


def _question(
    asked: tuple[list[str], Any, float, float],
    sides: list[Side],
    measure: str,
    found: Spread | None,
    line: TableLine,
    known: Known,
) -> Question:
    """A question with what varies, `found` of what was measured, over how many clips the study has.

    Where nothing was, clips are independent of each other, so are what the networks get right, and a clip that one
    training gets right all do: none of it makes a result look better known than it is.
    """
    measured = found is not None
    if sides[0].found is not None and measured:
        clips: int | None = sides[0].found.correct[measure].shape[1]
    else:
        clips = known.clips(_dataset(line))
    if found is None:
        published = [side.line["published"][measure] / 100 for side in sides]
        found = Spread(math.nan, sum(p * (1 - p) for p in published), 0.0)
    if known.seed_sd is not None or math.isnan(found.seeds):
        # Of all networks; pairing their seeds takes nothing off.
        found = replace(found, seeds=len(sides) * ((SEED_SD if known.seed_sd is None else known.seed_sd) / 100) ** 2)
    return Question(*asked, found, clips, measured, len(sides))


def _dataset(line: TableLine) -> DatasetPlan:
    return line.predictions[0][0].run.dataset
