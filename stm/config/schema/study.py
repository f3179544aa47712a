"""Keys of a study: which dataset plays each role, with which recipes, seeds and scale."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stm.config.loading import Strict
from stm.config.schema.datasets import Role
from stm.config.schema.fields import Count, Name, Positive
from stm.config.schema.networks import Backbone
from stm.config.schema.protocols import Scale

# Of no name that a command could take for an option, nor a shell for anything else.
FOLDER = "[A-Za-z0-9_][A-Za-z0-9_.-]*"


class Speed(Strict):
    """How the speed of networks is measured; all networks of a table in one job."""

    # Clips a forward pass: 16 in the papers (ICCV 2019, section 4.6), which I3D's 64 frames make too many for a CPU.
    batch: Count = 1
    # Of all networks, one after the other. The range of n rounds holds the true median in 1 - 2^(1 - n): 97% of six.
    rounds: Annotated[int, Field(ge=5)] = 6
    # The least that a network is timed in a round.
    seconds: Positive = 2.0
    precision: Literal["float32", "bfloat16"] = "float32"
    # Of the CPU; torch's own choice, a thread a core, where it is left out.
    threads: Count | None = None
    # In which forms: as `stm.models.builder` makes a network, by which claims are judged, and by torch.compile, a
    # further row of every network that it can compile, in a minute each.
    modes: list[Literal["plain", "compiled"]] = ["plain"]

    @model_validator(mode="after")
    def _plain_first(self) -> Self:
        if self.modes[:1] != ["plain"] or len(set(self.modes)) != len(self.modes):
            raise ValueError(f"modes {self.modes}: plain first, which the papers' claims are of, and each once")
        return self


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
    speed: Speed = Speed()
    # Tables to make by default; None: every one of which a role and all recipes are bound.
    tables: list[Name] | None = None
    # Figures to make by default; None: every one that shows tables which the study makes.
    figures: list[Name] | None = None
    # Below the working folder.
    reports_dir: Annotated[str, Field(pattern=rf"^{FOLDER}(/{FOLDER})*$", max_length=200)] = "reports"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds {self.seeds}: each seed once")
        if self.reports_dir.partition("/")[0] == "results":
            raise ValueError(
                f"reports_dir = {self.reports_dir!r}: results/ keeps what reports are made of; name another"
            )
        return self
