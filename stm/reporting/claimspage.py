"""All claims of both papers on one page: those that the study's tables decide, and the others with why not."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from stm.config.loading import read_yaml, validated
from stm.config.reportplan import PAPERS
from stm.config.schema.claims import Claim, Claims
from stm.csvfile import csv_cell, csv_of_cells
from stm.files import write_text
from stm.reporting.cells import markdown
from stm.reporting.claims import COLUMNS
from stm.reporting.claimsearch import claims_caption, claims_html, scope, verdict_counts
from stm.reporting.layouts import claims_markdown, grouped
from stm.reporting.measured import TableError
from stm.reporting.verdicts import IDENTITY, INCONSISTENT, NOT_MADE, NOT_TESTABLE

Row = dict[str, str]


def write_claims(
    tables: list[Path], claims: list[Path], study: str, seeds: int, out: Path, possible: Mapping[str, str]
) -> None:
    """Join the tables' claims, and all others, to `out`.csv, and for people .md, .html, and .rst, its caption.

    Args:
        tables: `<table>.claims.csv` files, in the order in which they are to stand.
        claims: every file of claims of the configuration.
        study: its name.
        seeds: how many it trains.
        out: path without its ending.
        possible: what the study can make and leaves out, by name, each with the file to ask Snakemake for.

    Raises:
        TableError: a file has other columns.
    """
    decided = {path: _read(path) for path in tables}
    known = {row["claim"] for rows in decided.values() for row in rows}
    others = [
        _undecided(file.paper, claim, study, possible)
        for file in (validated(Claims, read_yaml(path)) for path in claims)
        for claim in file.claims
        if claim.id not in known
    ]
    rows = [row for found in (*decided.values(), others) for row in found]
    cells = ([row[column] for column in COLUMNS] for row in rows)
    write_text(out.with_name(f"{out.name}.csv"), csv_of_cells(COLUMNS, cells))
    write_text(out.with_name(f"{out.name}.md"), _page(decided, others, study, seeds, out.parent))
    write_text(out.with_name(f"{out.name}.html"), claims_html(rows, study, seeds))
    write_text(out.with_name(f"{out.name}.rst"), claims_caption(rows, study, seeds))


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if reader.fieldnames != COLUMNS:
        raise TableError(f"{path} has other columns than claims have. Delete it and run again")
    return rows


def _undecided(paper: str, claim: Claim, study: str, possible: Mapping[str, str]) -> Row:
    """A claim that no table of the study decides."""
    if claim.inconsistent is not None:
        word, why = INCONSISTENT, claim.inconsistent
    elif claim.test is not None:
        word, why = IDENTITY, f"held by {claim.test}"
    elif claim.needs is not None:
        word, why = NOT_TESTABLE, f"needs {claim.needs}"
    else:
        decider, figure = claim.decider, claim.figure_decider
        other = "temporal_order" if claim.order else "datasets"
        made_by = decider.table if decider else figure.figure if figure else other
        word, why = NOT_TESTABLE, f"this study cannot make {made_by}"
        if made_by in possible:
            word = NOT_MADE
            why = f"{made_by} decides it: snakemake {possible[made_by]}; here too, once the study lists {made_by}"
    values = {
        "claim": claim.id,
        "paper": paper,
        **claim.model_dump(include={"where", "statement", "kind", "published", "same_evidence_as"}),
        "verdict": word,
        "study": study,
        "why": "; ".join(filter(None, [why, claim.note])),
    }
    return {column: csv_cell(values.get(column)) for column in COLUMNS}


def _page(decided: dict[Path, list[Row]], others: list[Row], study: str, seeds: int, folder: Path) -> str:
    """One Markdown page: the verdicts counted, a section a table, then what no table decides."""
    rows = [row for found in (*decided.values(), others) for row in found]
    text = [f"# Claims, as study {markdown(study)} decides them", "", scope(seeds), "", *_summary(rows), ""]
    for path, found in decided.items():
        if not found:
            continue
        name = path.name.removesuffix(".claims.csv")
        link = Path(os.path.relpath(path.with_name(f"{name}.md"), folder)).as_posix()
        text += [f"## [{markdown(name)}]({link})", "", *claims_markdown(found), ""]
        deviations = grouped([(row["claim"], row["deviations"]) for row in found], "All of these")
        text += [f"- Deviations from the paper. {markdown(line)}" for line in deviations]
        text += [""] if deviations else []
    if others:
        text += ["## Decided by none of these tables", "", *claims_markdown(others), ""]
    return "\n".join(text).rstrip() + "\n"


def _summary(rows: list[Row]) -> list[str]:
    """How often each verdict was given, by paper."""
    if not rows:
        return ["No table decides a claim."]
    papers, counts = verdict_counts(rows)
    text = [
        "| Verdict | " + " | ".join(PAPERS[paper] for paper in papers) + " |",
        "| --- |" + " ---: |" * len(papers),
    ]
    return text + [f"| {word} | " + " | ".join(map(str, of_word.values())) + " |" for word, of_word in counts.items()]
