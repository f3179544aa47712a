"""ImageNet weights of torchvision's ResNets, and which of them go where in our networks."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from stm.errors import UserError
from stm.files import file_digest
from stm.models.takeover import take_over
from stm.tensors import load_tensors, save_tensors


class ImageNetError(UserError):
    """ImageNet weights that cannot be had; the text says why and what can be done."""


def torchvision_name(name: str, bottleneck: bool) -> str:
    """The name in torchvision's ResNet of one of our weights, whichever module the block's 3x3 stands in.

    `layer1.0.middle.cstm.spatial.conv.weight` is `layer1.0.conv2.weight` in a bottleneck, `layer1.0.conv1.weight` in a
    basic block.
    """
    number = 2 if bottleneck else 1
    return re.sub(r"\.middle\.(?:\w+\.)*?(conv|bn)\.", rf".\g<1>{number}.", name)


# A module's own weights: all in the place of a block's 3x3 that is neither that convolution nor its norm.
NOT_IN_IMAGENET = re.compile(r"\.middle\.(?!(?:\w+\.)*(?:conv|bn)\.)")
CHANNEL_WISE = re.compile(r"(.+)\.middle\..*\bdepthwise\.")
# A block of TEA is one of Res2Net: of a ResNet's only the shortcut has its shape and its meaning.
RES2NET = re.compile(r"(.+)\.middle\.(?:excitation|aggregation)\.")
RESNET_BRANCH = re.compile(r"(.+)\.(?:conv|bn)[123]\.")


def _spatial(block: str, bottleneck: bool) -> tuple[str, str]:
    """How torchvision's names of a block's 3x3 convolution, and of its norm, begin."""
    number = 2 if bottleneck else 1
    return f"{block}.conv{number}.", f"{block}.bn{number}."


def _block(name: str) -> str | None:
    """The block whose branch, not its shortcut, a weight of ours or of torchvision's is part of."""
    found = RES2NET.match(name) or RESNET_BRANCH.match(name)
    return found[1] if found else None


def load_imagenet(network: nn.Module, path: Path, bottleneck: bool) -> list[str]:
    """Take over every weight but the classifier's and those that ImageNet does not have.

    They are those of the temporal modules, of 3x3 convolutions that are channel-wise here, and of Res2Net's blocks.

    Returns:
        The names of our weights that keep their own start.

    Raises:
        DamagedError: the file is not what was written.
        WeightsError: it lacks a weight, has one of another shape, or one that has no place here.
    """
    theirs, _ = load_tensors(path)
    ours = network.state_dict()
    res2net = {found[1] for name in ours if (found := RES2NET.match(name))}
    theirs = {
        name: value for name, value in theirs.items() if not name.startswith("fc.") and _block(name) not in res2net
    }
    names, fresh = {}, []
    for name in ours:
        if name.startswith("fc.") or NOT_IN_IMAGENET.search(name) or _block(name) in res2net:
            fresh.append(name)
            replaced = CHANNEL_WISE.match(name)
            if replaced:
                theirs = {k: v for k, v in theirs.items() if not k.startswith(_spatial(replaced[1], bottleneck))}
        else:
            names[name] = torchvision_name(name, bottleneck)
    take_over(network, theirs, names, path)
    return fresh


def fetch_imagenet(depth: int, path: Path, given: Path | None = None, mirror: str | None = None) -> None:
    """Keep torchvision's IMAGENET1K_V1 weights of a ResNet as safetensors, checked against the digest in their name.

    V1 (76.1% for ResNet-50) is what the papers' generation of networks started from; V2 was trained by a newer recipe.

    Args:
        depth: 18, 34 or 50.
        path: the file to write.
        given: a folder; where torchvision's file lies there already, nothing is downloaded.
        mirror: the address of a folder that has the file, in the place of PyTorch's.

    Raises:
        ImageNetError: the file is not the one that its name says, or there is none and no network.
    """
    from torchvision.models import get_model_weights

    url = get_model_weights(f"resnet{depth}")["IMAGENET1K_V1"].url
    name = url.rpartition("/")[2]
    if mirror:
        url = f"{mirror.rstrip('/')}/{name}"
    if given is not None and (given / name).is_file():
        _convert(given / name, name, f"the file in {given}", path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".download-") as folder:
        downloaded = Path(folder) / name
        try:
            torch.hub.download_url_to_file(url, str(downloaded), progress=False)
        except OSError as error:
            raise ImageNetError(
                f"{url}: {error}. Run this where there is a network, or put the file into {given or 'a folder'}/ "
                f"(--given) yourself"
            ) from None
        _convert(downloaded, name, f"what came from {url}", path)


def _convert(file: Path, name: str, origin: str, path: Path) -> None:
    """From torchvision's file, if it is whole, to safetensors."""
    expected, found = name.removesuffix(".pth").rpartition("-")[2], file_digest(file)
    if not found.startswith(expected):
        raise ImageNetError(
            f"{name}: {origin} is damaged or another file: its SHA-256 starts with {found[: len(expected)]}, not with "
            f"{expected}. Remove it and fetch it again"
        )
    state = torch.load(file, map_location="cpu", weights_only=True)
    save_tensors(path, state, {})
