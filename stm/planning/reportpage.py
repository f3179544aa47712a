"""Snakemake's report of what a study has made so far: of more than is there, Snakemake makes none at all."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snakemake.cli import parse_args, parse_config

from stm.config.loading import ConfigError, suggestion
from stm.config.plan import Plan
from stm.config.reportplan import Entry
from stm.planning.origin import DEFAULT_STUDY
from stm.planning.targets import report_name


def write_report(arguments: Sequence[str]) -> int:
    """Write `report.html` into the folder of a study's reports, of those that exist; make nothing, and name the others.

    Args:
        arguments: as they are typed for Snakemake. Of them targets, `--configfile` and `--config` are taken.

    Returns:
        The exit status: 0, or 1 where no report exists, or that of Snakemake.

    Raises:
        ConfigError: the study is not valid, or has no such report.
    """
    _, options = parse_args([*arguments])
    if len(options.configfile or []) > 1:
        raise ConfigError("Give one study. What studies share goes into a file that each of them `extends:`")
    plan = Plan(Path(options.configfile[0]) if options.configfile else DEFAULT_STUDY, parse_config(options.config))
    plan.require_tables()
    asked = _asked(plan, options.targets)
    existing = [entry for entry in asked if entry.exists(plan.entries)]
    missing = [entry for entry in asked if entry not in existing]
    again = [word for flag in ("configfile", "config") for word in _given(flag, getattr(options, flag))]
    if missing:
        print(_missing_text(missing, plan, again), flush=True)
    if not existing:
        print(f"Nothing of study '{plan.name}' is made yet: there is nothing to report")
        return 1
    page = Path(plan.settings.reports_dir, "report.html")
    command = [sys.executable, "-m", "snakemake", *(entry.target for entry in existing), "--report", str(page), *again]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        print(f"{page}: {len(existing)} of {len(asked)} reports of study '{plan.name}'")
    return status


def _asked(plan: Plan, targets: Sequence[str]) -> list[Entry]:
    """The entries that targets name; all of them without any."""
    entries = plan.entries
    names: list[str] = []
    for target in targets:
        name = report_name(plan, target)
        if name not in [*entries, "all"]:
            hint = suggestion(name, entries)
            raise ConfigError(f"{target} is nothing that a report shows.{hint}\n  Known: {', '.join(entries)}")
        names += entries if name == "all" else [name]
    return [entries[name] for name in dict.fromkeys(names or entries)]


def _given(flag: str, values: Sequence[Any] | None) -> list[str]:
    return [f"--{flag}", *map(str, values)] if values else []


def _missing_text(missing: Sequence[Entry], plan: Plan, again: Sequence[str]) -> str:
    """What is not made, each with its title, and the commands that make it."""
    room = max(len(entry.target) for entry in missing)
    lines = [f"  {entry.target:{room}}  {_why(entry, plan)}" for entry in missing]
    command = " ".join([".venv/bin/snakemake --cores all", missing[0].target, *again])
    return "\n".join([f"Not in the report, {len(missing)}:", *lines, f"To make one: {command}"])


def _why(entry: Entry, plan: Plan) -> str:
    others = [name for name in entry.made_of if not plan.entries[name].exists(plan.entries)]
    return f"{entry.title} (waits for {', '.join(others)})" if others else entry.title
