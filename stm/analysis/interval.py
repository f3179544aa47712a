"""A number and how far it can be trusted: what tables, pages and benchmarks speak in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval and what the interval covers: "clips", "clips and seeds" or "rounds"."""

    value: float
    low: float
    high: float
    covers: str
