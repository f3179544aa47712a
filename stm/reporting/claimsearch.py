"""All claims as a web page that is searched and filtered where it is read."""

from collections import Counter
from html import escape

from stm.config.reportplan import PAPERS
from stm.reporting.captions import verdicts_of
from stm.reporting.verdicts import WORDS
from stm.reporting.webpage import HERE, claims_table, paragraph, section, table, tag, verdict, webpage

# What can be chosen, by the column, and what is chosen before anything is.
CHOICES = {"verdict": "any verdict", "paper": "both papers", "kind": "any kind", "table": "any table"}

Row = dict[str, str]


def scope(seeds: int) -> str:
    """What verdicts on accuracies speak of."""
    if seeds == 1:
        return "One seed: verdicts on accuracies are of these weights. Trained anew, the same network may earn others."
    return f"{seeds} seeds: verdicts on accuracies cover the choice of clips and another training."


def claims_html(rows: list[Row], study: str, seeds: int) -> str:
    """The verdicts counted, fields to choose by, and every claim.

    Args:
        rows: of `claims.csv`.
        study: its name.
        seeds: how many it trains.
    """
    claims = section("Claims", claims_table(rows, everywhere=True))
    parts = [paragraph(scope(seeds)), _summary(rows), _fields(rows), claims]
    script = (HERE / "claims.js").read_text(encoding="utf-8")
    subtitle = "Every claim of both papers: what is published, what was measured, and the verdict"
    return webpage(f"Claims, study {study}", subtitle, parts, script)


def claims_caption(rows: list[Row], study: str, seeds: int) -> str:
    """How often each verdict was given to each paper."""
    papers = dict.fromkeys(row["paper"] for row in rows)
    counted = [f"*{PAPERS[paper]}*. {verdicts_of([r for r in rows if r['paper'] == paper])}" for paper in papers]
    return "\n\n".join([f"Every claim of both papers, as study {study} decides it. {scope(seeds)}", *counted]) + "\n"


def verdict_counts(rows: list[Row]) -> tuple[list[str], dict[str, dict[str, int]]]:
    """How often each verdict was given to each paper: the papers, and of every verdict that was given the counts."""
    counted = Counter((row["verdict"], row["paper"]) for row in rows)
    papers = list(dict.fromkeys(row["paper"] for row in rows))
    given = [word for word in WORDS if any(row["verdict"] == word for row in rows)]
    return papers, {word: {paper: counted[word, paper] for paper in papers} for word in given}


def _summary(rows: list[Row]) -> str:
    """How often each verdict was given, by paper; each number shows its claims."""
    papers, counts = verdict_counts(rows)
    head = [tag("th", "Verdict"), *(tag("th", escape(PAPERS[paper]), 'class="number"') for paper in papers)]
    body = [
        tag("tr", [tag("td", verdict(word)), *(_count(count, word, paper) for paper, count in of_word.items())])
        for word, of_word in counts.items()
    ]
    return table(tag("tr", head), body)


def _count(count: int, word: str, paper: str) -> str:
    shown = tag("button", str(count), f'type="button" data-verdict="{escape(word)}" data-paper="{escape(paper)}"')
    return tag("td", shown if count else "0", 'class="number"')


def _fields(rows: list[Row]) -> str:
    fields = ['<input name="text" type="search" placeholder="search claims" aria-label="search claims">']
    for column, everything in CHOICES.items():
        values = dict.fromkeys(row[column] for row in rows if row[column])
        options = [f'<option value="{escape(value)}">{escape(PAPERS.get(value, value))}</option>' for value in values]
        fields.append(
            tag(
                "select",
                [f'<option value="">{everything}</option>', *options],
                f'name="{column}" aria-label="{column}"',
            )
        )
    fields += ['<button type="reset">show all</button>', '<span id="count" role="status"></span>']
    return tag("form", fields, 'id="filter"')
