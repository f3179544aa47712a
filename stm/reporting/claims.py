"""The claims that a table decides, and the page that joins those of all tables."""

import csv
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.statistics import Estimate, Interval, accuracy_interval, difference_interval, equivalence, holm
from stm.files import write_text
from stm.reporting import verdicts
from stm.reporting.cells import Value, csv_text, markdown, points
from stm.reporting.layouts import claims_markdown, grouped
from stm.reporting.measured import Measured, TableError
from stm.reporting.verdicts import NOT_TESTABLE, Verdict

COLUMNS = [
    *("claim", "paper", "where", "statement", "kind", "published", "measured", "low", "high", "verdict", "deviations"),
    *("same_evidence_as", "study", "experiments", "p_holm", "why"),
]


# Of a line that sees no order, on data where only order tells the classes of a pair apart.
BLIND = "cannot see the order of frames and must be at chance (50%) inside reversed pairs"


@dataclass(frozen=True, eq=False)
class Compared:
    """Two lines of a table and their difference in one measure, or what keeps it from being measured."""

    first: dict[str, Any]
    second: dict[str, Any]
    measure: str
    estimate: Estimate | None
    obstacle: str = ""

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [line["measured"] for line in (self.first, self.second) if line["measured"]]

    @property
    def deviations(self) -> list[str]:
        """In what the two lines, or their printed figures, are not what the paper compares."""
        return list(dict.fromkeys([*(d for run in self.runs for d in run["deviations"]), *_unlike_protocols(self)]))

    @property
    def genuine(self) -> bool:
        return not self.deviations and all(run["genuine"] for run in self.runs)

    @property
    def by_construction(self) -> bool:
        """Whether the data were made so that the first must win: it sees the order of frames, the second does not.

        Only in top-1: both classes of a pair fit among the first five.
        """
        one, other = self.first["measured"], self.second["measured"]
        return bool(self.measure == "top1" and one["order_only"] and one["sees_order"] and not other["sees_order"])


def claim_rows(spec: dict[str, Any], measured: list[Measured | None]) -> list[dict[str, Value]]:
    """A row for each claim of a table's specification, and for each control that its data allow."""
    lines = {line["method"]: (line, found) for line, found in zip(spec["lines"], measured, strict=True)}
    compared = [_compared(claim["compare"], lines) for claim in spec["claims"]]
    adjusted = _adjusted(spec["claims"], compared)
    rows = [
        _claim_row(spec, claim, pair, adjusted.get(_test(claim)))
        for claim, pair in zip(spec["claims"], compared, strict=True)
    ]
    return rows + [
        _control_row(spec, line, found)
        for line, found in zip(spec["lines"], measured, strict=True)
        if found and _is_control(line, found)
    ]


def _compared(compare: dict[str, str], lines: dict[str, tuple[dict[str, Any], Measured | None]]) -> Compared:
    (first, one), (second, other) = lines[compare["first"]], lines[compare["second"]]
    measure = compare["measure"]
    if one is None or other is None:
        missing = [method for method in (compare["first"], compare["second"]) if lines[method][1] is None]
        return Compared(first, second, measure, None, f"{' and '.join(missing)}: not measured in this study")
    if first["role"] != second["role"]:
        return Compared(first, second, measure, None, "the two lines are of different roles")
    if measure not in one.correct:
        obstacle = f"{measure} says nothing of {len(one.predictions.classes)} classes"
        return Compared(first, second, measure, None, obstacle)
    estimate = difference_interval(one.correct[measure], other.correct[measure], one.groups)
    return Compared(first, second, measure, estimate)


