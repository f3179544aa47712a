"""What each variant takes over of ImageNet's weights, and what it refuses."""

import re
from functools import cache

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor

from stm.models.imagenet import load_imagenet

from .small import BLOCKS, VARIANTS, built


@cache
def narrow_imagenet(depth: int) -> dict[str, Tensor]:
    """Random weights under the names of torchvision's own ResNet: its first blocks, a sixteenth as wide."""
    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"resnet{depth}")().state_dict()
    torch.manual_seed(depth)
    found = {}
    for name, value in theirs.items():
        block = re.match(r"layer(\d)\.(\d+)\.", name)
        if block is None or int(block[2]) < BLOCKS[int(block[1]) - 1]:
            sides = [side if side in (1, 3, 7, 1000) else side // 16 for side in value.shape]
            found[name] = torch.rand(sides) if sides else torch.tensor(1)
    return found


# Weights that ImageNet has none for, by what stands in the place of the block's 3x3.
CMM_PARTS = r"cmm\.(reduce|transform|expand)\.weight|cmm\.norm\.\w+"
FRESH = {
    "tsn": "nothing",
    "tsm": "nothing",
    "tsm_online": "nothing",
    "cstm": "kernel",
    "cstm_ordinary": "kernel",
    "cstm_1d_2d": r"kernel|spatial\.depthwise\.weight|spatial\.norm\.\w+",
    "cmm": CMM_PARTS,
    "cmm_ordinary": CMM_PARTS,
    "stm_concat": rf"weight|cstm\.kernel|{CMM_PARTS}",
    "stm_concat_from_sum": rf"weight|cstm\.kernel|{CMM_PARTS}",
}


# TEA's blocks are no ResNet's: tests/models/test_tea.py. I3D and ECO take nothing over.
@pytest.mark.parametrize("name", [name for name, v in VARIANTS.items() if v.scales and not v.tea])
def test_every_variant_takes_over_all_that_imagenet_has_for_it(name, tmp_path):
    depth = VARIANTS[name].depth
    theirs = narrow_imagenet(depth)
    save_file(theirs, tmp_path / "weights.safetensors")
    network = built(name)
    start = {key: value.clone() for key, value in network.state_dict().items()}
    fresh = load_imagenet(network, tmp_path / "weights.safetensors", bottleneck=depth == 50)
    own = re.compile(rf"fc\.\w+|layer\d\.\d\.middle\.({FRESH.get(name, rf'cstm[.]kernel|{CMM_PARTS}')})")
    assert [key for key in fresh if not own.fullmatch(key)] == []
    ours = network.state_dict()
    assert set(fresh) == {key for key in ours if own.fullmatch(key)}
    assert all(torch.equal(ours[key], start[key]) for key in fresh)
    number = 2 if depth == 50 else 1
    for key, value in theirs.items():
        spatial = re.fullmatch(rf"(layer\d\.\d)\.(conv|bn){number}\.(\w+)", key)
        if spatial and name != "cstm_1d_2d":
            places = rf"{spatial[1]}\.middle\.((cstm\.)?spatial\.)?{spatial[2]}\.{spatial[3]}"
            (ours_of_it,) = [place for place in ours if re.fullmatch(places, place)]
            assert torch.equal(ours[ours_of_it], value), key
        elif not spatial and not key.startswith("fc."):
            assert torch.equal(ours[key], value), key


@pytest.mark.parametrize("name", ["tsn", "cstm_1d_2d", "stm_concat", "stm18"])
def test_weights_that_have_no_place_in_a_variant_are_refused(name, tmp_path):
    depth = VARIANTS[name].depth
    theirs = dict(narrow_imagenet(depth))
    deeper = {**theirs, "layer2.9.conv2.weight": torch.zeros(8, 8, 3, 3)}
    save_file(deeper, tmp_path / "deeper.safetensors")
    with pytest.raises(ValueError, match=r"no place here: layer2.9.conv2.weight$"):
        load_imagenet(built(name), tmp_path / "deeper.safetensors", bottleneck=depth == 50)
    theirs.pop("layer3.0.bn2.running_var" if depth == 18 else "layer3.0.bn3.running_var")
    save_file(theirs, tmp_path / "less.safetensors")
    with pytest.raises(ValueError, match=r"has no weight 'layer3.0.bn\d.running_var': it is of another network"):
        load_imagenet(built(name), tmp_path / "less.safetensors", bottleneck=depth == 50)


def test_a_channel_wise_3x3_drops_exactly_the_3x3_of_imagenet_and_its_norm(tmp_path):
    theirs = narrow_imagenet(50)
    left = {k: v for k, v in theirs.items() if not re.fullmatch(r"layer\d\.\d\.(conv2|bn2)\.\w+", k)}
    assert len(theirs) - len(left) == 6 * sum(BLOCKS)
    save_file(left, tmp_path / "left.safetensors")
    save_file(theirs, tmp_path / "all.safetensors")
    networks = [built("cstm_1d_2d"), built("cstm_1d_2d")]
    for network, file in zip(networks, ("left", "all"), strict=True):
        load_imagenet(network, tmp_path / f"{file}.safetensors", bottleneck=True)
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], second[key]) for key in first)
