"""Keys of `config/figures/`: one picture a file, of one of four kinds."""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from stm.config.loading import Strict
from stm.config.schema.fields import Count, Name, Positive

Tables = Annotated[list[Name], Field(min_length=1)]


class Embedding(Strict):
    """t-SNE maps of networks' logits, a panel a line of a table, and how far apart the classes lie."""

    kind: Literal["embedding"]
    paper: Literal["iccv2019", "tpami2022"]
    where: str
    title: str
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
    """Top-1 against FLOPs of the networks that were trained for some tables."""

    kind: Literal["accuracy_cost"]
    title: str
    # Those of them that the study makes.
    tables: Tables


AnyFigure = Embedding | Curves | Confusions | AccuracyCost


class Figure(RootModel[Annotated[AnyFigure, Field(discriminator="kind")]]):
    """One file of `config/figures/`."""
