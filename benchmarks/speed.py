"""Speed and memory of the papers' networks side by side, and parity of the temporal operators with their plain forms.

    python benchmarks/speed.py --device cuda --precision bfloat16 --out speed.json     # a GPU; about five minutes
    python benchmarks/speed.py --device cpu --batch 1 --rounds 5 --threads 2           # a CPU

Networks are timed round by round, one after the other in every round, so that a machine that slows down slows them all;
what is reported are medians over rounds, and of ratios the median of the rounds' ratios with their lowest and highest.
TSN is held to torchvision's own ResNet-50 on as many images in the same rounds: where it has less than 0.97 of that, no
ratio to TSN counts, and none is given. Loading is left out, as in both papers (ICCV 2019, section 4.6). `stm-plain` and
`tsm-plain` are the same networks with the plain operators of stm/models/reference.py.

Memory is told in two ways: what a clip's way back holds, which is the same on any machine, however busy it is, and on a
GPU the most that was allocated.

Parity is of values and gradients, in float32 (without TF32) and in bfloat16, to float64 on the CPU: the largest error,
relative to the largest value, is at most 1e-5 and 2e-2. Beyond that the exit status is 1.

A machine that has torch and torchvision needs no environment of the project, but five small wheels more: pyyaml,
pydantic, pydantic-core, annotated-types, typing-inspection. From the folder of the project:

    pip install --no-deps pyyaml pydantic pydantic-core annotated-types typing-inspection
    PYTHONPATH=. python benchmarks/speed.py --device cuda --precision bfloat16 --out speed.json
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stm.allocator import keep_freed_memory
from stm.analysis.rounds import REFERENCE, machine, median, ratio, slow_baseline
from stm.analysis.speed import Images, in_rounds, inference
from stm.config.loading import read_yaml, validated
from stm.config.schema.networks import PAPER_BACKBONES, Models
from stm.config.specification import variant_departures
from stm.files import write_json
from stm.models.builder import build
from stm.models.reference import OPERATORS, SIZES, TOLERANCE, furthest, plainly
from stm.training.memory import held_bytes
from stm.training.provenance import provenance

CONFIG = Path(__file__).parents[1] / "config"
FRAMES, CLASSES = 8, 174
PLAIN = "-plain"


def network(name: str) -> nn.Module:
    """A variant at the papers' size, one with plain operators, or torchvision's ResNet-50."""
    torch.manual_seed(0)
    if name.endswith(PLAIN):
        return plainly(network(name.removesuffix(PLAIN)))
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


def measure(options: argparse.Namespace, make: Callable[[nn.Module, Tensor], Callable[[], None]]) -> dict[str, dict]:
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
    return {name: summary(rates, name) | beside_tsn("memory", memory, name) for name in options.networks}


def summary(rates: dict[str, list[float]], name: str) -> dict:
    """Medians over rounds, and ratios round by round: to TSN where they count, and to the plain form."""
    found: dict = {"videos_per_second": median(rates[name]).value, "rounds": rates[name], "speed_vs_tsn": None}
    if {"tsn", REFERENCE} - rates.keys():
        found["no_ratio"] = "TSN and torchvision's ResNet-50 were not both timed"
    elif why := slow_baseline(rates["tsn"], rates[REFERENCE]):
        found["no_ratio"] = why
    else:
        found["speed_vs_tsn"] = ends(rates[name], rates["tsn"])
    if name + PLAIN in rates:
        found["speed_vs_plain"] = ends(rates[name], rates[name + PLAIN])
    return found


def ends(first: list[float], second: list[float]) -> list[float]:
    """Of the rounds' ratios the median, the lowest and the highest."""
    against = ratio(first, second)
    return [against.value, against.low, against.high]


def beside_tsn(what: str, megabytes: dict[str, float], name: str) -> dict[str, float]:
    """Of one network, where any was counted."""
    found = {f"{what}_mb": megabytes[name]} if name in megabytes else {}
    return found | ({f"{what}_vs_tsn": megabytes[name] / megabytes["tsn"]} if found and "tsn" in megabytes else {})


