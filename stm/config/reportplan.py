"""What a study's report page shows: its entries, the category of each, and the files that it takes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.config.figureplan import FigurePlan
from stm.config.schema.figures import AnyFigure
from stm.config.schema.tables import Table
from stm.config.tableplan import TablePlan

PAPERS = {"iccv2019": "ICCV 2019", "tpami2022": "TPAMI 2022", "controls": "our own controls"}
# The page lists categories by their letters, and claims come first: every other name comes after "Claims".
FIGURES = "Figures"
TITLES = {
    "claims": "every claim of both papers with its verdict",
    "datasets": "what the datasets list, beside what the papers say of them",
    "temporal_order": "every network with its frames in order, reversed, shuffled, and one of them repeated",
    "provenance": "the study's settings, and of every run its data, code, versions and hardware",
}
ENDINGS = {
    "claims": (".csv", ".html", ".rst"),
    "datasets": (".csv", ".html", ".rst"),
    "temporal_order": (".csv", ".html", ".rst", ".claims.csv"),
    "provenance": (".csv", ".html"),
    "table": (".csv", ".html", ".rst", ".tex", ".claims.csv"),
    # The picture stands in its page: alone, Snakemake's page cuts the top of a tall one off.
    "figure": (".pdf", ".csv", ".html", ".rst"),
    "decider": (".pdf", ".csv", ".html", ".rst", ".claims.csv"),
}


@dataclass(frozen=True)
class Entry:
    """One report of a study; `files` are what the page takes of it, the first its target."""

    name: str
    title: str
    files: list[str]
    # What must be there too: the page takes everything that the entry is made of, or nothing of it.
    made_of: list[str]

    @property
    def target(self) -> str:
        return self.files[0]

    def exists(self, entries: Mapping[str, "Entry"]) -> bool:
        """Whether it can be shown: all its files are there, and those that it is made of."""
        return all(Path(file).is_file() for name in (self.name, *self.made_of) for file in entries[name].files)


def category(shown: Table | AnyFigure) -> str:
    """Where a table or a figure stands: by paper and number, in the order of the numbers; `FIGURES` without a paper."""
    paper, where = getattr(shown, "paper", None), getattr(shown, "where", "")
    if paper is None:
        return FIGURES
    if paper == "controls":
        return where if where.startswith("Controls") else f"Controls: {where}"
    # The page sorts by letters; a hair space, which is hardly seen, comes before all digits: Table 6 before Table 10.
    return f"{PAPERS[paper]} " + re.sub(r"^(\w+) (\d)$", "\\1 \u200a\\2", where)


def entries(
    reports: str, tables: Sequence[TablePlan], figures: Sequence[FigurePlan], deciders: Collection[str]
) -> dict[str, Entry]:
    """All that a study's report page shows, by name.

    Args:
        reports: the folder of the study's reports.
        tables, figures: those that the study makes.
        deciders: the names of figures that come with claims.
    """
    deciding = [figure.name for figure in figures if figure.name in deciders]

    def entry(name: str, kind: str, title: str, made_of: Sequence[Any] = ()) -> Entry:
        return Entry(name, title, [str(Path(reports, f"{name}{ending}")) for ending in ENDINGS[kind]], [*made_of])

    made = [entry(table.name, "table", f"{table.entry.where}: {table.entry.title}") for table in tables]
    for figure in figures:
        shown = [one.name for one in made if one.target in figure.inputs]
        made.append(entry(figure.name, "decider" if figure.name in deciding else "figure", figure.entry.title, shown))
    decide = [*(table.name for table in tables), "datasets", "temporal_order", *deciding]
    own = [entry(name, name, title, decide if name == "claims" else ()) for name, title in TITLES.items()]
    return {one.name: one for one in [*own, *made]}
