"""Training: one run, from its specification and an index of frames to weights, history and record."""

import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from stm.config.specification import recipe_in_full
from stm.csvfile import write_csv
from stm.data.dataset import MicroBatches, TrainingClips
from stm.data.sampling import frame_step
from stm.data.shards import FrameIndex
from stm.data.transforms import normalise
from stm.draws import Purpose, torch_seed
from stm.errors import UserError
from stm.files import digest, file_digest, write_sealed
from stm.models.builder import VideoNetwork
from stm.ranks import Ranks, joined_ranks
from stm.repeatable import be_repeatable, in_bfloat16
from stm.tensors import save_tensors
from stm.training.checkpoint import load_checkpoint, save_checkpoint
from stm.training.initial import starting_network
from stm.training.memory import Memory
from stm.training.objective import ALONE, cross_entropy_step, twins_step
from stm.training.optimiser import build_optimiser, learning_rate, set_learning_rate
from stm.training.progress import Progress, publish, report
from stm.training.provenance import peak_memory_mb, provenance


class TrainingError(UserError):
    """A training that cannot go on; the text says why and what can be done."""


@dataclass(frozen=True)
class Execution:
    """How to train, without a trace in the weights."""

    device: torch.device
    workers: int = 0
    checkpoint_seconds: float = 300.0
    report_seconds: float = 30.0


def train(
    spec: dict[str, Any], index_path: Path, weights: Path | None, checkpoints: Path, out: Path, execution: Execution
) -> None:
    """Train one run and write `weights.safetensors`, `history.csv` and `run.json` into `out`.

    A checkpoint of the same specification and data in `checkpoints` is resumed from; the folder is removed at the end.

    Args:
        spec: of `stm.config.products.Run`.
        index_path: of the dataset.
        weights: the initial weights, where the recipe does not start from scratch.
        checkpoints: a folder for this run alone.
        out: the run's folder.
        execution: device, loader workers, intervals.

    Raises:
        TrainingError: the loss is no longer finite, or the processes would not go on from the same step.
        MemoryShortageError: of the device, twice at one step.
    """
    be_repeatable(recipe_in_full(spec["recipe"])["threads"], execution.device)
    index = FrameIndex(index_path)
    with joined_ranks(execution.device) as ranks:
        training = Training("/".join(out.parts[-3:]), spec, index, weights, execution, ranks)
        # Named by what the weights follow from: with a changed setting or other data a training starts afresh, and
        # changed back it goes on.
        start = [training.initial["sha256"]] if training.initial else []
        checkpoint = checkpoints / f"{digest([spec, index.digest, *start], 16)}.safetensors"
        training.resume(checkpoint)
        training.run(checkpoint)
        if ranks.first:
            training.write(out)
            shutil.rmtree(checkpoints, ignore_errors=True)


class MicroBatchesOfStep:
    """So many micro-batches, read once, and given out as often as they are gone through."""

    def __init__(
        self,
        loader: Iterator[tuple[Tensor, Tensor]],
        count: int,
        on_device: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    ):
        self.loader = loader
        self.count = count
        self.on_device = on_device
        self.read: list[tuple[Tensor, Tensor]] = []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for k in range(self.count):
            if k == len(self.read):
                self.read.append(next(self.loader))
            yield self.on_device(*self.read[k])


