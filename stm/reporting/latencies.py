"""Latencies in a table: what the job that timed its recognisers of streams found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.rounds import median
from stm.files import read_sealed
from stm.reporting.cells import Value
from stm.reporting.speeds import other_device, rounded


@dataclass(frozen=True)
class Latencies:
    """What one job found.

    Args:
        rounds: milliseconds a frame of each line's recogniser, by the line's number, round by round.
        deviations: from how the paper measured.
    """

    rounds: dict[int, list[float]]
    deviations: list[str]
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
        found = median(rounds)
        low, middle, high = (rounded(x) for x in (found.low, found.value, found.high))
        deviations = [*(line["measured"]["deviations"] if line["measured"] else []), *self.deviations]
        cells: dict[str, Value] = {"latency_ms": middle, "latency_ms_low": low, "latency_ms_high": high}
        return {**cells, "deviations": "; ".join(deviations)}


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
    return Latencies(
        rounds={int(number): record["latency_ms"][name] for number, name in job["lines"].items()},
        deviations=other_device("latency", record["provenance"], job["published"]),
    )
