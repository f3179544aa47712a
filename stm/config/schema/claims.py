"""Keys of the files of claims: `config/published/claims/` and `config/controls.yaml`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Name, NotNegativeInt, Positive
from stm.config.signals import Measure


class Difference(Strict):
    """Two lines, by what `Line.name` calls them; `table6/TSN` names the line of another table."""

    first: str
    second: str


class Comparison(Difference):
    """The difference first - second in a measure of accuracy, and where a claim is of two gaps, `less` another one."""

    table: Name
    measure: Literal["top1", "top5"] = "top1"
    less: Difference | None = None


class Separation(Difference):
    """The difference first - second of two lines of a figure in how their features lie."""

    figure: Name
    # Of each clip's features at unit length: the silhouette of its class, or its distance to the mean of its own class
    # (`within`) or of the others (`between`).
    measure: Literal["silhouette", "within", "between"]


class Likeness(Difference):
    """The difference first - second of two signals of a figure, `<line>/<signal>`, in one of its measures."""

    figure: Name
    measure: Measure


class Counted(Strict):
    """A count of a full-size network, or how many times as much it is as that of another line (`over`)."""

    table: Name
    line: str
    measure: Literal["params_m", "flops_g"]
    over: str | None = None


class Listed(Strict):
    """A number of what the annotation files of a role's own dataset list; `folds`: of the makers' splits."""

    role: Role
    count: Literal["classes", "clips", "folds", "train", "validation", "test"]


# Speeds are compared inside a table, whose networks are timed together, and accuracies with figures of their own table.
OwnLine = Annotated[str, Field(pattern=r"^[^/]+$")]


class Timed(Strict):
    """How fast a line's network is, or how many times as much that is as of another line (`over`)."""

    table: Name
    measure: Literal["videos_per_second", "latency_ms"] = "videos_per_second"
    line: OwnLine
    over: OwnLine | None = None
    # In place of a published figure: what it has to stay under.
    below: Positive | None = None


Rivals = Annotated[list[OwnLine], Field(min_length=1)]


class Reached(Strict):
    """The accuracy that a line measures: the one that is claimed, or its place beside those printed of other lines.

    Of the other lines what the paper prints counts, and not what a study measures. One of `above` (the highest of
    them), `below` (the lowest) and `comparable` (to the highest, within the margin) is for claims of kind literature.
    """

    table: Name
    line: OwnLine
    measure: Literal["top1", "top5"] = "top1"
    above: Rivals | None = None
    below: Rivals | None = None
    comparable: Rivals | None = None

    @property
    def rivals(self) -> list[str]:
        """The other lines."""
        return self.above or self.below or self.comparable or []


class Ordered(Strict):
    """What a line of a table makes of its clips with their frames in another order, one view, centre crop.

    `reversed`: how much oftener clips that are played backwards are taken for the opposite class (`reversed_pairs`)
    than for their own. `single`: how much better it is with the frames in order than with one of them repeated.
    """

    table: Name
    line: OwnLine
    frames: Literal["reversed", "single"]


