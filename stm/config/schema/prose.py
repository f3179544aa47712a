"""Keys of `config/published/prose/`: what every number in the papers' prose is."""

from typing import Literal, Self

from pydantic import model_validator

from stm.config.loading import Strict


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
    # A key of the configuration, as `recipes/iccv2019.twins.correlation_weight`, whose value the number is; or words.
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
