"""Keys of a study: which dataset plays each role, with which recipes, seeds and scale."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Name
from stm.config.schema.networks import Backbone
from stm.config.schema.protocols import Scale


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
    # Figures to make by default; None: every one that shows tables which the study makes.
    figures: list[Name] | None = None
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
