"""What makes I3D I3D: its published counts, which kernels reach over time, and a ResNet where none does."""

import pytest
import torch
import torchvision
from torch import nn

from stm.analysis.complexity import count
from stm.config.schema.networks import PAPER_BACKBONES, Variant
from stm.config.specification import variant_departures
from stm.models.i3d import I3D, pool_space, pool_time
from stm.training.optimiser import parameter_groups

VARIANT = variant_departures(Variant(network="i3d"), PAPER_BACKBONES[50])


def test_i3d_has_the_published_counts():
    """28.0M and 306G at 64 frames (TPAMI Table 4, ICCV Table 9), 153G at 32 (TPAMI Table 1), within 2%.

    Every layer but the classifier grows with pixels and pairs of frames: 64 frames of 224x224 are 32 x 49 times two of
    32x32, which take no second to trace.
    """
    counted = count({"variant": VARIANT, "frames": 2, "classes": 174, "size": [32, 32]})
    classifier = 2048 * 174 / 1e9
    flops = 32 * 49 * (counted["flops_g"] - classifier) + classifier
    assert flops == pytest.approx(306, rel=0.02) and flops / 2 == pytest.approx(153, rel=0.02)
    assert flops == pytest.approx(306.088, abs=0.002)
    assert counted["params_m"] == pytest.approx(28.0, rel=0.02)
    assert counted["params_m"] == pytest.approx(27.5804, abs=5e-5)


def test_with_the_classes_of_kinetics_i3d_has_the_published_parameters_to_the_digit():
    with torch.device("meta"):
        network = I3D(400, 0.0)
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == 28.0


def test_the_first_and_then_every_other_block_reaches_over_three_frames():
    with torch.device("meta"):
        network = I3D(5, 0.0)
    reach = [[block.conv1.kernel_size[0] for block in network.get_submodule(f"layer{i}")] for i in (1, 2, 3, 4)]
    assert reach == [[3, 3, 3], [3, 1, 3, 1], [3, 1, 3, 1, 3, 1], [1, 3, 1]]
    assert network.conv1.kernel_size == (5, 7, 7)


def test_the_pools_are_those_of_volumes():
    volumes = torch.randn(2, 3, 5, 7, 6).contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(pool_space(volumes), nn.functional.max_pool3d(volumes, (1, 3, 3), (1, 2, 2), (0, 1, 1)))
    assert torch.equal(pool_time(volumes), nn.functional.max_pool3d(volumes, (3, 1, 1), (2, 1, 1), (1, 0, 0)))
    for pooled in (pool_space(volumes), pool_time(volumes)):
        assert pooled.is_contiguous(memory_format=torch.channels_last_3d)


def test_without_its_reach_over_time_an_i3d_sees_a_still_clip_as_a_resnet_sees_its_frame():
    reference = torchvision.models.resnet50(num_classes=5).eval()
    # The stage that keeps its size.
    reference.layer4[0].conv2.stride = reference.layer4[0].downsample[0].stride = (1, 1)
    network = I3D(5, 0.0).eval()
    weights = {}
    for name, value in network.state_dict().items():
        theirs = reference.state_dict()[name]
        if value.dim() == 5:
            inflated = torch.zeros_like(value)
            inflated[:, :, value.shape[2] // 2] = theirs
            theirs = inflated
        weights[name] = theirs
    network.load_state_dict(weights)
    images = torch.randn(2, 3, 33, 40)
    with torch.no_grad():
        assert torch.allclose(network(images[:, None].expand(2, 3, 3, 33, 40)), reference(images), atol=1e-4)


@pytest.mark.parametrize("changes", [{"depth": 18}, {"cstm": "channel_wise"}, {"shift": "both_ways"}, {"tea": True}])
def test_i3d_stands_alone(changes):
    with pytest.raises(ValueError, match="leave the other keys out"):
        Variant(network="i3d", **changes)


def test_the_norms_of_volumes_are_decayed_no_more_than_those_of_images():
    with torch.device("meta"):
        network = I3D(5, 0.0)
    recipe = {
        "classifier_learning_rate_factor": 1.0,
        "bias_learning_rate_factor": 1.0,
        "decay_biases_and_norms": False,
        "weight_decay": 0.1,
    }
    decayed = [p for g in parameter_groups(network, recipe) if g["weight_decay"] for p in g["params"]]
    assert {p.dim() for p in decayed} == {5, 2} and len(decayed) == 53 + 1
