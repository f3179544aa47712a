from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from stm.config.loading import read_yaml, validated
from stm.config.schema import PAPER_BACKBONES, Backbone, Models
from stm.config.specification import variant_departures
from stm.models.backbone import ResNet
from stm.models.builder import build
from stm.models.imagenet import load_imagenet

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = validated(Models, read_yaml(CONFIG / "models.yaml")).variants
SMALL = {
    depth: Backbone(block=b.block, blocks=[2, 1, 1, 2], width=8, cmm_reduction=4, cmm_least_channels=2)
    for depth, b in PAPER_BACKBONES.items()
}


def built(name: str, frames: int = 4, classes: int = 5, backbones=SMALL, **changes) -> ResNet:
    torch.manual_seed(0)
    settings = VARIANTS[name].model_copy(update=changes)
    return build(variant_departures(settings, backbones[settings.depth]), frames, classes)


def millions(network: ResNet) -> float:
    return sum(p.numel() for p in network.parameters()) / 1e6


every_variant = pytest.mark.parametrize("name", VARIANTS)


@every_variant
@pytest.mark.parametrize(("frames", "size"), [(1, 32), (2, 33), (3, 57), (8, 56)])
def test_every_variant_scores_clips_of_any_length_and_size(name, frames, size):
    network = built(name, frames).eval()
    assert network(torch.randn(2, frames, 3, size, size)).shape == (2, 5)


@every_variant
def test_every_weight_of_every_variant_learns(name):
    network = built(name)
    network.fc.weight.data.normal_()
    network(torch.randn(2, 4, 3, 48, 48)).square().sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_variant
def test_every_variant_gives_the_same_scores_after_saving_and_loading(name, tmp_path):
    first, second = built(name), built(name)
    for p in second.parameters():
        p.data.zero_()
    second.load_state_dict(first.state_dict())
    clip = torch.randn(1, 4, 3, 40, 40)
    assert torch.equal(first.eval()(clip), second.eval()(clip))


@every_variant
def test_only_variants_that_see_order_notice_it(name):
    network = built(name, frames=4).eval().double()
    clip = torch.randn(1, 4, 3, 40, 40).double()
    for module in network.modules():  # a fresh classifier is near zero
        if isinstance(module, torch.nn.Linear):
            module.weight.data.normal_()
    same = torch.allclose(network(clip), network(clip.flip(1)), atol=1e-9)
    assert same != VARIANTS[name].sees_order


# 174 classes. Of the papers: TSN 23.8M (table 4), CSTM 23.88M (table 10), STM 24.0M (table 4). CMM's 23.95M no
# layout reproduces.
@pytest.mark.parametrize(
    ("name", "expected"), [("tsn", 23.8646), ("cstm", 23.8759), ("cmm", 24.0243), ("stm", 24.0357)]
)
def test_the_papers_networks_have_their_parameters(name, expected):
    assert millions(built(name, 8, 174, PAPER_BACKBONES)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_tsn_of_one_frame_is_torchvisions_resnet(depth, tmp_path):
    reference = getattr(torchvision.models, f"resnet{depth}")().eval()
    path = tmp_path / "weights.safetensors"
    save_file(reference.state_dict(), path)
    network = built("tsn", 1, 1000, PAPER_BACKBONES, depth=depth).eval()
    assert load_imagenet(network, path, PAPER_BACKBONES[depth].block == "bottleneck") == ["fc.weight", "fc.bias"]
    network.fc = reference.fc
    images = torch.randn(2, 3, 64, 64)
    assert torch.allclose(network(images[:, None]), reference(images), atol=1e-4)


@pytest.mark.parametrize("depth", [18, 50])
def test_stm_takes_over_every_imagenet_weight(depth, tmp_path):
    reference = getattr(torchvision.models, f"resnet{depth}")()
    path = tmp_path / "weights.safetensors"
    save_file(reference.state_dict(), path)
    network = built("stm", 8, 7, PAPER_BACKBONES, depth=depth)
    fresh = load_imagenet(network, path, PAPER_BACKBONES[depth].block == "bottleneck")
    assert {n.split(".")[-1] if "cmm" not in n else "cmm" for n in fresh} == {"kernel", "cmm", "weight", "bias"}
    assert [n for n in fresh if "kernel" not in n and "cmm" not in n] == ["fc.weight", "fc.bias"]


def test_weights_of_another_depth_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(torchvision.models.resnet18().state_dict(), path)
    with pytest.raises(ValueError, match="it is of another network"):
        load_imagenet(built("tsn", 1, 7, PAPER_BACKBONES), path, bottleneck=True)
    with pytest.raises(ValueError, match="hold"):
        load_imagenet(built("tsn", 1, 7, {50: PAPER_BACKBONES[18]}), _with_more(path, tmp_path), bottleneck=False)


def _with_more(path: Path, folder: Path) -> Path:
    more = {**torchvision.models.resnet18().state_dict(), "layer9.weight": torch.zeros(1)}
    save_file(more, folder / "more.safetensors")
    return folder / "more.safetensors"


def test_a_narrow_network_keeps_cmms_least_channels():
    narrow = {50: SMALL[50].model_copy(update={"cmm_least_channels": 3})}
    assert built("cmm", backbones=narrow).layer1[0].middle.cmm.reduce.out_channels == 3
