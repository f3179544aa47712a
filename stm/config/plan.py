"""The resolver: from a study to its runs, predictions, tables and claims, and to every path.

The Snakefile, `stm plan` and the tests ask here; nothing else builds a path of the pipeline.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from stm.config.askedfigure import FigurePlan
from stm.config.checkpointplan import CheckpointsPlan, Imported, checkpoints_plan
from stm.config.datasetplan import DatasetsPlan, datasets_plan
from stm.config.figureplan import decides, figure_plan, shows
from stm.config.loading import ConfigError, read_yaml, suggestion, validated
from stm.config.networkproducts import LatencyJob, Network, SpeedJob
from stm.config.orderplan import ORDERS, OrderPlan, order_plan
from stm.config.products import DatasetPlan, Features, Maps, Motion, Prediction, Run, prediction_name
from stm.config.reportplan import Entry, entries
from stm.config.schema.tables import Table
from stm.config.study import BoundStudy, NotForThisStudyError
from stm.config.submissionplan import Submission, obstacle, submission
from stm.config.tableplan import REPORTING_SOURCES, TablePlan, table_plan
from stm.files import source_digest


class Plan(BoundStudy):
    """A study, resolved: its tables, and everything that they need."""

    @cached_property
    def tables(self) -> list[str]:
        """The tables that this study makes when none is named."""
        if self.settings.tables is not None:
            for i, name in enumerate(self.settings.tables):
                self.read(self.source, ("tables", i), "tables", name)
            return self.settings.tables
        return [name for name in self.known_tables if name not in self.left_out]

    def require_tables(self) -> None:
        """Refuse a study with which nothing but counts can be made.

        Raises:
            ConfigError: with what each table lacks.
        """
        if self.settings.tables is None and all(self.table(name).entry.counts_only for name in self.tables):
            why = "".join(f"\n  {name}: {reason}" for name, reason in self.left_out.items())
            raise self.source.error((), f"no table can be made with what this study binds.{why}")

    @cached_property
    def left_out(self) -> dict[str, str]:
        """The tables that this study cannot make, and why: no role or no recipe of theirs is bound."""
        found = {}
        for name in self.known_tables:
            table = validated(Table, read_yaml(self.config / "tables" / f"{name}.yaml"))
            roles = {line.role or table.role for line in table.lines if line.variant}
            if not table.counts_only and not roles & set(self.settings.roles):
                unbound = f"no dataset is bound to {' or '.join(sorted(roles))}"
                found[name] = unbound if roles else "it has no line that this version can train"
                continue
            try:
                self.table(name)
            except NotForThisStudyError as error:
                found[name] = str(error)
        return found

    def table(self, name: str) -> TablePlan:
        """One table, resolved.

        Raises:
            ConfigError: it is not known, its published figures do not fit its lines, or it asks for what is not known.
        """
        if name not in self._tables:
            self._tables[name] = table_plan(self, name)
        return self._tables[name]

    @cached_property
    def _tables(self) -> dict[str, TablePlan]:
        return {}

    @cached_property
    def figures(self) -> list[str]:
        """The figures that this study makes when none is named."""
        if self.settings.figures is not None:
            for i, name in enumerate(self.settings.figures):
                self.figure(name, ("figures", i))
            return self.settings.figures
        return [name for name in self.known_figures if self._can_draw(name, self.tables)]

    def figure(self, name: str, at: tuple[str | int, ...] = ()) -> FigurePlan:
        """One figure, resolved; `at` is the key of the study that asks for it.

        Raises:
            ConfigError: it is not known, or asks for what is not known or not made in this study.
        """
        if name not in self._figures:
            self._figures[name] = figure_plan(self, name, at, self.table, self.tables)
        return self._figures[name]

    @cached_property
    def deciders(self) -> list[str]:
        """Of all figures those that come with claims."""
        return [name for name in self.known_figures if decides(self, name)]

    @cached_property
    def _figures(self) -> dict[str, FigurePlan]:
        return {}

    @cached_property
    def possible(self) -> dict[str, str]:
        """What decides claims, could be made and is not when nothing is named: by name, the file to ask for."""
        tables = [table.name for table in self._table_plans if table.name not in self.tables]
        figures = [plan.name for plan in self._figure_plans if plan.name not in self.figures]
        names = [*tables, *(name for name in figures if name in self.deciders)]
        return {name: f"{self.settings.reports_dir}/{name}.csv" for name in names}

    def _can_draw(self, name: str, tables: Sequence[str]) -> bool:
        """Whether a figure is of some of these tables, and this study measures what it shows."""
        if not shows(self, name, tables):
            return False
        with suppress(NotForThisStudyError):
            self.figure(name)
        return name in self._figures

    @cached_property
    def order(self) -> OrderPlan:
        """Every experiment of the study's tables under every order of its frames."""
        return order_plan(self, [self.table(name) for name in self.tables])

    @cached_property
    def datasets(self) -> DatasetsPlan:
        """What the datasets of every role list."""
        return datasets_plan(self)

    @cached_property
    def checkpoints(self) -> CheckpointsPlan:
        """Every public checkpoint that is known, and what is measured of those that are here."""
        return checkpoints_plan(self)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """What the study's report page shows, by name."""
        tables = [self.table(name) for name in self.tables]
        figures = [self.figure(name) for name in self.figures]
        return entries(self.settings.reports_dir, tables, figures, self.deciders)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What the stage of that name is told: the study's settings, and the folders of all runs that it shows."""
        lines = [line for name in self.tables for line in self.table(name).all_lines]
        shown = [p.run for line in lines for seed in line.predictions for p in seed]
        shown += [p.run for name in self.figures for p in self.figure(name).predictions]
        starts = [run.start for run in shown if run.start]
        return {
            "code": source_digest(*REPORTING_SOURCES),
            "study": self.name,
            "file": str(self.path),
            "settings": self.settings.model_dump(mode="json", exclude={"extends"}),
            "runs": list(dict.fromkeys(run.folder for run in [*starts, *shown])),
        }

    def submission(self, table: str, line: int, seed: int) -> Submission:
        """What a line of a table answers for test clips.

        Raises:
            ConfigError: as of `table`, or why it cannot.
        """
        return submission(self, self.table(table), line, seed)

    # By path, for the rules

    @cached_property
    def imported(self) -> dict[str, Imported]:
        """Every public checkpoint that is here, by the name of its folder."""
        return {run.name: run for run in self.checkpoints.imported}

    @cached_property
    def order_specs(self) -> dict[str, dict[str, Any]]:
        """The specifications of predictions under every order of frames, by what they are called in every run."""
        specs = {protocol: self.prediction_spec(protocol) for protocol in ORDERS.values()}
        return {prediction_name(protocol, spec): spec for protocol, spec in specs.items()}

    @cached_property
    def _table_plans(self) -> list[TablePlan]:
        """All that can be asked for, also where the study makes fewer by default."""
        possible = [name for name in self.known_tables if name not in self.left_out]
        return [self.table(name) for name in dict.fromkeys([*self.tables, *possible])]

    @cached_property
    def predictions(self) -> dict[str, Prediction]:
        """Every prediction of the study's tables, by its path; of test clips too, where they can be submitted."""
        lines = [line for table in self._table_plans for line in [*table.lines, *table.others.values()]]
        shown = [p for line in lines for seed in line.predictions for p in seed]
        tested = [self.prediction(p.run, p.protocol, "test") for p in shown if not obstacle(p.run.dataset)]
        return {p.path: p for p in [*shown, *tested, *order_plan(self, self._table_plans).predictions]}

    @cached_property
    def features(self) -> dict[str, Features]:
        """Every file of features of all figures that can be asked for, by its path."""
        return {f.path: f for figure in self._figure_plans for f in figure.features}

    @cached_property
    def maps(self) -> dict[str, Maps]:
        """Every file of maps of all figures that can be asked for, by its path."""
        return {m.path: m for figure in self._figure_plans for m in figure.maps}

    @cached_property
    def motions(self) -> dict[str, Motion]:
        """Every file of what moves in the clips of these maps, by its path."""
        return {m.motion.path: m.motion for m in self.maps.values()}

    @cached_property
    def _figure_plans(self) -> list[FigurePlan]:
        """All that can be asked for, also where the study makes fewer by default."""
        possible = [name for name in self.known_tables if name not in self.left_out]
        names = [name for name in self.known_figures if name in self.figures or self._can_draw(name, possible)]
        return [self.figure(name) for name in names]

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Every run of the study's tables, and those they start from, by its name; a shared one stands once."""
        shown = [p.run for p in self.predictions.values()]
        return {run.name: run for run in [*(run.start for run in shown if run.start), *shown]}

    @cached_property
    def networks(self) -> dict[str, Network]:
        """Every network that is counted, by its name."""
        lines = [line for table in self._table_plans for line in [*table.lines, *table.others.values()]]
        return {n.name: n for line in lines for n in (line.full_size, line.run_size) if n}

    @cached_property
    def speed_jobs(self) -> dict[str, SpeedJob]:
        """Every job that times networks, by its name."""
        return {table.speed.name: table.speed for table in self._table_plans if table.speed}

    @cached_property
    def latency_jobs(self) -> dict[str, LatencyJob]:
        """Every job that times recognisers of streams, by its name."""
        return {table.latency.name: table.latency for table in self._table_plans if table.latency}

    def by_key(self, key: str, kind: str = "key") -> DatasetPlan:
        """The dataset whose frames (`key`) or drawn videos (`rendered`) have this name.

        Raises:
            ConfigError: the settings of today come to another name.
        """
        dataset = self.dataset(key.rpartition("-")[0])
        expected = getattr(dataset, kind)
        if key != expected:
            raise ConfigError(f"'{key}' is of other settings than the dataset has now; they come to '{expected}'")
        return dataset

    def find(self, kind: str, name: str, known: Mapping[str, Any]) -> Any:
        """The entry of `known`, or an error that says which study was asked."""
        if name not in known:
            raise ConfigError(
                f"{kind} '{name}' belongs to nothing in study '{self.name}' ({self.path})."
                f"{suggestion(name, known)} `stm plan {self.path}` lists what does"
            )
        return known[name]
