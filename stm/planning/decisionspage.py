"""What a study could decide, as text of 100 columns and as JSON."""

from typing import Any

from stm.analysis.power import MOST_SEEDS
from stm.planning.decisions import Decision, Decisions, TableDecisions
from stm.planning.page import aligned

NOTES = """\
For 80% power, were the published effects the true ones. level: at which Holm's correction judges a
test, the surer tests of its table before it. power, finds: of this study as it is, and the smallest
effect in points that it would find. 1 seed, 3 seeds: clips needed with so many; never: no number of
clips is enough. seeds: needed with the study's clips. (m): how clips vary was measured in this
study, else it follows from the published accuracies as of unrelated clips and networks. SD: of one
network's accuracy over trainings, in points; measured where the study has seeds, else --seed-sd, or
1. With one seed the test itself knows nothing of it (docs/verdicts.md); the power here does."""


def text(found: Decisions) -> str:
    """Every test of every table, and what is left out."""
    parts = [line for table in found.tables for line in _table(table)]
    left = [f"  {count} {reason}" for reason, count in sorted(found.left_out.items())]
    return "\n".join([*parts, NOTES, *(["", "Claims left out:", *left] if left else [])])


def _table(table: TableDecisions) -> list[str]:
    seeds = list(table.decisions[0].clips)
    clips = table.decisions[0].study_clips
    head = ["claims", "kind", "effect", "SD", "level", "power", "finds", *(f"{s} seed{'s' * (s > 1)}" for s in seeds)]
    rows = aligned([[*head, "seeds"], *(_row(row) for row in table.decisions)])
    size = f"{table.study_seeds} seed{'s' * (table.study_seeds > 1)}, {'?' if clips is None else f'{clips:,}'} clips"
    return [f"{table.table}: {size}; {table.tests} tests", *(f"  {row}" for row in rows), ""]


def _row(row: Decision) -> list[str]:
    claims = row.claims[0] + (f" +{len(row.claims) - 1}" if len(row.claims) > 1 else "") + " (m)" * row.measured
    kind = row.test.kind if row.test.kind == "direction" else f"{row.test.kind} ±{100 * row.test.margin:g}"
    seeds = "?" if row.study_clips is None else f"> {MOST_SEEDS}" if row.seeds is None else str(row.seeds)
    return [
        claims,
        kind,
        f"{100 * row.effect:+.1f}",
        f"{100 * row.seed_sd:.1f}",
        f"{100 * row.test.level:.2g}%",
        "?" if row.power is None else f"{100 * row.power:.0f}%",
        "" if row.smallest is None else f"{100 * row.smallest:.1f}",
        *("never" if clips is None else f"{clips:,}" for clips in row.clips.values()),
        seeds,
    ]


def as_json(found: Decisions) -> dict[str, Any]:
    """The same; effects in points, null for never and for what is not known."""
    return {
        "tables": [
            {
                "table": table.table,
                "seeds": table.study_seeds,
                "tests": table.tests,
                "decisions": [_as_json(row) for row in table.decisions],
            }
            for table in found.tables
        ],
        "left_out": dict(sorted(found.left_out.items())),
    }


def _as_json(row: Decision) -> dict[str, Any]:
    return {
        "claims": row.claims,
        "kind": row.test.kind,
        "level": row.test.level,
        "margin": 100 * row.test.margin,
        "effect": 100 * row.effect,
        "seed_sd": 100 * row.seed_sd,
        "spread_measured": row.measured,
        "clips": row.study_clips,
        "power": row.power,
        "smallest_effect": None if row.smallest is None else 100 * row.smallest,
        "clips_needed": {str(seeds): clips for seeds, clips in row.clips.items()},
        "seeds_needed": row.seeds,
    }
