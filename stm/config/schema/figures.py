"""Keys of `config/figures/`: one picture a file, of one of six kinds."""

from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Count, Name, Positive
from stm.config.signals import Measure

Tables = Annotated[list[Name], Field(min_length=1)]
Claimed = Annotated[str, Field(min_length=1, pattern=r"[^.]$")]


class Embedding(Strict):
    """t-SNE maps of networks' logits, a panel a line of a table, and how far apart the classes lie."""

    kind: Literal["embedding"]
    paper: Literal["iccv2019", "tpami2022"]
    where: str
    title: str
    # What the paper reads off it, in our words, with its place: a sentence without its full stop.
    claimed: Claimed
    table: Name
    # What stands beside a row of panels, and the lines of the table that it shows.
    rows: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    # At most so many classes are drawn, the first by a hash of their names, and of each so many clips by a hash of
    # their ids; everything is measured on all of them.
    classes: Annotated[int, Field(ge=2, le=10)]
    clips_per_class: Count
    perplexity: Positive
    # Of t-SNE: the first is drawn, all are measured.
    map_seeds: Count
    # k of the k-nearest-neighbour accuracy.
    neighbours: Count


class Curves(Strict):
    """Loss and accuracy by epoch of every run of some tables."""

    kind: Literal["curves"]
    title: str
    # None: all that the study makes.
    tables: Tables | None = None


class Confusions(Strict):
    """The pairs of classes that each of two lines of a table takes for each other, and what the other line does."""

    kind: Literal["confusions"]
    title: str
    table: Name
    first: str
    second: str
    # How many pairs are drawn of each.
    pairs: Count


class AccuracyCost(Strict):
    """Top-1 against FLOPs of the networks that were trained for some tables, without Twins Training."""

    kind: Literal["accuracy_cost"]
    title: str
    # Those of them that the study makes, and of their lines those of one role.
    tables: Tables
    role: Role


# What is shown of a network: `<line>/<signal>`, as stm.analysis.maps calls it.
Signal = Annotated[str, Field(pattern=r"^[^/]+/[a-z_]+$")]


class Column(Strict):
    """What one column of pictures shows, in every row."""

    title: str
    # The first or the second frame of the pair, or a signal.
    show: Literal["frame", "next_frame"] | Signal


class Maps(Strict):
    """What the first block of networks makes of some clips, a row a clip, and how like each other the maps are."""

    kind: Literal["maps"]
    paper: Literal["iccv2019", "tpami2022"]
    where: str
    title: str
    # What the paper reads off it, in our words, with its place: a sentence without its full stop.
    claimed: Claimed
    table: Name
    # At most so many clips of the validation split are measured, the first by a hash of their ids, and of these so
    # many drawn, each of a class of its own.
    clips: Count
    drawn: Annotated[int, Field(ge=1, le=6)]
    columns: Annotated[list[Column], Field(min_length=1)]
    # What is held against each other below the pictures, and how each is called there.
    signals: Annotated[dict[Signal, str], Field(min_length=1)]
    # By measure, the signal that the paper speaks of: the others' difference to it is given.
    measures: Annotated[dict[Measure, Signal], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for measure, signal in self.measures.items():
            if signal not in self.signals:
                raise ValueError(f"measures.{measure} = {signal!r} is none of `signals`: {', '.join(self.signals)}")
        return self

    @property
    def shown(self) -> list[str]:
        """Every signal, each once."""
        return list(dict.fromkeys([*(c.show for c in self.columns if "/" in c.show), *self.signals]))


class Examples(Strict):
    """Frames of a clip and of its opposite on temporal-related data, and of a clip of scene-related data."""

    kind: Literal["examples"]
    paper: Literal["iccv2019", "tpami2022"]
    where: str
    title: str
    # What the paper reads off it, in our words, with its place: a sentence without its full stop.
    claimed: Claimed
    # The first role of each that the study binds.
    temporal: Annotated[list[Role], Field(min_length=1)]
    scene: Annotated[list[Role], Field(min_length=1)]
    # Of each clip.
    frames: Annotated[int, Field(ge=2, le=8)]


AnyFigure = Embedding | Curves | Confusions | AccuracyCost | Maps | Examples


class Figure(RootModel[Annotated[AnyFigure, Field(discriminator="kind")]]):
    """One file of `config/figures/`."""
