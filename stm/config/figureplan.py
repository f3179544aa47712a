"""One figure of a study, resolved: what it needs, and what its stage is told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stm.config.askedfigure import Asked, FigurePlan
from stm.config.featurefigures import embedding, maps
from stm.config.loading import read_yaml, suggestion, validated
from stm.config.products import Prediction
from stm.config.schema.figures import (
    AccuracyCost,
    AnyFigure,
    Confusions,
    Curves,
    Embedding,
    Examples,
    Figure,
    Maps,
)
from stm.config.study import BoundStudy, NotForThisStudyError
from stm.config.tableplan import TableLine, TablePlan


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
        return embedding(asked, figure)
    if isinstance(figure, Confusions):
        return _confusions(asked, figure)
    if isinstance(figure, Maps):
        return maps(asked, figure)
    if isinstance(figure, Examples):
        return _examples(asked, figure)
    return _curves(asked, figure) if isinstance(figure, Curves) else _accuracy_cost(asked, figure)


def shows(study: BoundStudy, name: str, tables: Sequence[str]) -> bool:
    """Whether a figure is of one of these tables."""
    named = tables_of(study, name)
    return not named or bool(set(named) & set(tables))


def tables_of(study: BoundStudy, name: str) -> list[str]:
    """The tables that a figure names; none where it takes them all, or needs none."""
    return _tables(_figure(study, name))


def decides(study: BoundStudy, name: str) -> bool:
    """Whether a figure comes with measures, a page and the claims that they decide."""
    return isinstance(_figure(study, name), Embedding | Maps)


def _figure(study: BoundStudy, name: str) -> AnyFigure:
    return validated(Figure, read_yaml(study.config / "figures" / f"{name}.yaml")).root


def _tables(figure: AnyFigure) -> list[str]:
    """The tables that a figure names; none where it takes them all."""
    if isinstance(figure, Embedding | Confusions | Maps):
        return [figure.table]
    return [] if isinstance(figure, Examples) else figure.tables or []


def _examples(asked: Asked, figure: Examples) -> FigurePlan:
    """Clips of two datasets of the study; no network is needed."""
    shown = {}
    for key in ("temporal", "scene"):
        role = next((role for role in getattr(figure, key) if role in asked.study.settings.roles), None)
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
            "reversed_pairs": dataset.entry.reversed_pairs if key == "temporal" else [],
        }
    # It points to those who measure what it shows.
    order = [claim.id for _, _, _, claim in asked.study.claims if claim.order is not None]
    details = {"shown": shown, "order_claims": order}
    return asked.plan(figure, [found["index"] for found in shown.values()], details, predictions=[])


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
            panels.append({"table": name, "where": plan.entry.where + dataset, "lines": curves})
            inputs += [f"{p.run.folder}/history.csv" for p in shown]
            predictions += shown
    if not panels:
        raise NotForThisStudyError(f"{asked.source.path}: no table of this study trains a network")
    return asked.plan(figure, inputs, {"panels": panels}, predictions=predictions)


def _curve(line: TableLine, among: list[TableLine]) -> dict[str, Any]:
    runs = [p.run for seed in line.predictions for p in seed]
    histories = {run.name.rpartition("/")[2]: f"{run.folder}/history.csv" for run in runs}
    return {
        "label": _label(line, among),
        "variant": line.entry.variant,
        "experiment": runs[0].experiment,
        "histories": histories,
    }


def _label(line: TableLine, among: list[TableLine]) -> str:
    """What tells a line from others: its method, and what it does not share with its namesakes."""
    namesakes = [other for other in among if other.entry.method == line.entry.method]
    words = [line.entry.method]
    if len(namesakes) > 1:
        for key, value in {"frames": line.entry.frames, **line.entry.describe}.items():
            values = {str({"frames": o.entry.frames, **o.entry.describe}.get(key)) for o in namesakes}
            if len(values) > 1:
                words.append(f"{key} {value}")
    return ", ".join(words)


def _confusions(asked: Asked, figure: Confusions) -> FigurePlan:
    lines = [asked.line(figure.table, getattr(figure, key), (key,)) for key in ("first", "second")]
    predictions = [p for line in lines for seed in line.predictions for p in seed]
    details = {"lines": [{"variant": line.entry.variant, **line.spec} for line in lines], "table": figure.table}
    return asked.plan(figure, [p.path for p in predictions], details, predictions=predictions)


def _accuracy_cost(asked: Asked, figure: AccuracyCost) -> FigurePlan:
    tables = [name for name in figure.tables if name in asked.made]
    if not tables:
        raise NotForThisStudyError(f"{asked.source.path}: this study makes none of {', '.join(figure.tables)}")
    files = {name: str(Path(asked.study.settings.reports_dir, f"{name}.csv")) for name in tables}
    lines = [line for name in tables for line in asked.table(name).all_lines if line.predictions]
    predictions = [p for line in lines for seed in line.predictions for p in seed]
    # Of one dataset and one way to train: beside others a cost would explain nothing.
    told = [(line.entry.variant, line.spec["measured"]) for line in lines if line.role == figure.role]
    shown = {
        measured["experiment"]: (variant, measured["genuine"])
        for variant, measured in told
        if measured["twins"] is None
    }
    if not shown:
        raise NotForThisStudyError(f"{asked.source.path}: no line of {', '.join(tables)} is trained on {figure.role}")
    details = {
        "tables": [{"name": name, "file": file} for name, file in files.items()],
        "variants": {name: variant for name, (variant, _) in shown.items()},
        # Those whose data are the paper's own.
        "genuine": sorted(name for name, (_, genuine) in shown.items() if genuine),
    }
    return asked.plan(figure, [*files.values()], details, predictions=predictions)
