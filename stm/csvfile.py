"""Csv files: written whole or not at all, in UTF-8, and without formulas where spreadsheets open them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stm.files import replacing

Value = str | int | float | None

# What spreadsheets take for the beginning of a formula, the last four as East Asian keyboards write them.
FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")


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


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """A csv file in UTF-8, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file of `write_csv`, by column."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
