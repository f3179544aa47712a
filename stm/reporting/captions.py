"""Captions of Snakemake's report, as reStructuredText: what the paper claims, and what was found."""

import re
from collections import Counter

from stm.reporting.layouts import with_interval
from stm.reporting.verdicts import IDENTITY, NOT_TESTABLE, WORDS

# Counted in a caption, and read on the page.
NOT_LISTED = (NOT_TESTABLE, IDENTITY)


def rst(text: str) -> str:
    """Text as reStructuredText shows it unchanged."""
    return re.sub(r"([\\*`|_<>\[\]:])", r"\\\1", " ".join(text.split()))


def caption(claimed: str, found: str, claims: list[dict[str, str]], study: str, *, of_paper: bool = True) -> str:
    """The caption of one report.

    Args:
        claimed: the place in the paper, and its title of the table or figure.
        found: what was measured.
        claims: that it decides, as the cells of their csv file.
        study: its name.
        of_paper: whether the papers have it; otherwise `claimed` is what is shown.
    """
    text = [
        f"**{'Claimed' if of_paper else 'Shown'}.** {rst(claimed)}.",
        f"**Found** in study {rst(study)}. {rst(found)}",
        verdicts_of(claims),
    ]
    for word in WORDS:
        if word in NOT_LISTED or all(row["verdict"] != word for row in claims):
            continue
        text += [f"*{rst(word)}*", "\n".join(_item(row) for row in claims if row["verdict"] == word)]
    return "\n\n".join(text) + "\n"


def verdicts_of(claims: list[dict[str, str]]) -> str:
    """How many statements there are, and how often each verdict was given."""
    counts = Counter(row["verdict"] for row in claims)
    if not counts:
        return "It decides no statement of the papers."
    statements = "1 statement" if len(claims) == 1 else f"{len(claims)} statements"
    return f"**{statements}**\\: " + ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word]) + "."


def _item(row: dict[str, str]) -> str:
    figures = [f"{name} {value}" for name in ("published", "measured") if (value := with_interval(row, name))]
    return f"- **{rst(row['claim'])}** {rst(row['statement'])}" + (f"\\: {rst(', '.join(figures))}" if figures else "")
