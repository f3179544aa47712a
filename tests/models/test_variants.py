"""What makes each variant that variant, compared with a plain reference where there is one."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from stm.config.schema.networks import Backbone, Variant
from stm.config.specification import variant_departures
from stm.models.backbone import ChannelWiseSpatial, Place, ResNet, Spatial
from stm.models.builder import build
from stm.models.cmm import CMM, SameFrame
from stm.models.cstm import CSTM, OrdinaryCSTM
from stm.models.shift import TemporalShift
from stm.models.stm import STM, CMMOnly, Concatenation
from stm.models.temporal import ordinary_temporal_convolution, temporal_shift

from .small import BLOCKS, VARIANTS, built, every_variant, full_size, settled, shapes


def middles(network: ResNet) -> dict[tuple[int, int], nn.Module]:
    """What stands in the place of each block's 3x3, by stage (2 to 5) and block."""
    blocks = ((i, k, block) for i in range(4) for k, block in enumerate(network.get_submodule(f"layer{i + 1}")))
    return {(i + 2, k): block.middle for i, k, block in blocks}


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


# Ordinary convolutions: TPAMI Table 10


@pytest.mark.parametrize(("clips", "frames"), [(1, 1), (2, 2), (2, 5)])
def test_an_ordinary_temporal_convolution_mixes_all_channels_of_three_frames(clips, frames):
    features, kernel = random(clips * frames, 4, 3, 2), random(4, 4, 3)
    out = ordinary_temporal_convolution(features, kernel, frames).view(clips, frames, 4, 3, 2)
    clip = features.view(clips, frames, 4, 3, 2)
    for n, t, c in itertools.product(range(clips), range(frames), range(4)):
        expected = torch.zeros(3, 2).double()
        for other, i in itertools.product(range(4), (-1, 0, 1)):
            if 0 <= t + i < frames:
                expected += kernel[c, other, i + 1] * clip[n, t + i, other]
        assert torch.allclose(out[n, t, c], expected)


def test_an_ordinary_cstm_starts_as_the_channel_wise_one_and_can_mix_channels():
    features = random(6, 8, 3, 3)
    ordinary, channel_wise = (kind(8, 3, nn.Identity()).double() for kind in (OrdinaryCSTM, CSTM))
    assert torch.equal(ordinary(features), channel_wise(features))
    ordinary(features)[:, 0].sum().backward()
    assert ordinary.kernel.grad[0].any(dim=1).all()


def test_an_ordinary_cmm_transforms_the_next_frame_over_all_channels():
    cmm = CMM(8, 3, 8, frames=3, kernel="ordinary").eval().double()
    features = random(6, 8, 4, 5)
    reduced = cmm.norm(cmm.reduce(features))
    padded = nn.functional.pad(reduced, (1, 1, 1, 1))
    expected = torch.zeros_like(reduced)
    for n, t, c, h, w in itertools.product(range(2), range(2), range(3), range(4), range(5)):
        window = padded[3 * n + t + 1, :, h : h + 3, w : w + 3]
        expected[3 * n + t, c, h, w] = reduced[3 * n + t, c, h, w] - (cmm.transform.weight[c] * window).sum()
    assert torch.allclose(cmm(features), cmm.expand(expected))


