"""Every experiment of a study with its frames in order, reversed, shuffled, and one of them repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stm.config.products import Prediction, Run
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

    @property
    def predictions(self) -> list[Prediction]:
        return [p for line in self.lines for seeds in line.predictions.values() for seed in seeds for p in seed]

    @property
    def paths(self) -> list[str]:
        return [p.path for p in self.predictions]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the stage needs to know beside the files that it reads."""
        return {"code": source_digest(*REPORTING_SOURCES), "study": self.study, "lines": [*map(_spec, self.lines)]}


def _spec(line: OrderLine) -> dict[str, Any]:
    run = line.predictions["forward"][0][0].run
    return {
        "experiment": run.experiment,
        "dataset": run.dataset.name,
        "role": line.line.role,
        "method": line.line.line.method,
        "variant": run.variant,
        "frames": run.spec["frames"],
        "recipe": run.recipe,
        "tables": line.tables,
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
        study.study.study,
        [OrderLine(line, list(dict.fromkeys(where[name])), _by_order(study, line)) for name, line in first.items()],
    )


def _by_order(study: BoundStudy, line: TableLine) -> dict[str, list[list[Prediction]]]:
    runs: list[list[Run]] = [[p.run for p in seed] for seed in line.predictions]
    return {
        order: [[study.prediction(run, protocol) for run in seed] for seed in runs]
        for order, protocol in ORDERS.items()
    }