def held(options: argparse.Namespace) -> dict[str, float]:
    """What a clip's way back holds, in 2^20 bytes, by network: that of two clips less that of one, without weights."""
    device, found = torch.device(options.device), {}
    bfloat16 = options.precision == "bfloat16"
    clips = torch.randn(2, FRAMES, 3, options.size, options.size, device=device)
    for name in options.networks:
        model = network(name).to(device).train()

        def forward(clips: Tensor, model: nn.Module = model) -> Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                return model(clips)

        found[name] = (held_bytes(partial(forward, clips)) - held_bytes(partial(forward, clips[:1]))) / 2**20
    return found


def parity(device: torch.device) -> dict[str, dict[str, float]]:
    """How far each operator's values and gradients are from the plain form's at the most, by precision."""
    tf32 = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        return {
            str(precision).removeprefix("torch."): {
                operator: float(torch.tensor([furthest(operator, size, device, precision) for size in SIZES]).max())
                for operator in OPERATORS
            }
            for precision in TOLERANCE
        }
    finally:
        torch.backends.cudnn.allow_tf32 = tf32


def page(results: dict) -> str:
    """What was found, to be read; the file has the rounds too."""
    made, settings = results["provenance"], results["settings"]
    lines = [
        f"{machine(made)} · Python {made['python']}, torch {made['torch']} · {settings['precision']}, "
        f"{settings['batch']} clips a step, {settings['rounds']} rounds"
    ]
    lines += [
        f"parity, {precision}: at most {max(errors.values()):.2g}" for precision, errors in results["parity"].items()
    ]
    columns = {
        "videos/s": "videos_per_second",
        "of TSN's": "speed_vs_tsn",
        "of the plain form's": "speed_vs_plain",
        "MB held a clip": "held_mb",
        "of TSN's held": "held_vs_tsn",
        "peak MB": "memory_mb",
        "of TSN's peak": "memory_vs_tsn",
    }
    for what in ("inference", "training"):
        rows = results[what]
        shown = {title: key for title, key in columns.items() if any(key in found for found in rows.values())}
        lines += ["", f"| {what} | {' | '.join(shown)} |", f"|---|{'---:|' * len(shown)}"]
        for name, found in rows.items():
            lines.append(f"| {name} | {' | '.join(cell(found.get(key)) for key in shown.values())} |")
        lines += sorted(
            {f"no ratio of {what} to TSN: {found['no_ratio']}" for found in rows.values() if "no_ratio" in found}
        )
    return "\n".join(lines)


def cell(value: float | list[float] | None) -> str:
    if isinstance(value, list):
        return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"
    return "" if value is None else f"{value:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--networks", nargs="+", default=[REFERENCE, "tsn", "tsm", f"tsm{PLAIN}", "stm", f"stm{PLAIN}"])
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
    device = torch.device(options.device)
    apart, bytes_held = parity(device), held(options)
    # As in evaluation: weights that do not change are cast once.
    with torch.autocast(options.device, torch.bfloat16, enabled=bfloat16):
        inferred = measure(options, inference)
    trained = measure(options, partial(training, bfloat16=bfloat16))
    results = {
        "settings": {key: value for key, value in vars(options).items() if key != "out"},
        "provenance": provenance(device),
        "parity": apart,
        "inference": inferred,
        "training": {name: found | beside_tsn("held", bytes_held, name) for name, found in trained.items()},
    }
    print(page(results))
    if options.out:
        write_json(options.out, results)
    beyond = [
        f"{operator} in {precision}: {error:.2g}"
        for precision, errors in apart.items()
        for operator, error in errors.items()
        # Not a number is beyond too.
        if not error <= TOLERANCE[getattr(torch, precision)]
    ]
    if beyond:
        sys.exit(f"no parity with the plain form: {'; '.join(beyond)}")


if __name__ == "__main__":
    main()
