"""Where the tests of Slurm are skipped, and where they fail."""

import pytest

from . import slurmcluster


def installed(monkeypatch, *programs: str) -> None:
    monkeypatch.setattr(slurmcluster, "_program", lambda name: name if name in programs else None)


def test_without_any_of_slurms_programs_its_tests_are_skipped(monkeypatch):
    installed(monkeypatch)
    with pytest.raises(pytest.skip.Exception, match="apt-get install"):
        slurmcluster.require()


@pytest.mark.parametrize("lacking", slurmcluster.PROGRAMS)
def test_a_slurm_that_lacks_a_program_fails_its_tests_and_names_it(monkeypatch, lacking):
    installed(monkeypatch, *{*slurmcluster.PROGRAMS} - {lacking})
    with pytest.raises(pytest.fail.Exception, match=f"here, {lacking} not found"):
        slurmcluster.require()