class Claim(Strict):
    """A statement of the papers and the comparison that tests it; the margin is fixed before anything is run."""

    # I and P: of ICCV and of TPAMI, numbered as they stand there. C: of our own controls.
    id: Annotated[str, Field(pattern=r"^[IPC][0-9]{2,3}[a-z]?$")]
    where: str
    # The paper's own words, a few of them, where the claim stands in its prose.
    quote: str | None = None
    statement: str
    kind: Literal["direction", "size", "equivalence", "count", "structure", "dataset", "speed", "feature", "literature"]
    # What decides it: accuracies compared, the one that a line reaches, a count, a dataset's lists, a speed, the order
    # of frames, features, or a test of ours (of structure: `tests/models/test_cstm.py::test_…`).
    compare: Comparison | None = None
    reached: Reached | None = None
    count: Counted | None = None
    listed: Listed | None = None
    speed: Timed | None = None
    order: Ordered | None = None
    separation: Separation | None = None
    likeness: Likeness | None = None
    test: str | None = None
    # What would decide it, where this version makes nothing that could.
    needs: str | None = None
    # As it is printed, to the paper's own decimals: `33.30` is held to two of them.
    published: float | None = None
    decimals: NotNegativeInt | None = None
    # Percentage points: for `equivalence` how far apart still counts as equal, for `literature` how far still counts
    # as comparable, for `size` how far from the published.
    # For `speed` percent of the published figure; without it only which of the two is faster is claimed. For `count`
    # percent of it too, where the paper calls it approximate; without it the figure is held to its decimals.
    margin: Positive | None = None
    same_evidence_as: str | None = None
    # Where the paper contradicts itself: what contradicts what. Its verdict is *inconsistent in the paper*.
    inconsistent: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = ("compare", "reached", "count", "listed", "speed", "order", "separation", "likeness", "test", "needs")
        decided = [key for key in keys if getattr(self, key) is not None]
        if len(decided) != 1:
            given = " and ".join(decided) or "none of them"
            raise ValueError(f"{self.id}: give one of {', '.join(keys[:-1])} or needs, not {given}")
        possible = {
            "compare": ("direction", "size", "equivalence"),
            "reached": ("size", "literature"),
            "count": ("count",),
            "listed": ("dataset",),
            "speed": ("speed",),
            "order": ("direction", "equivalence"),
            "separation": ("feature",),
            "likeness": ("feature",),
            "test": ("structure",),
        }
        key = decided[0]
        if self.kind not in possible.get(key, (self.kind,)):
            raise ValueError(f"{self.id}: a claim of kind {self.kind} is not decided by `{key}`")
        if self.order is not None and (self.order.frames == "single") != (self.kind == "equivalence"):
            raise ValueError(
                f"{self.id}: one frame is as good as all (equivalence), a reversed clip is told (direction)"
            )
        if self.kind in ("equivalence", "size") and key in ("compare", "reached", "order") and self.margin is None:
            raise ValueError(f"a claim of kind {self.kind} needs a margin, in percentage points")
        if self.kind in ("size", "count", "dataset") and key != "needs" and self.published is None:
            raise ValueError(f"a claim of kind {self.kind} needs the published figure")
        if self.kind == "count" and key == "count" and self.decimals is None:
            raise ValueError("a claim of kind count needs `decimals`, those of the published figure")
        if self.reached is not None:
            self._require_place(self.reached)
        if self.speed is not None and self.speed.below is None:
            if self.published is None:
                raise ValueError("a claim of speed needs the published figure or `below`")
            if self.speed.over is None and self.margin is None:
                raise ValueError("a claim of a speed itself needs a margin, in percent of the published figure")
        return self

    def _require_place(self, reached: Reached) -> None:
        """A figure has its margin alone, a place beside others is one of three."""
        places = ("above", "below", "comparable")
        given = [place for place in places if getattr(reached, place) is not None]
        if self.kind == "size" and given:
            raise ValueError(f"{self.id}: a claim of kind size is of the line's own figure; take {given[0]} out")
        if self.kind == "literature" and len(given) != 1:
            raise ValueError(f"{self.id}: give one of {', '.join(places)}, not {' and '.join(given) or 'none of them'}")
        if self.kind == "literature" and (reached.comparable is None) != (self.margin is None):
            raise ValueError(f"{self.id}: `comparable` needs a margin, in percentage points; the other two have none")

    @property
    def figure_decider(self) -> Separation | Likeness | None:
        """What a figure has to hold for it; None where no figure decides it."""
        return self.separation or self.likeness

    @property
    def decider(self) -> Comparison | Reached | Counted | Timed | None:
        """What a table has to hold for it; None where no table decides it."""
        return self.compare or self.reached or self.count or self.speed


class Claims(Strict):
    """The statements of one paper, or the questions of our own controls."""

    paper: Literal["iccv2019", "tpami2022", "controls"]
    claims: list[Claim]
