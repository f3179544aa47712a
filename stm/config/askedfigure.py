"""A figure of a study, while it is being resolved and then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stm.config.loading import Source, suggestion
from stm.config.products import PACKAGE, Features, Maps, Prediction
from stm.config.schema.claims import Claim
from stm.config.schema.figures import AnyFigure
from stm.config.study import BoundStudy, NotForThisStudyError
from stm.config.tableplan import REPORTING_SOURCES, TableLine, TablePlan
from stm.files import source_digest

FIGURE_SOURCES = (
    *REPORTING_SOURCES,
    PACKAGE / "analysis" / "embedding.py",
    PACKAGE / "analysis" / "mapsfile.py",
    PACKAGE / "reporting" / "figures" / "paper.mplstyle",
)


@dataclass(frozen=True)
class FigurePlan:
    """One figure of a study."""

    name: str
    study: str
    entry: AnyFigure
    # The files that it is drawn from.
    inputs: list[str]
    # What its kind needs to know beside them.
    details: dict[str, Any]
    # What of a run it takes, be it by way of a table.
    predictions: list[Prediction]
    claims: list[tuple[str, Claim]] = field(default_factory=list)

    @property
    def features(self) -> list[Features]:
        return [p for p in self.predictions if isinstance(p, Features)]

    @property
    def maps(self) -> list[Maps]:
        return [p for p in self.predictions if isinstance(p, Maps)]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the figure's stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*FIGURE_SOURCES),
            "figure": self.name,
            "study": self.study,
            **self.entry.model_dump(exclude={"rows", "table", "tables", "temporal", "scene"}),
            **self.details,
            "claims": [{"paper": paper, **claim.model_dump(exclude_none=True)} for paper, claim in self.claims],
        }


@dataclass(frozen=True)
class Asked:
    """A figure that is being resolved: its file, its study and the study's tables."""

    name: str
    source: Source
    study: BoundStudy
    table: Callable[[str], TablePlan]
    # The tables that the study makes by default.
    made: list[str]

    def line(self, table: str, name: str, at: tuple[str | int, ...]) -> TableLine:
        """A line of a table, which this study must measure.

        Raises:
            ConfigError: the table has no such line; NotForThisStudyError where nothing is measured of it.
        """
        lines = {line.entry.name: line for line in self.table(table).lines}
        if name not in lines:
            known = ", ".join(lines)
            raise self.source.error(
                at, f" = {name!r} is no line of {table}.{suggestion(name, lines)}\n  Known: {known}"
            )
        if not lines[name].predictions:
            raise NotForThisStudyError(f"{self.source.path}: {name} of {table} is not measured in this study")
        return lines[name]

    def plan(self, figure: AnyFigure, inputs: list[str], details: dict[str, Any], **more: Any) -> FigurePlan:
        return FigurePlan(self.name, self.study.name, figure, list(dict.fromkeys(inputs)), details, **more)
