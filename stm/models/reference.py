"""What the operators of `stm.models.temporal` are held to: the same as it is written down, of slices (N, T, C, H, W).

No network of a study has them; tests and benchmarks do. What comes of such slices is channels-first, so that every
convolution after them copies its input.
"""

from collections.abc import Callable
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.models import temporal
from stm.models.cmm import CMM
from stm.models.cstm import CSTM
from stm.models.shift import PART, TemporalShift
from stm.models.temporal import as_clips


def _neighbours(clips: Tensor, by: int) -> Tensor:
    """(N, T, C, H, W) with frame t + `by` at t, and zeros from beyond the clip."""
    frames = clips.shape[1]
    return F.pad(clips, (0, 0, 0, 0, 0, 0, 1, 1))[:, 1 + by : 1 + by + frames]


def temporal_convolution(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """The frame before, the frame and the one after, each times its weights."""
    clips = as_clips(features, frames)
    before, here, after = kernel[:, 0].T[:, :, None, None]
    return (_neighbours(clips, -1) * before + clips * here + _neighbours(clips, 1) * after).flatten(0, 1)


def mixed_and_convolved(features: Tensor, kernel: Tensor, weight: Tensor, frames: int, stride: int = 1) -> Tensor:
    """One after the other."""
    return F.conv2d(temporal_convolution(features, kernel, frames), weight, stride=stride, padding=1)


def ordinary_temporal_convolution(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """The frame before, the frame and the one after, each with all its channels."""
    clips = as_clips(features, frames)
    parts = [torch.einsum("ntchw,dc->ntdhw", _neighbours(clips, by), kernel[..., by + 1]) for by in (-1, 0, 1)]
    return (parts[0] + parts[1] + parts[2]).flatten(0, 1)


def temporal_shift(features: Tensor, part: int, frames: int, from_next: bool = True) -> Tensor:
    """Some channels of the next frame, some of the one before, and the others."""
    clips = as_clips(features, frames)
    channels = clips.shape[2] // part
    moved = [_neighbours(clips[:, :, :channels], 1)] if from_next else []
    first = len(moved) * channels
    moved.append(_neighbours(clips[:, :, first : first + channels], -1))
    return torch.cat([*moved, clips[:, :, first + channels :]], dim=2).flatten(0, 1)


def motion_difference(current: Tensor, transformed: Tensor, frames: int) -> Tensor:
    """The frame less the next; zeros at the end of the clip."""
    now, following = as_clips(current, frames), as_clips(transformed, frames)
    return torch.cat([now[:, :-1] - following[:, 1:], torch.zeros_like(now[:, :1])], dim=1).flatten(0, 1)


def plainly(network: nn.Module) -> nn.Module:
    """The same network with these operators in the place of CSTM's, CMM's and the shift's: what the fast ones save.

    It is changed in place, and its weights stay what and where they are.
    """
    for module in network.modules():
        if isinstance(module, CSTM):
            module.forward = MethodType(_cstm, module)  # type: ignore[method-assign]
        elif isinstance(module, CMM):
            module.difference = MethodType(_difference, module)  # type: ignore[method-assign]
        elif isinstance(module, TemporalShift):
            module.forward = MethodType(_shift, module)  # type: ignore[method-assign]
    return network


def _cstm(self: CSTM, features: Tensor) -> Tensor:
    # Products in the precision that autocast made the features in, where it did.
    return self.spatial(temporal_convolution(features, self.kernel.to(features.dtype), self.frames))


def _difference(self: CMM, reduced: Tensor) -> Tensor:
    change = motion_difference(reduced, self.transform(reduced), self.frames)
    return -change if self.next_minus_current else change


def _shift(self: TemporalShift, features: Tensor) -> Tensor:
    return temporal_shift(features, PART, self.frames, self.from_next)


# (N*T, C, H, W), one or more further tensors, T.
Operator = Callable[..., Tensor]
CHANNELS = 16
# Of each operator the fast form, the plain one, and the shapes of its further tensors; None: that of the features.
OPERATORS: dict[str, tuple[Operator, Operator, list[tuple[int, ...] | None]]] = {
    "convolution": (temporal.temporal_convolution, temporal_convolution, [(CHANNELS, 1, 3)]),
    "convolution and 3x3": (
        temporal.mixed_and_convolved,
        mixed_and_convolved,
        [(CHANNELS, 1, 3), (CHANNELS, CHANNELS, 3, 3)],
    ),
    "ordinary convolution": (
        temporal.ordinary_temporal_convolution,
        ordinary_temporal_convolution,
        [(CHANNELS, CHANNELS, 3)],
    ),
    "difference": (temporal.motion_difference, motion_difference, [None]),
    "shift": (
        lambda x, frames: temporal.temporal_shift(x, PART, frames),
        lambda x, frames: temporal_shift(x, PART, frames),
        [],
    ),
    "past shift": (
        lambda x, frames: temporal.temporal_shift(x, PART, frames, from_next=False),
        lambda x, frames: temporal_shift(x, PART, frames, from_next=False),
        [],
    ),
}
# Frames, height and width that they are compared at: odd ones, and no neighbours at all.
SIZES = [(1, 7, 5), (2, 1, 1), (3, 13, 6), (8, 14, 14)]
# Of values and gradients, relative to the largest: a few roundings of the precision, of sums too.
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


def furthest(operator: str, size: tuple[int, int, int], device: torch.device, precision: torch.dtype) -> float:
    """How far an operator's values and gradients of two clips are from the plain form's in float64, relative to the
    largest of them.
    """
    fast, plain, shapes = OPERATORS[operator]
    frames, height, width = size
    random = torch.Generator().manual_seed(sum(size))
    shape = (2 * frames, CHANNELS, height, width)
    tensors = [torch.randn(s or shape, dtype=torch.float64, generator=random) for s in (shape, *shapes)]
    weight = torch.randn(shape, dtype=torch.float64, generator=random)

    def found(form: Operator, on: torch.device, dtype: torch.dtype) -> list[Tensor]:
        given = [tensor.to(on, dtype, copy=True) for tensor in tensors]
        given[0] = given[0].contiguous(memory_format=torch.channels_last)
        for tensor in given:
            tensor.requires_grad_()
        out = form(*given, frames)
        gradients = torch.autograd.grad(out, given, weight.to(on, dtype), materialize_grads=True)
        assert all(tensor.dtype == dtype for tensor in (out, *gradients)), f"{operator} changes the precision"
        return [tensor.detach().double().cpu() for tensor in (out, *gradients)]

    exact = found(plain, torch.device("cpu"), torch.float64)
    close = found(fast, device, precision)
    # torch's maximum is no number where one of them is none.
    apart = [
        (one - other).abs().max() / other.abs().max().clamp_min(1e-12) for one, other in zip(close, exact, strict=True)
    ]
    return float(torch.stack(apart).max())
