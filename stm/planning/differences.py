"""Why two runs differ: everything that their records say, side by side where it is not the same."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stm.config.specification import variant_in_full
from stm.evaluation.record import read_record
from stm.planning.page import aligned

# By the first words that fit a key. What follows from the others comes last: it is no reason.
GROUPS = {
    "seed and fold": ("spec.seed", "spec.fold"),
    "data": ("data_digest", "decoder_versions", "train_clips", "classes", "spec.dataset", "spec.flip_pairs"),
    "initial weights": ("initial_weights", "imported", "spec.recipe.initialisation"),
    "network": ("spec.variant", "spec.frames"),
    "recipe": ("spec.recipe",),
    "code and versions": (
        *("provenance.stm", "provenance.commit", "provenance.python", "provenance.torch", "provenance.numpy"),
        *("provenance.cuda", "provenance.cudnn", "spec.version"),
    ),
    "hardware and arithmetic": ("provenance", "precision", "processes"),
    "how it went": (
        "weights_sha256",
        "history_sha256",
        "steps",
        "seconds",
        "resumed",
        "steps_recomputed",
        "peak_memory_mb",
    ),
}
OUTCOMES = "how it went"
ABSENT = "-"
WIDEST = 44


def flat(value: Any, key: str = "") -> dict[str, str]:
    """`a.b: text` for every leaf of nested mappings; lists are one value."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for name, inner in value.items():
            found |= flat(inner, f"{key}.{name}" if key else str(name))
        return found
    return {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def in_full(record: Mapping[str, Any]) -> dict[str, str]:
    """A record by key, with the values of the network that its specification leaves out."""
    variant, backbone = variant_in_full(record["spec"]["variant"])
    network = {**variant.model_dump(), "backbone": backbone.model_dump()}
    return flat({**record, "spec": {**record["spec"], "variant": network}})


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Key, its value in one record and in the other, by group; groups without a difference are left out."""
    one, other = in_full(first), in_full(second)
    found: dict[str, list[tuple[str, str, str]]] = {group: [] for group in GROUPS}
    for key in sorted({*one, *other}):
        values = one.get(key, ABSENT), other.get(key, ABSENT)
        if values[0] != values[1]:
            found[_group(key)].append((key, *values))
    return {group: rows for group, rows in found.items() if rows}


def _group(key: str) -> str:
    return next(
        (g for g, starts in GROUPS.items() if any(key == s or key.startswith(f"{s}.") for s in starts)), OUTCOMES
    )


def text(first: Path, second: Path) -> str:
    """What the records of two runs' folders say differently, and whether it is a reason.

    Raises:
        RunError: a folder holds no run.
    """
    records = read_record(first), read_record(second)
    found = differences(*records)
    lines = [f"A {first}", f"B {second}"]
    for group, rows in found.items():
        lines += ["", group, *(f"  {line}" for line in _table(rows))]
    return "\n".join([*lines, "", _conclusion(records, found)])


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    short = [(key, *(_short(value) for value in values)) for key, *values in rows]
    return aligned([("", "A", "B"), *short])


def _short(value: str) -> str:
    return value if len(value) <= WIDEST else f"{value[: WIDEST - 1]}…"


def _conclusion(records: tuple[dict[str, Any], dict[str, Any]], found: Mapping[str, Any]) -> str:
    same = records[0]["weights_sha256"] == records[1]["weights_sha256"]
    reasons = [group for group in found if group != OUTCOMES]
    if same:
        beside = f" All the same they differ in {_and(reasons)}." if reasons else ""
        return f"Their weights are the same to the bit.{beside}"
    if reasons:
        return f"Their weights differ. What can be the reason: {_and(reasons)}."
    why = "the code was changed and not committed" if _is_dirty(records) else "something that no record holds"
    return f"Their weights differ, and their records name no reason: {why}."


def _is_dirty(records: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    return any("dirty" in (record["provenance"]["commit"] or "dirty") for record in records)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
