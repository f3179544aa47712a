"""Forms of the operators over time side by side, each inside a small block: the ones that are used, and others.

    python benchmarks/operators.py                       # a CPU, one thread; minutes
    python benchmarks/operators.py --device cuda --precision bfloat16 --compiled

The block is a 1x1 convolution with its norm before the operator and one after it, in channels-last memory: a form that
is fast by itself and leaves the memory in another order makes the convolution after it slow. Every form is first held
to the first one's values and gradients. Times are medians over rounds, in which the forms take turns: of processor time
on a CPU, which a busy machine changes little, of wall time on a GPU. `--compiled` adds the form that is used with its
whole block compiled by torch.compile, which takes a minute a shape. Results: operators.md.

Of CMM's way back to all channels there are forms for inference alone: it has no norm behind it, so that it can be
multiplied into the 1x1 convolution after the sum.
"""

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.allocator import keep_freed_memory
from stm.analysis.speed import compiled
from stm.models import reference
from stm.models.temporal import as_clips, motion_difference, temporal_convolution, temporal_shift

FRAMES, PART = 8, 8
# Clips, channels, side: the four stages of ResNet-50 at 224 pixels, and the demo's at 56.
SHAPES = [(2, 64, 56), (2, 128, 28), (2, 256, 14), (2, 512, 7), (16, 16, 14), (16, 32, 14), (16, 64, 7), (16, 128, 4)]
# (N*T, C, H, W) features, and what the operator has beside them: a kernel, or the features after a convolution.
Form = Callable[..., Tensor]
EXPANSION = "CMM's expansion, with the sum and conv3 behind it; forward alone"
# How far forms may be apart, relative to the largest value: in bfloat16 a norm's way back rounds many times.
TOLERANCE = {"float32": 1e-3, "bfloat16": 1e-1}


def grouped_conv3d(features: Tensor, kernel: Tensor) -> Tensor:
    """A 3D convolution of 3x1x1 with a group for each channel."""
    clips = as_clips(features, FRAMES).transpose(1, 2)
    mixed = F.conv3d(clips, kernel[..., None, None], padding=(1, 0, 0), groups=len(kernel))
    return mixed.transpose(1, 2).flatten(0, 1)


def padded_difference(current: Tensor, transformed: Tensor) -> Tensor:
    """Channels-last, the zero step by padding."""
    now, following = _by_clip(current), _by_clip(transformed)
    return _by_frame(F.pad(now[:, :-1] - following[:, 1:], (0, 0, 0, 0, 0, 0, 0, 1)))


def rolled_difference(current: Tensor, transformed: Tensor) -> Tensor:
    """Channels-last, of the whole batch against itself one frame on; the last step of each clip set to zero."""
    difference = _by_clip(current - transformed.roll(-1, 0))
    return _by_frame(difference.index_fill(1, torch.tensor([FRAMES - 1], device=current.device), 0.0))


def padded_shift(features: Tensor, _: Tensor) -> Tensor:
    """Channels-last, each part moved by padding one end and cutting the other."""
    clips = _by_clip(features)
    channels = clips.shape[-1] // PART
    following, before, rest = clips.split([channels, channels, clips.shape[-1] - 2 * channels], dim=-1)
    ahead, back = (0, 0, 0, 0, 0, 0, -1, 1), (0, 0, 0, 0, 0, 0, 1, -1)
    return _by_frame(torch.cat([F.pad(following, ahead), F.pad(before, back), rest], dim=-1))


def convolved_shift(features: Tensor, _: Tensor) -> Tensor:
    """The convolution over time with kernels of one 1: more products, and nothing else to copy."""
    kernel = torch.zeros(features.shape[1], 1, 3, dtype=features.dtype, device=features.device)
    channels = len(kernel) // PART
    kernel[:channels, 0, 2] = kernel[channels : 2 * channels, 0, 0] = kernel[2 * channels :, 0, 1] = 1
    return temporal_convolution(features, kernel, FRAMES)


def _by_clip(features: Tensor) -> Tensor:
    return as_clips(features.permute(0, 2, 3, 1), FRAMES)


def _by_frame(clips: Tensor) -> Tensor:
    return clips.flatten(0, 1).permute(0, 3, 1, 2)


def expanded(block: "Expansion", features: Tensor, motion: Tensor) -> Tensor:
    """Back to all channels, added, and convolved."""
    return block.restore(features + block.expand(motion))


def folded(block: "Expansion", features: Tensor, motion: Tensor) -> Tensor:
    """Features and motion side by side, and one convolution of both."""
    weight = torch.cat([block.restore.weight, block.product], dim=1)
    return F.conv2d(torch.cat([features, motion], dim=1), weight)


def folded_apart(block: "Expansion", features: Tensor, motion: Tensor) -> Tensor:
    """A convolution of each, added."""
    return block.restore(features) + F.conv2d(motion, block.product)


