"""What a study could decide: of each claim that accuracies test, the seeds and clips that it takes.

A test is asked for at 80% power, were the published effects the true ones, and is judged as in its table: at the step
of Holm's correction that it then comes to, all tests of the table that are surer before it. A test without a published
effect is never found, so that it makes every step as strict as it can be.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.power import Test, clips_needed, power, seeds_needed, smallest_decided
from stm.config.plan import Plan
from stm.config.tableplan import TableLine, TablePlan
from stm.planning.questions import Known, Question, compared_obstacle, compared_question, reached_question
from stm.planning.targets import targets
from stm.reporting.comparisons import Compared, Side, compared_sides, tested
from stm.reporting.measured import Counts, Measured, load
from stm.reporting.verdicts import LEVEL

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
    known = Known(seed_sd)
    found = [_table(plan.table(name), len(plan.settings.seeds), known, left_out) for name in names]
    if not asked:
        undecided = (claim for _, _, _, claim in plan.claims if claim.decider is None)
        left_out.update(
            "that the order of frames decides, which this page does not plan for"
            if claim.order
            else "that need what this version does not make"
            if claim.kind in TESTS
            else f"of kind {claim.kind}"
            for claim in undecided
        )
    return Decisions([table for table in found if table.decisions], left_out)


def _table(table: TablePlan, seeds: int, known: Known, left_out: Counter[str]) -> TableDecisions:
    lines = {**{x.entry.name: x for x in table.lines}, **table.others}
    found = {name: _measured(line) for name, line in lines.items()}
    spec = table.spec
    described = {**{line["name"]: line for line in spec["lines"]}, **spec["others"]}
    sides = {name: Side(described[name], found[name], Counts({}, {})) for name in lines}
    possible: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    pairs: dict[tuple[Any, ...], Compared] = {}
    questions = []
    for claim in spec["claims"]:
        if "reached" in claim:
            name = claim["reached"]["line"]
            reason, question = reached_question(claim, sides[name], lines[name], known)
            if question is None:
                left_out[reason] += 1
            else:
                questions.append(question)
            continue
        if "compare" not in claim:
            left_out[f"of kind {claim['kind']}"] += 1
            continue
        pair = compared_sides(claim["compare"], sides)
        reason = compared_obstacle(claim, pair, lines)
        if reason:
            left_out[reason] += 1
            continue
        # Sizes are judged by their interval; of two figures of one size each is a test.
        key = (*tested(claim), claim["published"] if claim["kind"] == "size" else None)
        pairs[key] = pair
        possible.setdefault(key, []).append(claim)
    # Of an equivalence both its holding and its failing are tested.
    tests = sum({"size": 0, "equivalence": 2}.get(claims[0]["kind"], 1) for claims in possible.values())
    for key, claims in possible.items():
        reason, question = compared_question(claims, pairs[key], lines[claims[0]["compare"]["first"]], known)
        if question is None:
            left_out[reason] += len(claims)
        else:
            questions.append(question)
    surest = sorted((q for q in questions if q.adjusted), key=lambda q: q.certainty(seeds), reverse=True)
    levels = {id(question): LEVEL / (tests - step) for step, question in enumerate(surest)}
    return TableDecisions(table.name, seeds, tests, [_decision(q, levels.get(id(q), LEVEL), seeds) for q in questions])


def _measured(line: TableLine) -> Measured | None:
    paths = [p.path for seed in line.predictions for p in seed]
    if not paths or not all(Path(path).is_file() for path in paths):
        return None
    return load([line.spec])[0]


def _decision(question: Question, level: float, seeds: int) -> Decision:
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
        seed_sd=math.sqrt(spread.seeds / question.networks),
        measured=question.measured,
    )
