"""Speed and memory of the papers' networks side by side, and parity of the temporal operators in lower precision.

    python benchmarks/speed.py --device cuda --precision bfloat16 --out speed.json     # a GPU; about three minutes
    python benchmarks/speed.py --device cpu --batch 1 --rounds 5 --threads 2           # a CPU

Networks are timed round by round, one after the other in every round, so that a machine that slows down slows them all;
what is reported are medians over rounds, and of ratios the median of the rounds' ratios with their lowest and highest.
TSN is held to torchvision's own ResNet-50 on as many images in the same rounds: where TSN is much slower than that, no
ratio to TSN counts. Loading is left out, as in both papers (ICCV 2019, section 4.6).
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stm.allocator import keep_freed_memory
from stm.analysis.rounds import REFERENCE, median, ratio
from stm.analysis.speed import Images, in_rounds, inference
from stm.config.loading import read_yaml, validated
from stm.config.schema.networks import PAPER_BACKBONES, Models
from stm.config.specification import variant_departures
from stm.files import write_json
from stm.models.builder import build
from stm.models.temporal import motion_difference, temporal_convolution, temporal_shift
from stm.training.provenance import provenance

CONFIG = Path(__file__).parents[1] / "config"
FRAMES, CLASSES = 8, 174


def network(name: str) -> nn.Module:
    """A variant at the papers' size, or torchvision's ResNet-50."""
    torch.manual_seed(0)
    if name == REFERENCE:
        return Images(FRAMES, CLASSES)
    variant = validated(Models, read_yaml(CONFIG / "models.yaml")).variants[name]
    return build(variant_departures(variant, PAPER_BACKBONES[variant.depth]), FRAMES, CLASSES)


def training(model: nn.Module, clips: Tensor, bfloat16: bool) -> Callable[[], None]:
    """One step of SGD, as `stm.training.loop` takes it."""
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    labels = torch.zeros(len(clips), dtype=torch.long, device=clips.device)

    def step() -> None:
        # Around the forward pass alone: what autocast makes of the weights it keeps until it is left, and the
        # optimiser changes them.
        with torch.autocast(clips.device.type, torch.bfloat16, enabled=bfloat16):
            logits = model(clips).float()
        nn.functional.cross_entropy(logits, labels).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def measure(options: argparse.Namespace, make: Callable[[nn.Module, Tensor], Callable[[], None]]) -> dict:
    """Videos a second of every network, round by round."""
    device = torch.device(options.device)
    clips = torch.randn(options.batch, FRAMES, 3, options.size, options.size, device=device)
    steps, memory = {}, {}
    for name in options.networks:
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() if device.type == "cuda" else 0
        steps[name] = make(network(name).to(device), clips)
        for _ in range(3):
            steps[name]()
        if device.type == "cuda":
            memory[name] = (torch.cuda.max_memory_allocated() - before) / 2**20
    found = in_rounds(steps, options.rounds, options.seconds, device)
    rates = {name: [options.batch * rate for rate in rounds] for name, rounds in found.items()}
    return {name: summary(rates, name, memory.get(name)) for name in options.networks}


def summary(rates: dict[str, list[float]], name: str, memory: float | None) -> dict:
    """Medians over rounds, and ratios to TSN round by round."""
    found: dict = {"videos_per_second": median(rates[name]).value, "rounds": rates[name], "peak_memory_mb": memory}
    if "tsn" in rates:
        against = ratio(rates[name], rates["tsn"])
        found["speed_vs_tsn"] = [against.value, against.low, against.high]
    return found


def parity(options: argparse.Namespace) -> dict[str, float]:
    """The largest error of each temporal operator in the given precision, relative to its largest value in float64."""
    torch.manual_seed(0)
    found = {}
    for frames, size in ((1, 7), (3, 13), (8, 14), (8, 28)):
        features = torch.randn(2 * frames, 64, size, size, dtype=torch.float64)
        kernel = torch.randn(64, 1, 3, dtype=torch.float64)
        for name, operator in {
            "temporal_convolution": lambda x, k, t=frames: temporal_convolution(x, k, t),
            "motion_difference": lambda x, k, t=frames: motion_difference(x, x * k[:, 0, :1, None], t),
            "temporal_shift": lambda x, k, t=frames: temporal_shift(x, 8, t) * k[0, 0, 0],
        }.items():
            exact = operator(features, kernel)
            dtype = getattr(torch, options.precision)
            low = operator(features.to(options.device, dtype), kernel.to(options.device, dtype)).double().cpu()
            error = float((low - exact).abs().max() / exact.abs().max().clamp_min(1e-12))
            found[name] = max(found.get(name, 0.0), error)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--networks", nargs="+", default=[REFERENCE, "tsn", "tsm", "stm"])
    parser.add_argument("--batch", type=int, default=16, help="clips a step; the papers: 16")
    parser.add_argument("--size", type=int, default=224, help="side of the input in pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one network in one round")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's choice")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    if options.threads:
        torch.set_num_threads(options.threads)
    bfloat16 = options.precision == "bfloat16"
    # As in evaluation: weights that do not change are cast once.
    with torch.autocast(options.device, torch.bfloat16, enabled=bfloat16):
        inferred = measure(options, inference)
    results = {
        "settings": {key: value for key, value in vars(options).items() if key != "out"},
        "provenance": provenance(torch.device(options.device)),
        "parity": parity(options),
        "inference": inferred,
        "training": measure(options, partial(training, bfloat16=bfloat16)),
    }
    print(json.dumps(results, indent=1))
    if options.out:
        write_json(options.out, results)


if __name__ == "__main__":
    main()
