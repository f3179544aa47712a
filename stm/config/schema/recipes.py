"""Keys of `config/recipes/`: how to train, and what a control changes of it.

Sizes of frames are pixels; rates are per optimiser step unless the name says otherwise.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Count, FilePath, Name, NotNegative, Positive, Probability


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


class Pretrained(Strict):
    """Weights that another training ended with: of a run of the same study, or in a file."""

    # The run: the same variant with as many frames, trained from the same seed on this role's dataset by this recipe.
    role: Role | None = None
    recipe: Name | None = None
    # In their place, the weights.safetensors of a run of the same variant, with its run.json beside it.
    file: FilePath | None = None
    # What specifications have in the place of `role` and `recipe`: all that decides that run's weights but the seed.
    run: dict[str, Any] | None = None
    # The classifier starts anew, or is taken over: then the classes must be the same, in the same order.
    head: Literal["reset", "keep"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.role is None) != (self.recipe is None):
            raise ValueError("a run is named by `role` and `recipe`: give both")
        if sum(source is not None for source in (self.role, self.file, self.run)) != 1:
            raise ValueError("give `role` and `recipe` (a run of this study) or `file` (weights that you have)")
        return self


# The words or the section: an error is then of the one that was meant.
Initialisation = Annotated[
    Annotated[Literal["scratch", "imagenet"], Tag("word")] | Annotated[Pretrained, Tag("section")],
    Discriminator(lambda given: "section" if isinstance(given, dict | Pretrained) else "word"),
]


class Recipe(Strict):
    """How to train. All of it decides the weights, so all of it is part of an experiment."""

    # Another recipe's file, relative to this one: its keys where this one is silent.
    extends: str | None = None
    source: str
    initialisation: Initialisation
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
