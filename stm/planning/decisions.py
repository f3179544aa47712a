"""What a study could decide: of each claim that accuracies test, the seeds and clips that it takes.

A test is asked for at 80% power, were the published effects the true ones, and is judged as in its table: at the step
of Holm's correction that it then comes to, all tests of the table that are surer before it. A test without a published
effect is never found, so that it makes every step as strict as it can be.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from stm.analysis.power import Test, clips_needed, power, seeds_needed, smallest_decided
from stm.analysis.statistics import Spread, difference_spread
from stm.config.plan import Plan
from stm.config.tableplan import TableLine, TablePlan
from stm.planning.clips import clips_of
from stm.planning.targets import targets
from stm.reporting.comparisons import Compared, Side, compared_sides, tested
from stm.reporting.measured import LEAST_CLASSES_FOR_TOP5, Counts, Measured, load
from stm.reporting.verdicts import LEVEL

# Of one network's accuracy over seeds, in points, where neither seeds nor the user say it.
SEED_SD = 1.0
SEEDS = (3, 5)
TESTS = ("direction", "equivalence", "size")


@dataclass(frozen=True)
class Decision:
    """One test, the claims that rest on it, and what it takes; effects are fractions.

    `power` and `smallest` are of the study as it is, None where its clips are not known; `smallest` of a direction
    alone. In `clips` None says that no number of clips is enough for so many seeds; `seeds` is None above 200.
    """

    claims: list[str]
    test: Test
    effect: float
    study_clips: int | None
    power: float | None
    smallest: float | None
    clips: dict[int, int | None]
    seeds: int | None
    seed_sd: float
    measured: bool


@dataclass(frozen=True)
class TableDecisions:
    """Of one table; `tests` is how many Holm corrects for."""

    table: str
    study_seeds: int
    tests: int
    decisions: list[Decision]


@dataclass(frozen=True)
class Decisions:
    """Of some tables of a study, and how many claims are left out, by why."""

    tables: list[TableDecisions]
    left_out: Counter[str]


def decisions(plan: Plan, asked: Sequence[str], seed_sd: float | None = None) -> Decisions:
    """What each claim of some tables takes.

    Args:
        asked: of `stm.planning.targets`.
        seed_sd: of one network's accuracy over seeds, in points; None: as measured, else `SEED_SD`.

    Raises:
        ConfigError: a table is not known.
        PredictionsError: a predictions file is damaged.
    """
    left_out: Counter[str] = Counter()
    names = [target.name for target in targets(plan, asked) if target.name in plan.known_tables]
    found = [_table(plan.table(name), len(plan.study.seeds), seed_sd, left_out) for name in names]
    if not asked:
        undecided = (claim for _, _, _, claim in plan.claims if claim.decider is None)
        left_out.update(
            "that need what this version does not make" if claim.kind in TESTS else f"of kind {claim.kind}"
            for claim in undecided
        )
    return Decisions([table for table in found if table.decisions], left_out)


def _table(table: TablePlan, seeds: int, seed_sd: float | None, left_out: Counter[str]) -> TableDecisions:
    lines = {**{x.line.name: x for x in table.lines}, **table.others}
    found = {name: _measured(line) for name, line in lines.items()}
    spec = table.spec
    described = {**{line["name"]: line for line in spec["lines"]}, **spec["others"]}
    sides = {name: Side(described[name], found[name], Counts({}, {})) for name in lines}
    possible: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    pairs: dict[tuple[Any, ...], Compared] = {}
    for claim in spec["claims"]:
        if "compare" not in claim:
            left_out[f"of kind {claim['kind']}"] += 1
            continue
        pair = compared_sides(claim["compare"], sides)
        reason = _obstacle(claim, pair, lines)
        if reason:
            left_out[reason] += 1
            continue
        # Sizes are judged by their interval; of two figures of one size each is a test.
        key = (*tested(claim), claim["published"] if claim["kind"] == "size" else None)
        pairs[key] = pair
        possible.setdefault(key, []).append(claim)
    tests = sum(claims[0]["kind"] != "size" for claims in possible.values())
    questions = []
    for key, claims in possible.items():
        reason, question = _question(claims, pairs[key], lines[claims[0]["compare"]["first"]], seed_sd)
        if question is None:
            left_out[reason] += len(claims)
        else:
            questions.append(question)
    surest = sorted((q for q in questions if q.kind != "size"), key=lambda q: q.certainty(seeds), reverse=True)
    levels = {id(question): LEVEL / (tests - step) for step, question in enumerate(surest)}
    return TableDecisions(table.name, seeds, tests, [_decision(q, levels.get(id(q), LEVEL), seeds) for q in questions])


def _measured(line: TableLine) -> Measured | None:
    paths = [p.path for seed in line.predictions for p in seed]
    if not paths or not all(Path(path).is_file() for path in paths):
        return None
    return load([line.spec])[0]


def _obstacle(claim: dict[str, Any], pair: Compared, lines: dict[str, TableLine]) -> str:
    """Why a claim has no verdict in this study that seeds and clips could change."""
    if "inconsistent" in claim:
        return "inconsistent in the paper"
    if pair.obstacle:
        return "not testable here; claims.csv says why"
    if claim["kind"] == "size" and not pair.genuine:
        return "of the size of an effect, which need the paper's data and no deviation"
    classes = _dataset(lines[claim["compare"]["first"]]).dataset.expect.get("classes")
    if claim["compare"]["measure"] == "top5" and isinstance(classes, int) and classes < LEAST_CLASSES_FOR_TOP5:
        return "not testable here; claims.csv says why"
    return ""


def _dataset(line: TableLine) -> Any:
    return line.predictions[0][0].run.dataset


@dataclass(frozen=True)
class _Question:
    """One test before its step of Holm's correction is known; as `Decision`."""

    claims: list[str]
    kind: Literal["direction", "equivalence", "size"]
    effect: float
    margin: float
    spread: Spread
    clips: int | None
    measured: bool

    def certainty(self, seeds: int) -> float:
        """How many standard errors the effect is from what the test refuses."""
        n = self.clips or 1000
        variance = self.spread.seeds / seeds + self.spread.clips / n + self.spread.rest / seeds / n
        distance = self.effect if self.kind == "direction" else self.margin - abs(self.effect)
        return distance / math.sqrt(variance) if variance else math.inf


