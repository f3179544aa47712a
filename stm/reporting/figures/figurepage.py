"""What is said beside a picture: how it was made, its measures and the claims that they decide where it has any, as
Markdown, as a web page, as a caption.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.csvfile import Value
from stm.files import write_text
from stm.reporting import layouts
from stm.reporting.captions import caption
from stm.reporting.cells import markdown
from stm.reporting.layouts import claims_markdown, grouped, place, texts
from stm.reporting.webpage import (
    claims_table,
    deviation_notes,
    downloads,
    paragraph,
    picture,
    section,
    simple_table,
    webpage,
)

OURS = "Drawn from what this study measured; the papers have no such figure"


@dataclass(frozen=True)
class Measures:
    """A table of a page; without a title it is the page's only one.

    Args:
        text_columns: how many of the first columns are no numbers.
    """

    title: str
    header: list[str]
    rows: list[list[str]]
    text_columns: int = 1


def write_pages(
    spec: dict[str, Any],
    explained: str,
    found: str,
    out: Path,
    measured: Sequence[Measures] = (),
    claims: Sequence[dict[str, Value]] = (),
) -> None:
    """Write `out`.md, .html and .rst beside the picture `out`.png, `out`.pdf and `out`.csv, which are there.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        explained: what is drawn, and what the columns of the measures hold, of how many clips.
        found: a sentence of it for the caption.
        out: path without its ending.
        measured: what the measures are.
        claims: that the measures decide.
    """
    printed, of_paper = texts([*claims]), "paper" in spec
    title, subtitle = (heading(spec), spec["title"]) if of_paper else (heading(spec), OURS)
    claimed = f"{place(spec)}: {spec['title']}. {spec['claimed']}" if of_paper else spec["title"]
    files = {
        ".md": _markdown(spec, measured, explained, printed, out.name),
        ".html": webpage(title, subtitle, _parts(spec, measured, explained, printed, out)),
        ".rst": caption(claimed, found, printed, spec["study"], of_paper=of_paper),
    }
    for ending, text in files.items():
        write_text(out.with_name(f"{out.name}{ending}"), text)


def heading(spec: dict[str, Any]) -> str:
    """Where the papers have it; of a figure of our own, what it is."""
    return layouts.heading(spec) if "paper" in spec else f"{spec['title']}, study {spec['study']}"


def _markdown(
    spec: dict[str, Any],
    measured: Sequence[Measures],
    explained: str,
    claims: list[dict[str, str]],
    name: str,
) -> str:
    title = markdown(spec["title"])
    text = [f"# {heading(spec)}", "", *([title, ""] if "paper" in spec else []), f"![{title}]({name}.png)", ""]
    for table in measured:
        text += [f"## {table.title}", ""] if table.title else []
        text += [f"| {' | '.join(map(markdown, table.header))} |"]
        text += ["|" + " --- |" * table.text_columns + " ---: |" * (len(table.header) - table.text_columns)]
        text += [f"| {' | '.join(map(markdown, cells))} |" for cells in table.rows]
        text += [""]
    text += [markdown(explained), ""]
    if claims:
        text += ["## What the figure claims", "", *claims_markdown(claims), ""]
        told = grouped([(claim["claim"], claim["deviations"]) for claim in claims], "All of these")
        text += [f"- Deviations from the paper. {markdown(line)}" for line in told]
    return "\n".join(text).rstrip() + "\n"


def _parts(
    spec: dict[str, Any], measured: Sequence[Measures], explained: str, claims: list[dict[str, str]], out: Path
) -> list[str]:
    """Of the web page."""
    parts = [picture(out.with_name(f"{out.name}.png"), spec["title"])]
    parts.append(downloads(*(out.with_name(f"{out.name}{ending}") for ending in (".pdf", ".csv"))))
    for table in measured:
        made = simple_table(table.header, table.rows, text_columns=table.text_columns)
        parts.append(section(table.title, made) if table.title else made)
    parts.append(paragraph(explained))
    if claims:
        parts.append(section("What the figure claims", claims_table(claims), deviation_notes(claims)))
    return parts
