"""Every key of every configuration file: the only place that says what is allowed.

Sizes of frames are pixels, times are seconds, rates are per optimiser step unless the name says otherwise.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict, suggestion

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]


class Backbone(Strict):
    """A residual network: the papers' by default, scaled where a study says so."""

    block: Literal["basic", "bottleneck"]
    blocks: Annotated[list[Count], Field(min_length=4, max_length=4)]
    width: Annotated[int, Field(ge=4, multiple_of=4)] = 64
    # CMM's r; section 4.2 of both papers says 16.
    cmm_reduction: Count = 16
    # With a narrow backbone C/r would leave one or two channels.
    cmm_least_channels: Count = 1


PAPER_BACKBONES = {
    18: Backbone(block="basic", blocks=[2, 2, 2, 2]),
    34: Backbone(block="basic", blocks=[3, 4, 6, 3]),
    50: Backbone(block="bottleneck", blocks=[3, 4, 6, 3]),
}


class Variant(Strict):
    """A network of the papers, as arguments of `stm.models.builder.build`."""

    depth: Literal[18, 34, 50] = 50
    # The temporal convolution before the block's 3x3. `channel_wise_1d_2d` makes the 3x3 channel-wise too (TPAMI Table
    # 10); `fixed` holds the kernel at [0, 1, 1] (TPAMI Table 8).
    cstm: Literal["none", "channel_wise", "channel_wise_1d_2d", "ordinary", "fixed"] = "none"
    # The 3x3 of the later frame. `fixed` is 1 in its centre and 0 elsewhere (TPAMI Table 8). `same_frame` is no motion
    # module: CMM's layers with the same frame twice, a control of its capacity.
    cmm: Literal["none", "channel_wise", "ordinary", "fixed", "same_frame"] = "none"
    # Eq. 2: ICCV subtracts the current frame, TPAMI subtracts from it. A bias-free 1x1 follows: the same functions.
    cmm_sign: Literal["next_minus_current", "current_minus_next"] = "current_minus_next"
    # Of CSTM and CMM. The control `concatenation_from_sum` is a concatenation whose 1x1 starts as the sum.
    fusion: Literal["sum", "concatenation", "concatenation_from_sum"] = "sum"
    # Where the modules stand: conv2_x to conv5_x, and which of a stage's blocks.
    stages: Annotated[list[Literal[2, 3, 4, 5]], Field(min_length=1)] = [2, 3, 4, 5]
    blocks: Literal["all", "first"] = "all"
    # TSM's shift of an eighth of the channels each way, before every block's first convolution.
    shift: Literal["none", "both_ways"] = "none"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fusion != "sum" and "none" in (self.cstm, self.cmm):
            raise ValueError(f"fusion = {self.fusion!r} joins CSTM and CMM: give both")
        if self.cmm != "none" and self.cstm == "channel_wise_1d_2d":
            raise ValueError("cstm = 'channel_wise_1d_2d' stands alone (TPAMI Table 10): leave cmm out")
        if self.stages != sorted(set(self.stages)):
            raise ValueError(f"stages {self.stages}: each stage once, in rising order")
        return self

    @property
    def sees_order(self) -> bool:
        """Whether any part mixes frames before the scores are averaged."""
        return self.cstm != "none" or self.cmm not in ("none", "same_frame") or self.shift != "none"


class ColourJitter(Strict):
    """Random brightness, contrast, saturation and hue; strengths as torchvision's `ColorJitter` takes them.

    The papers name it (TPAMI, section 4.2) and give no strengths: these are Barlow Twins', which their loss is after.
    """

    brightness: NotNegative = 0.4
    contrast: NotNegative = 0.4
    saturation: NotNegative = 0.2
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    probability: Probability = 0.8


class Augmentation(Strict):
    """What training does to a clip's frames, the same for all of them."""

    crop: Literal["multiscale_corner", "centre"] = "multiscale_corner"
    scales: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = [1.0, 0.875, 0.75, 0.66]
    horizontal_flip: Probability = 0.0
    colour_jitter: ColourJitter | None = None
    grayscale: Probability = 0.0


