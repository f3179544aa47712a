"""What makes ECO ECO: its published counts, and what each of its two streams reads and gives."""

import pytest
import torch
from torch import nn

from stm.analysis.complexity import count
from stm.config.schema.networks import PAPER_BACKBONES, Variant
from stm.config.specification import variant_departures
from stm.models.eco import ECO, HalvingInception, Inception, PreActivationBlock

VARIANT = variant_departures(Variant(network="eco"), PAPER_BACKBONES[50])


def on_meta(classes: int = 5) -> ECO:
    with torch.device("meta"):
        return ECO(classes, 16, 0.0)


def parameters(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def test_eco_has_the_published_counts():
    """47.5M and 64G at 16 frames (TPAMI Table 4, ICCV Table 9), within 2%.

    Every layer but the classifier grows with pixels and fours of frames: 16 frames of 224x224 are 4 x 49 times four of
    32x32, which take no second to trace.
    """
    counted = count({"variant": VARIANT, "frames": 4, "classes": 174, "size": [32, 32]})
    classifier = 1536 * 174 / 1e9
    flops = 4 * 49 * (counted["flops_g"] - classifier) + classifier
    assert flops == pytest.approx(64, rel=0.02)
    assert flops == pytest.approx(64.546, abs=0.002)
    assert counted["params_m"] == pytest.approx(47.5, rel=0.02)
    assert counted["params_m"] == pytest.approx(47.1405, abs=5e-5)


def test_with_the_classes_of_kinetics_eco_has_the_published_parameters_to_the_digit():
    assert round(parameters(on_meta(400)) / 1e6, 1) == 47.5


def test_the_2d_stream_is_bn_inception():
    network = on_meta()
    stream = [network.stem, network.inception3c, network.inception4, network.inception4e, network.inception5]
    biases = sum(m.out_channels for part in stream for m in part.modules() if isinstance(m, nn.Conv2d))
    # The public weights of BN-Inception have biases, and a classifier of 1,000 classes: 11,295,240 parameters.
    assert parameters(*stream) + biases + 1025 * 1000 == 11_295_240
    inceptions = [m for part in stream for m in part.modules() if isinstance(m, Inception | HalvingInception)]
    assert [m.out_channels for m in inceptions] == [256, 320, 576, 576, 576, 608, 608, 1056, 1024, 1024]


def test_the_streams_see_frames_and_the_whole_clip():
    shapes = {}
    network = ECO(5, 4, 0.0).eval()
    for name in ("inception3c", "inception5", "volumes"):
        module = network.get_submodule(name)
        module.register_forward_hook(lambda _, args, out, name=name: shapes.update({name: (args[0].shape, out)}))
    clips = torch.randn(2, 4, 3, 64, 64)
    with torch.no_grad():
        features = network.features(clips)
        # What the 3D network reads is of 96 channels, an eighth of the frame's height and width.
        assert shapes["volumes"][0] == (2, 96, 4, 8, 8) and shapes["volumes"][1].shape == (2, 512, 1, 2, 2)
        assert shapes["inception5"][1].shape == (2 * 4, 1024, 2, 2)
        backwards = network.features(clips.flip(1))
    assert features.shape == (2, 1024 + 512)
    assert torch.allclose(features[:, :1024], backwards[:, :1024], atol=1e-5)
    assert (features[:, 1024:] - backwards[:, 1024:]).abs().max() > 1e-3


@pytest.mark.parametrize(("channels", "out_channels", "stride"), [(4, 4, 1), (4, 6, 2)])
def test_a_block_adds_its_convolutions_to_what_came_before_its_norm(channels, out_channels, stride):
    torch.manual_seed(0)
    block = PreActivationBlock(channels, out_channels, stride).eval().double()
    for norm in (block.bn1, block.bn2):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    volumes = torch.randn(2, channels, 3, 5, 4).double()

    def activated(x, norm):
        return (
            (x - norm.running_mean.view(-1, 1, 1, 1)) / (norm.running_var.view(-1, 1, 1, 1) + norm.eps).sqrt()
        ).relu()

    def convolved(x, convolution, step):
        return nn.functional.conv3d(x, convolution.weight, stride=step, padding=1)

    x = activated(volumes, block.bn1)
    shortcut = volumes if stride == 1 else convolved(x, block.downsample, 2)
    branch = convolved(activated(convolved(x, block.conv1, stride), block.bn2), block.conv2, 1)
    assert torch.allclose(block(volumes), branch + shortcut)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 4)])
def test_inceptions_of_stride_2_join_their_branches_at_every_size(size):
    out, inner = HalvingInception(6, (3, 4), (3, 5)).eval()(torch.randn(2, 6, *size))
    assert out.shape == (2, 4 + 5 + 6, -(-size[0] // 2), -(-size[1] // 2)) and inner.shape == (2, 5, *size)
