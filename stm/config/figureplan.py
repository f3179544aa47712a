"""One figure of a study, resolved: what it needs, and what its stage is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stm.config.deviations import deviations
from stm.config.loading import Source, read_yaml, suggestion, validated
from stm.config.products import Features, Maps, Motion, Prediction, Run
from stm.config.schema.claims import Claim
from stm.config.schema.figures import (
    AccuracyCost,
    AnyFigure,
    Confusions,
    Curves,
    Embedding,
    Examples,
    Figure,
)
from stm.config.schema.figures import Maps as MapsFigure
from stm.config.schema.tables import Table
from stm.config.study import PACKAGE, BoundStudy, NotForThisStudyError
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
    def maps(self) -> list[Maps]:
        return [p for p in self.predictions if isinstance(p, Maps)]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the figure's stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*FIGURE_SOURCES),
            "figure": self.name,
            "study": self.study,
            **self.figure.model_dump(exclude={"rows", "table", "tables", "temporal", "scene"}),
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
    if isinstance(figure, MapsFigure):
        return _maps(asked, figure)
    if isinstance(figure, Examples):
        return _examples(asked, figure)
    return _curves(asked, figure) if isinstance(figure, Curves) else _accuracy_cost(asked, figure)


def shows(study: BoundStudy, name: str, tables: Sequence[str]) -> bool:
    """Whether a figure is of one of these tables."""
    named = _tables(_figure(study, name))
    return not named or bool(set(named) & set(tables))


def decides(study: BoundStudy, name: str) -> bool:
    """Whether a figure comes with measures, a page and the claims that they decide."""
    return isinstance(_figure(study, name), Embedding | MapsFigure)


def _figure(study: BoundStudy, name: str) -> AnyFigure:
    return validated(Figure, read_yaml(study.config / "figures" / f"{name}.yaml")).root


def _tables(figure: AnyFigure) -> list[str]:
    """The tables that a figure names; none where it takes them all."""
    if isinstance(figure, Embedding | Confusions | MapsFigure):
        return [figure.table]
    return [] if isinstance(figure, Examples) else figure.tables or []


def _embedding(asked: Asked, figure: Embedding) -> FigurePlan:
    study, table = asked.study, asked.table(figure.table).table
    rows, features = [], []
    for title, names in figure.rows.items():
        lines = []
        for i, name in enumerate(names):
            line = asked.line(figure.table, name, ("rows", title, i))
            of_line = [study.features_of(run) for run in _runs(asked, line)]
            features += of_line
            lines.append({**_told(study, table, line), "features": [f.path for f in of_line]})
        rows.append({"title": title, "lines": lines})
    shown = [name for names in figure.rows.values() for name in names]
    inputs = [f.path for f in features]
    return asked.plan(figure, inputs, {"panels": rows}, predictions=features, claims=_claims(asked, shown))


def _runs(asked: Asked, line: TableLine) -> list[Run]:
    """The runs of a line, seed by seed."""
    if any(len(folds) > 1 for folds in line.predictions):
        name = line.line.name
        raise NotForThisStudyError(
            f"{asked.source.path}: {name} is trained in folds, whose features are of unrelated networks"
        )
    return [folds[0].run for folds in line.predictions]


def _told(study: BoundStudy, table: Table, line: TableLine) -> dict[str, Any]:
    """What a figure of features is told of a line."""
    measured = line.spec["measured"]
    told = {key: measured[key] for key in ("dataset", "experiment", "seeds", "tests_claims", "obstacle")}
    # Not those of the table: features are of one view, and the paper does not say of how many.
    differs = deviations(study, line.role, line.line, line.line.recipe or table.recipe, "efficient")
    return {"name": line.line.name, "method": line.line.method, **told, "deviations": differs}


def _claims(asked: Asked, shown: Sequence[str]) -> list[tuple[str, Claim]]:
    """The claims that a figure decides.

    Raises:
        ConfigError: one speaks of what is not shown in it.
    """
    found = []
    for source, i, paper, claim in asked.study.claims:
        decider = claim.figure_decider
        if decider is None or decider.figure != asked.name:
            continue
        for key in ("first", "second"):
            name, at = getattr(decider, key), "separation" if claim.separation else "likeness"
            if name not in shown:
                raise source.error(
                    ("claims", i, at, key), f" = {name!r} is not shown in {asked.name}: {', '.join(shown)}"
                )
        found.append((paper, claim))
    return found


def _maps(asked: Asked, figure: MapsFigure) -> FigurePlan:
    """Maps of one dataset's clips, which all lines are shown alike."""
    study, table = asked.study, asked.table(figure.table).table
    lines: dict[str, Any] = {}
    maps: list[Maps] = []
    for signal in figure.shown:
        name = signal.partition("/")[0]
        if name in lines:
            continue
        at = ("signals", signal) if signal in figure.signals else ("columns",)
        line = asked.line(figure.table, name, at)
        of_line = [study.maps_of(run, figure.clips, figure.drawn) for run in _runs(asked, line)]
        maps += of_line
        lines[name] = {**_told(study, table, line), "maps": [m.path for m in of_line]}
    motions: dict[str, Motion] = {m.motion.path: m.motion for m in maps}
    if len(motions) > 1:
        raise asked.source.error(("signals",), ": its lines see other clips or other frames, and cannot be compared")
    inputs = [*motions, *(m.path for m in maps)]
    details = {"lines": lines, "motion": inputs[0]}
    return asked.plan(figure, inputs, details, predictions=maps, claims=_claims(asked, list(figure.signals)))


def _examples(asked: Asked, figure: Examples) -> FigurePlan:
    """Clips of two datasets of the study; no network is needed."""
    shown = {}
    for key in ("temporal", "scene"):
        role = next((role for role in getattr(figure, key) if role in asked.study.study.roles), None)
        if role is None:
            raise NotForThisStudyError(
                f"{asked.source.path}: no dataset is bound to {' or '.join(getattr(figure, key))}"
            )
        dataset = asked.study.dataset_of(role)
        shown[key] = {
            "role": role,
            "dataset": dataset.name,
            "index": f"{dataset.folder}/index.arrow",
            "fold": dataset.folds[0],
            "reversed_pairs": dataset.dataset.reversed_pairs if key == "temporal" else [],
        }
    return asked.plan(figure, [found["index"] for found in shown.values()], {"shown": shown}, predictions=[])


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
        drawn = []
        for line in lines:
            runs = [p.run for seed in line.predictions for p in seed]
            histories = {run.name.rpartition("/")[2]: f"{run.folder}/history.csv" for run in runs}
            inputs += histories.values()
            predictions += [p for seed in line.predictions for p in seed]
            drawn.append({"label": _label(plan, line), "experiment": runs[0].experiment, "histories": histories})
        panels.append({"table": name, "where": plan.table.where, "title": plan.table.title, "lines": drawn})
    if not panels:
        raise NotForThisStudyError(f"{asked.source.path}: no table of this study trains a network")
    return asked.plan(figure, inputs, {"panels": panels}, predictions=predictions)


def _label(plan: TablePlan, line: TableLine) -> str:
    """What tells a line from the others of its table: its method, and what it does not share with its namesakes."""
    namesakes = [other for other in plan.lines if other.line.method == line.line.method]
    words = [line.line.method]
    if len(namesakes) > 1:
        described: dict[str, Any] = {"role": line.role, "frames": line.line.frames, **line.line.describe}
        for key, value in described.items():
            values = {str({"role": o.role, "frames": o.line.frames, **o.line.describe}.get(key)) for o in namesakes}
            if len(values) > 1:
                words.append(str(value) if key == "role" else f"{key} {value}")
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
