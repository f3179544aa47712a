"""Keys of `config/known_checkpoints.yaml`: public weights of others, and what their authors say of them."""

from typing import Annotated

from pydantic import Field

from stm.config.formats import CheckpointFormat, ClassOrder
from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Count, Name

Percent = Annotated[float, Field(ge=0, le=100)]


class Evaluation(Strict):
    """How an imported network is shown frames; the TSN family's sizes by default."""

    short_side: Count = 256
    # Height and width of the network's input.
    crop_size: Annotated[list[Count], Field(min_length=2, max_length=2)] = [224, 224]
    # Views that go through the network together; without a trace in the scores but rounding.
    micro_batch: Count = 8
    # CPU threads: 1, 2 and 4 give three different sums.
    threads: Count = 8


class Checkpoint(Strict):
    """One file, and the accuracy that is published for it."""

    id: Name
    method: str
    format: CheckpointFormat
    variant: Name
    frames: Count
    role: Role
    # Its name in data/checkpoints, and the page that it is published on.
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]
    page: str
    class_order: ClassOrder
    # Ours that is run, the authors' own in their words, and in what the two differ where they do.
    protocol: str
    published_protocol: str
    departs: str | None = None
    top1: Percent
    top5: Percent | None = None
    # Of the figures.
    source: str


class Checkpoints(Strict):
    """config/known_checkpoints.yaml: public checkpoints, and how all of them are shown frames."""

    evaluation: Evaluation = Evaluation()
    checkpoints: list[Checkpoint]
