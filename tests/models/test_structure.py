"""What the papers say of the networks themselves and can be proved: claims of kind *structure* name these tests."""

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn

from stm.config.schema.networks import PAPER_BACKBONES, Variant
from stm.config.specification import variant_departures
from stm.models.backbone import BasicBlock, Bottleneck, Place, ResNet, Spatial
from stm.models.builder import build
from stm.models.cmm import CMM
from stm.models.cstm import CSTM, OrdinaryCSTM
from stm.models.stm import STM, Concatenation

DEPTHS = [18, 34, 50]
SUM = {"cstm": "channel_wise", "cmm": "channel_wise"}


def built(frames: int = 2, classes: int = 174, depth: int = 50, **settings) -> ResNet:
    """A network of the papers' size."""
    return build(variant_departures(Variant(depth=depth, **settings), PAPER_BACKBONES[depth]), frames, classes)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def flops(module: nn.Module, *inputs: Tensor) -> int:
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    return FlopCountAnalysis(module.eval(), inputs).total()


def blocks(network: ResNet) -> Iterator[Bottleneck | BasicBlock]:
    return (module for module in network.modules() if isinstance(module, Bottleneck | BasicBlock))


def modules_of(network: ResNet, kind: type[nn.Module]) -> Iterable:
    return [module for module in network.modules() if isinstance(module, kind)]


@pytest.mark.parametrize("channels", [4, 64])
def test_the_channel_wise_temporal_convolution_is_c_times_cheaper(channels):
    channel_wise, ordinary = (kind(channels, 4, nn.Identity()) for kind in (CSTM, OrdinaryCSTM))
    features = torch.zeros(4, channels, 3, 3)
    assert flops(ordinary, features) == channels * flops(channel_wise, features) > 0
    assert parameters(ordinary) == channels * parameters(channel_wise)


