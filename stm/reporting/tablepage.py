"""The web page of a table, with where its figures come from, and its caption in the report."""

from html import escape
from typing import Any

from stm.csvfile import Value
from stm.reporting.captions import caption
from stm.reporting.layouts import (
    LABELS,
    descriptors_of,
    footnotes,
    heading,
    in_mode,
    line_cells,
    place,
    remarks_of,
    texts,
    with_lines,
)
from stm.reporting.origins import made_by, run_rows, runs_table, trained_on
from stm.reporting.webpage import claims_table, measured_cell, notes, section, table, tag, webpage

Row = dict[str, Value]


def table_html(spec: dict[str, Any], rows: list[Row], claims: list[Row]) -> str:
    """The table in the paper's shape with measured beside published, its notes, its claims, and its runs."""
    marks, letters = footnotes(spec)
    remarks = [f"<sup>{letter}</sup> {escape(note)}" for letter, note in letters.items()]
    remarks += [escape(note) for note in remarks_of(spec, rows)]
    parts = [_lines(spec, rows, marks), notes(remarks)]
    parts += [section("What the table claims", claims_table(texts(claims)))] if claims else []
    folders = [run for line in spec["lines"] if line["measured"] for run in line["measured"]["runs"]]
    if runs := run_rows(dict.fromkeys(folders), spec["study"]):
        parts.append(section("Provenance", notes([*made_by(runs), *trained_on(runs)]), runs_table(runs)))
    return webpage(heading(spec), spec["title"], parts)


def table_caption(spec: dict[str, Any], rows: list[Row], claims: list[Row]) -> str:
    """What the paper claims by this table, and what was found."""
    return caption(f"{place(spec)}: {spec['title']}", _found(spec, rows), texts(claims), spec["study"])


def _lines(spec: dict[str, Any], rows: list[Row], marks: dict[int, str]) -> str:
    above = [tag("th", escape(name), 'rowspan="2"') for name in ("Model", *descriptors_of(spec))]
    above += [tag("th", escape(LABELS[name]), 'colspan="2" class="group"') for name in spec["measures"]]
    below = [tag("th", name, 'class="number"') for _ in spec["measures"] for name in ("measured", "published")]
    body = []
    for line, row in with_lines(spec, rows):
        words, figures = _cells(spec, line, row)
        mark = f" <sup>{marks[line['line']]}</sup>" if line["line"] in marks else ""
        cells = [tag("td", escape(words[0]) + mark), *(tag("td", escape(word)) for word in words[1:])]
        cells += [tag("td", measured_cell(figure), 'class="number"') for figure in figures]
        body.append(tag("tr", cells, 'class="published"' if row["source"] == "published" else ""))
    return table(tag("tr", above) + tag("tr", below), body)


def _cells(spec: dict[str, Any], line: dict[str, Any], row: Row) -> tuple[list[str], list[str]]:
    """A line's words, and of each measure the measured and the published figure."""
    described = descriptors_of(spec)
    cells = line_cells(line, row, described, spec["measures"])
    return cells[: 1 + len(described)], cells[1 + len(described) :]


def _found(spec: dict[str, Any], rows: list[Row]) -> str:
    """Of the first measure that lines have, each measured line beside the paper."""
    for i, name in enumerate(spec["measures"]):
        found = []
        for line, row in with_lines(spec, rows):
            measured, published = _cells(spec, line, row)[1][2 * i : 2 * i + 2]
            if measured:
                called = line["name"] + in_mode(row)
                found.append(f"{called} {measured}" + (f" (published {published})" if published else ""))
        if found:
            return f"{LABELS[name]}: {'; '.join(found)}."
    return "Nothing of it was measured."
