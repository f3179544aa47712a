"""One table of a study, resolved: what it needs, and what its stage is told."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stm.config.deviations import deviations, lost_start
from stm.config.loading import ConfigError, Source, suggestion
from stm.config.networkproducts import LatencyJob, Network, SpeedJob, TimingJob, latency_job, speed_job
from stm.config.products import PACKAGE, Prediction
from stm.config.schema.claims import Claim
from stm.config.schema.protocols import PROTOCOLS
from stm.config.schema.tables import Line, PublishedLine, PublishedTable, Table
from stm.config.specification import recipe_in_full
from stm.config.study import BoundStudy
from stm.config.tableclaims import LocatedClaim, claims_of, families_of, references, require_figures
from stm.config.tablefiles import printed_line, role_of, table_files
from stm.files import source_digest

# Tables are so cheap that any edit of what makes them may make them again.
REPORTING_SOURCES = (
    PACKAGE / "reporting",
    PACKAGE / "reporting" / "page.css",
    PACKAGE / "reporting" / "claims.js",
    PACKAGE / "analysis" / "rounds.py",
    PACKAGE / "analysis" / "mixture.py",
    PACKAGE / "analysis" / "statistics.py",
    PACKAGE / "evaluation" / "metrics.py",
    PACKAGE / "evaluation" / "predictions.py",
)


@dataclass(frozen=True)
class TableLine:
    """One line of a table, resolved; without predictions nothing of its accuracy is measured here."""

    number: int
    entry: Line
    role: str
    published: PublishedLine
    published_protocol: str
    # Seed by seed, fold by fold.
    predictions: list[list[Prediction]]
    full_size: Network | None
    run_size: Network | None
    deviations: list[str]
    sees_order: bool
    # Why no claim about this line can be tested in this study.
    obstacle: str | None
    # Clips in the paper's validation set of the line's role, and its classes.
    published_clips: int
    published_classes: int

    @property
    def spec(self) -> dict[str, Any]:
        """What the table's stage is told of the line."""
        described = {
            "line": self.number,
            "name": self.entry.name,
            "method": self.entry.method,
            "role": self.role,
            "subset": self.entry.subset,
            "frames": self.entry.frames,
            "describe": self.entry.describe,
            "published": self.published.figures(),
            "published_protocol": self.published_protocol,
            "published_clips": self.published_clips,
            "note": self.published.note,
            "counts": None,
            "timed": None,
            "measured": None,
        }
        if self.full_size is not None:
            described["counts"] = {
                "full_size": self.full_size.path,
                "run_size": self.run_size.path if self.run_size else None,
            }
            described["timed"] = self.full_size.timed_name
        if self.predictions:
            described["measured"] = self._measured()
        return described

    def _measured(self) -> dict[str, Any]:
        first = self.predictions[0][0]
        dataset = first.run.dataset
        return {
            "dataset": dataset.name,
            "experiment": first.run.experiment,
            "protocol": first.protocol,
            "views": first.spec["protocol"]["clips"] * first.spec["protocol"]["crops"],
            "seeds": [seed[0].run.spec["seed"] for seed in self.predictions],
            "predictions": [[p.path for p in seed] for seed in self.predictions],
            "runs": list(dict.fromkeys(p.run.folder for seed in self.predictions for p in seed)),
            "deviations": self.deviations,
            "sees_order": self.sees_order,
            "learns_order": self.sees_order and self.entry.change.frame_order is None,
            "permuted_labels": self.entry.change.labels == "permuted",
            "order_only": dataset.entry.order_only,
            "reversed_pairs": dataset.entry.reversed_pairs,
            "genuine": dataset.entry.genuine == self.role,
            "tests_claims": dataset.entry.tests_claims,
            "obstacle": self.obstacle,
            "twins": recipe_in_full(first.run.spec["recipe"])["twins"],
            "classes": dataset.entry.expect.get("classes"),
            "published_classes": self.published_classes,
        }


