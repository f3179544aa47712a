"""What makes TEA TEA: motion excitation and temporal aggregation against plain loops, its counts, its start."""

import itertools

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from stm.analysis.complexity import count
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Variant
from stm.config.specification import variant_departures
from stm.models.backbone import Place
from stm.models.builder import build
from stm.models.imagenet import load_imagenet, torchvision_name
from stm.models.tea import TEA, MotionExcitation, TemporalAggregation

from .small import settled

SETTINGS = Variant(tea=True)


def test_motion_excitation_strengthens_channels_by_the_change_to_the_next_frame():
    clips, frames, channels, reduced, height, width = 2, 3, 5, 2, 4, 3
    module = settled(MotionExcitation(channels, reduced, frames))
    features = torch.randn(clips * frames, channels, height, width).double()
    small = module.norm(module.reduce(features))
    kernel = module.transform.weight[:, 0]
    motion = torch.zeros(clips * frames, reduced, 1, 1).double()
    for n, t, c in itertools.product(range(clips), range(frames - 1), range(reduced)):
        now, following = small[n * frames + t, c], small[n * frames + t + 1, c]
        total = torch.zeros(()).double()
        for h, w in itertools.product(range(height), range(width)):
            transformed = sum(
                kernel[c, i + 1, j + 1] * following[h + i, w + j]
                for i, j in itertools.product((-1, 0, 1), repeat=2)
                if 0 <= h + i < height and 0 <= w + j < width
            )
            total += transformed - now[h, w]
        motion[n * frames + t, c] = total / (height * width)
    gate = module.expand_norm(module.expand(motion))
    expected = features * (0.5 + 1 / (1 + torch.exp(-gate)))
    assert torch.allclose(module(features), expected)


@pytest.mark.parametrize(("first", "stride"), [(True, 1), (True, 2), (False, 1)])
def test_temporal_aggregation_is_a_cascade_of_temporal_and_spatial_convolutions(first, stride):
    clips, frames, width, size = 2, 3, 3, 5
    module = settled(TemporalAggregation(width, stride, first, frames))
    for kernel in module.kernels:
        kernel.data.normal_()
    features = torch.randn(clips * frames, 4 * width, size, size).double()

    def over_time(x, kernel):
        out = torch.zeros_like(x)
        for n, t, c, i in itertools.product(range(clips), range(frames), range(width), (-1, 0, 1)):
            if 0 <= t + i < frames:
                out[n * frames + t, c] += kernel[c, 0, i + 1] * x[n * frames + t + i, c]
        return out

    outputs = []
    for k in range(3):
        x = features[:, k * width : (k + 1) * width]
        if k > 0 and not first:
            x = x + outputs[-1]
        mixed = over_time(x, module.kernels[k])
        outputs.append(module.norms[k](nn.functional.conv2d(mixed, module.convs[k].weight, None, stride, 1)).relu())
    last = over_time(features[:, 3 * width :], module.kernels[3])
    if first:
        windows = nn.functional.pad(last, (1, 1, 1, 1)).unfold(2, 3, stride).unfold(3, 3, stride)
        last = windows.sum((4, 5)) / 9
    assert torch.allclose(module(features), torch.cat([*outputs, last], dim=1))


def test_the_last_split_starts_as_a_shift_of_half_of_its_channels_each_way_and_the_others_unchanged():
    module = TemporalAggregation(width=5, stride=1, first=False, frames=3)
    assert all(k[:, 0].tolist() == [[0, 1, 0]] * 5 for k in module.kernels[:3])
    assert module.kernels[3][:, 0].tolist() == [[0, 0, 1]] * 2 + [[1, 0, 0]] * 2 + [[0, 1, 0]]


def test_tea_is_in_every_block_with_26_of_64_planes_four_times_and_a_sixteenth_for_motion():
    with torch.device("meta"):
        network = build(variant_departures(SETTINGS, PAPER_BACKBONES[50]), 8, 174)
    for i, (blocks, channels) in enumerate(zip((3, 4, 6, 3), (104, 208, 416, 832), strict=True)):
        stage = network.get_submodule(f"layer{i + 1}")
        assert len(stage) == blocks and all(type(block.middle) is TEA for block in stage)
        assert all(block.middle.excitation.expand.weight.shape[:2] == (channels, channels // 16) for block in stage)
        assert [block.middle.aggregation.first for block in stage] == [True] + [False] * (blocks - 1)


def test_tea_has_the_published_flops():
    """35G at 8 frames (TPAMI Tables 1 and 4), within 2%; of its parameters the papers print nothing."""
    variant = variant_departures(SETTINGS, PAPER_BACKBONES[50])
    counted = count({"variant": variant, "frames": 1, "classes": 174, "size": [224, 224]})
    assert 8 * counted["flops_g"] == pytest.approx(35, rel=0.02)
    assert 8 * counted["flops_g"] == pytest.approx(34.742, abs=0.002)
    assert counted["params_m"] == pytest.approx(24.4563, abs=5e-5)


def test_a_scaled_backbone_builds_a_tea_that_learns():
    backbone = Backbone(block="bottleneck", blocks=[2, 2, 2, 2], width=16, cmm_reduction=4, cmm_least_channels=4)
    network = build(variant_departures(SETTINGS, backbone), 3, 5)
    network.fc.weight.data.normal_()
    network(torch.randn(2, 3, 3, 33, 33)).square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("changes", [{"cstm": "channel_wise"}, {"shift": "both_ways"}, {"depth": 18}, {"stages": [2]}])
def test_tea_stands_alone(changes):
    with pytest.raises(ValueError, match="leave the other keys out"):
        Variant(tea=True, **changes)


def test_imagenet_gives_tea_the_stem_and_the_shortcuts_of_a_resnet(tmp_path):
    backbone = Backbone(block="bottleneck", blocks=[2, 1, 1, 1], width=8)
    resnet, network = (build(variant_departures(v, backbone), 3, 5) for v in (Variant(), SETTINGS))
    for value in resnet.state_dict().values():
        value.copy_(torch.randn(value.shape))
    theirs = {torchvision_name(name, bottleneck=True): value for name, value in resnet.state_dict().items()}
    save_file({name: value.contiguous() for name, value in theirs.items()}, tmp_path / "weights.safetensors")
    start = {name: value.clone() for name, value in network.state_dict().items()}
    fresh = set(load_imagenet(network, tmp_path / "weights.safetensors", bottleneck=True))
    for name, value in network.state_dict().items():
        taken = name.startswith(("conv1.", "bn1.")) or ".downsample." in name
        assert torch.equal(value, theirs[name] if taken else start[name]) and (name in fresh) != taken
    deeper = {**theirs, "layer1.7.conv3.weight": torch.zeros(1)}
    save_file({name: value.contiguous() for name, value in deeper.items()}, tmp_path / "deeper.safetensors")
    with pytest.raises(ValueError, match=r"no place here: layer1.7.conv3.weight"):
        load_imagenet(network, tmp_path / "deeper.safetensors", bottleneck=True)


def test_a_place_has_whole_splits():
    for planes in (16, 32, 64, 128):
        place = Place(2, 1, planes * 26 // 64 * 4, planes * 26 // 64 * 4, 1)
        assert TEA(place, 4, 2)(torch.randn(2, place.channels, 3, 3)).shape == (2, place.channels, 3, 3)
