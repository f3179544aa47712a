"""Costs as text of 100 columns, and as JSON."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from stm.planning.costs import Costs, RunCost
from stm.planning.speed import EVALUATION_SPEEDUP

COLUMNS = ("experiment", "runs", "new", "clips", "epochs", "to score", "time")


def text(costs: Costs) -> str:
    """Every target with its experiments, what they share counted once, and where the figures are from."""
    parts = [part for target in costs.targets for part in _target(target.target.name, target.target.title, target.runs)]
    return "\n".join([*parts, *_totals(costs), "", *_speeds(costs), *_disk(costs)])


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns as wide as they need to be, the first to the left and the others to the right."""
    table = [list(row) for row in rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        " ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in table
    ]


def wrapped(text: str, indent: int) -> list[str]:
    """Lines of 100 columns at most, indented."""
    space = " " * indent
    return textwrap.wrap(text, 100, initial_indent=space, subsequent_indent=space, break_long_words=False)


def quantity(value: float | None) -> str:
    """A number in three digits, with k, M or G."""
    if value is None:
        return "?"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def room(size: float | None) -> str:
    """Bytes, in powers of ten."""
    if size is None:
        return "?"
    unit, of = next(((u, s) for u, s in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)) if size >= s), ("kB", 1e3))
    return f"{size / of:.3g} {unit}"


def duration(hours: float | None) -> str:
    """Hours in the unit in which they are read most easily."""
    if hours is None:
        return "?"
    if hours >= 48:
        return f"{hours / 24:,.0f} d" if hours >= 240 else f"{hours / 24:.1f} d"
    if hours >= 1.5:
        return f"{hours:.1f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 1.5 else f"{hours * 3600:.0f} s"


def _target(name: str, title: str, runs: Sequence[RunCost]) -> list[str]:
    if not runs:
        return [f"{name} ({title}): nothing to train", ""]
    rows = [COLUMNS, *(_row(found) for found in _by_experiment(runs))]
    shown = sorted({Path(path).stem for run in runs for path in run.views})
    return [f"{name} ({title})", *(f"  {line}" for line in aligned(rows)), f"  scored under {', '.join(shown)}", ""]


def _by_experiment(runs: Sequence[RunCost]) -> list[list[RunCost]]:
    found: dict[str, list[RunCost]] = {}
    for run in runs:
        found.setdefault(run.run.experiment, []).append(run)
    return list(found.values())


def _row(runs: Sequence[RunCost]) -> list[str]:
    first = runs[0]
    return [
        first.run.experiment,
        str(len(runs)),
        str(sum(not run.done for run in runs)),
        "?" if first.clips is None else f"{first.clips:,}",
        f"{first.epochs}x{first.views_of_a_clip}" if first.views_of_a_clip > 1 else str(first.epochs),
        quantity(_sum(views for run in runs for views in run.views.values())),
        duration(_sum(run.hours for run in runs)),
    ]


def _totals(costs: Costs) -> list[str]:
    runs, new = costs.runs, [run for run in costs.runs if not run.done]
    lines = [f"{len(runs)} runs, what targets share counted once: {len(runs) - len(new)} done, {len(new)} to train"]
    for title, of in (
        ("views in training (clips x epochs, twice under Twins)", lambda run: run.training_views),
        ("steps of the optimiser", lambda run: run.steps),
        ("epochs", lambda run: run.epochs),
    ):
        lines.append(f"  {title}: {_partial(*costs.total(of, new=True), quantity)} to do")
    lines.append(f"  views to score: {_partial(*costs.total(lambda run: run.new_views), quantity)} to do")
    flops = costs.total(lambda run: _product(run.flops_g, run.training_views), new=True)
    lines.append(f"  multiply-adds of the forward passes in training: {_partial(*flops, _peta)}")
    lines.append(f"  time of one device: {_partial(*costs.total(lambda run: run.hours), duration)} to do")
    if costs.jobs > 1:
        lines.append(f"  time with {costs.jobs} trainings at a time: {duration(costs.elapsed_hours)}")
    return lines


def _partial(value: float, unknown: int, shown: Any) -> str:
    if not unknown:
        return shown(value)
    return f"{shown(value)}, without {unknown} runs of which it is not known" if value else "unknown"


def _speeds(costs: Costs) -> list[str]:
    """Where each speed is from, networks of one answer together."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in costs.runs:
        rate = "?" if run.speed.training is None else f"{run.speed.training:.3g}"
        label = f"{run.run.variant}-{run.run.spec['frames']}f"
        labels = found.setdefault((rate, run.speed.source), [])
        if label not in labels:
            labels.append(label)
    lines = ["Speed, in views a second of training"]
    for (rate, source), labels in found.items():
        lines += [*wrapped(f"{rate} {', '.join(labels)}", 2), *wrapped(source, 4)]
    assumed = any(
        run.speed.training and run.speed.evaluation == EVALUATION_SPEEDUP * run.speed.training for run in costs.runs
    )
    if assumed:
        lines.append(f"  Evaluation was not measured: taken to be {EVALUATION_SPEEDUP:g} times as fast as training.")
    return [*lines, ""]


def _disk(costs: Costs) -> list[str]:
    lines = ["Disk"]
    for found in costs.datasets:
        clips = "?" if found.clips.total is None else f"{found.clips.total:,}"
        lines += wrapped(f"frames of {found.dataset.name}: {room(found.frames.size)}; {found.frames.source}", 2)
        lines += [f"    {clips} clips, {found.clips.source}"]
    weights = costs.total(lambda run: run.weights_bytes)
    lines.append(f"  weights: {_partial(*weights, room)}; a checkpoint of a training that goes on: twice a run's")
    lines.append(f"  predictions: at most {_partial(*costs.total(lambda run: run.prediction_bytes), room)}")
    return lines


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    return None if None in found else sum(v for v in found if v is not None)


def _product(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _peta(giga: float) -> str:
    return f"{giga / 1e6:.3g} x 10^15"


def as_json(costs: Costs) -> dict[str, Any]:
    """The same, with null for what is not known."""
    return {
        "targets": [
            {"target": t.target.name, "title": t.target.title, "runs": [_run(run) for run in t.runs]}
            for t in costs.targets
        ],
        "runs": [_run(run) for run in costs.runs],
        "datasets": [
            {
                "dataset": d.dataset.name,
                "clips": d.clips.total,
                "clips_source": d.clips.source,
                "frames_bytes": d.frames.size,
                "frames_source": d.frames.source,
            }
            for d in costs.datasets
        ],
        "jobs": costs.jobs,
        "hours": _sum(run.hours for run in costs.runs),
        "elapsed_hours": costs.elapsed_hours if all(run.hours is not None for run in costs.runs) else None,
    }


def _run(run: RunCost) -> dict[str, Any]:
    return {
        "run": run.run.name,
        "done": run.done,
        "train_clips": run.clips,
        "epochs": run.epochs,
        "views_of_a_clip": run.views_of_a_clip,
        "steps": run.steps,
        "train_hours": run.train_hours,
        "views": run.views,
        "new_views": run.new_views,
        "evaluate_hours": run.evaluate_hours,
        "prediction_bytes": run.prediction_bytes,
        "weights_bytes": run.weights_bytes,
        "flops_g": run.flops_g,
        "views_per_second": run.speed.training,
        "speed": run.speed.source,
    }
