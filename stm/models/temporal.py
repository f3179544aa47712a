"""The operators that look at neighbouring frames. Frames before the first and after the last count as zero."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def as_clips(features: Tensor, frames: int) -> Tensor:
    """View (N*T, C, H, W) as (N, T, C, H, W).

    Raises:
        ValueError: the batch does not hold whole clips.
    """
    if features.shape[0] % frames:
        raise ValueError(f"{features.shape[0]} frames are no whole number of clips of {frames}")
    return features.unflatten(0, (-1, frames))


def _channels_last_clips(features: Tensor, frames: int) -> Tensor:
    """View (N*T, C, H, W) as (N, T, H, W, C), which in channels-last memory is without gaps.

    What is made of it stays channels-last through `_frames_of`. Of (N, T, C, H, W) torch makes the other order, and
    every convolution after it would copy its input.
    """
    return as_clips(features.permute(0, 2, 3, 1), frames)


def _time_by_space(features: Tensor, frames: int) -> Tensor:
    """(N*T, C, H, W) as (N, C, T, H*W), so that a 2D convolution of 3x1 is one over time.

    In channels-last memory this is a view: libraries convolve 2D images of any shape well, and 3D ones badly
    (benchmarks/operators.md).
    """
    return _channels_last_clips(features, frames).flatten(2, 3).permute(0, 3, 1, 2)


def _by_frame(planes: Tensor, like: Tensor) -> Tensor:
    """The way back from `_time_by_space`."""
    return _frames_of(planes.permute(0, 2, 3, 1).unflatten(2, like.shape[2:]))


def _frames_of(clips: Tensor) -> Tensor:
    """The way back from `_channels_last_clips`."""
    return clips.flatten(0, 1).permute(0, 3, 1, 2)


def temporal_convolution(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """Every channel mixes three neighbouring frames with its own weights: Eq. 1 of both papers.

        G[t, c] = K[c, 0] * F[t - 1, c] + K[c, 1] * F[t, c] + K[c, 2] * F[t + 1, c]

    Args:
        features: (N*T, C, H, W).
        kernel: (C, 1, 3), as of a depthwise Conv1d.
        frames: T.

    Returns:
        (N*T, C, H, W).
    """
    planes = _time_by_space(features, frames)
    mixed = F.conv2d(planes, kernel[..., None], padding=(1, 0), groups=kernel.shape[0])
    return _by_frame(mixed, features)


def mixed_and_convolved(
    features: Tensor, kernel: Tensor, weight: Tensor, frames: int, stride: int | tuple[int, ...] = 1
) -> Tensor:
    """`temporal_convolution`, and of its G a 3x3 one, for training: what both make, but G is not held for the way back.

    G is as large as F, which other layers hold anyway. To mix F once more on the way back is cheap beside all that a
    block does, and without G a training of STM-50 holds 7% less (benchmarks/speed.md).

    Args:
        features: (N*T, C, H, W).
        kernel: (C, 1, 3), as of a depthwise Conv1d.
        weight: (C', C, 3, 3), as of a Conv2d with a padding of 1 and no bias.
        frames: T.
        stride: of the 3x3.

    Returns:
        (N*T, C', ceil(H / stride), ceil(W / stride)).
    """
    mixed = temporal_convolution(features, kernel, frames)
    # In the precision that autocast convolves in, where it does.
    made_of = (tensor.detach().to(mixed.dtype) for tensor in (features, kernel))
    return _ConvolutionOfMixed.apply(mixed, weight.to(mixed.dtype), *made_of, frames, stride)


class _ConvolutionOfMixed(torch.autograd.Function):
    """The 3x3 of `mixed_and_convolved`."""

    @staticmethod
    def forward(
        context: Any,
        mixed: Tensor,
        weight: Tensor,
        features: Tensor,
        kernel: Tensor,
        frames: int,
        stride: int | tuple[int, ...],
    ) -> Tensor:
        # By torch's own means: it refuses the way back where one of them has changed, and checkpoints know of them.
        context.save_for_backward(weight, features, kernel)
        context.frames = frames
        context.stride = (stride, stride) if isinstance(stride, int) else stride
        return F.conv2d(mixed, weight, stride=context.stride, padding=1)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weight, features, kernel = context.saved_tensors
        with torch.autocast(gradient.device.type, enabled=False):
            mixed = temporal_convolution(features, kernel, context.frames)
        shape = (None, context.stride, (1, 1), (1, 1), False, (0, 0), 1)
        wanted = (*context.needs_input_grad[:2], False)
        of_mixed, of_weight, _ = torch.ops.aten.convolution_backward(gradient, mixed, weight, *shape, wanted)
        return of_mixed, of_weight, None, None, None, None


def ordinary_temporal_convolution(features: Tensor, kernel: Tensor, frames: int) -> Tensor:
    """Every channel mixes all channels of three neighbouring frames: the ordinary convolution of TPAMI Table 10.

    Args:
        features: (N*T, C, H, W).
        kernel: (C, C, 3), as of a Conv1d.
        frames: T.

    Returns:
        (N*T, C, H, W).
    """
    planes = _time_by_space(features, frames)
    return _by_frame(F.conv2d(planes, kernel[..., None], padding=(1, 0)), features)


def temporal_shift(features: Tensor, part: int, frames: int, from_next: bool = True) -> Tensor:
    """A `part`-th of the channels from the next frame, as many from the one before, the others as they are: TSM.

    Args:
        features: (N*T, C, H, W).
        part: 8 shifts an eighth each way.
        frames: T.
        from_next: False takes the first `part`-th from the frame before and nothing from the next: TSM's online form.

    Returns:
        (N*T, C, H, W).
    """
    clips = _channels_last_clips(features, frames)
    channels = clips.shape[-1] // part
    # Split, not sliced: the gradient of a slice is a copy of the whole with zeros in it.
    *moving, rest = clips.split([*[channels] * (1 + from_next), clips.shape[-1] - channels * (1 + from_next)], dim=-1)
    nothing = torch.zeros_like(moving[0][:, :1])
    moved = [torch.cat([moving[0][:, 1:], nothing], dim=1)] if from_next else []
    moved.append(torch.cat([nothing, moving[-1][:, :-1]], dim=1))
    return _frames_of(torch.cat([*moved, rest], dim=-1))


def motion_difference(current: Tensor, transformed: Tensor, frames: int) -> Tensor:
    """The change from each frame to the next: Eq. 2 of TPAMI; zero for the last frame.

        H[t] = F[t] - (K * F)[t + 1]

    Args:
        current: F, (N*T, C, H, W).
        transformed: K * F, F after the channel-wise 3x3 convolution, of the same shape.
        frames: T.

    Returns:
        (N*T, C, H, W).
    """
    now, following = _channels_last_clips(current, frames), _channels_last_clips(transformed, frames)
    difference = now[:, :-1] - following[:, 1:]
    return _frames_of(torch.cat([difference, torch.zeros_like(now[:, :1])], dim=1))
