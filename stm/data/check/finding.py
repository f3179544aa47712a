"""One thing that a check found, and the words that all of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NAMED = 10


@dataclass(frozen=True)
class Finding:
    """An `error` (training would stop, or be worth nothing) or a `warning`; the text says where, what, what to do."""

    level: Literal["error", "warning"]
    text: str

    def of(self, dataset: str) -> str:
        """The finding in one line, also where a part of it came with lines of its own."""
        return f"{self.level}: {dataset}: {' '.join(self.text.split())}"


def error(text: str) -> Finding:
    return Finding("error", text)


def warning(text: str) -> Finding:
    return Finding("warning", text)


def some(names: Sequence[str]) -> str:
    """The first names, and how many there are more."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def counted(number: int, noun: str) -> str:
    """`1 clip`, `2 clips`, `2 classes`."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def percent(part: int, whole: int) -> str:
    """A share; never 0% of something, nor 100% of less than all."""
    share = f"{100 * part / whole:.1f}".removesuffix(".0")
    return {"0": "<0.1%" if part else "0%", "100": "100%" if part == whole else ">99.9%"}.get(share, f"{share}%")