USED, COMPILED = " (used)", "the used one, compiled"
# Of each operator the plainest form first, to which the others are held.
FORMS: dict[str, dict[str, Form]] = {
    "convolution over time": {
        "slices": lambda x, kernel: reference.temporal_convolution(x, kernel.to(x.dtype), FRAMES),
        f"conv2d, time by space{USED}": lambda x, kernel: temporal_convolution(x, kernel, FRAMES),
        "grouped conv3d": grouped_conv3d,
    },
    "difference": {
        "slices, channels first": lambda x, y: reference.motion_difference(x, y, FRAMES),
        f"slices, channels last{USED}": lambda x, y: motion_difference(x, y, FRAMES),
        "padded": padded_difference,
        "rolled": rolled_difference,
    },
    "shift": {
        "slices, channels first": lambda x, _: reference.temporal_shift(x, PART, FRAMES),
        f"splits, channels last{USED}": lambda x, _: temporal_shift(x, PART, FRAMES),
        "padded": padded_shift,
        "convolution": convolved_shift,
    },
    EXPANSION: {
        f"expanded, added, convolved{USED}": expanded,
        "folded into conv3": folded,
        "folded, two convolutions": folded_apart,
    },
}


class Block(nn.Module):
    """What surrounds an operator in a network. Input and output (N*T, C, H, W)."""

    def __init__(self, operator: str, channels: int):
        super().__init__()
        self.operator = operator
        self.before = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.kernel = nn.Parameter(torch.randn(channels, 1, 3))
        self.transform = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.after = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor, form: Form) -> Tensor:
        features = self.before(features)
        second = self.transform(features) if self.operator == "difference" else self.kernel
        return self.after(form(features, second))


class Expansion(nn.Module):
    """CMM's way back to all channels, the sum with CSTM, and the bottleneck's last convolution. Input as `Block`."""

    def __init__(self, channels: int):
        super().__init__()
        reduced = max(channels // 16, 1)
        self.before = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False)
        self.expand = nn.Conv2d(reduced, channels, 1, bias=False)
        self.restore = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(4 * channels)
        product = self.restore.weight.detach().flatten(1) @ self.expand.weight.detach().flatten(1)
        self.register_buffer("product", product[..., None, None])

    def forward(self, features: Tensor, form: Form) -> Tensor:
        features = self.before(features)
        return self.norm(form(self, features, self.reduce(features)))


def measure(operator: str, shape: tuple[int, int, int], options: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of a block forward, and forward with backward where forms are for training; by form that works."""
    device = torch.device(options.device)
    clips, channels, side = shape
    features = torch.randn(clips * FRAMES, channels, side, side, device=device)
    features = features.to(memory_format=torch.channels_last)
    gradient = torch.randn_like(features)
    training = operator != EXPANSION
    block = (Block(operator, channels) if training else Expansion(channels)).train(training)
    block = block.to(device, memory_format=torch.channels_last)
    forms = dict(FORMS[operator])
    used = next(name for name in forms if name.endswith(USED))
    blocks: dict[str, nn.Module] = {name: copy.deepcopy(block) for name in forms}
    if options.compiled:
        forms[COMPILED], blocks[COMPILED] = forms[used], compiled(copy.deepcopy(block))

    def forward(name: str) -> Tensor:
        with torch.autocast(options.device, torch.bfloat16, enabled=options.precision == "bfloat16"):
            return blocks[name](features, forms[name])

    def step(name: str) -> tuple[list[Tensor], list[float]]:
        if not training:
            with torch.inference_mode():
                found, taken = _timed(device, lambda: forward(name))
            return [found], [taken]
        wanted = [features.requires_grad_(), *_parameters(blocks[name], operator)]
        found, taken = _timed(device, lambda: forward(name))
        gradients, back = _timed(device, lambda: torch.autograd.grad(found, wanted, gradient.to(found.dtype)))
        return [found.detach(), *gradients], [taken, taken + back]

    first, *others = forms
    expected, _ = step(first)
    times: dict[str, list[list[float]]] = {first: []}
    for name in others:
        try:
            found, _ = step(name)
        # Of torch's compilers each raises errors of its own kinds.
        except Exception as error:
            if name != COMPILED:
                raise
            print(f"{operator}, {shape}, compiled: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        for one, other in zip(found, expected, strict=True):
            apart = float((one - other).abs().max() / other.abs().max())
            if not apart <= TOLERANCE[options.precision]:
                sys.exit(f"{operator}, {shape}: {name} is {apart:.2g} from {first}")
        times[name] = []
    for _ in range(options.rounds):
        for name, taken in times.items():
            taken.append(step(name)[1])
    return {name: [statistics.median(column) for column in zip(*taken, strict=True)] for name, taken in times.items()}


def _parameters(block: nn.Module, operator: str) -> list[nn.Parameter]:
    """Those that an operator uses of its block."""
    uses = {"convolution over time": "kernel", "difference": "transform", "shift": "before"}[operator]
    # torch.compile's module puts a prefix before its names.
    names = ((name.removeprefix("_orig_mod."), parameter) for name, parameter in block.named_parameters())
    return [parameter for name, parameter in names if name.startswith(("before", "after", uses))]


def _timed(device: torch.device, run: Callable[[], Any]) -> tuple[Any, float]:
    if device.type == "cuda":
        torch.cuda.synchronize()
        started = time.perf_counter()
        result = run()
        torch.cuda.synchronize()
        return result, 1e3 * (time.perf_counter() - started)
    started = time.process_time()
    return run(), 1e3 * (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--compiled", action="store_true", help="the used form by torch.compile too")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for operator, forms in FORMS.items():
        names = [*forms, *([COMPILED] if options.compiled else [])]
        print(f"\n{operator}\n\n| clips, channels, side | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
        for shape in SHAPES:
            found = measure(operator, shape, options)
            cells = (", ".join(f"{value:.1f}" for value in found[name]) if name in found else "–" for name in names)
            print(f"| {', '.join(map(str, shape))} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
