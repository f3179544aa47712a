"""Latencies in a table: what the job that timed its recognisers of streams found."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stm.analysis.interval import Interval
from stm.analysis.rounds import median, ratio
from stm.csvfile import Value
from stm.files import read_sealed
from stm.reporting.speeds import rounded, unlike_machine

COLUMNS = [
    *("latency_ms", "latency_ms_low", "latency_ms_high"),
    *("cached_latency_ms", "cached_latency_ms_low", "cached_latency_ms_high"),
    *("cached_of_plain", "cached_of_plain_low", "cached_of_plain_high", "step_flops_g", "cached_step_flops_g"),
]


@dataclass(frozen=True)
class Latencies:
    """What one job found, by the number of a line.

    Args:
        rounds: milliseconds a frame of its recogniser, round by round.
        deviations: from how the paper measured.
        cached: the same of its form that keeps the stem's results, where it has one.
        flops_g: of a step, 10^9 multiply-adds, and of the cached form's where there is one.
    """

    rounds: dict[int, list[float]]
    deviations: list[str]
    cached: dict[int, list[float]] = field(default_factory=dict)
    flops_g: dict[int, list[float]] = field(default_factory=dict)
    unit = "ms"
    # No other library's recogniser is timed beside them.
    unfair = ""

    def rounds_of(self, line: dict[str, Any]) -> list[float] | None:
        return self.rounds.get(line["line"])

    def cells(self, line: dict[str, Any]) -> dict[str, Value]:
        """Of a line of the table's specification; nothing of one that is no stream."""
        rounds = self.rounds_of(line)
        if rounds is None:
            return {}
        number = line["line"]
        deviations = [*(line["measured"]["deviations"] if line["measured"] else []), *self.deviations]
        cells: dict[str, Value] = {**_cells("latency_ms", median(rounds)), "deviations": "; ".join(deviations)}
        if number in self.cached:
            cached = self.cached[number]
            cells |= _cells("cached_latency_ms", median(cached)) | _cells("cached_of_plain", ratio(cached, rounds))
        names = ("step_flops_g", "cached_step_flops_g")
        return cells | {name: round(flops, 4) for name, flops in zip(names, self.flops_g.get(number, []), strict=False)}


def _cells(name: str, found: Interval) -> dict[str, float]:
    return {name: rounded(found.value), f"{name}_low": rounded(found.low), f"{name}_high": rounded(found.high)}


def load_latencies(job: dict[str, Any] | None) -> Latencies:
    """What was found for a table; nothing for one without streams.

    Args:
        job: `latency` of the table's specification.

    Raises:
        FileNotFoundError: the record is not there.
    """
    if job is None:
        return Latencies({}, [])
    record = read_sealed(Path(job["record"]))
    lines = {int(number): name for number, name in job["lines"].items()}
    found, flops = record["latency_ms"], record["flops_g"]
    return Latencies(
        rounds={number: found[name] for number, name in lines.items()},
        deviations=unlike_machine("latency", record, job["published"]),
        cached={number: found[f"{name}-cached"] for number, name in lines.items() if f"{name}-cached" in found},
        flops_g={
            number: [flops[form] for form in (name, f"{name}-cached") if form in flops]
            for number, name in lines.items()
        },
    )
