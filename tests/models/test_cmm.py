import pytest
import torch

from stm.models.cmm import CMM


def module(**settings) -> CMM:
    torch.manual_seed(0)
    return CMM(32, 2, 32, frames=3, **settings).eval().double()


def test_cmm_is_equation_2_with_a_zero_last_step():
    cmm = module()
    features = torch.randn(3, 32, 5, 6).double()
    reduced = cmm.norm(cmm.reduce(features))
    kernel = cmm.transform.weight
    motion = torch.zeros(3, 2, 5, 6).double()
    for t in range(2):
        for c in range(2):
            for h in range(5):
                for w in range(6):
                    transformed = sum(
                        kernel[c, 0, i + 1, j + 1] * reduced[t + 1, c, h + i, w + j]
                        for i in (-1, 0, 1)
                        for j in (-1, 0, 1)
                        if 0 <= h + i < 5 and 0 <= w + j < 6
                    )
                    motion[t, c, h, w] = reduced[t, c, h, w] - transformed
    assert torch.allclose(cmm(features), cmm.expand(motion))
    assert not cmm(features)[2].any()


def test_the_two_papers_signs_make_opposite_motion():
    features = torch.randn(3, 32, 4, 4).double()
    assert torch.equal(module()(features), -module(next_minus_current=True)(features))


def test_a_clip_that_stands_still_under_a_centre_kernel_has_no_motion():
    cmm = module()
    cmm.transform.weight.data.zero_()
    cmm.transform.weight.data[:, :, 1, 1] = 1
    still = torch.randn(1, 32, 4, 4).double().expand(3, 32, 4, 4)
    assert not cmm(still).any()


@pytest.mark.parametrize(("size", "pooled"), [(7, 4), (8, 4), (1, 1)])
def test_a_stride_halves_odd_sizes_upwards_as_the_convolution_beside_it_does(size, pooled):
    out = module(stride=2)(torch.randn(3, 32, size, size).double())
    assert out.shape == (3, 32, pooled, pooled)
