import pytest
import torch

from stm.models.temporal import motion_difference, temporal_convolution


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


def test_gradients_reach_neighbours_of_the_same_clip_only():
    features = random(6, 4, 2, 2).requires_grad_()
    temporal_convolution(features, torch.ones(4, 1, 3).double(), 3)[2].sum().backward()
    assert [bool(g.any()) for g in features.grad] == [False, True, True, False, False, False]


@pytest.mark.parametrize("operator", [temporal_convolution, motion_difference])
def test_a_batch_that_is_not_whole_clips_is_refused(operator):
    second = torch.ones(4, 1, 3) if operator is temporal_convolution else torch.zeros(7, 4, 2, 2)
    with pytest.raises(ValueError, match="7 frames are no whole number of clips of 4"):
        operator(torch.zeros(7, 4, 2, 2), second, 4)
