"""What is made of a network alone, without data: counts, speeds, latencies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from stm.config.products import PACKAGE, RESULTS
from stm.config.schema.study import Speed
from stm.files import digest, source_digest


@dataclass(frozen=True)
class Network:
    """A network whose parameters and FLOPs are counted; no data is needed."""

    variant: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.variant}-{self.spec['frames']}f-{digest(self.spec, 8)}"

    @property
    def path(self) -> str:
        return f"{RESULTS}/complexity/{self.name}.json"

    @property
    def timed(self) -> dict[str, Any]:
        """What a job of speeds is told of the network: how it is counted does not matter there."""
        return {key: value for key, value in self.spec.items() if key != "code"}

    @property
    def timed_name(self) -> str:
        return f"{self.variant}-{self.spec['frames']}f-{digest(self.timed, 8)}"


@dataclass(frozen=True)
class TimingJob:
    """What is timed together for a table, round by round: only such speeds can be compared."""

    table: str
    spec: dict[str, Any]
    folder: ClassVar[str]

    @property
    def name(self) -> str:
        return f"{self.table}-{digest(self.spec, 8)}"

    @property
    def path(self) -> str:
        return f"{RESULTS}/{self.folder}/{self.name}.json"


class SpeedJob(TimingJob):
    """Networks, by videos a second."""

    folder = "speed"


class LatencyJob(TimingJob):
    """Recognisers of streams, by milliseconds a frame."""

    folder = "latency"


def speed_job(table: str, settings: Speed, tsn: Network, networks: Iterable[Network]) -> SpeedJob:
    """Networks of a table at the papers' size, timed beside TSN, which all are held to."""
    spec = {
        "code": source_digest(PACKAGE / "models", PACKAGE / "allocator.py", PACKAGE / "analysis" / "speed.py"),
        **settings.model_dump(),
        "tsn": tsn.timed_name,
        "networks": {network.timed_name: network.timed for network in (tsn, *networks)},
    }
    return SpeedJob(table, spec)


def latency_job(table: str, networks: Mapping[str, Network]) -> LatencyJob:
    """Of networks by what their recognisers are called: counted as they are, with inputs of one size."""
    specs = {name: network.spec for name, network in networks.items()}
    spec = {
        "code": source_digest(
            *(PACKAGE / "models", PACKAGE / "allocator.py", PACKAGE / "evaluation" / "online.py"),
            *(PACKAGE / "analysis" / f"{name}.py" for name in ("latency", "flops")),
        ),
        "networks": {
            name: {key: spec[key] for key in ("variant", "frames", "classes")} for name, spec in specs.items()
        },
        "size": next(iter(specs.values()))["size"],
        # Fed in every round; the rounds are what a median and its range are of.
        "frames": 8,
        "rounds": 7,
    }
    return LatencyJob(table, spec)
