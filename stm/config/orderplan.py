"""Every experiment of a study with its frames in order, reversed, shuffled, and one of them repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stm.config.products import Prediction, Run
from stm.config.schema.claims import Claim
from stm.config.study import BoundStudy
from stm.config.tableplan import REPORTING_SOURCES, TableLine, TablePlan
from stm.files import source_digest

# The first is what the others are compared with.
ORDERS = {
    "forward": "efficient",
    "reversed": "efficient-reversed",
    "shuffled": "efficient-shuffled",
    "single": "efficient-single",
}


# What the stage is told of a line, of what a table is told.
TOLD = ("deviations", "order_only", "reversed_pairs", "sees_order", "tests_claims")


@dataclass(frozen=True)
class OrderLine:
    """One experiment, and its predictions by order, seed and fold."""

    line: TableLine
    tables: list[str]
    predictions: dict[str, list[list[Prediction]]]


@dataclass(frozen=True)
class OrderPlan:
    """What `temporal_order` needs and what its stage is told."""

    study: str
    lines: list[OrderLine]
    # With the paper, and the experiment that decides it where one of these tables trains it.
    claims: list[tuple[str, Claim, str | None]]

    @property
    def predictions(self) -> list[Prediction]:
        return [p for line in self.lines for seeds in line.predictions.values() for seed in seeds for p in seed]

    @property
    def paths(self) -> list[str]:
        return [p.path for p in self.predictions]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*REPORTING_SOURCES),
            "study": self.study,
            "lines": [*map(_spec, self.lines)],
            "claims": [
                {"paper": paper, **claim.model_dump(exclude_none=True), "experiment": experiment}
                for paper, claim, experiment in self.claims
            ],
        }


def _spec(line: OrderLine) -> dict[str, Any]:
    run = line.predictions["forward"][0][0].run
    return {
        "experiment": run.experiment,
        "dataset": run.dataset.name,
        "role": line.line.role,
        "method": line.line.entry.method,
        "variant": run.variant,
        "frames": run.spec["frames"],
        "recipe": run.recipe,
        "tables": line.tables,
        **{key: line.line.spec["measured"][key] for key in TOLD},
        "seeds": [seed[0].run.spec["seed"] for seed in line.predictions["forward"]],
        "protocols": {order: seeds[0][0].protocol for order, seeds in line.predictions.items()},
        "predictions": {order: [[p.path for p in seed] for seed in seeds] for order, seeds in line.predictions.items()},
    }


def order_plan(study: BoundStudy, tables: Sequence[TablePlan]) -> OrderPlan:
    """The distinct experiments of some tables in the order in which they come, under every order of frames."""
    first: dict[str, TableLine] = {}
    where: dict[str, list[str]] = {}
    for table in tables:
        for line in table.lines:
            if line.predictions:
                experiment = line.predictions[0][0].run.experiment
                first.setdefault(experiment, line)
                where.setdefault(experiment, []).append(table.name)
    return OrderPlan(
        study.name,
        [OrderLine(line, list(dict.fromkeys(where[name])), _by_order(study, line)) for name, line in first.items()],
        _claims(study, tables),
    )


def _claims(study: BoundStudy, tables: Sequence[TablePlan]) -> list[tuple[str, Claim, str | None]]:
    """The claims that the order of frames decides.

    Raises:
        ConfigError: one names a table or a line that there is not.
    """
    plans = {table.name: table for table in tables}
    found = []
    for source, i, paper, claim in study.claims:
        if claim.order is None:
            continue
        name, experiment = claim.order.table, None
        if name not in study.known_tables:
            raise source.error(("claims", i, "order", "table"), f" = {name!r} is no table.")
        if name in plans:
            lines = {line.entry.name: line for line in plans[name].lines}
            if claim.order.line not in lines:
                known = ", ".join(lines)
                at = ("claims", i, "order", "line")
                raise source.error(at, f" = {claim.order.line!r} is no line of {name}. Its lines: {known}")
            predictions = lines[claim.order.line].predictions
            experiment = predictions[0][0].run.experiment if predictions else None
        found.append((paper, claim, experiment))
    return found


def _by_order(study: BoundStudy, line: TableLine) -> dict[str, list[list[Prediction]]]:
    runs: list[list[Run]] = [[p.run for p in seed] for seed in line.predictions]
    return {
        order: [[study.prediction(run, protocol) for run in seed] for seed in runs]
        for order, protocol in ORDERS.items()
    }