@pytest.mark.parametrize(("channels", "out_channels", "stride"), [(4, 4, 1), (4, 4, 2), (4, 8, 2)])
def test_a_channel_wise_3x3_looks_at_one_channel(channels, out_channels, stride):
    spatial = ChannelWiseSpatial(Place(2, 0, channels, out_channels, stride)).eval().double()
    features = random(2, channels, 7, 5)
    out = spatial(features)
    for c in range(out_channels):
        alone = features[:, c * channels // out_channels, None]
        convolved = nn.functional.conv2d(alone, spatial.depthwise.weight[c, None], stride=stride, padding=1)
        expected = convolved / (1 + spatial.norm.eps) ** 0.5
        assert torch.allclose(out[:, c, None], expected.relu())


# Of the papers: CSTM ordinary 27.64M, channel-wise 23.88M (TPAMI Table 10, ICCV Table 8). The others are counts of this
# layout where no layout gives the published figure, or where none is published.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tsn", 23.8646),
        ("tsm", 23.8646),
        ("stm", 24.0357),
        ("stm_same_frame", 24.0357),
        ("cstm", 23.8759),
        ("cstm_ordinary", 27.6370),
        ("cstm_1d_2d", 12.5926),
        ("cmm", 24.0243),
        ("cmm_ordinary", 24.0664),
        ("stm_frequency", 24.0222),
        ("stm_one_a_stage", 23.9116),
        ("stm_concat", 26.5506),
        ("stm_concat_from_sum", 26.5506),
        ("stm18", 11.3314),
        ("stm34", 21.5165),
    ],
)
def test_the_papers_networks_have_their_parameters(name, expected):
    count = sum(p.numel() for p in full_size(name).parameters())
    assert count / 1e6 == pytest.approx(expected, abs=5e-5)


# Temporal shift: the papers' competitor


@pytest.mark.parametrize(("frames", "channels"), [(1, 8), (2, 16), (5, 20)])
def test_a_temporal_shift_moves_an_eighth_of_the_channels_each_way(frames, channels):
    features = random(2 * frames, channels, 2, 3)
    out = temporal_shift(features, 8, frames)
    for n, t, c in itertools.product(range(2), range(frames), range(channels)):
        # TSM's code: the first eighth comes from the next frame, the second from the one before.
        source = t + 1 if c < channels // 8 else t - 1 if c < 2 * (channels // 8) else t
        expected = features[n * frames + source, c] if 0 <= source < frames else torch.zeros(2, 3).double()
        assert torch.equal(out[n * frames + t, c], expected)


@pytest.mark.parametrize(("frames", "channels"), [(1, 8), (2, 16), (5, 20)])
def test_the_online_shift_takes_the_first_eighth_of_the_channels_from_the_frame_before(frames, channels):
    features = random(2 * frames, channels, 2, 3)
    out = temporal_shift(features, 8, frames, from_next=False)
    for n, t, c in itertools.product(range(2), range(frames), range(channels)):
        # TSM's code for streams: the first eighth is the one kept of the frame before.
        source = t - 1 if c < channels // 8 else t
        expected = features[n * frames + source, c] if source >= 0 else torch.zeros(2, 3).double()
        assert torch.equal(out[n * frames + t, c], expected)


def test_tsm_online_is_tsm_without_the_shift_from_the_next_frame():
    shifts = {
        name: [m.from_next for m in built(name).modules() if isinstance(m, TemporalShift)]
        for name in ("tsm", "tsm_online")
    }
    blocks = sum(BLOCKS)
    assert shifts == {"tsm": [True] * blocks, "tsm_online": [False] * blocks}
    assert shapes(built("tsm_online")) == shapes(built("tsm"))
    assert {name for name, variant in VARIANTS.items() if variant.causal} == {"tsn", "tsm_online"}


@pytest.mark.parametrize("block", ["bottleneck", "basic"])
def test_tsm_shifts_before_every_first_convolution_and_never_in_the_shortcut(block):
    backbone = Backbone(block=block, blocks=[2, 1, 1, 1], width=8)
    network = settled(build(variant_departures(VARIANTS["tsm"], backbone), 3, 5))
    plain = settled(build(variant_departures(VARIANTS["tsn"], backbone), 3, 5))
    plain.load_state_dict(network.state_dict())
    for i in range(4):
        for shifting, still in zip(*(n.get_submodule(f"layer{i + 1}") for n in (network, plain)), strict=True):
            features = random(3, (still.conv1 if block == "bottleneck" else still.middle.conv).in_channels, 6, 6)
            shifted = temporal_shift(features, 8, 3)

            def branch(x, still=still):
                if block == "bottleneck":
                    return still.bn3(still.conv3(still.middle(still.relu(still.bn1(still.conv1(x))))))
                return still.bn2(still.conv2(still.middle(x)))

            assert torch.allclose(shifting(features), (branch(shifted) + still.downsample(features)).relu())


