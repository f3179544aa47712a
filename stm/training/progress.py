"""How far a training is: what it counts, what it goes on from, and what it lets others see meanwhile."""

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stm.data.dataset import MicroBatches
from stm.files import write_json


@dataclass
class Progress:
    """How far a training is, and what it has recorded so far."""

    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    # Sums over the epoch in progress: of the terms of the loss and of right answers over clips, and clips.
    terms: dict[str, float] = field(default_factory=dict)
    correct: int = 0
    clips: int = 0
    seconds: float = 0.0
    resumed: int = 0
    # Steps of processes whose activations were made a second time, for want of memory.
    recomputed: int = 0

    def add(self, terms: dict[str, float], correct: int, clips: int) -> None:
        """Count one step."""
        for name, total in terms.items():
            self.terms[name] = self.terms.get(name, 0.0) + total
        self.correct += correct
        self.clips += clips

    def end_epoch(self, epoch: int, learning_rate: float) -> None:
        """A row of the history, and empty sums."""
        row = {
            "epoch": epoch,
            "step": self.step,
            "learning_rate": learning_rate,
            **{name: total / self.clips for name, total in self.terms.items()},
            "train_top1": 100 * self.correct / self.clips,
            "seconds": round(self.seconds, 2),
        }
        self.history.append(row)
        self.terms, self.correct, self.clips = {}, 0, 0


def report(progress: Progress, batches: MicroBatches) -> str:
    """A line about the epoch in progress."""
    loss, top1 = progress.terms["loss"] / progress.clips, 100 * progress.correct / progress.clips
    left = _seconds_left(progress, batches) or 0.0
    return (
        f"epoch {_epoch(progress, batches)} of {batches.epochs}, "
        f"loss {loss:.3f}, top-1 {top1:.1f}%, {left / 60:.1f} min left"
    )


def publish(checkpoints: Path, progress: Progress, batches: MicroBatches) -> None:
    """Write `progress.json` beside the checkpoints, where `stm status` looks; a training never reads it."""
    epochs, steps = divmod(progress.step, batches.steps_per_epoch)
    clips = epochs * len(batches.rows) + steps * batches.global_batch
    last = progress.history[-1]["train_top1"] if progress.history else None
    standing = {
        "epoch": _epoch(progress, batches),
        "step": progress.step,
        "clips_per_second": clips / progress.seconds if progress.seconds else None,
        "seconds_left": _seconds_left(progress, batches),
        "train_top1": 100 * progress.correct / progress.clips if progress.clips else last,
        "host": platform.node(),
        "process": os.getpid(),
    }
    write_json(checkpoints / "progress.json", standing)


def _epoch(progress: Progress, batches: MicroBatches) -> int:
    """The one in progress, or the last that ended; 0 before the first step."""
    return -(-progress.step // batches.steps_per_epoch)


def _seconds_left(progress: Progress, batches: MicroBatches) -> float | None:
    """At the pace so far."""
    steps = batches.steps_per_epoch * batches.epochs
    return progress.seconds / progress.step * (steps - progress.step) if progress.step else None
