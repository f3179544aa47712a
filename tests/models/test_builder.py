from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torchvision.models.resnet import BasicBlock, Bottleneck

from stm.config.loading import read_yaml, validated
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Models
from stm.config.specification import variant_departures
from stm.models.builder import VideoNetwork, build
from stm.models.imagenet import load_imagenet

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = validated(Models, read_yaml(CONFIG / "models.yaml")).variants
# The fewest blocks that still tell `first` from `all`, and the fewest channels that have quarters.
SMALL = {
    depth: Backbone(block=paper.block, blocks=[2, 1, 1, 1], width=4, cmm_reduction=4, cmm_least_channels=2)
    for depth, paper in PAPER_BACKBONES.items()
}


def built(name: str, frames: int = 4, classes: int = 5, backbones=SMALL, **changes) -> VideoNetwork:
    torch.manual_seed(0)
    settings = VARIANTS[name].model_copy(update=changes)
    backbones = backbones if settings.scales else PAPER_BACKBONES
    return build(variant_departures(settings, backbones[settings.depth]), frames, classes)


def saved(network: VideoNetwork, path: Path) -> None:
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)


every_variant = pytest.mark.parametrize("name", VARIANTS)


@every_variant
@pytest.mark.parametrize(("frames", "height", "width"), [(1, 16, 24), (5, 9, 3)])
def test_every_variant_scores_clips_of_any_length_and_size(name, frames, height, width):
    network = built(name, frames).eval()
    assert network(torch.randn(2, frames, 3, height, width)).shape == (2, 5)


@every_variant
def test_every_weight_of_every_variant_learns(name):
    network = built(name, frames=3)
    network.fc.weight.data.normal_()
    # Odd at every stage: 33, 17, 9, 5, 3, 2.
    network(torch.randn(2, 3, 3, 33, 33)).square().sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_variant
def test_every_variant_gives_the_same_scores_after_saving_and_loading(name, tmp_path):
    first, second = built(name), built(name)
    for weight in second.state_dict().values():
        weight.zero_()
    saved(first, tmp_path / "weights.safetensors")
    second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    clip = torch.randn(1, 4, 3, 16, 16)
    scores = first.eval()(clip)
    assert torch.equal(scores, second.eval()(clip)) and scores.any()


@every_variant
def test_only_variants_that_see_order_notice_it(name):
    network = built(name, frames=4).eval().double()
    clip = torch.randn(1, 4, 3, 24, 24).double()
    for module in network.modules():  # a fresh classifier is near zero
        if isinstance(module, torch.nn.Linear):
            module.weight.data.normal_()
    same = torch.allclose(network(clip), network(clip.flip(1)), atol=1e-9)
    assert same != VARIANTS[name].sees_order


@pytest.mark.parametrize(("depth", "block"), [(18, BasicBlock), (50, Bottleneck)])
def test_tsn_of_one_frame_is_torchvisions_resnet(depth, block, tmp_path):
    blocks = [2, 1, 1, 1]
    reference = torchvision.models.ResNet(block, blocks, num_classes=5).eval()
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    wide = {depth: PAPER_BACKBONES[depth].model_copy(update={"blocks": blocks})}
    network = built("tsn", 1, backbones=wide, depth=depth).eval()
    assert load_imagenet(network, tmp_path / "weights.safetensors", depth == 50) == ["fc.weight", "fc.bias"]
    network.fc = reference.fc
    images = torch.randn(2, 3, 33, 33)
    assert torch.allclose(network(images[:, None]), reference(images), atol=1e-5)


@pytest.mark.parametrize("name", [name for name, variant in VARIANTS.items() if not variant.scales])
def test_no_backbone_scales_a_network_that_stands_on_none(name):
    with pytest.raises(ValueError, match=f"network = '{name}' has its published size alone"):
        build(variant_departures(VARIANTS[name], SMALL[50]), 4, 5)


def test_a_narrow_network_keeps_cmms_least_channels():
    narrow = {50: SMALL[50].model_copy(update={"cmm_least_channels": 3})}
    assert built("cmm", backbones=narrow).layer1[0].middle.cmm.reduce.out_channels == 3


def test_weights_of_another_width_are_refused(tmp_path):
    saved(built("tsn"), tmp_path / "weights.safetensors")
    wide = {50: SMALL[50].model_copy(update={"width": 8})}
    with pytest.raises(ValueError, match=r"'conv1.weight' has shape \(4, 3, 7, 7\), here \(8, 3, 7, 7\)"):
        load_imagenet(built("tsn", backbones=wide), tmp_path / "weights.safetensors", bottleneck=True)


def test_weights_of_another_kind_of_block_are_refused(tmp_path):
    saved(built("tsn", depth=18), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="it is of another network"):
        load_imagenet(built("tsn"), tmp_path / "weights.safetensors", bottleneck=True)
