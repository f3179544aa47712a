"""Keys of `config/datasets/`, and the datasets of the papers, whose roles they play."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from stm.config.loading import Strict, suggestion
from stm.config.schema.fields import Count, FilePath, NotNegativeInt

DrawnSplit = Literal["train", "validation"]


class Render(Strict):
    """A dataset that the project draws itself; what depends on the generator, `stm.data.synthetic` checks."""

    generator: Literal["temporal", "scene", "handling", "gestures", "outdoors", "indoors"]
    # Two seeds share no clip.
    seed: Annotated[int, Field(ge=0)]
    # Of each split; the classes get equal shares.
    clips: dict[DrawnSplit, Count]
    # Of time-reversed pairs of classes only: how many; None takes all that there are.
    pairs: Annotated[int, Field(ge=2)] | None = None
    frames: Count = 24
    # Pixels of a side.
    size: Annotated[int, Field(ge=32)] = 64

    @field_validator("frames")
    @classmethod
    def _reversible(cls, frames: int) -> int:
        if frames % 16 != 8:
            raise ValueError(
                "allowed is an odd multiple of 8 (8, 24, 40 ...), so that eight segments have a middle frame each and "
                "a clip played backwards is sampled alike"
            )
        return frames

    @field_validator("size")
    @classmethod
    def _even(cls, size: int) -> int:
        if size % 2:
            raise ValueError("allowed is an even number, because the chroma of H.264 has half the resolution")
        return size

    def settings(self) -> dict[str, Any]:
        """The arguments of the renderer."""
        return self.model_dump(exclude_none=True)


class Frames(Strict):
    """How frames are stored."""

    # None: as the video has them, never enlarged; a number: the short side is scaled down to it.
    short_side: Count | None = 256
    # Height and width in its place, whatever the shape: for crops of very different shapes.
    size: Annotated[list[Count], Field(min_length=2, max_length=2)] | None = None
    quality: Annotated[int, Field(ge=1, le=100)] = 95

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.size is not None and "short_side" in self.model_fields_set and self.short_side is not None:
            raise ValueError("give `short_side` or `size`, not both")
        return self

    def settings(self) -> dict[str, Any]:
        """What extraction is told."""
        return {**self.model_dump(), "short_side": self.short_side if self.size is None else None}


class Typical(Strict):
    """What `stm plan` takes clips to be that are not on disk yet. Nothing else reads it, and no run is named by it."""

    # Frames of a clip, and the height and width of one as it is recorded.
    frames: Count
    size: Annotated[list[Count], Field(min_length=2, max_length=2)]
    # Bytes of a frame that comes as a JPEG and is packed as it is.
    frame_bytes: Count | None = None
    # Training clips, where `expect` cannot say.
    train: Count | None = None


class Subset(Strict):
    """A part of a dataset, chosen by hashes of labels and ids: the same whatever their order."""

    # How many of the classes; None: all.
    classes: Count | None = None
    # Of a class at most so many clips of a split, in each fold; all of a split that is not named.
    clips_per_class: dict[Literal["train", "validation", "test"], Count] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.classes is None and not self.clips_per_class:
            raise ValueError("subset: give `classes`, `clips_per_class` or both, or leave it out")
        return self


# What each format's files are called in `annotations`: those that it needs, and those that it may have.
ANNOTATIONS = {
    "csv": ({"list"}, set[str]()),
    "hmdb51": ({"splits"}, set[str]()),
    "jester": ({"train", "validation"}, {"test", "labels", "groups", "group_column"}),
    "kinetics400": ({"train", "validation"}, {"test"}),
    "something_v1": ({"train", "validation"}, {"test", "labels", "groups", "group_column"}),
    "something_v2": ({"train", "validation", "labels"}, {"test"}),
    "ucf101": ({"classes", "train", "test"}, set[str]()),
}


Role = Literal["something_v1", "something_v2", "jester", "kinetics400", "ucf101", "hmdb51"]


class Dataset(Strict):
    """Videos, their annotation files and how their frames are kept."""

    # Another dataset's file, relative to this one: its keys where this one is silent.
    extends: str | None = None
    title: str
    format: Literal["csv", "hmdb51", "jester", "kinetics400", "something_v1", "something_v2", "ucf101"]
    # The files by the part that they play in the format (docs/datasets.md); `{fold}` stands for the fold's name. Paths
    # are relative to the working folder.
    annotations: dict[str, FilePath] | None = None
    # The names of official folds (UCF-101: 1, 2, 3), or how many to make by leaving whole groups out. Every fold is
    # trained, and their validation clips are counted together.
    folds: list[Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")]] = []
    leave_groups_out: Annotated[int, Field(ge=2, le=1000)] | None = None
    subset: Subset | None = None
    # The makers' test list, where `annotations` leaves it out: reports/datasets.csv counts its clips, and nothing else
    # reads it.
    test_list: FilePath | None = None
    videos: FilePath | None = None
    render: Render | None = None
    frames: Frames = Frames()
    decoder: Literal["pyav", "decord"] = "pyav"
    # Their numbers have four digits.
    shards: Annotated[int, Field(ge=1, le=10_000)] = 1
    # Checked before training: numbers of classes and clips, and clips of each split, of each fold where there are
    # folds.
    expect: dict[Literal["classes", "clips", "train", "validation", "test"], NotNegativeInt | list[NotNegativeInt]] = {}
    typical: Typical | None = None
    # Whether a mirrored clip is still a clip of a known class: its own, or its partner's in `flip_pairs`.
    flip: bool = False
    # Classes that are each other mirrored: a flip swaps the label. `from_labels`: those whose English labels are each
    # other with left and right, or clockwise and counterclockwise, exchanged; a label with such a word and without a
    # partner is never mirrored.
    flip_pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]] | Literal["from_labels"] = []
    # Classes that are each other played backwards.
    reversed_pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    # The role whose own dataset this is; only there can a published figure itself be replicated.
    genuine: Role | None = None
    # False for data that are there to see the pipeline work, and decide nothing.
    tests_claims: bool = True
    # Nothing but the order of frames tells the two classes of a pair apart: what TSN cannot see, by construction.
    order_only: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.render is None) == (self.annotations is None):
            raise ValueError("give either `annotations` (files that you have) or `render` (drawn by the project)")
        if self.annotations is not None:
            needed, possible = ANNOTATIONS[self.format]
            for part in sorted(needed - set(self.annotations)):
                raise ValueError(f"annotations: format {self.format} needs the key '{part}'")
            for part in sorted(set(self.annotations) - needed - possible):
                known = ", ".join(sorted(needed | possible))
                hint = suggestion(part, needed | possible)
                raise ValueError(f"annotations: '{part}' is no part of format {self.format}.{hint} Known: {known}")
        if self.test_list is not None and "test" not in ANNOTATIONS[self.format][1]:
            raise ValueError(f"test_list: format {self.format} has none that is separate; leave it out")
        if self.folds and self.leave_groups_out:
            raise ValueError("give `folds` (official ones) or `leave_groups_out`, not both")
        if self.subset is not None and self.render is not None:
            raise ValueError("subset chooses among videos that you have; of drawn ones say how many in render.clips")
        if self.subset is not None and self.genuine is not None:
            raise ValueError(f"a subset is not the papers' {self.genuine}: set `genuine: null`, or leave `subset` out")
        if self.render is not None and "validation" not in self.render.clips and not self.leave_groups_out:
            raise ValueError("render.clips: nothing is drawn for validation; say leave_groups_out, or draw some")
        if self.render is not None and self.videos is not None:
            raise ValueError("`videos` is where the project draws them when `render` is given; remove it")
        if self.flip_pairs and not self.flip:
            raise ValueError("flip_pairs says how a flip changes labels: set flip to true, or leave flip_pairs out")
        paired = [] if self.flip_pairs == "from_labels" else [name for pair in self.flip_pairs for name in pair]
        if len(set(paired)) != len(paired):
            raise ValueError("flip_pairs: a class stands twice; each has one partner")
        if self.order_only and not self.reversed_pairs:
            raise ValueError("order_only says something about reversed_pairs; list them")
        return self


class RoleFacts(Strict):
    """A dataset of the papers: its name, its classes (their networks' last layer), its validation clips."""

    title: str
    classes: Count
    # Clips of the validation set that the papers report on: of how many clips a published accuracy is the mean.
    validation: Count


class Roles(Strict):
    """config/published/roles.yaml: the papers' datasets."""

    source: str
    roles: dict[Role, RoleFacts]
