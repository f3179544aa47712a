"""Figures of what networks make of clips, which decide claims, resolved."""

from collections.abc import Sequence
from typing import Any

from stm.config.askedfigure import Asked, FigurePlan
from stm.config.deviations import deviations
from stm.config.products import Maps, Motion, Run
from stm.config.schema import figures
from stm.config.schema.claims import Claim
from stm.config.schema.tables import Table
from stm.config.study import BoundStudy, NotForThisStudyError
from stm.config.tableplan import TableLine

# What a figure is told of a line, of what a table is told.
TOLD = (
    *("dataset", "experiment", "seeds", "tests_claims", "obstacle"),
    *("twins", "classes", "published_classes"),
)


def embedding(asked: Asked, figure: figures.Embedding) -> FigurePlan:
    """t-SNE maps of the features of one view of every clip."""
    study, table = asked.study, asked.table(figure.table).entry
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
        name = line.entry.name
        raise NotForThisStudyError(
            f"{asked.source.path}: {name} is trained in folds, whose features are of unrelated networks"
        )
    return [folds[0].run for folds in line.predictions]


def _told(study: BoundStudy, table: Table, line: TableLine) -> dict[str, Any]:
    """What a figure of features is told of a line."""
    measured = line.spec["measured"]
    told = {key: measured[key] for key in TOLD}
    # Not those of the table: features are of one view, and the paper does not say of how many.
    differs = deviations(study, line.role, line.entry, line.entry.recipe or table.recipe, "efficient")
    return {
        "name": line.entry.name,
        "method": line.entry.method,
        "variant": line.entry.variant,
        **told,
        "deviations": differs,
    }


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


def maps(asked: Asked, figure: figures.Maps) -> FigurePlan:
    """Maps of one dataset's clips, which all lines are shown alike."""
    study, table = asked.study, asked.table(figure.table).entry
    lines: dict[str, Any] = {}
    found: list[Maps] = []
    for signal in figure.shown:
        name = signal.partition("/")[0]
        if name in lines:
            continue
        at = ("signals", signal) if signal in figure.signals else ("columns",)
        line = asked.line(figure.table, name, at)
        of_line = [study.maps_of(run, figure.clips, figure.drawn) for run in _runs(asked, line)]
        found += of_line
        lines[name] = {**_told(study, table, line), "maps": [m.path for m in of_line]}
    motions: dict[str, Motion] = {m.motion.path: m.motion for m in found}
    if len(motions) > 1:
        raise asked.source.error(("signals",), ": its lines see other clips or other frames, and cannot be compared")
    inputs = [*motions, *(m.path for m in found)]
    # As pairs: the order of a file stands in its figure, and JSON sorts keys.
    ordered = {"signals": [*figure.signals.items()], "measures": [*figure.measures.items()]}
    details = {"lines": lines, "motion": inputs[0], **ordered}
    return asked.plan(figure, inputs, details, predictions=found, claims=_claims(asked, list(figure.signals)))
