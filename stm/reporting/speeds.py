"""Speeds in a table: what a job of them found, and its cells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.rounds import LEAST_SHARE, REFERENCE, machine, median, ratio
from stm.files import read_sealed
from stm.reporting.cells import Value

COLUMNS = [
    *("videos_per_second", "videos_per_second_low", "videos_per_second_high"),
    *("speed_vs_tsn", "speed_vs_tsn_low", "speed_vs_tsn_high"),
]


@dataclass(frozen=True, eq=False)
class Speeds:
    """What one job found.

    Args:
        rounds: videos a second of each network, round by round.
        tsn: the name of TSN among them.
        mode, batch: in which form the networks ran, on how many clips at a time.
        deviations: from how the paper measured.
    """

    rounds: dict[str, list[float]]
    tsn: str
    mode: str
    batch: int
    deviations: list[str]
    unit = "videos/s"

    def rounds_of(self, line: dict[str, Any]) -> list[float] | None:
        return None if line["timed"] is None else self.rounds[line["timed"]]

    @property
    def unfair(self) -> str:
        """Why no ratio counts; nothing where they do."""
        share = ratio(self.rounds[self.tsn], self.rounds[REFERENCE]).value
        if share >= LEAST_SHARE:
            return ""
        return (
            f"TSN has {share:.3f} of the speed of torchvision's ResNet-50 on the same images, less than {LEAST_SHARE}"
        )

    def cells(self, name: str) -> dict[str, Value]:
        """Of one network."""
        found = {"videos_per_second": median(self.rounds[name])}
        if not self.unfair:
            found["speed_vs_tsn"] = ratio(self.rounds[name], self.rounds[self.tsn])
        cells: dict[str, Value] = {"mode": self.mode, "batch": self.batch}
        for measure, interval in found.items():
            low, high = rounded(interval.low), rounded(interval.high)
            cells |= {measure: rounded(interval.value), f"{measure}_low": low, f"{measure}_high": high}
        return cells


def load_speeds(speed: dict[str, Any] | None) -> Speeds | None:
    """What the job of a table found; None of a table that has none.

    Args:
        speed: of `stm.config.tableplan.TablePlan.spec`.

    Raises:
        FileNotFoundError: the record is not there.
    """
    if speed is None:
        return None
    record = read_sealed(Path(speed["record"]))
    spec = record["spec"]
    return Speeds(
        rounds=record["videos_per_second"],
        tsn=spec["tsn"],
        mode=spec["mode"],
        batch=spec["batch"],
        deviations=_deviations(record, speed["published"]),
    )


def _deviations(record: dict[str, Any], published: dict[str, Any]) -> list[str]:
    """In what the measurement differs from the paper's."""
    spec = record["spec"]
    found = other_device("speed", record["provenance"], published)
    if spec["batch"] != published.get("batch"):
        theirs = published.get("batch")
        found.append(f"speed: batch of {spec['batch']} for {theirs}" if theirs else f"speed: batch of {spec['batch']}")
    if spec["precision"] != "float32":
        found.append(f"speed: {spec['precision']} for float32")
    return found


def other_device(measure: str, made: dict[str, Any], published: dict[str, Any]) -> list[str]:
    """That it was measured on another device than the paper's, where it was.

    Args:
        made: of `stm.training.provenance.provenance`.
        published: `device` as its driver names it, where the paper says it.
    """
    device = published.get("device")
    if device is not None and device.casefold() in made["device"].casefold():
        return []
    return [f"{measure}: on {machine(made)} for one {device or 'device that is not named'}"]


def published_ratio(spec: dict[str, Any], line: dict[str, Any], tsn: str) -> Value:
    """A line's printed videos a second over TSN's in the same table; None where one of them is not printed."""
    printed = (x["published"].get("videos_per_second") for x in spec["lines"] if x["timed"] == tsn)
    base, own = next(printed, None), line["published"].get("videos_per_second")
    return None if base is None or own is None else round(own / base, 3)


def rounded(value: float) -> float:
    """To four digits: rounds differ in the third."""
    return float(f"{value:.4g}")
