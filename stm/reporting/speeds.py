"""Speeds in a table: what a job of them found, and its cells."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.analysis.rounds import MOST_ELSEWHERE, REFERENCE, machine, median, ratio, slow_baseline
from stm.csvfile import Value
from stm.files import read_sealed

# The form that the papers' networks have.
PLAIN = "plain"
COLUMNS = [
    *("videos_per_second", "videos_per_second_low", "videos_per_second_high"),
    *("speed_vs_tsn", "speed_vs_tsn_low", "speed_vs_tsn_high"),
]


@dataclass(frozen=True, eq=False)
class Speeds:
    """What one job found.

    Args:
        rounds: videos a second by mode, the form that networks ran in, and network, round by round.
        left_out: by mode why a network has none.
        tsn: the name of TSN among them.
        batch: clips at a time.
        deviations: from how the paper measured.
    """

    rounds: dict[str, dict[str, list[float]]]
    left_out: dict[str, dict[str, str]]
    tsn: str
    batch: int
    deviations: list[str]
    unit = "videos/s"

    def rounds_of(self, line: dict[str, Any]) -> list[float] | None:
        return None if line["timed"] is None else self.rounds[PLAIN][line["timed"]]

    @property
    def modes(self) -> list[str]:
        """Plain, which claims are judged by, and those that are further rows."""
        return list(self.rounds)

    @property
    def unfair(self) -> str:
        """Why no ratio of plain networks counts; nothing where they do."""
        return self.unfair_in(PLAIN)

    def unfair_in(self, mode: str) -> str:
        """The same of networks in another form."""
        if missing := self.left_out[mode].keys() & {self.tsn, REFERENCE}:
            named = ["TSN" if name == self.tsn else "torchvision's ResNet-50" for name in sorted(missing)]
            return f"{' and '.join(named)} cannot be {mode}"
        return slow_baseline(self.rounds[mode][self.tsn], self.rounds[mode][REFERENCE])

    def cells(self, name: str, mode: str) -> dict[str, Value]:
        """Of one network in one form."""
        cells: dict[str, Value] = {"mode": mode, "batch": self.batch}
        rounds = self.rounds[mode]
        if name not in rounds:
            return cells
        found = {"videos_per_second": median(rounds[name])}
        if not self.unfair_in(mode):
            found["speed_vs_tsn"] = ratio(rounds[name], rounds[self.tsn])
        for measure, interval in found.items():
            low, high = rounded(interval.low), rounded(interval.high)
            cells |= {measure: rounded(interval.value), f"{measure}_low": low, f"{measure}_high": high}
        return cells

    def gaps(self, name: str, mode: str) -> list[str]:
        """Which of a network's cells are empty, and why."""
        if name in self.left_out[mode]:
            return [f"videos_per_second left empty: it cannot be {mode}: {self.left_out[mode][name]}"]
        return [f"speed_vs_tsn left empty: {why}"] if (why := self.unfair_in(mode)) else []


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
        left_out=record["left_out"],
        tsn=spec["tsn"],
        batch=spec["batch"],
        deviations=_deviations(record, speed["published"]),
    )


def _deviations(record: dict[str, Any], published: dict[str, Any]) -> list[str]:
    """In what the measurement differs from the paper's."""
    spec = record["spec"]
    found = unlike_machine("speed", record, published)
    if spec["batch"] != published.get("batch"):
        theirs = published.get("batch")
        found.append(f"speed: batch of {spec['batch']} for {theirs}" if theirs else f"speed: batch of {spec['batch']}")
    if spec["precision"] != "float32":
        found.append(f"speed: {spec['precision']} for float32")
    return found


def unlike_machine(measure: str, record: dict[str, Any], published: dict[str, Any]) -> list[str]:
    """That it was measured on another device than the paper's, and on a machine with other work, where it was.

    Args:
        record: with `provenance` and `share_elsewhere`, which is None where the system does not say it.
        published: `device` as its driver names it, where the paper says it.
    """
    made, device, found = record["provenance"], published.get("device"), []
    # A driver puts the maker before the name; what follows the name is another device ("RTX 3090 Ti").
    if device is None or not made["device"].casefold().endswith(device.casefold()):
        found.append(f"{measure}: on {machine(made)} for one {device or 'device that is not named'}")
    elsewhere = record["share_elsewhere"]
    if elsewhere is not None and elsewhere > MOST_ELSEWHERE:
        found.append(f"{measure}: other work took {elsewhere:.0%} of the machine's processor time meanwhile")
    return found


def published_ratio(spec: dict[str, Any], line: dict[str, Any], tsn: str) -> Value:
    """A line's printed videos a second over TSN's in the same table; None where one of them is not printed."""
    printed = (x["published"].get("videos_per_second") for x in spec["lines"] if x["timed"] == tsn)
    base, own = next(printed, None), line["published"].get("videos_per_second")
    return None if base is None or own is None else round(own / base, 3)


def rounded(value: float) -> float:
    """To four digits: rounds differ in the third."""
    return float(f"{value:.4g}")