class Twins(Strict):
    """Twins Training: two views of every clip and a correlation loss between their logits. TPAMI, section 3.5."""

    # Lambda of Eq. 10 and beta of Eq. 9; the values of section 4.2.
    correlation_weight: NotNegative = 0.01
    off_diagonal_weight: NotNegative = 0.0039
    # Barlow Twins subtracts the mean over the batch before Eq. 8; TPAMI does not.
    centred: bool = False
    # The number of classes K for which the two weights were chosen. Where it is given, lambda x K and beta x (K - 1)
    # are held at their values there, whatever K the data have: few classes make the paper's weights vanish.
    chosen_for_classes: Count | None = None


class Recipe(Strict):
    """How to train. All of it decides the weights, so all of it is part of an experiment."""

    # Another recipe's file, relative to this one: its keys where this one is silent.
    extends: str | None = None
    source: str
    initialisation: Literal["scratch", "imagenet"]
    epochs: Count
    learning_rate: Positive
    decay_epochs: list[Count] = []
    decay_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NotNegative
    # Of the TSN family's code: biases learn faster and, like BN's weights, are not decayed; so does the new classifier.
    bias_learning_rate_factor: Positive = 1.0
    classifier_learning_rate_factor: Positive = 1.0
    decay_biases_and_norms: bool = True
    gradient_norm_limit: Positive | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)]
    # Clips a step of the optimiser, and clips that batch normalisation sees together; a number, or one for each T.
    global_batch: Count | dict[int, Count]
    micro_batch: Count | dict[int, Count]
    short_side: Count = 256
    # A side of the network's input, or its height and width; a part of the frame, as crop_size is of short_side.
    crop_size: Count | Annotated[list[Count], Field(min_length=2, max_length=2)] = 224
    augmentation: Augmentation = Augmentation()
    twins: Twins | None = None
    # Controls: frames of a training clip in random order; labels dealt anew among the training clips.
    frame_order: Literal["forward", "shuffled"] = "forward"
    labels: Literal["true", "permuted"] = "true"
    # Arithmetic of the forward and backward pass on a GPU; a CPU always computes in float32.
    precision: Literal["float32", "bfloat16"] = "float32"
    # CPU threads of one training: 1, 2 and 4 threads give three different sums.
    threads: Count

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.input_size[0] > self.short_side:
            raise ValueError(f"crop_size {self.crop_size} is larger than short_side {self.short_side}")
        if self.decay_epochs != sorted(set(self.decay_epochs)) or (
            self.decay_epochs and self.decay_epochs[-1] >= self.epochs
        ):
            raise ValueError(f"decay_epochs {self.decay_epochs} must rise and end before epochs = {self.epochs}")
        for frames in self._frames():
            whole, part = self.batches(frames)
            if whole % part:
                raise ValueError(f"global_batch {whole} is no multiple of micro_batch {part}")
        return self

    def _frames(self) -> list[int]:
        keyed = [b for b in (self.global_batch, self.micro_batch) if isinstance(b, dict)]
        return sorted(set.intersection(*(set(b) for b in keyed))) if keyed else [0]

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        if isinstance(self.crop_size, int):
            return self.crop_size, self.crop_size
        height, width = self.crop_size
        return height, width

    def batches(self, frames: int) -> tuple[int, int]:
        """Clips in the global and in the micro-batch for clips of T frames.

        Raises:
            KeyError: the recipe is silent about this T.
        """
        whole, part = (b[frames] if isinstance(b, dict) else b for b in (self.global_batch, self.micro_batch))
        return whole, part


