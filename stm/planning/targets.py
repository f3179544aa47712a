"""What a user asks for, as it is typed for Snakemake, and the predictions that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stm.config.figureplan import tables_of
from stm.config.loading import ConfigError, suggestion
from stm.config.plan import Plan
from stm.config.products import Prediction, Run

ENDINGS = (".claims.csv", ".points.csv", ".csv", ".md", ".tex", ".html", ".rst", ".pdf", ".png")
ORDER, DATASETS, CLAIMS = "temporal_order", "datasets", "claims"
# Of reports that are no tables, what leads to the lines that they are made of.
NO_TABLES = {
    CLAIMS: "Its column `table` names the table or figure that decides a claim, `experiments` what was trained for it",
    ORDER: "Its column `tables` names the tables of each network",
    DATASETS: "It is made of annotation files alone",
    "provenance": "It names every run of the study",
}


@dataclass(frozen=True)
class Target:
    """One report, and every prediction that it takes, each once; a dataset's counts take none.

    Attributes:
        lines: of a table, what the line is called that a run is trained for, by the run's name.
    """

    name: str
    title: str
    predictions: list[Prediction]
    lines: dict[str, str] = field(default_factory=dict)


def targets(plan: Plan, asked: Sequence[str]) -> list[Target]:
    """The reports that are asked for, `claims` being all that decide claims; without any, those of `snakemake`, but for
    figures that take nothing of their own.

    Args:
        asked: `reports/table6.csv`, or `table6`.

    Raises:
        ConfigError: the study has no such report, or cannot make it.
    """
    names = [name for text in asked for name in _names(plan, text)] or [*plan.tables, *_own(plan), ORDER]
    return [_target(plan, name) for name in dict.fromkeys(names)]


def runs_of(asked: Sequence[Target]) -> list[tuple[Run, list[Prediction]]]:
    """Every run of some targets, each once with their predictions of it: of what others start from maybe none."""
    found: dict[str, tuple[Run, list[Prediction]]] = {}
    for prediction in {p.path: p for target in asked for p in target.predictions}.values():
        run = prediction.run
        if run.start is not None:
            found.setdefault(run.start.name, (run.start, []))
        found.setdefault(run.name, (run, []))[1].append(prediction)
    return list(found.values())


def _names(plan: Plan, text: str) -> list[str]:
    name = _known(plan, text, [*plan.known_tables, *plan.known_figures, ORDER, DATASETS, CLAIMS])
    return [*plan.tables, *_own(plan), ORDER] if name == CLAIMS else [name]


def table_name(plan: Plan, text: str) -> str:
    """The table that a user names, as `reports/table6.csv` or `table6`.

    Raises:
        ConfigError: it is none.
    """
    name = report_name(plan, text)
    if name not in (*plan.known_figures, *NO_TABLES):
        return _known(plan, text, plan.known_tables)
    raise ConfigError(f"{text} is no table, and only lines of tables can be explained. {_leads_to(plan, name)}")


def _leads_to(plan: Plan, name: str) -> str:
    """Of a report that is no table, where to look instead."""
    if name in NO_TABLES:
        return NO_TABLES[name]
    tables = " or ".join(f"{plan.settings.reports_dir}/{table}.csv" for table in tables_of(plan, name))
    return f"Its csv file says what it is drawn from{tables and f': lines of {tables}'}"


def report_name(plan: Plan, text: str) -> str:
    """`table6` of `reports/table6.csv`, whatever the ending."""
    name = text.removeprefix(f"{plan.settings.reports_dir}/")
    return next((name.removesuffix(ending) for ending in ENDINGS if name.endswith(ending)), name)


def _known(plan: Plan, text: str, known: Sequence[str]) -> str:
    name = report_name(plan, text)
    if name not in known:
        raise ConfigError(f"{text} is no report of a study.{suggestion(name, known)}\n  Known: {', '.join(known)}")
    return name


def _own(plan: Plan) -> list[str]:
    """The study's figures that are drawn from features or maps, which no table takes."""
    return [name for name in plan.figures if plan.figure(name).features or plan.figure(name).maps]


def _target(plan: Plan, name: str) -> Target:
    lines: dict[str, str] = {}
    if name == ORDER:
        found, title = plan.order.predictions, "every network under every order of frames"
    elif name == DATASETS:
        found, title = [], "what the datasets list, beside what the papers say of them"
    elif name in plan.known_figures:
        found, title = plan.figure(name).predictions, plan.figure(name).entry.title
    else:
        table = plan.table(name)
        found = [p for line in table.all_lines for seed in line.predictions for p in seed]
        title = f"{table.entry.where}: {table.entry.title}"
        for line in table.lines:
            lines |= {p.run.name: line.entry.name for seed in line.predictions for p in seed}
    return Target(name, title, list({p.path: p for p in found}.values()), lines)
