"""A study with its datasets, recipes and networks, resolved to values: from an experiment to its run and its files.

Roles are resolved first, so roles bound to one dataset share runs.
"""

import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from stm.config.loading import ConfigError, Source, read_value, read_yaml, shortened, suggestion, validated
from stm.config.networkproducts import Network
from stm.config.products import PACKAGE, STAGE_VERSIONS, DatasetPlan, Features, Maps, Motion, Prediction, Run
from stm.config.schema.claims import Claim, Claims
from stm.config.schema.datasets import Dataset, RoleFacts, Roles
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Models, Variant
from stm.config.schema.protocols import PROTOCOLS, Protocol
from stm.config.schema.recipes import Pretrained, Recipe
from stm.config.schema.study import Study
from stm.config.schema.tables import Line
from stm.config.specification import recipe_departures, recipe_in_full, variant_departures
from stm.files import source_digest


class NotForThisStudyError(ConfigError):
    """A table that a study could make with other bindings: no error as long as nobody asks for it by name."""


class BoundStudy:
    """A study with what it binds, and what an experiment of it comes to.

    Args:
        study: the study's file.
        overrides: top-level keys that replace the file's (Snakemake's `--config`).
        config: the folder of models, datasets, recipes, tables and published figures.

    Raises:
        ConfigError: at once for what every target needs; for a dataset, recipe or table when it is first asked for.
    """

    def __init__(self, study: Path, overrides: Mapping[str, Any] | None = None, config: Path = Path("config")):
        self.config = config
        self.path = study
        self.source = _overridden(_extended(read_yaml(study)), overrides or {})
        self.settings = validated(Study, self.source)
        self.variants: dict[str, Variant] = validated(Models, read_yaml(config / "models.yaml")).variants
        roles = validated(Roles, read_yaml(config / "published" / "roles.yaml")).roles
        self.role_facts: dict[str, RoleFacts] = dict(roles.items())
        self._datasets: dict[str, DatasetPlan] = {}
        self._recipe_files: dict[str, Recipe] = {}
        for role in self.settings.roles:
            self.dataset_of(role)
        for name in self.settings.recipes:
            self.recipe(name)

    @property
    def name(self) -> str:
        return self.settings.study

    # What the study binds

    def dataset_of(self, role: str) -> DatasetPlan:
        """The dataset that plays `role`.

        Raises:
            ConfigError: the study does not bind the role, or the dataset's file is absent or wrong.
        """
        if role not in self.settings.roles:
            bound = ", ".join(sorted(self.settings.roles))
            raise self.source.error(("roles",), f": no dataset is bound to the role '{role}'. Bound here: {bound}")
        return self._dataset(self.settings.roles[role], ("roles", role))

    def dataset(self, name: str) -> DatasetPlan:
        """A dataset by its name, bound or not."""
        return self._dataset(name, ())

    def _dataset(self, name: str, at: tuple[str, ...]) -> DatasetPlan:
        if name not in self._datasets:
            source = _extended(self.read(self.source, at, "datasets", name))
            self._datasets[name] = DatasetPlan(name, validated(Dataset, source))
        return self._datasets[name]

    def recipe(self, name: str) -> tuple[str, Recipe]:
        """The recipe that this study trains where a table says `name`, with its own name."""
        substitute = self.settings.recipes.get(name, name)
        at = ("recipes", name) if name in self.settings.recipes else ()
        return substitute, self._recipe_file(at, substitute)

    def protocol(self, name: str) -> Protocol:
        """A protocol at the scale of this study."""
        base = PROTOCOLS[name]
        scale = self.settings.protocols.get(name)  # type: ignore[call-overload]
        return base.model_copy(update=scale.model_dump(exclude_none=True)) if scale else base

    def read(self, asker: Source, at: tuple[str | int, ...], kind: str, name: str) -> Source:
        """`config/<kind>/<name>.yaml`, or an error at the key that asked for it."""
        path = self.config / kind / f"{name}.yaml"
        if not path.is_file():
            known = sorted(p.stem for p in (self.config / kind).glob("*.yaml"))
            hint = suggestion(name, known)
            asked = f" = {name!r}" if at else f"{kind.rpartition('/')[2].removesuffix('s')} {name!r}"
            problem = f"{asked} is not known.{hint}\n  Known ({self.config / kind}/): {', '.join(known)}"
            raise asker.error(at, problem)
        return read_yaml(path)

    # From an experiment to its files

    def run(self, role: str, line: Line, recipe: str, seed: int, fold: str | None = None) -> Run:
        """The run of a line's variant on the dataset of a role.

        Raises:
            ConfigError: the recipe does not fit; NotForThisStudyError where other bindings would.
        """
        dataset = self.dataset_of(role)
        recipe_name, settings = self.recipe(recipe)
        path = self.config / "recipes" / f"{recipe_name}.yaml"
        assert line.variant is not None and line.frames is not None, "a literature line has no run"
        variant, backbone = self._network(line.variant)
        try:
            settings = line.change.applied(settings, self.role_facts[role].classes)
            # Whether a clip is mirrored takes both: a recipe that does it, and labels that bear it.
            if not dataset.entry.flip:
                still = settings.augmentation.model_copy(update={"horizontal_flip": 0.0})
                settings = settings.model_copy(update={"augmentation": still})
            values = recipe_departures(settings, line.frames)
        except KeyError:
            raise ConfigError(f"{path}: global_batch and micro_batch have no entry for {line.frames} frames") from None
        except ValueError as error:
            raise ConfigError(f"{path}: {error}") from None
        if settings.initialisation == "imagenet" and backbone not in PAPER_BACKBONES.values():
            raise NotForThisStudyError(
                f"{path}: initialisation = 'imagenet' fits the papers' backbones only, and {self.path} scales them. "
                f"Bind another recipe in its `recipes:`, as {{{recipe}: demo}}, leave `backbones` out, or name the "
                f"tables to make in its `tables:`"
            )
        start = None
        if isinstance(settings.initialisation, Pretrained):
            start = self._start(path, settings.initialisation, line, seed)
            source = {"run": start.experiment_spec} if start else {"file": settings.initialisation.file}
            values["initialisation"] = {**source, "head": settings.initialisation.head}
        spec: dict[str, Any] = {
            "version": STAGE_VERSIONS["train"],
            "dataset": dataset.identity,
            "variant": variant_departures(variant, backbone),
            "frames": line.frames,
            "recipe": values,
            "seed": seed,
            "fold": fold,
        }
        if settings.augmentation.horizontal_flip and dataset.entry.flip_pairs:
            spec["flip_pairs"] = dataset.entry.flip_pairs
        return Run(dataset, line.variant, recipe_name, spec, start)

    def _start(self, path: Path, pretrained: Pretrained, line: Line, seed: int) -> Run | None:
        """The run that a recipe starts from; None where it starts from a file."""
        if pretrained.run is not None:
            raise ConfigError(f"{path}: initialisation.run is for specifications; name a run by `role` and `recipe`")
        if pretrained.role is None or pretrained.recipe is None:
            return None
        where = f"{path}: initialisation starts from a run on {pretrained.role}"
        if pretrained.role not in self.settings.roles:
            raise NotForThisStudyError(
                f"{where}, and {self.path} binds no dataset to that role. Bind one, or another recipe in `recipes:`"
            )
        source = self.dataset_of(pretrained.role)
        if source.folds != [None]:
            raise NotForThisStudyError(
                f"{where}, and its dataset {source.name} is trained in folds: none of them saw all of it. Bind a "
                f"dataset without folds to the role, or another recipe in `recipes:`"
            )
        _, theirs = self.recipe(pretrained.recipe)
        if isinstance(theirs.initialisation, Pretrained) and theirs.initialisation.role is not None:
            raise ConfigError(f"{where} by {pretrained.recipe}, which starts from a run itself")
        plain = Line(method=line.method, variant=line.variant, frames=line.frames)
        return self.run(pretrained.role, plain, pretrained.recipe, seed)

    def _network(self, name: str, *, paper_size: bool = False) -> tuple[Variant, Backbone]:
        """A variant with its backbone, at this study's scale or at the papers'."""
        variant = self.variants[name]
        paper = PAPER_BACKBONES[variant.depth]
        scaled = variant.scales and not paper_size
        return variant, self.settings.backbones.get(variant.depth, paper) if scaled else paper

    def has_network(self, name: str) -> bool:
        """Whether this study trains the variant: its backbone can be made it, TEA being made of bottlenecks.

        I3D and ECO stand on no backbone, and are there for counts and speed: no study trains them.
        """
        variant, backbone = self._network(name)
        return variant.scales and (not variant.tea or backbone.block == "bottleneck")

    def prediction(self, run: Run, protocol: str, split: str = "validation") -> Prediction:
        """A run shown a split under a protocol."""
        return Prediction(run, protocol, self.prediction_spec(protocol, split))

    def features_of(self, run: Run) -> Features:
        """A run shown one view of its validation split, before the softmax."""
        return Features(run, "efficient", self.prediction_spec("efficient", stage="features"))

    def maps_of(self, run: Run, clips: int, drawn: int) -> Maps:
        """What a run's first block makes of one view of at most so many validation clips, of which some are drawn."""
        motion = {
            "version": STAGE_VERSIONS["motion"],
            "split": "validation",
            "clips": clips,
            "drawn": drawn,
            "frames": run.spec["frames"],
            "short_side": recipe_in_full(run.spec["recipe"])["short_side"],
            "crop_size": run.spec["recipe"]["crop_size"],
            "render": run.dataset.entry.render.settings() if run.dataset.entry.render else None,
        }
        spec = {**self.prediction_spec("efficient", stage="maps"), "motion": motion}
        return Maps(run, "efficient", spec, Motion(run.dataset, motion))

    def prediction_spec(self, protocol: str, split: str = "validation", stage: str = "evaluate") -> dict[str, Any]:
        """What a run's scores under a protocol follow from, beside the run."""
        return {
            "version": STAGE_VERSIONS[stage],
            "split": split,
            "protocol": {"name": protocol, **self.protocol(protocol).model_dump()},
        }

    def full_size(self, role: str, variant: str, frames: int, recipe: str) -> Network:
        """The papers' network for this role: their backbone, input and number of classes."""
        settings = self.paper_recipe(recipe)
        classes = self.role_facts[role].classes
        return self._counted(variant, frames, classes, settings.input_size, paper_size=True)

    def run_size(self, role: str, variant: str, frames: int, recipe: str) -> Network | None:
        """The network that is trained here; None while nobody has said how many classes the dataset has."""
        classes = self.dataset_of(role).entry.expect.get("classes")
        _, settings = self.recipe(recipe)
        return self._counted(variant, frames, classes, settings.input_size) if isinstance(classes, int) else None

    def _counted(
        self, variant: str, frames: int, classes: int, size: tuple[int, int], *, paper_size: bool = False
    ) -> Network:
        spec = {
            "code": self._counting_code,
            "variant": variant_departures(*self._network(variant, paper_size=paper_size)),
            "frames": frames,
            "classes": classes,
            "size": list(size),
        }
        return Network(variant, spec)

    @cached_property
    def _counting_code(self) -> str:
        counting = (PACKAGE / "analysis" / f"{name}.py" for name in ("complexity", "flops"))
        return source_digest(PACKAGE / "models", *counting)

    def paper_recipe(self, name: str) -> Recipe:
        """The recipe that a table names, whatever the study trains in its place."""
        return self._recipe_file((), name)

    def _recipe_file(self, at: tuple[str, ...], name: str) -> Recipe:
        if name not in self._recipe_files:
            self._recipe_files[name] = validated(Recipe, _extended(self.read(self.source, at, "recipes", name)))
        return self._recipe_files[name]

    # What else the configuration holds

    @cached_property
    def known_tables(self) -> list[str]:
        """Every table of `config/tables`, in the order of their numbers."""
        return sorted(self._files("tables"), key=lambda n: (len(n), n))

    @cached_property
    def known_figures(self) -> list[str]:
        """Every figure of `config/figures`."""
        return sorted(self._files("figures"))

    def _files(self, kind: str) -> list[str]:
        """What the files of `config/<kind>/` are called: targets, and words in the commands that make them."""
        found = [path.stem for path in (self.config / kind).glob("[!.]*.yaml")]
        for name in found:
            if not re.fullmatch(r"[a-z0-9_]+", name):
                problem = "small letters, digits and _ make the names of tables and figures. Rename it"
                raise ConfigError(f"{self.config / kind}/{name}.yaml: {problem}")
        return found

    @cached_property
    def claim_files(self) -> list[Path]:
        """Every file of claims: of the papers, and of our own controls."""
        return [*sorted((self.config / "published" / "claims").glob("*.yaml")), self.config / "controls.yaml"]

    @cached_property
    def claims(self) -> list[tuple[Source, int, str, Claim]]:
        """Every claim with its file, its place there and its paper."""
        found: list[tuple[Source, int, str, Claim]] = []
        for path in self.claim_files:
            source = read_yaml(path)
            claims = validated(Claims, source)
            found += [(source, i, claims.paper, claim) for i, claim in enumerate(claims.claims)]
        return found