def _question(
    claims: list[dict[str, Any]], pair: Compared, line: TableLine, seed_sd: float | None
) -> tuple[str, _Question | None]:
    """What is asked, or why it is left out."""
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
    spread, clips, measured = _spread(pair, line, seed_sd)
    return "", _Question([c["id"] for c in claims], claim["kind"], effect, margin, spread, clips, measured)


def _decision(question: _Question, level: float, seeds: int) -> Decision:
    test = Test(question.kind, level, question.margin)
    effect, spread, clips = question.effect, question.spread, question.clips
    return Decision(
        claims=question.claims,
        test=test,
        effect=effect,
        study_clips=clips,
        power=None if clips is None else power(test, effect, spread, seeds, clips),
        smallest=smallest_decided(level, spread, seeds, clips) if clips and test.kind == "direction" else None,
        clips={count: clips_needed(test, effect, spread, count) for count in sorted({seeds, *SEEDS})},
        seeds=None if clips is None else seeds_needed(test, effect, spread, clips),
        seed_sd=math.sqrt(spread.seeds / 2),
        measured=question.measured,
    )


def _spread(pair: Compared, line: TableLine, seed_sd: float | None) -> tuple[Spread, int | None, bool]:
    """What varies, over how many clips the study has, and whether clips' part of it was measured.

    Where nothing was, clips are independent of each other, so are what the two networks get right, and a clip that one
    training gets right all do: none of it makes a difference look better known than it is.
    """
    found = None
    if pair.gap.first.found is not None and pair.gap.second.found is not None:
        first, second, groups = pair.gap.values
        found, clips = difference_spread(first, second, groups), first.shape[1]
    else:
        validation = clips_of(_dataset(line)).validation
        clips = sum(validation.values()) or None
    measured = found is not None
    if found is None:
        published = [side.line["published"][pair.gap.measure] / 100 for side in (pair.gap.first, pair.gap.second)]
        found = Spread(math.nan, sum(p * (1 - p) for p in published), 0.0)
    if seed_sd is not None or math.isnan(found.seeds):
        # Of the two networks; pairing their seeds takes nothing off.
        found = replace(found, seeds=2 * ((SEED_SD if seed_sd is None else seed_sd) / 100) ** 2)
    return found, clips, measured
