"""Forms of CSTM's temporal convolution side by side: the one that is used, and those that lost to it.

    python benchmarks/operators.py                       # a CPU, one thread; half a minute
    python benchmarks/operators.py --device cuda

Every form is first held to the others' values and gradients. Times are medians over rounds, in which the forms take
turns: of processor time on a CPU, which a busy machine changes little, of wall time on a GPU. Results: operators.md.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stm.models.temporal import as_clips, temporal_convolution

FRAMES = 8
# Clips, channels, side: the four stages of ResNet-50 at 224 pixels, and the demo's at 56.
SHAPES = [(2, 64, 56), (2, 128, 28), (2, 256, 14), (2, 512, 7), (16, 16, 14), (16, 32, 14), (16, 64, 7), (16, 128, 4)]


def grouped_conv3d(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """A 3D convolution of 3x1x1 with a group for each channel."""
    clips = as_clips(features, frames).transpose(1, 2)
    mixed = F.conv3d(clips, kernel[..., None, None], padding=(1, 0, 0), groups=len(kernel))
    return mixed.transpose(1, 2).flatten(0, 1)


def slices(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """The frame, the one before and the one after, each times its weights."""
    clips = as_clips(features, frames)
    before, here, after = kernel[:, 0].T[:, :, None, None]
    padded = F.pad(clips, (0, 0, 0, 0, 0, 0, 1, 1))
    return (padded[:, :-2] * before + clips * here + padded[:, 2:] * after).flatten(0, 1)


FORMS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "conv2d, time by space": temporal_convolution,
    "grouped conv3d": grouped_conv3d,
    "slices": slices,
}


def measure(shape: tuple[int, int, int], device: torch.device, rounds: int) -> dict[str, tuple[float, float]]:
    """Milliseconds forward, and forward with backward, by form."""
    clips, channels, side = shape
    features = torch.randn(clips * FRAMES, channels, side, side, device=device)
    features = features.to(memory_format=torch.channels_last).requires_grad_()
    kernel = torch.randn(channels, 1, 3, device=device, requires_grad=True)
    gradient = torch.randn_like(features)
    reference = grouped_conv3d(features, kernel, FRAMES)
    wanted = torch.autograd.grad(reference, (features, kernel), gradient)
    times: dict[str, list[list[float]]] = {name: [[], []] for name in FORMS}
    for _ in range(rounds):
        for name, form in FORMS.items():
            found, forward = _timed(device, lambda form=form: form(features, kernel, FRAMES))
            gradients, backward = _timed(device, lambda y=found: torch.autograd.grad(y, (features, kernel), gradient))
            torch.testing.assert_close(found, reference, rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(gradients, wanted, rtol=1e-2, atol=1e-1)
            times[name][0].append(forward)
            times[name][1].append(forward + backward)
    return {name: (statistics.median(one), statistics.median(both)) for name, (one, both) in times.items()}


def _timed(device: torch.device, run: Callable[[], object]) -> tuple[object, float]:
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
    print(f"| clips, channels, side | {' | '.join(FORMS)} |")
    print("|---|" + "---:|" * len(FORMS))
    for shape in SHAPES:
        found = measure(shape, torch.device(options.device), options.rounds)
        cells = (f"{forward:.1f}, {both:.1f}" for forward, both in found.values())
        print(f"| {', '.join(map(str, shape))} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