def _extended(source: Source, seen: tuple[Path, ...] = ()) -> Source:
    """A study, dataset or recipe with the keys of the file that it `extends:`, whole keys replaced by its own.

    Raises:
        ConfigError: the file is absent, or extends itself by a detour.
    """
    base = source.data.get("extends")
    if not isinstance(base, str):
        return source
    # Unlike Path.is_file, False also of a name that no disk could have.
    if not os.path.isfile(source.path.parent / base):  # noqa: PTH113
        missing = f" = {shortened(base)}: no such file; the path starts at {source.path.parent}/"
        raise source.error(("extends",), missing)
    path = (source.path.parent / base).resolve()
    if path in seen or path == source.path.resolve():
        raise source.error(("extends",), f" = {base!r}: the files extend each other")
    parent = _extended(read_yaml(path), (*seen, source.path.resolve()))
    inherited = parent.data.keys() - source.data.keys()
    return Source(source.path, {**parent.data, **source.data}, source.lines, dict.fromkeys(inherited, parent))


def _overridden(source: Source, overrides: Mapping[str, Any]) -> Source:
    """A study with the keys that `--config` gives, whole keys replaced.

    Snakemake leaves numbers inside lists and maps as text; they are read as YAML, like the files.
    """
    data = {key: _as_yaml(key, value) for key, value in overrides.items()}
    given = Source(Path("--config"), data, {})
    return Source(
        source.path, {**source.data, **data}, source.lines, {**source.elsewhere, **dict.fromkeys(data, given)}
    )


def _as_yaml(key: str, value: Any) -> Any:
    """A value of `--config` with every text in it read as YAML; `key` is what errors name."""
    if isinstance(value, dict):
        names = {name: _as_yaml(key, name) for name in value}
        for name, read in names.items():
            if not isinstance(read, str | int) or isinstance(read, bool):
                raise ConfigError(f"--config {key}: {shortened(name)} cannot be a key; quote it")
        return {names[name]: _as_yaml(f"{key}.{name}", inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_yaml(f"{key}[{k}]", inner) for k, inner in enumerate(value)]
    return read_value(key, value) if isinstance(value, str) else value
