"""The public checkpoints of `config/known_checkpoints.yaml` in a study: which are here, and what is measured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.config.loading import read_yaml, suggestion, validated
from stm.config.products import RESULTS, STAGE_VERSIONS, DatasetPlan, prediction_name
from stm.config.schema.checkpoints import Checkpoint, Checkpoints, Evaluation
from stm.config.schema.networks import PAPER_BACKBONES
from stm.config.schema.protocols import PROTOCOLS
from stm.config.specification import variant_departures
from stm.config.study import BoundStudy
from stm.config.tableplan import REPORTING_SOURCES
from stm.files import digest, source_digest

# Where users put the files.
FOLDER = Path("data/checkpoints")


@dataclass(frozen=True)
class Imported:
    """A public checkpoint as a run on its role's dataset, and its predictions."""

    entry: Checkpoint
    evaluation: Evaluation
    dataset: DatasetPlan
    variant: dict[str, Any]
    prediction_spec: dict[str, Any]

    @property
    def file(self) -> str:
        return str(FOLDER / self.entry.file)

    @property
    def options(self) -> str:
        """What `stm import` is told of the file."""
        entry = self.entry
        network = f"--format {entry.format} --variant {entry.variant} --frames {entry.frames}"
        return f"{network} --class-order {entry.class_order}"

    @property
    def name(self) -> str:
        """`<id>-<8 hex>`: of all that decides its weights and how it is shown frames."""
        settings = {
            "version": STAGE_VERSIONS["import"],
            **self.entry.model_dump(include={"format", "file", "frames", "class_order"}),
            "variant": self.variant,
            "evaluation": self.evaluation.model_dump(),
            "dataset": self.dataset.key,
        }
        return f"{self.entry.id}-{digest(settings, 8)}"

    @property
    def folder(self) -> str:
        return f"{RESULTS}/imported/{self.name}"

    @property
    def prediction(self) -> str:
        return f"{self.folder}/{prediction_name(self.entry.protocol, self.prediction_spec)}.arrow"


@dataclass(frozen=True)
class CheckpointsPlan:
    """What `known_checkpoints` needs and what its stage is told."""

    study: str
    # Every entry with its status, and with its run where there is one.
    lines: list[tuple[Checkpoint, str, Imported | None, list[str]]]

    @property
    def imported(self) -> list[Imported]:
        return [run for _, _, run, _ in self.lines if run]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the stage needs to know beside the files that it reads."""
        lines = [
            {
                "entry": entry.model_dump(),
                "status": status,
                "deviations": deviations,
                "dataset": run.dataset.name if run else None,
                "run": run.name if run else None,
                "prediction": run.prediction if run else None,
            }
            for entry, status, run, deviations in self.lines
        ]
        return {"code": source_digest(*REPORTING_SOURCES), "study": self.study, "lines": lines}


def checkpoints_plan(study: BoundStudy) -> CheckpointsPlan:
    """Every known checkpoint in this study.

    Raises:
        ConfigError: an entry stands twice, or names a variant or protocol that is not known.
    """
    source = read_yaml(study.config / "known_checkpoints.yaml")
    known = validated(Checkpoints, source)
    ids = [entry.id for entry in known.checkpoints]
    lines = []
    for i, entry in enumerate(known.checkpoints):
        if ids.count(entry.id) > 1:
            raise source.error(("checkpoints", i, "id"), f" = {entry.id!r} stands twice")
        names: tuple[tuple[str, str, Any], ...] = (
            ("variant", entry.variant, study.variants),
            ("protocol", entry.protocol, PROTOCOLS),
        )
        for key, value, allowed in names:
            if value not in allowed:
                hint = f"{suggestion(value, allowed)} Known: {', '.join(sorted(allowed))}"
                raise source.error(("checkpoints", i, key), f" = {value!r} is not known.{hint}")
        status = _status(study, entry)
        run = _imported(study, entry, known.evaluation) if status == "measured" else None
        lines.append((entry, status, run, _deviations(study, entry) if run else []))
    return CheckpointsPlan(study.name, lines)


def _status(study: BoundStudy, entry: Checkpoint) -> str:
    if entry.role not in study.settings.roles:
        return f"role not bound: {entry.role}"
    dataset = study.dataset_of(entry.role)
    if dataset.entry.genuine != entry.role:
        return f"role not bound to its own data: {dataset.name} plays {entry.role}"
    if not (FOLDER / entry.file).is_file():
        return f"file absent: {FOLDER / entry.file}"
    return "measured"


def _imported(study: BoundStudy, entry: Checkpoint, evaluation: Evaluation) -> Imported:
    variant = study.variants[entry.variant]
    departures = variant_departures(variant, PAPER_BACKBONES[variant.depth])
    prediction_spec = study.prediction_spec(entry.protocol)
    return Imported(entry, evaluation, study.dataset_of(entry.role), departures, prediction_spec)


def _deviations(study: BoundStudy, entry: Checkpoint) -> list[str]:
    """In what the measurement differs from the published one."""
    found = [entry.departs] if entry.departs else []
    scaled, full = study.protocol(entry.protocol), PROTOCOLS[entry.protocol]
    if scaled != full:
        found.append(f"protocol: {scaled.clips}x{scaled.crops} views for {full.clips}x{full.crops}")
    return found
