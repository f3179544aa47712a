"""Forms of the operators over time side by side, each inside a small block: the ones that are used, and others.

    python benchmarks/operators.py                       # a CPU, one thread; minutes
    python benchmarks/operators.py --device cuda

The block is a 1x1 convolution with its norm before the operator and one after it, in channels-last memory: a form that
is fast by itself and leaves the memory in another order makes the convolution after it slow. Every form is first held
to the first one's values and gradients. Times are medians over rounds, in which the forms take turns: of processor time
on a CPU, which a busy machine changes little, of wall time on a GPU. Results: operators.md.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.models.temporal import as_clips, motion_difference, temporal_convolution, temporal_shift

FRAMES, PART = 8, 8
# Clips, channels, side: the four stages of ResNet-50 at 224 pixels, and the demo's at 56.
SHAPES = [(2, 64, 56), (2, 128, 28), (2, 256, 14), (2, 512, 7), (16, 16, 14), (16, 32, 14), (16, 64, 7), (16, 128, 4)]
# (N*T, C, H, W) features, and what the operator has beside them: a kernel, or the features after a convolution.
Form = Callable[[Tensor, Tensor], Tensor]


def grouped_conv3d(features: Tensor, kernel: Tensor) -> Tensor:
    """A 3D convolution of 3x1x1 with a group for each channel."""
    clips = as_clips(features, FRAMES).transpose(1, 2)
    mixed = F.conv3d(clips, kernel[..., None, None], padding=(1, 0, 0), groups=len(kernel))
    return mixed.transpose(1, 2).flatten(0, 1)


def sliced_convolution(features: Tensor, kernel: Tensor) -> Tensor:
    """The frame, the one before and the one after, each times its weights."""
    clips = as_clips(features, FRAMES)
    before, here, after = kernel[:, 0].T[:, :, None, None]
    padded = F.pad(clips, (0, 0, 0, 0, 0, 0, 1, 1))
    return (padded[:, :-2] * before + clips * here + padded[:, 2:] * after).flatten(0, 1)


def sliced_difference(current: Tensor, transformed: Tensor) -> Tensor:
    """Of (N, T, C, H, W): what comes of it is channels-first."""
    now, following = as_clips(current, FRAMES), as_clips(transformed, FRAMES)
    return torch.cat([now[:, :-1] - following[:, 1:], torch.zeros_like(now[:, :1])], dim=1).flatten(0, 1)


def padded_difference(current: Tensor, transformed: Tensor) -> Tensor:
    """Channels-last, the zero step by padding."""
    now, following = _by_clip(current), _by_clip(transformed)
    return _by_frame(F.pad(now[:, :-1] - following[:, 1:], (0, 0, 0, 0, 0, 0, 0, 1)))


def rolled_difference(current: Tensor, transformed: Tensor) -> Tensor:
    """Channels-last, of the whole batch against itself one frame on; the last step of each clip set to zero."""
    difference = _by_clip(current - transformed.roll(-1, 0))
    return _by_frame(difference.index_fill(1, torch.tensor([FRAMES - 1], device=current.device), 0.0))


def sliced_shift(features: Tensor, _: Tensor) -> Tensor:
    """Of (N, T, C, H, W): what comes of it is channels-first."""
    clips = as_clips(features, FRAMES)
    channels = clips.shape[2] // PART
    nothing = torch.zeros_like(clips[:, :1, :channels])
    following = torch.cat([clips[:, 1:, :channels], nothing], dim=1)
    before = torch.cat([nothing, clips[:, :-1, channels : 2 * channels]], dim=1)
    return torch.cat([following, before, clips[:, :, 2 * channels :]], dim=2).flatten(0, 1)


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


# Of each operator the plainest form first, to which the others are held.
FORMS: dict[str, dict[str, Form]] = {
    "convolution over time": {
        "slices": sliced_convolution,
        "conv2d, time by space (used)": lambda x, kernel: temporal_convolution(x, kernel, FRAMES),
        "grouped conv3d": grouped_conv3d,
    },
    "difference": {
        "slices, channels first": sliced_difference,
        "slices, channels last (used)": lambda x, y: motion_difference(x, y, FRAMES),
        "padded": padded_difference,
        "rolled": rolled_difference,
    },
    "shift": {
        "slices, channels first": sliced_shift,
        "splits, channels last (used)": lambda x, _: temporal_shift(x, PART, FRAMES),
        "padded": padded_shift,
        "convolution": convolved_shift,
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


def measure(
    operator: str, shape: tuple[int, int, int], device: torch.device, rounds: int
) -> dict[str, tuple[float, float]]:
    """Milliseconds of a block forward, and forward with backward, by form."""
    clips, channels, side = shape
    features = torch.randn(clips * FRAMES, channels, side, side, device=device)
    features = features.to(memory_format=torch.channels_last).requires_grad_()
    block = Block(operator, channels).to(device, memory_format=torch.channels_last)
    gradient = torch.randn_like(features)
    blocks = {name: copy.deepcopy(block) for name in FORMS[operator]}

    def step(name: str) -> tuple[Tensor, list[Tensor], float, float]:
        one = blocks[name]
        wanted = [features, *(p for key, p in one.named_parameters() if _takes_part(operator, key))]
        found, forward = _timed(device, lambda: one(features, FORMS[operator][name]))
        gradients, backward = _timed(device, lambda: torch.autograd.grad(found, wanted, gradient))
        return found, gradients, forward, forward + backward

    first, *others = FORMS[operator]
    reference, wanted, *_ = step(first)
    for name in others:
        found, gradients, *_ = step(name)
        torch.testing.assert_close(found, reference, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(gradients, wanted, rtol=1e-2, atol=1e-1)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in FORMS[operator]}
    for _ in range(rounds):
        for name, taken in times.items():
            taken.append(step(name)[2:])
    return {
        name: (statistics.median(one for one, _ in taken), statistics.median(both for _, both in taken))
        for name, taken in times.items()
    }


def _takes_part(operator: str, parameter: str) -> bool:
    """Whether an operator uses a parameter of the block."""
    uses = {"convolution over time": "kernel", "difference": "transform", "shift": ""}[operator]
    return parameter.startswith(("before", "after", *([uses] if uses else [])))


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
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for operator, forms in FORMS.items():
        print(f"\n{operator}\n\n| clips, channels, side | {' | '.join(forms)} |\n|---|{'---:|' * len(forms)}")
        for shape in SHAPES:
            found = measure(operator, shape, torch.device(options.device), options.rounds)
            cells = (f"{forward:.1f}, {both:.1f}" for forward, both in found.values())
            print(f"| {', '.join(map(str, shape))} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