def test_tsm_has_tsns_weights_and_none_of_its_own():
    assert shapes(built("tsm")) == shapes(built("tsn"))


# Fusion: TPAMI Table 7


@pytest.mark.parametrize("from_sum", [True, False])
def test_a_concatenation_is_a_1x1_convolution_of_both_outputs_side_by_side(from_sum):
    first, second = nn.Conv2d(3, 4, 1).double(), nn.Conv2d(3, 4, 1).double()
    module = Concatenation(first, second, 4, from_sum).double()
    features = random(2, 3, 2, 2)
    a, b = first(features), second(features)
    weight = module.weight[..., 0, 0]
    expected = torch.zeros(2, 4, 2, 2).double()
    for c, k in itertools.product(range(4), range(4)):
        expected[:, c] += weight[c, k] * a[:, k] + weight[c, 4 + k] * b[:, k]
    assert torch.allclose(module(features), expected)
    assert torch.allclose(module(features), a + b) == from_sum


def test_a_concatenation_from_the_sum_is_the_summing_network_at_its_start_and_learns_to_be_another():
    network, summing = built("stm_concat_from_sum"), built("stm", seed=7)
    left = network.load_state_dict(summing.state_dict(), strict=False)
    assert {name.split(".middle.")[1] for name in left.missing_keys} == {"weight"} and not left.unexpected_keys
    network, summing = settled(network), settled(summing)
    clips = random(2, 3, 3, 16, 16)
    assert torch.allclose(network(clips), summing(clips))
    network(clips).square().sum().backward()
    assert all(m.weight.grad.any() for m in middles(network).values())


# Frequency degeneration: TPAMI Eq. 7 and Table 8


def test_a_fixed_cstm_is_the_low_frequency_of_equation_7():
    clip = random(4, 4, 2, 2)
    low = CSTM(4, 4, nn.Identity(), fixed=True).double()(clip)
    assert torch.allclose(low[:3], clip[:3] + clip[1:]) and torch.equal(low[3], clip[3])


def test_a_fixed_cmm_is_the_high_frequency_of_equation_7():
    cmm = CMM(8, 2, 8, frames=4, kernel="fixed").eval().double()
    clip = random(4, 8, 3, 3)
    reduced = cmm.norm(cmm.reduce(clip))
    high = torch.cat([reduced[:3] - reduced[1:], torch.zeros(1, 2, 3, 3).double()])
    assert torch.allclose(cmm(clip), cmm.expand(high))


def test_a_fixed_cmm_is_the_learned_one_with_a_kernel_of_one_in_its_centre():
    fixed, learned = CMM(8, 2, 8, 4, kernel="fixed").eval(), CMM(8, 2, 8, 4).eval()
    learned.load_state_dict(fixed.state_dict(), strict=False)
    learned.transform.weight.data.zero_()[:, :, 1, 1] = 1
    clip = random(4, 8, 3, 3).float()
    assert torch.allclose(fixed(clip), learned(clip), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("stm_frequency", {"cstm.kernel", "cmm.transform.weight"}),
        ("stm_fixed_cstm", {"cstm.kernel"}),
        ("stm_fixed_cmm", {"cmm.transform.weight"}),
    ],
)
def test_fixed_kernels_are_no_parameters_and_all_else_of_stm_learns(name, gone):
    learned, fixed = shapes(built("stm")), shapes(built(name))
    missing = learned.keys() - fixed.keys()
    assert {key.partition(".middle.")[2] for key in missing} == gone and len(missing) == 5 * len(gone)
    assert fixed.items() <= learned.items()


def test_fixed_kernels_stay_as_they_are_in_training_and_are_saved():
    network = built("stm_frequency").train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0, weight_decay=0.1)
    for _ in range(2):
        network(torch.randn(2, 3, 3, 16, 16)).square().sum().backward()
        optimiser.step()
    kernels = {name: value for name, value in network.state_dict().items() if name.endswith("kernel")}
    assert len(kernels) == 5
    assert all(torch.equal(k, torch.tensor([0.0, 1, 1]).expand_as(k)) for k in kernels.values())


