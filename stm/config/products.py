"""What a study makes, from what it follows, and where it lies.

A name with eight hex digits is a name plus the digest of everything it stands for, resolved to values: a changed
setting is a new path, and changing it back finds the old one.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stm.config.schema.datasets import Dataset
from stm.config.schema.networks import PAPER_BACKBONES
from stm.config.specification import variant_in_full, views_of_a_clip
from stm.files import digest, matching

# Raised by hand when a stage comes to make something else from the same specification.
STAGE_VERSIONS = {
    "render": 1,
    "extract": 2,
    "train": 1,
    "import": 1,
    "evaluate": 2,
    "features": 1,
    "motion": 2,
    "maps": 2,
}

RESULTS = "results"
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class DatasetPlan:
    """A dataset and where its files lie."""

    name: str
    entry: Dataset

    @cached_property
    def key(self) -> str:
        """`<name>-<8 hex>`: of all that decides the frames but the annotation files and the videos themselves.

        Those are read by their content: with another list, or moved elsewhere, they are still this dataset.
        """
        settings = {
            "version": STAGE_VERSIONS["extract"],
            "render": self.render_spec if self.entry.render else None,
            "shards": self.entry.shards,
            "frames": self.entry.frames.settings(),
            "decoder": self.entry.decoder,
            **self.subset,
        }
        return f"{self.name}-{digest(settings, 8)}"

    @property
    def folder(self) -> str:
        return f"{RESULTS}/frames/{self.key}"

    @property
    def rendered(self) -> str:
        """`<name>-<8 hex>` of a dataset that the project draws: of how it is drawn."""
        return f"{self.name}-{digest(self.render_spec, 8)}"

    @property
    def annotations(self) -> dict[str, str]:
        """The annotation files by the part that they play; of a rendered dataset, the list that is drawn with it."""
        if self.entry.annotations is not None:
            return self.entry.annotations
        return {"list": f"{RESULTS}/videos/{self.rendered}/annotations.csv"}

    @property
    def annotation_files(self) -> list[str]:
        """The paths of the annotation files, each fold's among them."""
        return [file for path in self.annotation_paths for file in matching(path)]

    @property
    def annotation_paths(self) -> list[str]:
        """Their paths as the dataset gives them: one may stand for many files, with a *."""
        paths = [path for part, path in self.annotations.items() if part != "group_column"]
        folds = self.entry.folds or [""]
        return list(dict.fromkeys(path.replace("{fold}", fold) for path in paths for fold in folds))

    @property
    def folds(self) -> list[str | None]:
        """The names of the folds; one without a name where clips are divided just once."""
        if self.entry.leave_groups_out:
            return [str(k + 1) for k in range(self.entry.leave_groups_out)]
        return list(self.entry.folds) or [None]

    @property
    def videos(self) -> str:
        """The folder that the paths of the annotations start from."""
        return self.entry.videos or str(Path(self.annotation_paths[0]).parent)

    @property
    def subset(self) -> dict[str, Any]:
        """What specifications say of the subset: nothing where the dataset is whole."""
        return {"subset": self.entry.subset.model_dump(exclude_defaults=True)} if self.entry.subset else {}

    @property
    def shards(self) -> list[str]:
        return [f"{k:04d}" for k in range(self.entry.shards)]

    @property
    def shard_lists(self) -> str:
        """Undeclared: what keeps the shards' clips between calls, and may be deleted at any time."""
        return f"{self.folder}/shard_lists.jsonl"

    @property
    def listing_spec(self) -> dict[str, Any]:
        """What the list of clips follows from."""
        return {
            "dataset": self.name,
            "format": self.entry.format,
            "annotations": self.annotations,
            "videos": self.videos,
            "folds": self.entry.folds,
            "leave_groups_out": self.entry.leave_groups_out,
            **self.subset,
        }

    @property
    def frames_spec(self) -> dict[str, Any]:
        """What a shard's frames follow from, beside the list of clips."""
        return {
            **self.listing_spec,
            # How clips are divided changes no frame.
            "leave_groups_out": None,
            "version": STAGE_VERSIONS["extract"],
            "shards": self.entry.shards,
            "frames": self.entry.frames.settings(),
            "decoder": self.entry.decoder,
        }

    @property
    def render_spec(self) -> dict[str, Any]:
        assert self.entry.render is not None, f"{self.name} is not rendered"
        return {**self.entry.render.settings(), "version": STAGE_VERSIONS["render"]}

    @property
    def identity(self) -> dict[str, Any]:
        """What of a dataset decides the weights. The content of the annotation files comes in through the index."""
        return {
            "name": self.name,
            "frames": self.entry.frames.settings(),
            "decoder": self.entry.decoder,
            "render": self.render_spec if self.entry.render else None,
            "leave_groups_out": self.entry.leave_groups_out,
            **self.subset,
        }