class Protocol(Strict):
    """How a video is shown at evaluation: `clips` samplings of T frames x `crops` regions, mean of their softmax."""

    sampling: Literal["centre", "random"]
    clips: Count
    crops: Literal[1, 3]
    # 224 of 256: the centre of the frame, or the whole of it resized to the network's input.
    region: Literal["crop_size", "short_side"]
    order: Literal["forward", "reversed", "shuffled", "single"] = "forward"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sampling == "centre" and self.clips != 1:
            raise ValueError("the centre of each segment is one clip: set clips to 1, or sampling to random")
        return self


_EFFICIENT = Protocol(sampling="centre", clips=1, crops=1, region="crop_size")
# Section 4.2 of both papers (`full`), 4.6 of ICCV and 4.5 of TPAMI (`efficient`); the conditions are ours.
PROTOCOLS = {
    "efficient": _EFFICIENT,
    "full": Protocol(sampling="random", clips=10, crops=3, region="short_side"),
    "efficient-reversed": _EFFICIENT.model_copy(update={"order": "reversed"}),
    "efficient-shuffled": _EFFICIENT.model_copy(update={"order": "shuffled"}),
    "efficient-single": _EFFICIENT.model_copy(update={"order": "single"}),
}


class Scale(Strict):
    """What a study may change of a protocol: how many views it takes."""

    clips: Count | None = None
    crops: Literal[1, 3] | None = None


class Render(Strict):
    """A dataset that the project draws itself; the keys are those of `stm.data.synthetic.render`."""

    generator: Literal["temporal", "scene"]
    seed: Annotated[int, Field(ge=0)]
    clips: dict[Literal["train", "validation"], Count]
    pairs: Count | None = None
    frames: Count = 24
    size: Count = 64

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

    title: str
    format: Literal["csv", "hmdb51", "jester", "kinetics400", "something_v1", "something_v2", "ucf101"]
    # The files by the part that they play in the format (docs/datasets.md); `{fold}` stands for the fold's name. Paths
    # are relative to the working folder.
    annotations: dict[str, str] | None = None
    # The names of official folds (UCF-101: 1, 2, 3), or how many to make by leaving whole groups out. Every fold is
    # trained, and their validation clips are counted together.
    folds: list[Annotated[str, Field(pattern=r"^[a-z0-9]+$")]] = []
    leave_groups_out: Annotated[int, Field(ge=2)] | None = None
    videos: str | None = None
    render: Render | None = None
    frames: Frames = Frames()
    decoder: Literal["pyav", "decord"] = "pyav"
    shards: Count = 1
    # Checked before training: numbers of classes and clips, and clips of each split, of each fold where there are
    # folds.
    expect: dict[Literal["classes", "clips", "train", "validation", "test"], NotNegativeInt | list[NotNegativeInt]] = {}
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
        if self.folds and self.leave_groups_out:
            raise ValueError("give `folds` (official ones) or `leave_groups_out`, not both")
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


class Change(Strict):
    """What a control changes in the recipe that it is trained with, whatever recipe the study binds."""

    # False trains one view of each clip with all else as it is.
    twins: Literal[False] | None = None
    correlation_weight: NotNegative | None = None
    # Twins' weights held at what they are for the number of classes of the line's role.
    chosen_for_role: bool = False
    # The whole schedule so many times as long.
    longer: Count = 1
    frame_order: Literal["shuffled"] | None = None
    labels: Literal["permuted"] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.twins is False and (self.correlation_weight is not None or self.chosen_for_role):
            raise ValueError("twins = False leaves nothing that correlation_weight or chosen_for_role could change")
        return self

    def applied(self, recipe: Recipe, classes: int) -> Recipe:
        """`recipe` with the change.

        Args:
            classes: of the line's role in the papers.

        Raises:
            ValueError: it changes Twins in a recipe without them.
        """
        update: dict[str, Any] = {
            "epochs": recipe.epochs * self.longer,
            "decay_epochs": [epoch * self.longer for epoch in recipe.decay_epochs],
        }
        for key in ("frame_order", "labels"):
            if getattr(self, key) is not None:
                update[key] = getattr(self, key)
        if self.twins is False:
            update["twins"] = None
        elif self.correlation_weight is not None or self.chosen_for_role:
            if recipe.twins is None:
                raise ValueError("the recipe has no twins that correlation_weight or chosen_for_role could change")
            of_twins: dict[str, Any] = {"chosen_for_classes": classes} if self.chosen_for_role else {}
            if self.correlation_weight is not None:
                of_twins["correlation_weight"] = self.correlation_weight
            update["twins"] = recipe.twins.model_copy(update=of_twins)
        return recipe.model_copy(update=update)