# Location and number of blocks: TPAMI Table 9

PLACES = [(i + 2, k) for i, count in enumerate([3, 4, 6, 3]) for k in range(count)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tsn", []),
        ("stm_stage2", [(2, 0)]),
        ("stm_stage3", [(3, 0)]),
        ("stm_stage4", [(4, 0)]),
        ("stm_stage5", [(5, 0)]),
        ("stm_one_a_stage", [(2, 0), (3, 0), (4, 0), (5, 0)]),
        ("stm", PLACES),
    ],
)
def test_the_blocks_of_table_9_are_temporal_and_all_others_are_resnets(name, expected):
    found = middles(full_size(name))
    assert list(found) == PLACES
    assert [place for place, middle in found.items() if type(middle) is STM] == expected
    assert [place for place, middle in found.items() if type(middle) is Spatial] == sorted(set(PLACES) - set(expected))


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("cstm", CSTM),
        ("cstm_ordinary", OrdinaryCSTM),
        ("cstm_1d_2d", CSTM),
        ("cmm", CMMOnly),
        ("cmm_ordinary", CMMOnly),
        ("stm_concat", Concatenation),
        ("stm_concat_from_sum", Concatenation),
        ("stm_same_frame", STM),
        ("stm18", STM),
        ("stm34", STM),
    ],
)
def test_the_other_variants_are_temporal_in_every_block(name, module):
    assert {type(middle) for middle in middles(built(name)).values()} == {module}


def test_only_tsm_shifts():
    for name in VARIANTS:
        with torch.device("meta"):
            network = built(name)
        shifts = [m for m in network.modules() if isinstance(m, TemporalShift)]
        assert bool(shifts) == (name in ("tsm", "tsm_online")), name


# Depths and lengths


@pytest.mark.parametrize(("name", "blocks"), [("stm18", [2, 2, 2, 2]), ("stm34", [3, 4, 6, 3])])
def test_shallow_networks_have_the_modules_around_the_first_3x3_of_each_basic_block(name, blocks):
    network = full_size(name)
    assert [len(network.get_submodule(f"layer{i + 1}")) for i in range(4)] == blocks
    for i, k in itertools.product(range(4), range(2)):
        block = network.get_submodule(f"layer{i + 1}")[k]
        stride = 2 if i and not k else 1
        channels = 64 * 2 ** (i - 1 if stride == 2 else i)
        # Both modules read what the 3x3 reads: the block's input, before the stride.
        assert block.middle.cstm.kernel.shape[0] == block.middle.cmm.reduce.in_channels == channels
        assert block.middle.cstm.spatial.conv.stride == (stride, stride)
        assert type(block.conv2) is nn.Conv2d and block.conv2.stride == (1, 1)


@every_variant
def test_sixteen_frames_need_no_other_weights_than_eight(name):
    with torch.device("meta"):
        assert shapes(built(name, 16)) == shapes(built(name, 8))


# Controls of the project


def test_the_same_frame_control_has_exactly_cmms_weights():
    assert shapes(built("stm_same_frame")) == shapes(built("stm"))


@pytest.mark.parametrize(("kind", "sees"), [(CMM, True), (SameFrame, False)])
def test_the_same_frame_control_cannot_tell_a_still_clip_from_a_moving_one(kind, sees):
    torch.manual_seed(0)
    module = (CMM(8, 2, 8, frames=3) if kind is CMM else SameFrame(8, 2, 8, stride=1)).eval().double()
    moving = random(3, 8, 4, 4)
    still = moving[:1].expand_as(moving)
    assert torch.allclose(module(moving)[0], module(still)[0]) != sees
    assert Variant(cmm="same_frame").sees_order is False


def test_the_same_frame_control_is_the_frame_less_its_own_transform():
    module = SameFrame(8, 2, 8, stride=2).eval().double()
    features = random(2, 8, 5, 5)
    reduced = module.norm(module.reduce(features))
    expected = nn.functional.max_pool2d(module.expand(reduced - module.transform(reduced)), 2, ceil_mode=True)
    assert torch.allclose(module(features), expected) and expected.any()
