"""Real training beside the same loop on clips that are held in memory: what of a training's time its data take.

    python benchmarks/loading.py results/runs/…/seed0 results/frames/…/index.arrow --workers 0 1 2

A number of steps of each in every round, by the training loop itself: from the shards with so many loader workers, and
with clips held in memory. A step ends with its loss on the CPU, so that a GPU's work is waited for.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from stm.allocator import keep_freed_memory
from stm.analysis.rounds import median, ratio
from stm.config.specification import recipe_in_full
from stm.data.shards import FrameIndex
from stm.repeatable import be_repeatable
from stm.training.loop import Execution, Training
from stm.training.provenance import provenance

# As many clips as fit into any memory.
HELD_STEPS = 4


class HeldInMemory(Training):
    """The first steps' micro-batches, again and again."""

    def _loader(self) -> Iterator[tuple[Tensor, Tensor]]:
        loader = super()._loader()
        return itertools.cycle([next(loader) for step in range(HELD_STEPS) for _ in self.batches.sizes(step)])


def seconds_a_step(training: Training, loader: Iterator[tuple[Tensor, Tensor]], steps: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        training._step(loader)
        training.progress.step += 1
    return (time.perf_counter() - started) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=16, help="of each in one round")
    options = parser.parse_args()
    spec = json.loads((options.run / "run.json").read_text())["spec"]
    device = torch.device(options.device)
    # As a training does.
    keep_freed_memory()
    be_repeatable(recipe_in_full(spec["recipe"])["threads"], device)
    index = FrameIndex(options.index)
    trainings: dict[str, Training] = {"held in memory": HeldInMemory("held", spec, index, None, Execution(device))}
    for workers in options.workers:
        trainings[f"{workers} workers"] = Training("shards", spec, index, None, Execution(device, workers))
    loaders = {name: training._loader() for name, training in trainings.items()}
    found: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(options.rounds + 1):
        for name, training in trainings.items():
            training.network.train()
            seconds = seconds_a_step(training, loaders[name], options.steps)
            if turn:
                found[name].append(seconds)
    print(f"{options.run} · {provenance(device)}\n")
    print("| clips | ms a step | speed beside held clips [range of rounds] |")
    print("|---|---:|---:|")
    for name, seconds in found.items():
        share = ratio(found["held in memory"], seconds)
        print(
            f"| {name} | {median(seconds).value * 1000:.0f} | {share.value:.3f} [{share.low:.3f}, {share.high:.3f}] |"
        )


if __name__ == "__main__":
    main()