class Line(Strict):
    """One line of a paper's table. Without a variant it is the literature's: published, never measured."""

    method: str
    # What claims call the line where `method` stands in several.
    id: Name | None = None
    variant: Name | None = None
    frames: Count | None = None
    role: Role | None = None
    # Of which clips the published figure is. Labels of test sets are not public: nothing is measured on them.
    subset: Literal["val", "test"] = "val"
    recipe: Name | None = None
    change: Change = Change()
    protocol: str | None = None
    # The paper's own descriptor columns, in its words.
    describe: dict[str, str | int | float] = {}

    @property
    def name(self) -> str:
        """What claims call the line."""
        return self.id or self.method

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.variant is not None and self.subset == "test":
            raise ValueError("labels of test sets are not public: a line of subset test has no variant")
        if self.variant is not None and self.frames is None:
            raise ValueError("a line with a variant needs `frames`, the T of its clips")
        return self


class Table(Strict):
    """One table of the papers: its lines in their order, and what they share."""

    # `controls`: lines of the project, in no paper.
    paper: Literal["iccv2019", "tpami2022", "controls"]
    where: str
    title: str
    role: Role
    recipe: Name
    protocol: str
    measures: list[Literal["top1", "top5", "params_m", "flops_g"]] = ["top1", "top5"]
    # Parameters and FLOPs alone: it needs no data, and nothing is trained for it.
    counts_only: bool = False
    lines: Annotated[list[Line], Field(min_length=1)]


class PublishedLine(Strict):
    """The figures that a paper prints in one line of a table, in percent, millions and 10^9 multiply-adds."""

    method: str
    protocol: str | None = None
    top1: float | None = None
    top5: float | None = None
    params_m: float | None = None
    flops_g: float | None = None
    note: str | None = None

    def figures(self) -> dict[str, float]:
        """The measures that are printed."""
        return self.model_dump(include={"top1", "top5", "params_m", "flops_g"}, exclude_none=True)


class PublishedTable(Strict):
    """The figures of one table, line by line in the order of `config/tables`."""

    source: str
    lines: list[PublishedLine]


class Difference(Strict):
    """Two lines, by what `Line.name` calls them; `table6/TSN` names the line of another table."""

    first: str
    second: str


class Comparison(Difference):
    """The difference first - second in a measure of accuracy, and where a claim is of two gaps, `less` another one."""

    table: Name
    measure: Literal["top1", "top5"] = "top1"
    less: Difference | None = None


class Counted(Strict):
    """A count of a full-size network, or how many times as much it is as that of another line (`over`)."""

    table: Name
    line: str
    measure: Literal["params_m", "flops_g"]
    over: str | None = None


