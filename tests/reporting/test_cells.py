"""Cells of reports: what a spreadsheet must not take for a formula, and numbers, which stay numbers."""

import csv
import io
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stm.csvfile import FORMULA, csv_text
from stm.reporting.cells import markdown

MANY = settings(max_examples=100, derandomize=True, deadline=None)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.tuples(st.sampled_from(FORMULA), st.text()).map("".join)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@MANY
@given(TEXT, TEXT)
@example("=cmd|' /C calc'!A0", "@home")
@example("-5 degrees", "\t=1+1")
@example("x\r=1+1", "\r=1+1")
def test_no_cell_of_a_report_begins_as_a_formula_and_its_text_is_all_there(name, value):
    header, row = cells(csv_text([name, name + "x"], [{name: value, name + "x": "x"}]))
    assert not any(cell.startswith(FORMULA) for cell in (*header, *row))
    for cell, written in ((header[0], name), (row[0], value)):
        text = re.sub("\r\n?", "\n", written)
        assert cell == (f"'{text}" if text.startswith(FORMULA) else text)


@MANY
@given(st.integers() | st.floats(allow_nan=False))
def test_numbers_stay_numbers_below_zero_too(value):
    ((_, cell),) = cells(csv_text(["a", "b"], [{"a": "", "b": value}]))[1:]
    assert float(cell) == value if isinstance(value, float) else int(cell) == value


@MANY
@given(TEXT)
def test_text_in_a_markdown_table_ends_no_cell_and_no_line(text):
    shown = markdown(text)
    assert (
        "\n" not in shown
        and "|" not in shown.replace("\\\\", "").replace("\\|", "")
        and "<" not in shown.replace("\\\\", "").replace("\\<", "")
    )
