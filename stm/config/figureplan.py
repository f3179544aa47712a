"""One figure of a study, resolved: what it needs, and what its stage is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stm.config.deviations import deviations
from stm.config.loading import Source, read_yaml, suggestion, validated
from stm.config.products import Features, Prediction
from stm.config.schema.claims import Claim
from stm.config.schema.figures import AccuracyCost, AnyFigure, Confusions, Curves, Embedding, Figure
from stm.config.study import PACKAGE, BoundStudy, NotForThisStudyError
from stm.config.tableplan import REPORTING_SOURCES, TableLine, TablePlan
from stm.files import source_digest

FIGURE_SOURCES = (
    *REPORTING_SOURCES,
    PACKAGE / "analysis" / "embedding.py",
    PACKAGE / "reporting" / "figures" / "paper.mplstyle",
)


@dataclass(frozen=True)
class FigurePlan:
    """One figure of a study."""

    name: str
    study: str
    figure: AnyFigure
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
    def spec(self) -> dict[str, Any]:
        """Everything that the figure's stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*FIGURE_SOURCES),
            "figure": self.name,
            "study": self.study,
            **self.figure.model_dump(exclude={"rows", "table", "tables"}),
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
        lines = {line.line.name: line for line in self.table(table).lines}
        if name not in lines:
            known = ", ".join(lines)
            raise self.source.error(
                at, f" = {name!r} is no line of {table}.{suggestion(name, lines)}\n  Known: {known}"
            )
        if not lines[name].predictions:
            raise NotForThisStudyError(f"{self.source.path}: {name} of {table} is not measured in this study")
        return lines[name]

    def plan(self, figure: AnyFigure, inputs: list[str], details: dict[str, Any], **more: Any) -> FigurePlan:
        return FigurePlan(self.name, self.study.study.study, figure, list(dict.fromkeys(inputs)), details, **more)


def figure_plan(
    study: BoundStudy, name: str, at: tuple[str | int, ...], table: Callable[[str], TablePlan], made: list[str]
) -> FigurePlan:
    """One figure, resolved.

    Args:
        at: the key of the study that asks for it, if one does.
        table: a table of the study by its name.
        made: the tables that the study makes by default.

    Raises:
        ConfigError: it is not known, or asks for what is not known; NotForThisStudyError where another study could.
    """
    source = study.read(study.source, at, "figures", name)
    figure = validated(Figure, source).root
    asked = Asked(name, source, study, table, made)
    for i, shown in enumerate(_tables(figure)):
        if shown not in study.known_tables:
            key = ("table",) if hasattr(figure, "table") else ("tables", i)
            raise source.error(key, f" = {shown!r} is no table.{suggestion(shown, study.known_tables)}")
    if isinstance(figure, Embedding):
        return _embedding(asked, figure)
    if isinstance(figure, Confusions):
        return _confusions(asked, figure)
    return _curves(asked, figure) if isinstance(figure, Curves) else _accuracy_cost(asked, figure)


def shows(study: BoundStudy, name: str, tables: Sequence[str]) -> bool:
    """Whether a figure is of one of these tables."""
    named = _tables(_figure(study, name))
    return not named or bool(set(named) & set(tables))


def decides(study: BoundStudy, name: str) -> bool:
    """Whether a figure comes with measures, a page and the claims that they decide."""
    return isinstance(_figure(study, name), Embedding)


def _figure(study: BoundStudy, name: str) -> AnyFigure:
    return validated(Figure, read_yaml(study.config / "figures" / f"{name}.yaml")).root


def _tables(figure: AnyFigure) -> list[str]:
    """The tables that a figure names; none where it takes them all."""
    return [figure.table] if isinstance(figure, Embedding | Confusions) else figure.tables or []


