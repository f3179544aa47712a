"""Keys of `config/tables/`, and of the figures that the papers print in them (`config/published/tables/`)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Count, Name
from stm.config.schema.recipes import Change


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
    # `latency_ms`: of a frame, where the protocol is `online`.
    measures: list[
        Literal["top1", "top5", "params_m", "flops_g", "videos_per_second", "speed_vs_tsn", "latency_ms"]
    ] = ["top1", "top5"]
    # Parameters and FLOPs alone: it needs no data, and nothing is trained for it.
    counts_only: bool = False
    lines: Annotated[list[Line], Field(min_length=1)]

    @property
    def runtime(self) -> bool:
        """Whether its networks are timed. They are the papers' full-size ones, which need no data and no training."""
        return "videos_per_second" in self.measures


class PublishedLine(Strict):
    """The figures that a paper prints in one line of a table, in percent, millions, 10^9 multiply-adds and ms."""

    method: str
    protocol: str | None = None
    top1: float | None = None
    top5: float | None = None
    params_m: float | None = None
    flops_g: float | None = None
    videos_per_second: float | None = None
    latency_ms: float | None = None
    # In what the printed network was trained otherwise than the line that is trained here, after "the published TSN".
    departs: str | None = None
    note: str | None = None

    def figures(self) -> dict[str, float]:
        """The measures that are printed."""
        return self.model_dump(exclude={"method", "protocol", "departs", "note"}, exclude_none=True)


class PublishedTable(Strict):
    """The figures of one table, line by line in the order of `config/tables`."""

    source: str
    # Of a table of speeds: the device as its driver names it, and clips a forward pass, where the paper says it.
    device: str | None = None
    batch: Count | None = None
    lines: list[PublishedLine]
