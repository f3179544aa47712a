"""How hard is the demo's data? Sets the difficulty of the synthetic videos, before any network of the papers sees them.

    python benchmarks/calibrate_demo.py

Renders both generators with a seed that the demo does not use, trains a per-frame 2D network (TSN: frame logits,
averaged) and a small 3D convolutional network on them for as long as the demo trains, and prints what each finds. The
demo is fit for its purpose where, on `temporal`, TSN is at exactly 50% inside the pairs of reversed classes and the 3D
network at 85 to 97%, and TSN is at 75 to 95% on `scene`. The record is calibrate_demo.md.
"""

import argparse
import csv
import platform
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from stm.data.synthetic import labels, render

SEED = 1000  # the demo's is 0
DATASETS = {
    "temporal": {"generator": "temporal", "seed": SEED, "clips": {"train": 576, "validation": 240}},
    "scene": {"generator": "scene", "seed": SEED, "clips": {"train": 480, "validation": 240}},
}
SEGMENTS, CROP, BATCH, LEARNING_RATE = 8, 56, 16, 0.05

# Shape letters in this file: N clips, T frames a clip, S frames sampled, H and W pixels, K classes.


@dataclass
class Clips:
    """One split: frames uint8 (N, T, H, W, 3), class of each clip (N,)."""

    frames: np.ndarray
    classes: np.ndarray


def read(settings: dict, folder: Path) -> dict[str, Clips]:
    """Render a dataset and decode it."""
    render(settings, folder / "videos", folder / "list.csv")
    names = labels(settings)
    with (folder / "list.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    splits = {}
    for split in ("train", "validation"):
        chosen = [row for row in rows if row["split"] == split]
        frames = np.stack([decode(folder / row["video"]) for row in chosen])
        splits[split] = Clips(frames, np.array([names.index(row["label"]) for row in chosen]))
    return splits


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def block(width_in: int, width: int, stride: int, depth: int) -> nn.Module:
    """A residual block of two convolutions: `depth` 1 sees one frame, 3 sees three."""
    return Residual(
        nn.Sequential(
            convolution(width_in, width, (depth, 3, 3), stride), nn.ReLU(), convolution(width, width, (depth, 3, 3), 1)
        ),
        convolution(width_in, width, (1, 1, 1), stride),
    )


def convolution(width_in: int, width: int, kernel: tuple[int, int, int], stride: int) -> nn.Module:
    padding = tuple(side // 2 for side in kernel)
    layer = nn.Conv3d(width_in, width, kernel, (1, stride, stride), padding, bias=False)
    return nn.Sequential(layer, nn.BatchNorm3d(width))


class Residual(nn.Module):
    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.branch(x) + self.shortcut(x))


class Network(nn.Module):
    """The same residual network over frames (`depth` 1: TSN) or over space and time (`depth` 3).

    Shape:
        input (N, 3, S, H, W); output (N, K), the mean of the frames' logits.
    """

    def __init__(self, classes: int, depth: int, width: int = 24) -> None:
        super().__init__()
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        stem = convolution(3, width, (1, 5, 5), 2)
        blocks = [block(a, b, 2, depth) for a, b in pairwise(widths)]
        self.features = nn.Sequential(stem, nn.ReLU(), *blocks)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        per_frame = self.features(clips).mean(dim=(3, 4)).transpose(1, 2)
        return self.classifier(per_frame).mean(dim=1)


def sample(frames: np.ndarray, rng: np.random.Generator | None) -> torch.Tensor:
    """One frame a segment and one crop a clip, at random, or central without `rng`: (N, 3, S, CROP, CROP)."""
    length, height = frames.shape[1:3]
    segment, spare = length // SEGMENTS, height - CROP
    picked = []
    for clip in frames:
        offset = segment // 2 if rng is None else rng.integers(segment, size=SEGMENTS)
        top, left = (spare // 2, spare // 2) if rng is None else rng.integers(spare + 1, size=2)
        picked.append(clip[np.arange(SEGMENTS) * segment + offset, top : top + CROP, left : left + CROP])
    return torch.from_numpy(np.stack(picked)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def train(network: nn.Module, clips: Clips, epochs: int) -> None:
    rng = np.random.default_rng(0)
    decayed = [epochs * 2 // 3, epochs * 11 // 12]
    optimiser = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, decayed)
    for _ in range(epochs):
        network.train()
        for batch in np.array_split(rng.permutation(len(clips.classes)), len(clips.classes) // BATCH):
            logits = network(sample(clips.frames[batch], rng))
            loss = functional.cross_entropy(logits, torch.from_numpy(clips.classes[batch]))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 20)
            optimiser.step()
        schedule.step()


@torch.no_grad()
def scores(network: nn.Module, clips: Clips) -> np.ndarray:
    """Logits (N, K). One clip at a time, so that a clip and its reversal are computed alike."""
    network.eval()
    return np.concatenate([network(sample(clip[None], None)).numpy() for clip in clips.frames])


def report(logits: np.ndarray, classes: np.ndarray, paired: bool) -> dict[str, float]:
    """Percentages: top1; with pairs also how often the pair is right, and the class if only its pair may be chosen."""
    guess = logits.argmax(1)
    result = {"top1": (guess == classes).mean()}
    if paired:
        result["pair"] = (guess // 2 == classes // 2).mean()
        right = inside_pairs(logits, classes)
        result["inside pairs"] = right.mean()
        result |= {f"pair {pair}": right[classes // 2 == pair].mean() for pair in range(logits.shape[1] // 2)}
    return {name: round(100 * float(value), 1) for name, value in result.items()}


def inside_pairs(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """1 where the class beats its reversal, 0 where it loses, 1/2 where the two logits are equal to rounding."""
    row = np.arange(len(classes))
    margin = logits[row, classes] - logits[row, classes ^ 1]
    return np.where(np.abs(margin) < 1e-4, 0.5, margin > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--datasets", nargs="+", choices=list(DATASETS), default=list(DATASETS))
    parser.add_argument("--networks", nargs="+", choices=["tsn", "3d"], default=["tsn", "3d"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    versions = f"torch {torch.__version__}, numpy {np.__version__}, PyAV {av.__version__}"
    print(f"Python {platform.python_version()}, {versions}, {platform.machine()}, one thread, seed {SEED}")
    for name in options.datasets:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            splits = read(DATASETS[name], Path(folder))
            print(f"{name}: rendered and decoded in {time.perf_counter() - start:.0f} s", flush=True)
        for network_name in options.networks:
            start = time.perf_counter()
            torch.manual_seed(0)
            network = Network(len(labels(DATASETS[name])), depth={"tsn": 1, "3d": 3}[network_name])
            train(network, splits["train"], options.epochs)
            found = report(scores(network, splits["validation"]), splits["validation"].classes, name == "temporal")
            fitted = report(scores(network, splits["train"]), splits["train"].classes, False)["top1"]
            print(f"{name} {network_name}: {found}, train {fitted}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