@dataclass(frozen=True)
class TablePlan:
    """One table of a study: what it needs and what its stage is told."""

    name: str
    study: str
    entry: Table
    published: PublishedTable | None
    lines: list[TableLine]
    # What times its networks, where it is a table of runtimes.
    speed: SpeedJob | None
    # Lines of other tables that claims of this one compare with, by `table/line`.
    others: dict[str, TableLine]
    claims: list[tuple[str, Claim]]
    # By table, the comparisons that claims of this one rest on, among all that are tested there.
    families: dict[str, list[Claim]]

    @property
    def all_lines(self) -> list[TableLine]:
        """Its own lines, and those of other tables that it compares with."""
        return [*self.lines, *self.others.values()]

    @property
    def predictions(self) -> list[str]:
        return list(dict.fromkeys(p.path for line in self.all_lines for seed in line.predictions for p in seed))

    @cached_property
    def latency(self) -> LatencyJob | None:
        """What times its recognisers of streams, the papers' full-size networks; None where it measures none."""
        networks: dict[str, Network] = {}
        for network, name in self._streamed.values():
            # One a method, as the paper prints it: how many classes a role has does not matter.
            networks.setdefault(name, network)
        return latency_job(self.name, networks) if networks else None

    def timings_of(self, line: TableLine) -> dict[str, TimingJob]:
        """The jobs that time a line's network, by what it is called there; none where it is not timed."""
        found: dict[str, TimingJob] = {}
        if self.speed is not None and line.full_size is not None:
            found[line.full_size.timed_name] = self.speed
        if self.latency is not None and line.number in self._streamed:
            found[self._streamed[line.number][1]] = self.latency
        return found

    @property
    def _streamed(self) -> dict[int, tuple[Network, str]]:
        """By the number of a line that is recognised as a stream, its network and what its recogniser is called."""
        if "latency_ms" not in self.entry.measures:
            return {}
        lines = [line for line in self.lines if (line.entry.protocol or self.entry.protocol) == "online"]
        return {
            line.number: (line.full_size, f"{line.full_size.variant}-{line.entry.frames}f")
            for line in lines
            if line.full_size
        }

    @property
    def records(self) -> list[str]:
        runs = (p.run for line in self.all_lines for seed in line.predictions for p in seed)
        return list(dict.fromkeys(f"{run.folder}/run.json" for run in runs))

    @property
    def complexity(self) -> list[str]:
        networks = (n for line in self.all_lines for n in (line.full_size, line.run_size) if n)
        return list(dict.fromkeys(n.path for n in networks))

    @property
    def speeds(self) -> list[str]:
        return [self.speed.path] if self.speed else []

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the table's stage needs to know beside the files that it reads."""
        return {
            "code": source_digest(*REPORTING_SOURCES),
            "table": self.name,
            "study": self.study,
            "paper": self.entry.paper,
            "where": self.entry.where,
            "title": self.entry.title,
            "latency": self._latency,
            "measures": list(self.entry.measures),
            "source": self.published.source if self.published else None,
            "speed": self._speed,
            "lines": [line.spec for line in self.lines],
            "others": {name: line.spec for name, line in self.others.items()},
            "claims": [{"paper": paper, **claim.model_dump(exclude_none=True)} for paper, claim in self.claims],
            "families": {
                table: [claim.model_dump(exclude_none=True) for claim in family]
                for table, family in self.families.items()
            },
        }

    @property
    def _speed(self) -> dict[str, Any] | None:
        return None if self.speed is None else {"record": self.speed.path, "published": self._printed_speeds}

    @property
    def _latency(self) -> dict[str, Any] | None:
        if self.latency is None:
            return None
        lines = {str(number): name for number, (_, name) in self._streamed.items()}
        return {"record": self.latency.path, "published": self._printed_speeds, "lines": lines}

    @property
    def _printed_speeds(self) -> dict[str, Any]:
        """How the paper measured them."""
        return self.published.model_dump(include={"device", "batch"}) if self.published else {}


def table_plan(study: BoundStudy, name: str) -> TablePlan:
    """One table, resolved.

    Raises:
        ConfigError: it is not known, its published figures do not fit its lines, or it asks for what is not known.
    """
    source, table, published = table_files(study, name)
    names = [line.name for line in table.lines]
    for i, line_name in enumerate(names):
        if names.count(line_name) > 1:
            raise source.error(("lines", i), f": two lines are called {line_name!r}; give each an `id`")
    if not table.counts_only and not any(role_of(table, line) in study.settings.roles for line in table.lines):
        study.dataset_of(table.role)  # says which role is not bound
    claims = claims_of(study, name)
    families = families_of(study, claims)
    judged = [*claims, *(located for family in families.values() for located in family)]
    referred = dict.fromkeys(ref for _, _, _, claim in judged for ref in references(claim) if "/" in ref)
    others = {ref: _other_line(study, judged, ref) for ref in referred}
    for claim_source, i, _, claim in claims:
        for key, measured in (("speed", claim.speed), ("reached", claim.reached)):
            if measured and measured.measure not in table.measures:
                at = ("claims", i, key, "table")
                raise claim_source.error(at, f" = {name!r} does not measure {measured.measure}")
        for ref in references(claim):
            if ref not in names and ref not in others:
                known = ", ".join(names)
                raise claim_source.error(("claims", i), f": {ref!r} is no line of {name}. Its lines: {known}")
        if claim.reached:
            require_figures(claim_source, i, claim.reached, table, published)
    lines = [_line(study, source, table, i, printed_line(published, table, i)) for i in range(len(table.lines))]
    return TablePlan(
        name=name,
        study=study.name,
        entry=table,
        published=published,
        lines=lines,
        speed=_speed(study, name, table, lines) if table.runtime else None,
        others=others,
        claims=[(paper, claim) for _, _, paper, claim in claims],
        families={table: [claim for _, _, _, claim in family] for table, family in families.items()},
    )


