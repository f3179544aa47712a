"""How a value looks in a cell: of Markdown, of LaTeX, and to as many decimals as it is printed."""

import math
import re

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{c: "\\" + c for c in "{}$&#_%"},
}


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