class Training:
    """One run in progress."""

    def __init__(
        self,
        name: str,
        spec: dict[str, Any],
        index: FrameIndex,
        weights: Path | None,
        execution: Execution,
        ranks: Ranks = ALONE,
    ):
        self.name = name
        self.ranks = ranks
        self.recipe = recipe_in_full(spec["recipe"])
        self.spec = {**spec, "recipe": self.recipe}
        self.index = index
        self.execution = execution
        self.rows = index.select("train", spec["fold"])
        network, fresh = starting_network(self.spec, index.classes, weights)
        self.initial: dict[str, str] | None = None
        if weights is not None:
            self.initial = {"file": str(weights), "sha256": file_digest(weights)}
            self._print(
                f"initial weights from {weights}; with their own start: {len(fresh)} of {len(network.state_dict())}"
            )
        self.network: VideoNetwork = network.to(execution.device)
        self.optimiser = build_optimiser(self.network, self.recipe)
        self.memory = Memory(self.network, lambda line: print(f"{name}: {line}", flush=True))
        self.progress = Progress()
        whole, part = self.recipe["global_batch"], self.recipe["micro_batch"]
        if whole // part % ranks.count:
            raise TrainingError(
                f"global_batch {whole} is {whole // part} micro-batches of {part}, which {ranks.count} processes "
                f"cannot share alike. Start as many processes as divide {whole // part}"
            )
        self.batches = MicroBatches(self.rows, spec["seed"], self.recipe["epochs"], whole, part, ranks.share)
        self.steps = self.batches.steps_per_epoch * self.recipe["epochs"]

    def resume(self, checkpoint: Path) -> None:
        """Go on from where a checkpoint left off, where the first process sees one.

        Raises:
            TrainingError: others do not see it.
        """
        there = checkpoint.exists()
        if not self.ranks.gather([torch.tensor(there)])[0]:
            return
        if there:
            self.progress = load_checkpoint(checkpoint, self.network, self.optimiser)
        steps = [int(step) for step in self.ranks.gather([torch.tensor(self.progress.step)])]
        if len(set(steps)) > 1:
            raise TrainingError(
                f"{checkpoint}: the processes would go on from different steps: {', '.join(map(str, steps))}. Not all "
                "of them see this file; where a disk shows files to other nodes with a delay, the same command goes on"
            )
        self.progress.resumed += 1
        self.batches.step = self.progress.step
        self._print(f"resuming at step {self.progress.step} of {self.steps}")

    def run(self, checkpoint: Path) -> None:
        """All steps that are left, with a checkpoint after each epoch and after each interval."""
        progress, per_epoch = self.progress, self.batches.steps_per_epoch
        self._publish(checkpoint)
        self.network.train()
        loader = self._loader()
        saved = reported = clock = time.monotonic()
        while progress.step < self.steps:
            self._step(loader)
            progress.step += 1
            now = time.monotonic()
            progress.seconds += now - clock
            clock = now
            ended = progress.step % per_epoch == 0
            if ended or now - reported > self.execution.report_seconds:
                self._print(f"{self.name}: {report(progress, self.batches)}")
                self._publish(checkpoint)
                reported = now
            if ended:
                epoch = progress.step // per_epoch
                progress.end_epoch(epoch, learning_rate(self.recipe, epoch - 1))
            due = ended or now - saved > self.execution.checkpoint_seconds
            if self.ranks.first and due and progress.step < self.steps:
                save_checkpoint(checkpoint, self.network, self.optimiser, progress)
                saved = now

    def _loader(self) -> Iterator[tuple[Tensor, Tensor]]:
        clips = TrainingClips(
            self.index, self.rows, self.recipe, self.spec["frames"], self.spec["seed"], self.spec.get("flip_pairs", [])
        )
        return iter(
            DataLoader(
                clips,
                batch_sampler=self.batches,
                num_workers=self.execution.workers,
                pin_memory=self.execution.device.type == "cuda",
                multiprocessing_context="forkserver" if self.execution.workers else None,
            )
        )

    def _step(self, loader: Iterator[tuple[Tensor, Tensor]]) -> None:
        """One step of the optimiser: the gradient over the global batch, by micro-batches."""
        progress = self.progress
        sizes = self.batches.sizes(progress.step)
        share = self.ranks.share(len(sizes))
        batches = MicroBatchesOfStep(loader, len(share), self._on_device)
        seeds = [torch_seed(self.spec["seed"], Purpose.STEP, progress.step, k) for k in share]
        step = (self._logits, batches, sum(sizes), seeds)
        with self.ranks.together(self.network, len(sizes)):
            if self.recipe["twins"]:
                terms, correct = twins_step(*step, self.recipe["twins"], self.memory, self.ranks)
            else:
                terms, correct = cross_entropy_step(*step, self.memory, self.ranks)
        if not math.isfinite(terms["loss"]):
            raise TrainingError(
                f"the loss is {terms['loss'] / sum(sizes)} at step {progress.step} of {self.steps}. A lower "
                f"learning_rate or a gradient_norm_limit in the recipe may help; the last checkpoint is kept"
            )
        progress.recomputed += int(sum(self.ranks.gather([torch.tensor(int(self.memory.recomputing))])))
        epoch = progress.step // self.batches.steps_per_epoch
        set_learning_rate(self.optimiser, learning_rate(self.recipe, epoch))
        if self.recipe["gradient_norm_limit"] is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe["gradient_norm_limit"])
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        progress.add(terms, correct, sum(sizes))

    def _on_device(self, frames: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        device = self.execution.device
        return frames.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def _logits(self, frames: Tensor) -> Tensor:
        """(n, V, T, 3, H, W) bytes to (V, n, K): all views of all clips in one batch through the network."""
        views = frames.shape[1]
        bfloat16 = in_bfloat16(frames.device, self.recipe["precision"])
        with torch.autocast(frames.device.type, dtype=torch.bfloat16, enabled=bfloat16):
            logits = self.network(normalise(frames.transpose(0, 1).flatten(0, 1))).float()
        return logits.unflatten(0, (views, -1))

    def _publish(self, checkpoint: Path) -> None:
        if self.ranks.first:
            publish(checkpoint.parent, self.progress, self.batches)

    def _print(self, line: str) -> None:
        if self.ranks.first:
            print(line, flush=True)

    def write(self, out: Path) -> None:
        """The run's folder; the record last, with the digest of the weights."""
        weights = out / "weights.safetensors"
        save_tensors(weights, self.network.state_dict())
        history = out / "history.csv"
        write_csv(history, list(self.progress.history[0]), (row.values() for row in self.progress.history))
        write_sealed(out / "run.json", self._record(file_digest(weights), file_digest(history)))

    def _record(self, weights_digest: str, history_digest: str) -> dict[str, Any]:
        bfloat16 = in_bfloat16(self.execution.device, self.recipe["precision"])
        return {
            "spec": self.spec,
            "classes": self.index.classes,
            "data_digest": self.index.digest,
            "decoder_versions": self.index.versions,
            "initial_weights": self.initial,
            "weights_sha256": weights_digest,
            "history_sha256": history_digest,
            "train_clips": len(self.rows),
            # How far apart a stream's frames have to lie to look as they did in training.
            "frame_step": frame_step(self.index.frame_counts(self.rows), self.spec["frames"]),
            "steps": self.steps,
            "processes": self.ranks.count,
            "precision": "bfloat16" if bfloat16 else "float32",
            "seconds": round(self.progress.seconds, 1),
            "resumed": self.progress.resumed,
            "steps_recomputed": self.progress.recomputed,
            "peak_memory_mb": round(peak_memory_mb(self.execution.device), 1),
            "provenance": provenance(self.execution.device),
        }
