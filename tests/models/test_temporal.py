from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from stm.models.temporal import motion_difference, ordinary_temporal_convolution, temporal_convolution, temporal_shift

from ..gpus import ON_A_GPU


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize(
    ("clips", "frames", "channels", "height", "width"), [(2, 8, 4, 7, 5), (1, 1, 8, 3, 3), (3, 2, 4, 1, 1)]
)
def test_the_temporal_convolution_is_equation_1(clips, frames, channels, height, width):
    features, kernel = random(clips * frames, channels, height, width), random(channels, 1, 3)
    out = temporal_convolution(features, kernel, frames).view(clips, frames, channels, height, width)
    clip = features.view(clips, frames, channels, height, width)
    for n in range(clips):
        for t in range(frames):
            for c in range(channels):
                expected = sum(kernel[c, 0, i + 1] * clip[n, t + i, c] for i in (-1, 0, 1) if 0 <= t + i < frames)
                assert torch.allclose(out[n, t, c], expected)


@pytest.mark.parametrize("frames", [1, 2, 8])
def test_the_motion_difference_is_the_frame_minus_the_next_and_zero_at_the_end(frames):
    current, transformed = random(2 * frames, 3, 5, 4), random(2 * frames, 3, 5, 4)
    out = motion_difference(current, transformed, frames)
    for n in range(2):
        for t in range(frames):
            k = n * frames + t
            expected = current[k] - transformed[k + 1] if t < frames - 1 else torch.zeros(3, 5, 4).double()
            assert torch.equal(out[k], expected)


def shifted(clips: Tensor, by: int) -> Tensor:
    """(N, T, ...) with frame t + `by` at t, and zeros from beyond the clip."""
    out = torch.zeros_like(clips)
    frames = clips.shape[1]
    for t in range(frames):
        if 0 <= t + by < frames:
            out[:, t] = clips[:, t + by]
    return out


def plain_convolution(clips: Tensor, kernel: Tensor) -> Tensor:
    return sum(shifted(clips, by) * kernel[:, 0, by + 1, None, None] for by in (-1, 0, 1))


def plain_ordinary(clips: Tensor, kernel: Tensor) -> Tensor:
    return sum(torch.einsum("ntchw,dc->ntdhw", shifted(clips, by), kernel[..., by + 1]) for by in (-1, 0, 1))


def plain_difference(clips: Tensor, other: Tensor) -> Tensor:
    difference = clips - shifted(other, 1)
    return torch.cat([difference[:, :-1], torch.zeros_like(difference[:, :1])], dim=1)


def plain_shift(clips: Tensor, from_next: bool) -> Tensor:
    part = clips.shape[2] // 8
    if not from_next:
        return torch.cat([shifted(clips[:, :, :part], -1), clips[:, :, part:]], dim=2)
    pieces = [shifted(clips[:, :, :part], 1), shifted(clips[:, :, part : 2 * part], -1), clips[:, :, 2 * part :]]
    return torch.cat(pieces, dim=2)


CHANNELS = 16
Form = Callable[..., Tensor]
# Of each operator: the fast form, the plain one, and the shape of its second argument, of frames where it has none.
FORMS: dict[str, tuple[Form, Form, tuple[int, ...] | None]] = {
    "convolution": (temporal_convolution, plain_convolution, (CHANNELS, 1, 3)),
    "ordinary": (ordinary_temporal_convolution, plain_ordinary, (CHANNELS, CHANNELS, 3)),
    "difference": (motion_difference, plain_difference, None),
    "shift": (lambda x, _, frames: temporal_shift(x, 8, frames), lambda x, _: plain_shift(x, True), (1,)),
    "past shift": (lambda x, _, frames: temporal_shift(x, 8, frames, False), lambda x, _: plain_shift(x, False), (1,)),
}


# In float32 a GPU convolves in TF32, of which torch's settings decide.
ARITHMETIC = [
    pytest.param("cpu", torch.float32, id="float32"),
    pytest.param("cpu", torch.bfloat16, id="bfloat16"),
    pytest.param("cuda", torch.bfloat16, id="bfloat16 on a GPU", marks=ON_A_GPU),
]


@pytest.mark.parametrize(("device", "precision"), ARITHMETIC)
@pytest.mark.parametrize(("frames", "height", "width"), [(1, 7, 5), (2, 1, 1), (3, 13, 6), (8, 14, 14)])
@pytest.mark.parametrize("operator", FORMS)
def test_each_fast_form_and_its_gradients_are_the_plain_form_s(operator, frames, height, width, device, precision):
    fast, plain, shape = FORMS[operator]
    both = random(2, 2 * frames, CHANNELS, height, width)
    clips, weight = both
    second = random(*(shape or (*clips.shape, 1))).view(shape or clips.shape)

    def found(form: Callable[[Tensor, Tensor], Tensor], device: str, dtype: torch.dtype, by_clip: bool) -> list[Tensor]:
        features = clips.to(device, dtype, memory_format=torch.channels_last, copy=True).requires_grad_()
        other = second.to(device, dtype, copy=True).requires_grad_()
        views = [x.unflatten(0, (2, frames)) if by_clip and x.shape == clips.shape else x for x in (features, other)]
        out = form(*views).reshape(clips.shape)
        (out * weight.to(device, dtype)).sum().backward()
        gradients = [x.grad if x.grad is not None else torch.zeros_like(x) for x in (features, other)]
        return [out.detach(), *gradients]

    expected = found(plain, "cpu", torch.float64, by_clip=True)
    values = found(lambda x, k: fast(x, k, frames), device, precision, by_clip=False)
    # Relative to the largest value: two roundings of the precision, and of gradients of kernels the sum's.
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 2e-2}[precision]
    for value, exact in zip(values, expected, strict=True):
        assert value.dtype == precision
        assert (value.double().cpu() - exact).abs().max() <= tolerance * exact.abs().max()


@pytest.mark.parametrize("operator", FORMS)
def test_channels_last_features_stay_so(operator):
    fast, _, shape = FORMS[operator]
    features = torch.zeros(16, CHANNELS, 6, 5).contiguous(memory_format=torch.channels_last)
    second = torch.zeros(shape) if shape else features
    assert fast(features, second, 8).is_contiguous(memory_format=torch.channels_last)


def test_gradients_reach_neighbours_of_the_same_clip_only():
    features = random(6, 4, 2, 2).requires_grad_()
    temporal_convolution(features, torch.ones(4, 1, 3).double(), 3)[2].sum().backward()
    assert [bool(g.any()) for g in features.grad] == [False, True, True, False, False, False]


@pytest.mark.parametrize("operator", [temporal_convolution, motion_difference])
def test_a_batch_that_is_not_whole_clips_is_refused(operator):
    second = torch.ones(4, 1, 3) if operator is temporal_convolution else torch.zeros(7, 4, 2, 2)
    with pytest.raises(ValueError, match="7 frames are no whole number of clips of 4"):
        operator(torch.zeros(7, 4, 2, 2), second, 4)
