import pytest
import torch

from stm.models import cmm, cstm, shift
from stm.models.reference import CHANNELS, OPERATORS, SIZES, TOLERANCE, furthest, plainly
from stm.models.temporal import motion_difference, temporal_convolution

from ..gpus import ON_A_GPU
from .small import built


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


# In float32 a GPU convolves in TF32, of which torch's settings decide.
ARITHMETIC = [
    pytest.param("cpu", torch.float32, id="float32"),
    pytest.param("cpu", torch.bfloat16, id="bfloat16"),
    pytest.param("cuda", torch.bfloat16, id="bfloat16 on a GPU", marks=ON_A_GPU),
]


@pytest.mark.parametrize(("device", "precision"), ARITHMETIC)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_each_fast_form_and_its_gradients_are_the_plain_form_s(operator, size, device, precision):
    assert furthest(operator, size, torch.device(device), precision) <= TOLERANCE[precision]


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_fast_form_that_mistakes_the_frame_is_found(operator, monkeypatch):
    fast, plain, shapes = OPERATORS[operator]
    monkeypatch.setitem(OPERATORS, operator, (lambda *given: fast(*given[:-1], 2 * given[-1]), plain, shapes))
    assert furthest(operator, (3, 13, 6), torch.device("cpu"), torch.float32) > TOLERANCE[torch.bfloat16]


@pytest.mark.parametrize("operator", OPERATORS)
def test_channels_last_features_stay_so(operator):
    fast, _, shapes = OPERATORS[operator]
    features = torch.zeros(16, CHANNELS, 6, 5).contiguous(memory_format=torch.channels_last)
    further = [torch.zeros(shape) if shape else features for shape in shapes]
    assert fast(features, *further, 8).is_contiguous(memory_format=torch.channels_last)


def test_gradients_reach_neighbours_of_the_same_clip_only():
    features = random(6, 4, 2, 2).requires_grad_()
    temporal_convolution(features, torch.ones(4, 1, 3).double(), 3)[2].sum().backward()
    assert [bool(g.any()) for g in features.grad] == [False, True, True, False, False, False]


@pytest.mark.parametrize("operator", [temporal_convolution, motion_difference])
def test_a_batch_that_is_not_whole_clips_is_refused(operator):
    second = torch.ones(4, 1, 3) if operator is temporal_convolution else torch.zeros(7, 4, 2, 2)
    with pytest.raises(ValueError, match="7 frames are no whole number of clips of 4"):
        operator(torch.zeros(7, 4, 2, 2), second, 4)


@pytest.mark.parametrize("name", ["stm", "tsm", "tsm_online", "stm_frequency"])
def test_a_network_with_plain_operators_is_the_same_network(name):
    def found(network):
        network.train().double()
        clips = random(2, 3, 3, 32, 32)
        logits = network(clips)
        logits.square().sum().backward()
        return [logits, *(p.grad for p in network.parameters())]

    fast, plain = built(name), plainly(built(name))
    torch.testing.assert_close(found(plain), found(fast))
    assert plain.state_dict().keys() == fast.state_dict().keys()


@pytest.mark.parametrize("name", ["stm", "tsm"])
def test_a_network_with_plain_operators_has_no_fast_ones(name, monkeypatch):
    network = plainly(built(name))
    for module, operator in ((cstm, "temporal_convolution"), (cstm, "mixed_and_convolved")):
        monkeypatch.delattr(module, operator)
    monkeypatch.delattr(cmm, "motion_difference")
    monkeypatch.delattr(shift, "temporal_shift")
    network(torch.zeros(1, 3, 3, 32, 32))
