"""How a value looks in a cell: of a csv file, of Markdown, of LaTeX."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping

Value = str | int | float | None

# What spreadsheets take for the beginning of a formula, the last four as East Asian keyboards write them.
FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{c: "\\" + c for c in "{}$&#_%"},
}


def csv_cell(value: Value) -> str:
    """Numbers as they are, nothing for None, and text that a spreadsheet cannot take for a formula.

    Text that starts as a formula does gets an apostrophe before it: names of methods and clips come from users' files.
    """
    if value is None:
        return ""
    # The csv module puts no quotes around a carriage return alone, and what follows it would begin a line.
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, Value]]) -> str:
    """A csv file with a header."""
    columns = list(columns)
    return csv_of_cells(map(csv_cell, columns), ([csv_cell(row[column]) for column in columns] for row in rows))


def csv_of_cells(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A csv file of cells that are text of `csv_cell` already, as those of another csv file."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def markdown(text: str) -> str:
    """Text as Markdown shows it unchanged, also inside a table; underscores inside words need nothing."""
    escaped = re.sub(r"([\\`*<|]|\](?=\()|(?<!\w)_|_(?!\w))", r"\\\1", text)
    return " ".join(escaped.split())


def latex(text: str) -> str:
    """Text as LaTeX sets it unchanged, also at the start of a row, where `[` or `*` would belong to the row before."""
    escaped = "".join(_TEX.get(c, c) for c in " ".join(text.split()))
    return "{}" + escaped if escaped.startswith(("[", "*")) else escaped


def decimals(printed: float) -> int:
    """How many decimals a printed figure has."""
    return len(repr(printed).partition(".")[2]) if isinstance(printed, float) else 0


def as_printed(value: float, printed: float, places: int) -> bool:
    """Whether a value rounds to a printed figure of so many decimals, or is cut to it: the papers do both.

    TPAMI prints TSN's 23.8646M as 23.8 and STM's 24.0357M as 24.0.
    """
    unit = 10.0**places
    return printed in (round(value, places), math.floor(value * unit) / unit)


def points(value: float) -> float:
    """A fraction in percent, to two decimals; never minus zero."""
    return round(100 * float(value), 2) + 0.0