class Claim(Strict):
    """A statement of the papers and the comparison that tests it; the margin is fixed before anything is run."""

    # I and P: of ICCV and of TPAMI, numbered as they stand there. C: of our own controls.
    id: Annotated[str, Field(pattern=r"^[IPC][0-9]{2,3}[a-z]?$")]
    where: str
    # The paper's own words, a few of them, where the claim stands in its prose.
    quote: str | None = None
    statement: str
    kind: Literal["direction", "size", "equivalence", "count", "structure", "dataset", "speed", "feature", "literature"]
    # What decides it: accuracies, a count, or a test of ours (of structure: `tests/models/test_cstm.py::test_…`).
    compare: Comparison | None = None
    count: Counted | None = None
    test: str | None = None
    # What would decide it, where this version makes nothing that could.
    needs: str | None = None
    # As it is printed, to the paper's own decimals: `33.30` is held to two of them.
    published: float | None = None
    decimals: NotNegativeInt | None = None
    # Percentage points: for `equivalence` how far apart still counts as equal, for `size` how far from the published.
    margin: Positive | None = None
    same_evidence_as: str | None = None
    # Where the paper contradicts itself: what contradicts what. Its verdict is *inconsistent in the paper*.
    inconsistent: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        decided = [key for key in ("compare", "count", "test", "needs") if getattr(self, key) is not None]
        if len(decided) != 1:
            given = " and ".join(decided) or "none of them"
            raise ValueError(f"{self.id}: give one of compare, count, test or needs, not {given}")
        possible = {"compare": ("direction", "size", "equivalence"), "count": ("count",), "test": ("structure",)}
        key = decided[0]
        if self.kind not in possible.get(key, (self.kind,)):
            raise ValueError(f"{self.id}: a claim of kind {self.kind} is not decided by `{key}`")
        if self.kind in ("equivalence", "size") and key == "compare" and self.margin is None:
            raise ValueError(f"a claim of kind {self.kind} needs a margin, in percentage points")
        if self.kind in ("size", "count") and key != "needs" and self.published is None:
            raise ValueError(f"a claim of kind {self.kind} needs the published figure")
        if self.kind == "count" and key == "count" and self.decimals is None:
            raise ValueError("a claim of kind count needs `decimals`, those of the published figure")
        return self


class Claims(Strict):
    """The statements of one paper, or the questions of our own controls."""

    paper: Literal["iccv2019", "tpami2022", "controls"]
    claims: list[Claim]


class RoleFacts(Strict):
    """A dataset of the papers: its name, its classes (their networks' last layer), its validation clips."""

    title: str
    classes: Count
    # Clips of the validation set that the papers report on: of how many clips a published accuracy is the mean.
    validation: Count


class Models(Strict):
    """config/models.yaml: the variants by name."""

    variants: dict[Name, Variant]


class Roles(Strict):
    """config/published/roles.yaml: the papers' datasets."""

    source: str
    roles: dict[Role, RoleFacts]


class Study(Strict):
    """One complete configuration: which dataset plays each role, with which recipes, seeds and scale."""

    extends: str | None = None
    study: Name
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    roles: Annotated[dict[Role, Name], Field(min_length=1)]
    # A name of a table's recipe -> the recipe that this study trains in its place.
    recipes: dict[Name, Name] = {}
    backbones: dict[Literal[18, 34, 50], Backbone] = {}
    protocols: dict[Literal["full"], Scale] = {}
    # Tables to make by default; None: every one of which a role and all recipes are bound.
    tables: list[Name] | None = None
    reports_dir: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] = "reports"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds}: each seed once")
        if self.reports_dir.partition("/")[0] == "results":
            raise ValueError(
                f"reports_dir = {self.reports_dir!r}: results/ keeps what reports are made of; name another"
            )
        return self


class Passage(Strict):
    """A part of a paper's text, by its first and its last words."""

    start: str
    end: str


class ProseNumber(Strict):
    """A number in a paper's prose and what it is: a claim's, a setting, or something else (`note`)."""

    number: str
    # A few of the words around it, the number among them: they stand once in the sections.
    near: str
    claim: str | None = None
    setting: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(value is not None for value in (self.claim, self.setting, self.note)) != 1:
            raise ValueError(f"{self.number} in {self.near!r}: give one of claim, setting or note")
        return self


class Prose(Strict):
    """Every number in the prose of a paper's sections on experiments."""

    paper: Literal["iccv2019", "tpami2022"]
    sections: Passage
    # What stands between the prose: its figures are those of `config/published/tables` and of claims.
    tables: list[Passage] = []
    numbers: list[ProseNumber]
