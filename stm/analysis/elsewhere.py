"""What else the machine did while something was timed on it.

The load average does not say: of the minute before, it is that of trainings which have just ended.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def with_share_elsewhere(run: Callable[[], T], stat: Path = Path("/proc/stat")) -> tuple[T, float | None]:
    """What `run` returns, and the share of the machine's processor time that other processes took meanwhile.

    Args:
        run: no process that it starts is at work beyond it.
        stat: Linux's account of the machine. The share is None where there is none.
    """
    busy, own, started = _busy_seconds(stat), _own_seconds(), time.monotonic()
    result = run()
    passed = (time.monotonic() - started) * (os.cpu_count() or 1)
    busy_since = _busy_seconds(stat)
    if busy is None or busy_since is None or not passed:
        return result, None
    elsewhere = (busy_since - busy) - (_own_seconds() - own)
    # Of a short time the two accounts differ by their ticks.
    return result, round(min(max(elsewhere / passed, 0.0), 1.0), 4)


def _busy_seconds(stat: Path) -> float | None:
    """Of all processors since the machine started; what a virtual machine was kept waiting for counts as busy."""
    try:
        user, nice, system, _idle, _waiting, *others = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    except (OSError, ValueError):
        return None
    return float(user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Of this process and of those it started that have ended."""
    return sum(os.times()[:4])
