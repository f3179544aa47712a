"""What the annotation files of a study's datasets list, beside what the papers say of them; the claims that decides."""

from pathlib import Path
from typing import Any

from stm.config.reportplan import PAPERS
from stm.csvfile import Value, csv_cell, csv_text
from stm.data.annotations import SPLITS, class_list, official_folds, read_all
from stm.data.counts import counts
from stm.files import write_text
from stm.reporting import verdicts
from stm.reporting.captions import caption
from stm.reporting.cells import markdown
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.claims import common_cells
from stm.reporting.layouts import claims_markdown, texts
from stm.reporting.verdicts import NOT_TESTABLE, Verdict, verdict_cells
from stm.reporting.webpage import claims_table, deviation_notes, paragraph, section, simple_table, webpage

COLUMNS = [
    *("role", "source", "study", "dataset", "count", "fold", "listed", "published_iccv2019", "published_tpami2022"),
    *("deviations", "status"),
]
HEADER = ["Role", "Dataset", "Count", "Fold", "Listed", "ICCV 2019", "TPAMI 2022", "Status"]
NOTE = (
    "Counted in the annotation files alone: a clip that is listed may have no video any more. `clips` are all that "
    f"the makers list, `folds` their own splits. Published: {PAPERS['iccv2019']}, sections 4.3 and 4.4; "
    f"{PAPERS['tpami2022']}, the same."
)
WITHOUT_TEST = "counted without the makers' test list: it is not there, or the dataset's entry does not name it"

Row = dict[str, Value]
# By what is counted: one number, or of a split one for each fold.
Counts = dict[str, list[int]]