def _speed(study: BoundStudy, name: str, table: Table, lines: list[TableLine]) -> SpeedJob:
    """The job that times a table's networks, beside TSN with as many frames as the papers' TSN has."""
    tsn = study.full_size(table.role, "tsn", 8, table.recipe)
    return speed_job(name, study.settings.speed, tsn, [line.full_size for line in lines if line.full_size])


def _line(study: BoundStudy, source: Source, table: Table, i: int, published: PublishedLine) -> TableLine:
    line = table.lines[i]
    role, protocol, recipe = role_of(table, line), line.protocol or table.protocol, line.recipe or table.recipe
    common = {
        "number": i + 1,
        "entry": line,
        "role": role,
        "published": published,
        "published_protocol": published.protocol or table.protocol,
        "published_clips": study.role_facts[role].validation,
        "published_classes": study.role_facts[role].classes,
    }
    for key, value, known, where in (
        ("variant", line.variant, study.variants, study.config / "models.yaml"),
        ("protocol", protocol, PROTOCOLS, "built in"),
    ):
        if value is not None and value not in known:
            at = ("lines", i, key) if getattr(line, key) else (key,)
            hint = suggestion(value, known)
            raise source.error(at, f" = {value!r} is not known.{hint}\n  Known ({where}): {', '.join(sorted(known))}")
    bound = line.variant is not None and role in study.settings.roles and study.has_network(line.variant)
    trained = bound and not table.counts_only
    if line.variant is None or line.frames is None or not (trained or table.counts_only or table.runtime):
        empty: dict[str, Any] = {
            "predictions": [],
            "full_size": None,
            "run_size": None,
            "deviations": [],
            "obstacle": None,
        }
        return TableLine(**common, **empty, sees_order=False)  # type: ignore[arg-type]
    folds = study.dataset_of(role).folds if trained else []
    runs = [[study.run(role, line, recipe, seed, fold) for fold in folds] for seed in study.settings.seeds]
    return TableLine(
        **common,  # type: ignore[arg-type]
        predictions=[[study.prediction(run, protocol) for run in seed] for seed in runs if seed],
        full_size=study.full_size(role, line.variant, line.frames, recipe),
        run_size=study.run_size(role, line.variant, line.frames, recipe) if trained else None,
        deviations=_deviations(study, role, line, published, recipe, protocol) if trained else [],
        sees_order=study.variants[line.variant].sees_order,
        obstacle=lost_start(study, table, recipe) if trained else None,
    )


def _deviations(
    study: BoundStudy, role: str, line: Line, published: PublishedLine, recipe: str, protocol: str
) -> list[str]:
    """In what a run differs from the paper's, and the paper's figure of others from what is trained alike here."""
    printed = [f"the published {published.method} {published.departs}"] if published.departs else []
    return [*deviations(study, role, line, recipe, protocol), *printed]


def _other_line(study: BoundStudy, claims: list[LocatedClaim], ref: str) -> TableLine:
    """The line `table/line` of another table."""
    name, _, line_name = ref.partition("/")
    claim_source, i = next((source, i) for source, i, _, claim in claims if ref in references(claim))
    try:
        source, table, published = table_files(study, name)
    except ConfigError as error:
        raise claim_source.error(("claims", i), f": {ref!r}: {error}") from None
    names = [line.name for line in table.lines]
    if line_name not in names:
        raise claim_source.error(("claims", i), f": {ref!r} is no line of {name}. Its lines: {', '.join(names)}")
    at = names.index(line_name)
    return _line(study, source, table, at, printed_line(published, table, at))
