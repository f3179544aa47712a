import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stm.models.backbone import Place, Spatial
from stm.models.cstm import CSTM
from stm.models.temporal import temporal_convolution
from stm.training.memory import held_bytes


def test_cstm_starts_as_a_shift_of_a_quarter_of_the_channels_each_way():
    clip = torch.arange(1.0, 4.0).view(3, 1, 1, 1).expand(3, 8, 1, 1)  # frame t holds the value t + 1
    out = CSTM(channels=8, frames=3, spatial=nn.Identity())(clip)
    assert out[:, 0].flatten().tolist() == [0, 1, 2]  # the frame before
    assert out[:, 2].flatten().tolist() == [1, 2, 3]  # unchanged
    assert out[:, 5].flatten().tolist() == [1, 2, 3]
    assert out[:, 7].flatten().tolist() == [2, 3, 0]  # the frame after


def test_cstm_is_the_temporal_convolution_and_then_the_spatial_one():
    spatial = nn.Conv2d(4, 6, 3, stride=2, padding=1)
    module = CSTM(4, 2, spatial)
    features = torch.randn(4, 4, 7, 5)
    plain = nn.Conv1d(4, 4, 3, padding=1, groups=4, bias=False)
    plain.weight.data = module.kernel.data = torch.randn(4, 1, 3)
    # The reshape of section 3.1: F -> F*, NHW x C x T.
    rows = features.view(2, 2, 4, 7, 5).permute(0, 3, 4, 2, 1).reshape(-1, 4, 2)
    mixed = plain(rows).view(2, 7, 5, 4, 2).permute(0, 4, 3, 1, 2).reshape(4, 4, 7, 5)
    assert torch.allclose(module(features), spatial(mixed), atol=1e-6)


def test_cstm_refuses_channels_without_quarters():
    with pytest.raises(ValueError, match="multiple of 4, not 6"):
        CSTM(6, 8, nn.Identity())


def in_training(stride: int = 1, fixed: bool = False) -> tuple[CSTM, Tensor]:
    torch.manual_seed(0)
    module = CSTM(16, 3, Spatial(Place(3, 0, 16, 16, stride)), fixed).to(memory_format=torch.channels_last)
    return module, torch.randn(6, 16, 13, 9).contiguous(memory_format=torch.channels_last)


def held_whole(module: CSTM) -> Callable[[Tensor], Tensor]:
    """What CSTM is, with G held for the way back."""
    return lambda features: module.spatial(temporal_convolution(features, module.kernel, module.frames))


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("fixed", [False, True])
def test_without_g_held_a_training_has_the_same_values_gradients_and_statistics_to_the_bit(stride, fixed, bfloat16):
    module, features = in_training(stride, fixed)
    twin = copy.deepcopy(module)
    found = []
    for one, forward in ((module, module), (twin, held_whole(twin))):
        leaf = features.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            out = forward(leaf * 1)
        out.float().square().sum().backward()
        found.append([out, leaf.grad, *(p.grad for p in one.parameters()), *one.buffers()])
    assert all(x.dtype == y.dtype and torch.equal(x, y) for x, y in zip(*found, strict=True))


def test_g_is_not_held_for_the_way_back():
    module, features = in_training()
    features.requires_grad_()
    less = held_bytes(lambda: held_whole(module)(features)) - held_bytes(lambda: module(features))
    # Beside it 48 numbers of K, which both hold.
    assert less == features.nbytes


@pytest.mark.parametrize("what", ["features", "kernel", "weight"])
@pytest.mark.parametrize("fixed", [False, True])
def test_what_g_is_made_of_once_more_must_not_change_meanwhile(what, fixed):
    module, features = in_training(fixed=fixed)
    leaf = features.clone().requires_grad_()
    given = leaf * 1
    out = module(given)
    changed = {"features": given, "kernel": module.kernel, "weight": module.spatial.conv.weight}[what]
    with torch.no_grad():
        changed += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_where_nothing_is_trained_or_torch_compiles_the_two_convolutions_are_two(monkeypatch):
    def refused(*_):
        raise AssertionError

    module, features = in_training()
    trained = module(features)
    monkeypatch.setattr("stm.models.cstm.mixed_and_convolved", refused)
    with pytest.raises(AssertionError):
        module(features)
    with torch.no_grad():
        assert torch.equal(module(features), trained)
    assert torch.equal(torch.compile(module, backend="eager", fullgraph=True)(features), trained)
    assert torch.equal(module.eval()(features), held_whole(module)(features))
