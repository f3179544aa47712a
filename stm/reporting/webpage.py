"""Web pages that need nothing but themselves: style, script and pictures stand inside, nothing else may be loaded."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from stm.reporting.layouts import claims_legend, grouped, smallest_seen, with_interval

HERE = Path(__file__).parent
RULES = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
# How a verdict is coloured; all others are grey.
LOOKS = {
    "holds": ("replicated", "holds here"),
    "fails": ("refuted", "fails here", "control failed"),
    "undecided": ("undecided", "undecided here", "control undecided"),
    "control": ("control", "by construction"),
    "inconsistent": ("inconsistent in the paper",),
}
TYPES = {".pdf": "application/pdf", ".csv": "text/csv"}
CLAIM_HEADER = ("Claim", "Statement", "Published", "Measured", "Verdict", "Why")


def webpage(title: str, subtitle: str, parts: Iterable[str], script: str = "") -> str:
    """A whole page; `parts` and `script` are HTML and JavaScript already, the titles are text."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    head = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{RULES}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{style}</style></head><body>",
        f'<h1>{escape(title)}</h1><p class="subtitle">{escape(subtitle)}</p>',
    ]
    end = [f"<script>\n{script}</script>"] if script else []
    return "\n".join([*head, *parts, *end, "</body></html>"]) + "\n"


def section(title: str, *parts: str) -> str:
    return "\n".join([f"<h2>{escape(title)}</h2>", *parts])


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def notes(texts: Iterable[str]) -> str:
    """Remarks as a list, nothing without any; each is HTML."""
    items = [f"<li>{text}</li>" for text in texts]
    return "\n".join(['<ul class="notes">', *items, "</ul>"]) if items else ""


def simple_table(header: Sequence[str], rows: Iterable[Sequence[str]], text_columns: int) -> str:
    """Cells of text; all but the first `text_columns` are numbers."""
    return table(
        tag("tr", [tag("th", escape(h), _number(i >= text_columns)) for i, h in enumerate(header)]),
        [
            tag("tr", [tag("td", escape(cell), _number(i >= text_columns)) for i, cell in enumerate(row)])
            for row in rows
        ],
    )


def _number(is_one: bool) -> str:
    return 'class="number"' if is_one else ""


def table(head: str, rows: Iterable[str], kind: str = "") -> str:
    body = "\n".join(rows)
    named = f' class="{kind}"' if kind else ""
    return f'<div class="wide"><table{named}><thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>'


def tag(name: str, inside: str | Iterable[str], attributes: str = "") -> str:
    text = inside if isinstance(inside, str) else "".join(inside)
    return f"<{name}{' ' if attributes else ''}{attributes}>{text}</{name}>"


def picture(file: Path, described: str) -> str:
    """A png file inside the page."""
    data = base64.b64encode(file.read_bytes()).decode()
    return f'<p><img alt="{escape(described)}" src="data:image/png;base64,{data}"></p>'


def downloads(*files: Path) -> str:
    """Links to files that stand inside the page: in the report there is no folder beside it."""
    links = [
        f'<a download="{escape(file.name)}" href="data:{TYPES[file.suffix]};base64,'
        f'{base64.b64encode(file.read_bytes()).decode()}">{escape(file.name)}</a>'
        for file in files
    ]
    return tag("p", " · ".join(links), 'class="small"')


def measured_cell(text: str) -> str:
    """A figure, and smaller its interval."""
    figure, _, interval = text.partition(" [")
    return escape(figure) + (f' <span class="interval">[{escape(interval)}</span>' if interval else "")


def verdict(word: str) -> str:
    look = next((name for name, found in LOOKS.items() if word in found), "")
    return tag("span", escape(word), f'class="verdict {look}"')


def claims_table(rows: list[dict[str, str]], *, everywhere: bool = False) -> str:
    """Claims from the cells of their csv file; of tables everywhere, each with its table and its deviations."""
    if not rows:
        return "<p>None.</p>"
    head = tag("tr", [tag("th", name, _number(name in ("Published", "Measured"))) for name in CLAIM_HEADER])
    body = [_claim(row, everywhere) for row in rows]
    return table(head, body, "claims") + f'<p class="small">{escape(claims_legend(rows))}</p>'


def _claim(row: dict[str, str], everywhere: bool) -> str:
    smallest = smallest_seen(row)
    seen = f'<div class="small">could have seen {escape(smallest)}</div>' if smallest else ""
    why = escape(row["why"])
    if everywhere and row["deviations"]:
        why += f"<details><summary>deviations</summary>{escape(row['deviations'])}</details>"
    if row["same_evidence_as"]:
        why += f'<div class="small">the same evidence as {escape(row["same_evidence_as"])}</div>'
    place = f"{row['where']} · {row['table']}" if everywhere and row["table"] else row["where"]
    cells = [
        tag("td", tag("b", escape(row["claim"]))),
        tag("td", f'{escape(row["statement"])}<div class="small">{escape(place)}</div>'),
        tag("td", measured_cell(with_interval(row, "published")), 'class="number" data-label="published"'),
        tag("td", measured_cell(with_interval(row, "measured")) + seen, 'class="number" data-label="measured"'),
        tag("td", verdict(row["verdict"])),
        tag("td", why),
    ]
    values = " ".join(f'data-{key}="{escape(row[key])}"' for key in ("verdict", "paper", "kind", "table"))
    return tag("tr", cells, values)


def deviation_notes(rows: list[dict[str, str]]) -> str:
    """What sets the measurements of some claims apart from the paper's."""
    told = grouped([(row["claim"], row["deviations"]) for row in rows], "all of these")
    return notes(f"Deviations from the paper, {escape(text)}" for text in told)
