"""What else a machine did meanwhile."""

import os
import time

import pytest

from stm.analysis import elsewhere
from stm.analysis.elsewhere import with_share_elsewhere

TICKS = os.sysconf("SC_CLK_TCK")


def test_the_share_is_of_what_the_machine_was_busy_with_less_our_own(tmp_path, monkeypatch):
    """Of 2 processors in 10 seconds: 9 s busy, of which one was stolen, and 4 s of them our own."""
    stat, now, own = tmp_path / "stat", iter([100.0, 110.0]), iter([3.0, 7.0])
    stat.write_text("cpu 100 0 50 1000 7 3 2 10 99 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    monkeypatch.setattr(elsewhere, "_own_seconds", lambda: next(own))

    def run():
        user, stolen = 100 + 8 * TICKS, 10 + TICKS
        stat.write_text(f"cpu {user} 0 50 {1000 + 11 * TICKS} 7 3 2 {stolen} 999 0\n")
        return "done"

    assert with_share_elsewhere(run, stat) == ("done", pytest.approx((9 - 4) / 20))


def test_where_the_system_keeps_no_account_the_share_is_unknown(tmp_path):
    assert with_share_elsewhere(lambda: 1, tmp_path / "absent") == (1, None)
