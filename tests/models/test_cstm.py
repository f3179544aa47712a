import pytest
import torch
from torch import nn

from stm.models.cstm import CSTM


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
