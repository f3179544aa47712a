"""One table of a study, resolved: what it needs, and what its stage is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.config.products import Network, Prediction
from stm.config.schema import Claim, Line, PublishedLine, Table
from stm.files import source_digest

PACKAGE = Path(__file__).resolve().parent.parent

# Tables are so cheap that any edit of what makes them may make them again.
REPORTING_SOURCES = (
    PACKAGE / "reporting",
    PACKAGE / "analysis" / "statistics.py",
    PACKAGE / "evaluation" / "metrics.py",
    PACKAGE / "evaluation" / "predictions.py",
)


@dataclass(frozen=True)
class TableLine:
    """One line of a table, resolved; without a variant nothing of it is measured here."""

    number: int
    line: Line
    role: str
    published: PublishedLine
    # Seed by seed, fold by fold.
    predictions: list[list[Prediction]]
    full_size: Network | None
    run_size: Network | None
    deviations: list[str]
    sees_order: bool


@dataclass(frozen=True)
class TablePlan:
    """One table of a study: what it needs and what its stage is told."""

    name: str
    study: str
    table: Table
    published_source: str
    lines: list[TableLine]
    claims: list[tuple[str, Claim]]

    @property
    def predictions(self) -> list[str]:
        return list(dict.fromkeys(p.path for line in self.lines for seed in line.predictions for p in seed))

    @property
    def records(self) -> list[str]:
        runs = (p.run for line in self.lines for seed in line.predictions for p in seed)
        return list(dict.fromkeys(f"{run.folder}/run.json" for run in runs))

    @property
    def complexity(self) -> list[str]:
        networks = (n for line in self.lines for n in (line.full_size, line.run_size) if n)
        return list(dict.fromkeys(n.path for n in networks))

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the table's stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*REPORTING_SOURCES),
            "table": self.name,
            "study": self.study,
            "paper": self.table.paper,
            "where": self.table.where,
            "title": self.table.title,
            "measures": list(self.table.measures),
            "source": self.published_source,
            "lines": [self._line(line) for line in self.lines],
            "claims": [{"paper": paper, **claim.model_dump()} for paper, claim in self.claims],
        }

    def _line(self, line: TableLine) -> dict[str, Any]:
        common = {
            "line": line.number,
            "method": line.line.method,
            "role": line.role,
            "frames": line.line.frames,
            "describe": line.line.describe,
            "published": line.published.figures(),
            "published_protocol": line.published.protocol or self.table.protocol,
            "note": line.published.note,
            "measured": None,
        }
        if not line.predictions:
            return common
        assert line.full_size is not None, "what is predicted is also counted"
        first = line.predictions[0][0]
        dataset = first.run.dataset
        measured = {
            "dataset": dataset.name,
            "experiment": first.run.experiment,
            "protocol": first.protocol,
            "views": first.spec["protocol"]["clips"] * first.spec["protocol"]["crops"],
            "seeds": [seed[0].run.spec["seed"] for seed in line.predictions],
            "predictions": [[p.path for p in seed] for seed in line.predictions],
            "full_size": line.full_size.path,
            "run_size": line.run_size.path if line.run_size else None,
            "deviations": line.deviations,
            "sees_order": line.sees_order,
            "order_only": dataset.dataset.order_only,
            "reversed_pairs": dataset.dataset.reversed_pairs,
            "genuine": dataset.dataset.genuine == line.role,
            "tests_claims": dataset.dataset.tests_claims,
        }
        return {**common, "measured": measured}