def write_datasets(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.csv, a row a role, count and fold, `out`.claims.csv, and for people .md, .html and .rst, its caption.

    Args:
        spec: of `stm.config.datasetplan.DatasetsPlan`.
        out: path without its ending.

    Raises:
        AnnotationError: an annotation file is absent or wrong.
    """
    listed = {role["role"]: _counts(role["listing"]) for role in spec["roles"]}
    rows = [row for role in spec["roles"] for row in _rows(spec, role, listed[role["role"]])]
    roles = {role["role"]: role for role in spec["roles"]}
    claims = [_claim(spec, claim, roles[claim["listed"]["role"]], listed) for claim in spec["claims"]]
    for ending, text in {
        ".csv": csv_text(COLUMNS, rows),
        ".claims.csv": csv_text(CLAIM_COLUMNS, claims),
        ".md": _page(spec, rows, texts(claims)),
        ".html": _web(spec, rows, texts(claims)),
        ".rst": caption("What the papers say of their datasets", _found(rows), texts(claims), spec["study"]),
    }.items():
        write_text(out.with_name(f"{out.name}{ending}"), text)


def _counts(listing: dict[str, Any] | None) -> Counts:
    """What annotation files list; nothing where there are none."""
    if listing is None:
        return {}
    clips = read_all(listing)
    found = counts([clip.splits for clip in clips], len(class_list(listing, clips)))
    if folds := official_folds(listing):
        found["folds"] = [len(folds)]
    # A split of which nothing is listed is not counted as empty: its list may be elsewhere.
    return {name: numbers for name, numbers in found.items() if any(numbers)}


def _obstacle(role: dict[str, Any], count: str, listed: Counts) -> str | None:
    """Why the number is not the one that the papers speak of, or is not known."""
    if role["obstacle"]:
        return str(role["obstacle"])
    if count == "clips" and role["without_test"]:
        return WITHOUT_TEST
    if count in SPLITS and count not in role["expected"]:
        return f"the dataset's `expect` does not say how many {count} clips its list has: a shorter copy proves nothing"
    numbers = listed.get(count, [])
    return None if len(numbers) == 1 else f"{len(numbers)} numbers are listed for one that is printed"


def _rows(spec: dict[str, Any], role: dict[str, Any], listed: Counts) -> list[Row]:
    """Every count of a role that is listed or printed."""
    printed: dict[str, dict[str, int]] = {}
    for claim in spec["claims"]:
        if claim["listed"]["role"] == role["role"]:
            printed.setdefault(claim["listed"]["count"], {})[claim["paper"]] = int(claim["published"])
    rows: list[Row] = []
    for count in dict.fromkeys([*listed, *printed]):
        numbers: list[int | None] = [*listed.get(count, [])] or [None]
        figures = printed.get(count, {})
        for fold, number in enumerate(numbers):
            rows.append(
                {
                    "role": role["role"],
                    "source": "published" if number is None else "measured",
                    "study": spec["study"],
                    "dataset": role["dataset"],
                    "count": count,
                    "fold": role["listing"]["folds"][fold] if len(numbers) > 1 else None,
                    "listed": number,
                    **{f"published_{paper}": figures.get(paper) for paper in ("iccv2019", "tpami2022")},
                    "deviations": _deviations(role),
                    "status": _status(role, count, listed, figures),
                }
            )
    return rows


def _status(role: dict[str, Any], count: str, listed: Counts, figures: dict[str, int]) -> str:
    if not figures:
        return "ok: the papers print no figure"
    obstacle = _obstacle(role, count, listed)
    if obstacle:
        return obstacle
    return "ok" if set(figures.values()) == set(listed[count]) else "not the printed figure"


def _deviations(role: dict[str, Any]) -> str:
    if role["genuine"] or role["dataset"] is None:
        return ""
    return f"data: {role['dataset']} for {role['title']}"


def _claim(spec: dict[str, Any], claim: dict[str, Any], role: dict[str, Any], listed: dict[str, Counts]) -> Row:
    count, published = claim["listed"]["count"], int(claim["published"])
    numbers = listed[role["role"]].get(count, [])
    obstacle = _obstacle(role, count, listed[role["role"]])
    return {
        **common_cells(spec, claim),
        "published": published,
        "unit": {"classes": "classes", "folds": "folds"}.get(count, "clips"),
        "measured": numbers[0] if len(numbers) == 1 else None,
        **verdict_cells(
            claim, lambda: Verdict(NOT_TESTABLE, obstacle) if obstacle else verdicts.listed(numbers[0], published)
        ),
        "deviations": _deviations(role),
        "table": "datasets",
    }


def _page(spec: dict[str, Any], rows: list[Row], claims: list[dict[str, str]]) -> str:
    """The counts for reading, then the claims that they decide."""
    text = [f"# Datasets, study {markdown(spec['study'])}", ""]
    text += [f"| {' | '.join(HEADER)} |", f"|{' --- |' * 4}{' ---: |' * 3} --- |"]
    text += [f"| {' | '.join(map(markdown, cells))} |" for cells in _cells(rows)]
    text += [
        "",
        NOTE,
        "",
        "## What the papers say of their datasets",
        "",
        *claims_markdown(claims),
    ]
    return "\n".join(text) + "\n"


def _web(spec: dict[str, Any], rows: list[Row], claims: list[dict[str, str]]) -> str:
    parts = [simple_table(HEADER, _cells(rows), text_columns=4), paragraph(NOTE)]
    parts += [section("What the papers say of their datasets", claims_table(claims), deviation_notes(claims))]
    return webpage(
        f"Datasets, study {spec['study']}", "What the annotation files list, beside what the papers say", parts
    )


def _found(rows: list[Row]) -> str:
    listed = sorted({str(row["dataset"]) for row in rows if row["listed"] is not None})
    return f"Counted in the annotation files of {', '.join(listed) or 'none'}."


def _cells(rows: list[Row]) -> list[list[str]]:
    columns = ("role", "dataset", "count", "fold", "listed", "published_iccv2019", "published_tpami2022", "status")
    return [[f"{row[c]:,}" if isinstance(row[c], int) else csv_cell(row[c]) for c in columns] for row in rows]
