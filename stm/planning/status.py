"""Where a study's runs stand, all of it read from files: so it does not matter which machine trains them."""

import json
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from stm.config.products import Prediction, Run
from stm.csvfile import read_csv
from stm.evaluation.metrics import top1
from stm.evaluation.predictions import read
from stm.evaluation.record import read_record
from stm.launch import is_running
from stm.planning.page import aligned, duration
from stm.planning.targets import Target, runs_of

State = Literal["done", "running", "stopped", "waiting"]
STATES: tuple[State, ...] = ("done", "running", "stopped", "waiting")
# A training says how far it is every 30 seconds, or with every step where one takes longer.
SILENT_SECONDS = 600.0


@dataclass(frozen=True)
class Standing:
    """One run; None where nothing says it.

    Attributes:
        state: `stopped` has something to go on from, `waiting` has not.
        line: the first one of a table that it is trained for, as `table6/STM`.
        clips_per_second: in training, from its start on.
        train_top1: of the last epoch, or of the one in progress so far; percent.
        top1: of the validation split, by protocol; percent.
    """

    run: str
    state: State
    epoch: int | None = None
    epochs: int = 0
    clips_per_second: float | None = None
    seconds_left: float | None = None
    train_top1: float | None = None
    top1: dict[str, float] = field(default_factory=dict)
    line: str = ""


def standings(asked: Sequence[Target]) -> list[Standing]:
    """Every run of some targets, those that others start from among them, each once."""
    lines = {run: f"{target.name}/{line}" for target in reversed(asked) for run, line in target.lines.items()}
    return [replace(_standing(run, of_run), line=lines.get(run.name, "")) for run, of_run in runs_of(asked)]


def _standing(run: Run, predictions: Sequence[Prediction]) -> Standing:
    epochs = run.spec["recipe"]["epochs"]
    if Path(run.folder, "run.json").is_file():
        record = read_record(Path(run.folder))
        history = read_csv(Path(run.folder, "history.csv"))
        return Standing(
            run=run.name,
            state="done",
            epoch=epochs,
            epochs=epochs,
            clips_per_second=record["train_clips"] * epochs / record["seconds"] if record["seconds"] else None,
            train_top1=float(history[-1]["train_top1"]),
            top1=_accuracies(predictions),
        )
    progress = Path(run.progress)
    state: State = "stopped" if any(progress.parent.glob("*.safetensors")) else "waiting"
    try:
        said, at = json.loads(progress.read_text(encoding="utf-8")), progress.stat().st_mtime
    except FileNotFoundError:
        return Standing(run.name, state, epochs=epochs)
    if _is_alive(said, at):
        state = "running"
    elif state == "waiting":
        # It stopped before its first checkpoint, and will begin at the beginning.
        return Standing(run.name, state, epochs=epochs)
    return Standing(
        run=run.name,
        state=state,
        epoch=said["epoch"],
        epochs=epochs,
        clips_per_second=said["clips_per_second"],
        seconds_left=said["seconds_left"],
        train_top1=said["train_top1"],
    )


def _is_alive(said: dict[str, Any], at: float) -> bool:
    if said["host"] == platform.node() and not is_running(said["process"]):
        return False
    return time.time() - at < SILENT_SECONDS


def _accuracies(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Of those that are there; orders of frames other than the video's have a report of their own."""
    # Features and maps, which figures ask for, hold no scores.
    scored = [p for p in predictions if type(p) is Prediction and Path(p.path).is_file()]
    forward = [p for p in scored if p.spec["protocol"]["order"] == "forward"]
    return {p.protocol: _top1(p.path, Path(p.path).stat().st_mtime_ns) for p in forward}


@cache
def _top1(path: str, _changed: int) -> float:
    """Read once, however often the page is shown."""
    return top1(read(Path(path)))


def text(study: str, found: Sequence[Standing]) -> str:
    """A line a run, and above them how many are in which state."""
    protocols = list(dict.fromkeys(name for one in found for name in one.top1))
    head = ("run", "state", "epoch", "clips/s", "left", "train", *protocols, "line")
    rows = [
        (
            one.run,
            one.state,
            f"{'-' if one.epoch is None else one.epoch}/{one.epochs}",
            _shown(one.clips_per_second),
            "" if one.seconds_left is None else duration(one.seconds_left / 3600),
            _shown(one.train_top1),
            *(_shown(one.top1.get(name)) for name in protocols),
            one.line,
        )
        for one in found
    ]
    counts = Counter(one.state for one in found)
    summary = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    accuracies = "train: top-1 on training clips"
    if protocols:
        accuracies += f"; {', '.join(protocols)}: on validation clips"
    return "\n".join([f"{study}: {len(found)} runs: {summary or 'none'}", *aligned([head, *rows]), accuracies])


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