def _embedding(asked: Asked, figure: Embedding) -> FigurePlan:
    study, table = asked.study, asked.table(figure.table).table
    rows, features = [], []
    for title, names in figure.rows.items():
        lines = []
        for i, name in enumerate(names):
            line = asked.line(figure.table, name, ("rows", title, i))
            if any(len(folds) > 1 for folds in line.predictions):
                raise NotForThisStudyError(
                    f"{asked.source.path}: {name} is trained in folds, whose features are of unrelated networks"
                )
            of_line = [study.features_of(folds[0].run) for folds in line.predictions]
            features += of_line
            recipe = line.line.recipe or table.recipe
            measured = line.spec["measured"]
            told = {key: measured[key] for key in ("dataset", "experiment", "seeds", "tests_claims", "obstacle")}
            # Not those of the table: features are of one view, and the paper does not say of how many.
            differs = deviations(study, line.role, line.line, recipe, "efficient")
            told |= {"deviations": differs, "features": [f.path for f in of_line]}
            lines.append({"name": name, "method": line.line.method, **told})
        rows.append({"title": title, "lines": lines})
    shown = [name for names in figure.rows.values() for name in names]
    claims = [
        (source, i, paper, claim)
        for source, i, paper, claim in study.claims
        if claim.separation is not None and claim.separation.figure == asked.name
    ]
    for source, i, _, claim in claims:
        assert claim.separation is not None, "chosen by it"
        for key in ("first", "second"):
            if getattr(claim.separation, key) not in shown:
                name = getattr(claim.separation, key)
                raise source.error(
                    ("claims", i, "separation", key), f" = {name!r} is not shown in {asked.name}: {', '.join(shown)}"
                )
    return asked.plan(
        figure,
        [f.path for f in features],
        {"panels": rows},
        predictions=features,
        claims=[(paper, claim) for _, _, paper, claim in claims],
    )


def _curves(asked: Asked, figure: Curves) -> FigurePlan:
    seen: set[str] = set()
    panels: list[dict[str, Any]] = []
    inputs: list[str] = []
    predictions: list[Prediction] = []
    for name in figure.tables or asked.made:
        plan = asked.table(name)
        lines = [line for line in plan.lines if line.predictions]
        new = {line.predictions[0][0].run.experiment for line in lines} - seen
        # ICCV's tables repeat TPAMI's: what has been drawn is not drawn again.
        if not new:
            continue
        seen |= new
        roles = list(dict.fromkeys(line.role for line in lines))
        for role in roles:
            of_role = [line for line in lines if line.role == role]
            shown = [p for line in of_role for seed in line.predictions for p in seed]
            dataset = f", {shown[0].run.dataset.name}" if len(roles) > 1 else ""
            curves = [_curve(line, of_role) for line in of_role]
            panels.append({"table": name, "where": plan.table.where + dataset, "lines": curves})
            inputs += [f"{p.run.folder}/history.csv" for p in shown]
            predictions += shown
    if not panels:
        raise NotForThisStudyError(f"{asked.source.path}: no table of this study trains a network")
    return asked.plan(figure, inputs, {"panels": panels}, predictions=predictions)


def _curve(line: TableLine, among: list[TableLine]) -> dict[str, Any]:
    runs = [p.run for seed in line.predictions for p in seed]
    histories = {run.name.rpartition("/")[2]: f"{run.folder}/history.csv" for run in runs}
    return {"label": _label(line, among), "experiment": runs[0].experiment, "histories": histories}


def _label(line: TableLine, among: list[TableLine]) -> str:
    """What tells a line from others: its method, and what it does not share with its namesakes."""
    namesakes = [other for other in among if other.line.method == line.line.method]
    words = [line.line.method]
    if len(namesakes) > 1:
        for key, value in {"frames": line.line.frames, **line.line.describe}.items():
            values = {str({"frames": o.line.frames, **o.line.describe}.get(key)) for o in namesakes}
            if len(values) > 1:
                words.append(f"{key} {value}")
    return ", ".join(words)


def _confusions(asked: Asked, figure: Confusions) -> FigurePlan:
    lines = [asked.line(figure.table, getattr(figure, key), (key,)) for key in ("first", "second")]
    predictions = [p for line in lines for seed in line.predictions for p in seed]
    details = {"lines": [line.spec for line in lines], "table": figure.table}
    return asked.plan(figure, [p.path for p in predictions], details, predictions=predictions)


def _accuracy_cost(asked: Asked, figure: AccuracyCost) -> FigurePlan:
    tables = [name for name in figure.tables if name in asked.made]
    if not tables:
        raise NotForThisStudyError(f"{asked.source.path}: this study makes none of {', '.join(figure.tables)}")
    files = {name: str(Path(asked.study.study.reports_dir, f"{name}.csv")) for name in tables}
    lines = [line for name in tables for line in asked.table(name).all_lines]
    predictions = [p for line in lines for seed in line.predictions for p in seed]
    return asked.plan(figure, [*files.values()], {"tables": files}, predictions=predictions)