def _test(claim: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two claims one test: statements that rest on the same comparison are not corrected for twice."""
    compare = claim["compare"]
    return claim["kind"], compare["first"], compare["second"], compare["measure"], claim["margin"]


def _adjusted(claims: list[dict[str, Any]], compared: list[Compared]) -> dict[tuple[Any, ...], float]:
    """Holm-adjusted p of every distinct test of the table; sizes are judged by their interval."""
    p_values = {}
    for claim, pair in zip(claims, compared, strict=True):
        if pair.estimate is not None and claim["kind"] == "direction":
            p_values[_test(claim)] = pair.estimate.p
        elif pair.estimate is not None and claim["kind"] == "equivalence":
            p_values[_test(claim)] = equivalence(pair.estimate, claim["margin"] / 100)
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _verdict(claim: dict[str, Any], pair: Compared, p: float | None) -> Verdict:
    if pair.estimate is None:
        return Verdict(NOT_TESTABLE, pair.obstacle)
    if not all(run["tests_claims"] for run in pair.runs):
        return Verdict(NOT_TESTABLE, "the dataset is a check of the plumbing (tests_claims: false)")
    if claim["kind"] == "size":
        return verdicts.size(pair.estimate, claim["published"] / 100, claim["margin"] / 100, genuine=pair.genuine)
    assert p is not None, f"{claim['id']} is tested and has no p"
    if claim["kind"] == "equivalence":
        return verdicts.equivalence(pair.estimate, p, claim["margin"] / 100, genuine=pair.genuine)
    if pair.by_construction:
        return verdicts.construction(pair.estimate, p)
    return verdicts.direction(pair.estimate, p, genuine=pair.genuine)


def _claim_row(spec: dict[str, Any], claim: dict[str, Any], pair: Compared, p: float | None) -> dict[str, Value]:
    verdict = _verdict(claim, pair, p)
    published = claim["published"] if claim["published"] is not None else _published(claim["compare"], pair)
    return {
        "claim": claim["id"],
        "paper": claim["paper"],
        "where": claim["where"],
        "statement": claim["statement"],
        "kind": claim["kind"],
        "published": published,
        **_effect(pair.estimate),
        "verdict": verdict.word,
        "deviations": "; ".join(pair.deviations),
        "same_evidence_as": claim["same_evidence_as"],
        "study": spec["study"],
        "experiments": "; ".join(dict.fromkeys(run["experiment"] for run in pair.runs)),
        "p_holm": None if p is None else float(f"{p:.3g}"),
        "why": "; ".join(filter(None, [verdict.why, claim["note"]])),
    }


def _published(compare: dict[str, str], pair: Compared) -> float | None:
    """The difference of the two printed figures."""
    first, second = (line["published"].get(compare["measure"]) for line in (pair.first, pair.second))
    return None if first is None or second is None else round(first - second, 2)


def _effect(found: Interval | None) -> dict[str, Value]:
    if found is None:
        return {"measured": None, "low": None, "high": None}
    return {"measured": points(found.value), "low": points(found.low), "high": points(found.high)}


def _unlike_protocols(pair: Compared) -> list[str]:
    """Lines whose printed figure is of another protocol than the measured one."""
    return [
        f"the published {line['method']} is of another protocol ({line['published_protocol']})"
        for line in (pair.first, pair.second)
        if line["measured"] and line["published"] and line["published_protocol"] != line["measured"]["protocol"]
    ]


def _is_control(line: dict[str, Any], found: Measured) -> bool:
    return line["measured"]["order_only"] and not line["measured"]["sees_order"] and found.paired is not None


def _control_row(spec: dict[str, Any], line: dict[str, Any], found: Measured) -> dict[str, Value]:
    assert found.paired is not None
    run, interval = line["measured"], accuracy_interval(found.paired, found.paired_groups)
    verdict = verdicts.chance(interval)
    return {
        "claim": f"control-{spec['table']}-{line['method']}",
        "paper": spec["paper"],
        "where": f"{spec['where']}, on {run['dataset']}",
        "statement": f"{line['method']} {BLIND}",
        "kind": "control",
        "published": None,
        **_effect(interval),
        "verdict": verdict.word,
        "deviations": "; ".join(run["deviations"]),
        "same_evidence_as": None,
        "study": spec["study"],
        "experiments": run["experiment"],
        "p_holm": None,
        "why": verdict.why,
    }


def write_claims(tables: list[Path], out: Path) -> None:
    """Join the tables' claims to `out`.csv and `out`.md.

    Args:
        tables: `<table>.claims.csv` files, in the order in which they are to stand.

    Raises:
        TableError: a file has other columns.
    """
    sections = {path: _read(path) for path in tables}
    rows = [[row[column] for column in COLUMNS] for found in sections.values() for row in found]
    write_text(out.with_name(f"{out.name}.csv"), csv_text(COLUMNS, rows))
    write_text(out.with_name(f"{out.name}.md"), _page(sections, out.parent))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if reader.fieldnames != COLUMNS:
        raise TableError(f"{path} has other columns than claims have. Delete it and run again")
    return rows


def _page(sections: dict[Path, list[dict[str, str]]], folder: Path) -> str:
    """All claims as one Markdown page, a section a table."""
    rows = [row for found in sections.values() for row in found]
    studies = ", ".join(dict.fromkeys(row["study"] for row in rows))
    counts = Counter(row["verdict"] for row in rows)
    text = [f"# Claims, as study {markdown(studies)} decides them" if studies else "# Claims", ""]
    text += ["; ".join(f"{word}: {count}" for word, count in counts.items()) or "No table decides a claim.", ""]
    for path, found in sections.items():
        name = path.name.removesuffix(".claims.csv")
        link = Path(os.path.relpath(path.with_name(f"{name}.md"), folder)).as_posix()
        text += [f"## [{markdown(name)}]({link})", "", *claims_markdown(found), ""]
        deviations = grouped([(row["claim"], row["deviations"]) for row in found], "All of these")
        text += [f"- Deviations from the paper. {markdown(line)}" for line in deviations]
        text += [""] if deviations else []
    return "\n".join(text).rstrip() + "\n"