def test_cmm_reduces_channels_sixteenfold_in_every_block_and_restores_them():
    network = built(**SUM)
    found = modules_of(network, CMM)
    assert len(found) == 16
    for cmm in found:
        channels = cmm.reduce.in_channels
        assert (cmm.reduce.kernel_size, cmm.reduce.out_channels) == ((1, 1), channels // 16)
        assert (cmm.transform.kernel_size, cmm.transform.groups) == ((3, 3), channels // 16)
        assert (cmm.expand.kernel_size, cmm.expand.out_channels) == ((1, 1), channels)


def test_the_sum_and_the_identity_shortcut_have_no_parameters():
    for block in blocks(built(**SUM)):
        middle = block.middle
        assert parameters(middle) == parameters(middle.cstm) + parameters(middle.cmm)
        if block.conv1.in_channels == block.conv3.out_channels:
            assert parameters(block.downsample) == 0


@pytest.mark.parametrize("depth", DEPTHS)
def test_an_stm_block_takes_the_place_of_any_residual_block(depth):
    plain = built(depth=depth)
    places = [
        (stage, block) for stage in (2, 3, 4, 5) for block in range(len(plain.get_submodule(f"layer{stage - 1}")))
    ]
    replaced = built(depth=depth, **SUM)
    for stage, block in places:
        one, other = (network.get_submodule(f"layer{stage - 1}")[block].eval() for network in (plain, replaced))
        assert isinstance(other.middle, STM)
        channels = (one.conv1 if depth == 50 else one.middle.conv).in_channels
        features = torch.randn(2, channels, 9, 9)
        assert one(features).shape == other(features).shape
        # All that the residual block has learned has its place in the STM block.
        names = {name.replace("middle.", "middle.cstm.spatial.") for name in one.state_dict()}
        assert names <= set(other.state_dict())


def test_stm_is_a_2d_network_that_keeps_every_frame_up_to_the_scores():
    network = built(frames=3, **SUM)
    # No filter extends over time and space at once: temporal ones (C, 1, 3) have no height and width, others no time.
    assert {tuple(p.shape[1:]) for name, p in network.named_parameters() if name.endswith("kernel")} == {(1, 3)}
    assert all(p.dim() <= 4 for p in network.parameters())
    assert not modules_of(network, nn.Conv3d)
    clip = torch.randn(2, 3, 3, 32, 32)  # RGB frames alone
    frames = []
    for block in blocks(network):
        block.register_forward_hook(lambda _, __, out: frames.append(len(out)))
    scores = network.eval()(clip)
    assert frames == [2 * 3] * 16 and len(network.features(clip)) == 2 * 3
    assert scores.shape == (2, 174)


def test_stm_adds_less_than_a_hundredth_of_tsns_parameters():
    tsn, stm = parameters(built()), parameters(built(**SUM))
    assert 0 < stm - tsn < tsn / 100


@pytest.mark.parametrize(("down", "right"), [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
def test_equation_5_is_equation_2_with_a_one_hot_kernel(down, right):
    cmm = CMM(16, 4, 16, frames=2)
    cmm.transform.weight.data.zero_()
    cmm.transform.weight.data[:, :, 1 + down, 1 + right] = 1
    features = torch.randn(2, 4, 6, 7)
    residual = cmm.difference(features)[0]
    # Away from the border, where a displacement leaves the map.
    moved = features[1].roll((-down, -right), dims=(1, 2))
    assert torch.allclose(residual[:, 1:-1, 1:-1], (features[0] - moved)[:, 1:-1, 1:-1], atol=1e-6)


def test_the_sum_and_difference_of_two_frames_are_their_fourier_transform():
    frames = np.random.default_rng(0).normal(size=(2, 5, 6))
    low, high = np.fft.fft(frames, axis=0)
    assert np.allclose(low, frames[0] + frames[1]) and np.allclose(high, frames[0] - frames[1])


def test_cstm_degenerates_to_the_low_frequency():
    cstm = CSTM(4, 3, nn.Identity())
    cstm.kernel.data[:] = torch.tensor([0.0, 1.0, 1.0])
    features = torch.randn(3, 4, 5, 5)
    low = [torch.fft.fft(features[t : t + 2], dim=0)[0].real for t in (0, 1)]
    assert torch.allclose(cstm(features)[:2], torch.stack(low), atol=1e-6)
    assert torch.equal(CSTM(4, 3, nn.Identity(), fixed=True)(features), cstm(features))


def test_cmm_degenerates_to_the_high_frequency():
    cmm = CMM(16, 4, 16, frames=3)
    cmm.transform.weight.data.zero_()
    cmm.transform.weight.data[:, :, 1, 1] = 1
    features = torch.randn(3, 4, 5, 5)
    high = [torch.fft.fft(features[t : t + 2], dim=0)[1].real for t in (0, 1)]
    assert torch.allclose(cmm.difference(features)[:2], torch.stack(high), atol=1e-6)
    assert torch.allclose(CMM(16, 4, 16, frames=3, kernel="fixed").difference(features), cmm.difference(features))


def test_concatenation_reduces_two_times_c_channels_to_c():
    place = Place(stage=2, block=0, channels=8, out_channels=8, stride=1)
    cstm, cmm = CSTM(8, 2, Spatial(place)), CMM(8, 2, 8, frames=2)
    module = Concatenation(cstm, cmm, 8).eval()
    features = torch.randn(2, 8, 5, 5)
    both = torch.cat([cstm(features), cmm(features)], dim=1)
    assert both.shape[1] == 16
    assert torch.allclose(module(features), torch.einsum("oi,nihw->nohw", module.weight[..., 0, 0], both), atol=1e-5)
    assert parameters(module) - parameters(STM(cstm, cmm)) == 16 * 8


def test_a_deeper_stm_has_more_parameters_and_flops():
    networks = [built(depth=depth, **SUM) for depth in DEPTHS]
    small, middle, large = ((parameters(n), flops(n, torch.zeros(1, 2, 3, 64, 64))) for n in networks)
    assert small[0] < middle[0] < large[0] and small[1] < middle[1] < large[1]
