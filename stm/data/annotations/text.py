"""Reading annotation files: text, lines of cells and paths, refused by file and line where they are wrong."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stm.config.loading import shortened
from stm.data.annotations.clip import AnnotationError

# No name of a file, class or group holds one; half of a surrogate pair, which JSON can spell, can be written nowhere.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# No path is longer.
LONGEST = 4096
JSON = json.JSONDecoder().raw_decode
JSON_MARK = re.compile(r"[ \t\r\n]*([\[\]{}:,])[ \t\r\n]*")


def records(path: Path, delimiter: str, holds: str) -> Iterator[tuple[str, list[str]]]:
    """The cells of each line that is not blank, without spaces around them, and where it stands: `file:line`.

    Args:
        path: a text file in UTF-8, with or without a byte order mark; a cell may stand in double quotes.
        delimiter: between cells.
        holds: what the file is, said where it is absent.

    Raises:
        AnnotationError: the file is absent, no text, or its quotes do not close.
    """
    reader = csv.reader(
        io.StringIO(_text(path, holds), newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            for cell in cells:
                check_text(f"{path}:{line}", cell)
            if any(cells):
                yield f"{path}:{line}", cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise AnnotationError(f"{path}:{line}: no valid csv: {error}") from None


def by_column(lines: Iterator[tuple[str, list[str]]], columns: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of `records` below the one that names the columns, with where they stand."""
    for at, cells in lines:
        if len(cells) != len(columns):
            problem = f"{len(cells)} cells for {len(columns)} columns. Put a cell that holds a comma in double quotes"
            raise AnnotationError(f"{at}: {problem}")
        yield at, dict(zip(columns, cells, strict=True))


def matches(path: Path, pattern: re.Pattern[str], holds: str, example: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Each line that is not blank, taken apart, and where it stands.

    Raises:
        AnnotationError: the file is absent, no text or empty, or a line is of another kind.
    """
    empty = True
    for number, line in enumerate(_text(path, f"{holds}: {example}").split("\n"), 1):
        found = pattern.fullmatch(line.strip())
        if found is not None:
            empty = False
            yield f"{path}:{number}", found
        elif line.strip():
            problem = f"{shortened(line.strip())} is no line of {holds}"
            raise AnnotationError(f"{path}:{number}: {problem}. Write: {example}")
    if empty:
        raise AnnotationError(f"{path}:1: no line. It holds {holds}: {example}")


def json_list(path: Path, holds: str) -> Iterator[tuple[str, Any]]:
    """Each value of a JSON list, and where it begins: a decoder of whole files cannot say on which line a value stands.

    Raises:
        AnnotationError: the file is absent, no text, no list, or no valid JSON.
    """
    return ((at, value) for at, _, value in _json_parts(path, holds, "[", "]"))


def json_object(path: Path, holds: str) -> Iterator[tuple[str, str, Any]]:
    """Each key of a JSON object with its value and where it begins, also a key that stands twice.

    Raises:
        AnnotationError: the file is absent, no text, no object, or no valid JSON.
    """
    return _json_parts(path, holds, "{", "}")


def _json_parts(path: Path, holds: str, opening: str, closing: str) -> Iterator[tuple[str, Any, Any]]:
    """Place, key (None in a list) and value of each part of the one list or object that the file is."""
    text = _text(path, holds)
    begin = JSON_MARK.match(text)
    if begin is None or begin[1] != opening:
        raise AnnotationError(f"{path}:1: it does not begin with {opening}. It holds {holds}")
    line, counted = 1, 0
    position, mark = begin.end(), ","
    try:
        if text.startswith(closing, position):
            position, mark = _json_mark(text, position, closing)
        while mark == ",":
            line, counted = line + text.count("\n", counted, position), position
            key = None
            if opening == "{":
                key, position = JSON(text, position)
                position, _ = _json_mark(text, position, ":")
            value, position = JSON(text, position)
            yield f"{path}:{line}", key, value
            position, mark = _json_mark(text, position, f",{closing}")
        if position != len(text):
            raise json.JSONDecodeError("Extra data", text, position)
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}:{error.lineno}: no valid JSON: {error.msg}. It holds {holds}") from None
    # Of values nested a thousand deep, and of numbers of thousands of digits.
    except (RecursionError, ValueError) as error:
        raise AnnotationError(f"{path}:{line}: what begins here cannot be meant: {error}. It holds {holds}") from None


def _json_mark(text: str, position: int, allowed: str) -> tuple[int, str]:
    """The mark between two values, and where the next one begins."""
    found = JSON_MARK.match(text, position)
    if found is None or found[1] not in allowed:
        raise json.JSONDecodeError(f"Expecting {' or '.join(allowed)}", text, position)
    return found.end(), found[1]


def _text(path: Path, holds: str) -> str:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise AnnotationError(f"{path}: {problem}. It holds {holds}") from None
    except UnicodeDecodeError as error:
        at = f"{path}:{_line(data, error.start)}"
        raise AnnotationError(f"{at}: byte 0x{data[error.start]:02x} is not UTF-8. Save the file as UTF-8") from None
    if "\0" in text:
        at = f"{path}:{_line(data, data.index(0))}"
        raise AnnotationError(f"{at}: a NUL byte: the file is damaged or UTF-16. Save it as UTF-8")
    return text


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def check_text(at: str, text: str) -> None:
    """A line break in a cell is a quote that was not closed; other control characters are damage.

    Raises:
        AnnotationError: naming the character; or the text is longer than any name.
    """
    if len(text) > LONGEST:
        raise AnnotationError(f"{at}: {shortened(text)} is longer than any name. Are its quotes closed?")
    if found := CONTROL.search(text):
        raise AnnotationError(f"{at}: {shortened(text)} holds the control character {found[0]!r}. Remove it")


def check_path(at: str, name: str, path: str) -> None:
    """The path is a clip's id and its place in a shard: one spelling a file, and none outside the videos folder.

    Raises:
        AnnotationError: naming the spelling to write.
    """
    check_text(at, path)
    parts = path.replace("\\", "/").split("/")
    if path.startswith("/") or ".." in parts:
        raise AnnotationError(
            f"{at}: {name} = '{path}' leaves the videos folder. Write the path relative to that folder"
        )
    if "\\" in path or "" in parts or "." in parts:
        plain = "/".join(part for part in parts if part not in ("", "."))
        raise AnnotationError(f"{at}: {name} = '{path}' is not a plain path. Write '{plain}'")


def check_once(first_places: dict[str, str], at: str, name: str, value: str) -> None:
    """Keep where each value stands first.

    Raises:
        AnnotationError: it stands somewhere already.
    """
    first = first_places.setdefault(value, at)
    if first != at:
        raise AnnotationError(f"{at}: {name} '{value}' is listed at {first} already. Remove one of them")