@dataclass(frozen=True)
class Run:
    """An experiment trained on one fold from one seed."""

    dataset: DatasetPlan
    variant: str
    recipe: str
    spec: dict[str, Any]
    # The run that it starts from, where it starts from one.
    start: "Run | None" = None

    @cached_property
    def experiment(self) -> str:
        """`<dataset>/<variant>-<T>f-<recipe>-<8 hex>`."""
        label = f"{self.variant}-{self.spec['frames']}f-{self.recipe}"
        return f"{self.dataset.name}/{label}-{digest(self.experiment_spec, 8)}"

    @property
    def experiment_spec(self) -> dict[str, Any]:
        """All that decides the weights but the seed and the fold."""
        return {key: value for key, value in self.spec.items() if key not in ("seed", "fold")}

    @property
    def name(self) -> str:
        fold = f"fold{self.spec['fold']}-" if self.spec["fold"] else ""
        return f"{self.experiment}/{fold}seed{self.spec['seed']}"

    @property
    def folder(self) -> str:
        return f"{RESULTS}/runs/{self.name}"

    @property
    def progress(self) -> str:
        """Undeclared, beside the checkpoints: how far a training that has not ended says it is."""
        return f"{RESULTS}/checkpoints/{self.name}/progress.json"

    @property
    def frames_of_a_clip(self) -> int:
        """That the training passes through its network, all epochs together."""
        recipe = self.spec["recipe"]
        return self.spec["frames"] * recipe["epochs"] * views_of_a_clip(recipe)

    @property
    def index(self) -> str:
        return f"{self.dataset.folder}/index.arrow"

    @property
    def initial_weights(self) -> list[str]:
        """The file that the run starts from; none where it starts from scratch."""
        initialisation = self.spec["recipe"]["initialisation"]
        if initialisation == "scratch":
            return []
        if self.start is not None:
            return [f"{self.start.folder}/weights.safetensors"]
        if initialisation != "imagenet":
            return [initialisation["file"]]
        # A study may put a shallower one of the papers' backbones in the place of the variant's.
        _, backbone = variant_in_full(self.spec["variant"])
        return [imagenet_weights(depth) for depth, paper in PAPER_BACKBONES.items() if paper == backbone]


@dataclass(frozen=True)
class Prediction:
    """One run shown a split under one protocol."""

    run: Run
    protocol: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return prediction_name(self.protocol, self.spec)

    @property
    def path(self) -> str:
        return f"{RESULTS}/predictions/{self.run.name}/{self.name}.arrow"


@dataclass(frozen=True)
class Features(Prediction):
    """What one run makes of its validation split before the softmax, under one protocol."""

    @property
    def path(self) -> str:
        return f"{RESULTS}/features/{self.run.name}/{self.name}.arrow"


@dataclass(frozen=True)
class Motion:
    """What moves in some clips of a dataset, by no network."""

    dataset: DatasetPlan
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"motion-{digest(self.spec, 8)}"

    @property
    def path(self) -> str:
        return f"{RESULTS}/motion/{self.dataset.key}/{self.name}.safetensors"

    @property
    def index(self) -> str:
        return f"{self.dataset.folder}/index.arrow"


@dataclass(frozen=True)
class Maps(Prediction):
    """What the first block of a run's network makes of the clips of `motion`."""

    motion: Motion

    @property
    def path(self) -> str:
        return f"{RESULTS}/maps/{self.run.name}/{self.name}.safetensors"


def prediction_name(protocol: str, spec: dict[str, Any]) -> str:
    """`<protocol>-<8 hex>`: the same for every run, since nothing of a run is in the specification."""
    return f"{protocol}-{digest(spec, 8)}"


def imagenet_weights(depth: int) -> str:
    """Where the ImageNet weights of torchvision's ResNet of this depth are kept."""
    return f"{RESULTS}/weights/imagenet-resnet{depth}.safetensors"
