"""Other people's weights: what ours are called in the public files of TSN, TSM and TEA and in torchvision's.

Sources: ops/models.py and ops/temporal_shift.py of github.com/mit-han-lab/temporal-shift-module, ops/models.py and
ops/tea50_8f.py of github.com/Phoenix1327/tea-action-recognition, torchvision.models.resnet.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from stm.config.formats import CheckpointFormat
from stm.errors import UserError
from stm.models.backbone import Bottleneck, ResNet
from stm.models.imagenet import torchvision_name
from stm.models.shift import TemporalShift
from stm.models.takeover import take_over

# TEA's names of the parts of a block.
TEA_PARTS = {
    r"middle\.excitation\.reduce\.": "me.conv1.",
    r"middle\.excitation\.norm\.": "me.bn1.",
    r"middle\.excitation\.transform\.": "me.conv2.",
    r"middle\.excitation\.expand\.": "me.conv3.",
    r"middle\.excitation\.expand_norm\.": "me.bn3.",
    r"middle\.aggregation\.kernels\.(\d)$": r"shifts.\1.conv.weight",
    r"middle\.aggregation\.convs\.": "convs.",
    r"middle\.aggregation\.norms\.": "bns.",
}


class ForeignError(UserError):
    """A checkpoint of others that cannot be taken over; the text says why and what to do."""


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights in a file of `torch.save`, by name: the file's own mapping, or what it holds as `state_dict`.

    Nothing in the file is run: it is read with `weights_only=True`.

    Raises:
        ForeignError: it is no such file, cannot be read without unpickling, or holds something else than tensors.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ForeignError(f"{path}: no such file") from None
    # A damaged file, or one that was made to do harm, ends in any error there is.
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ForeignError(
            f"{path} cannot be read as tensors alone ({reason}), and nobody's file is unpickled here. Whoever trusts "
            f"it can load it elsewhere and write what is under 'state_dict' with torch.save to another file"
        ) from None
    state = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(name, str) for name in state):
        raise ForeignError(f"{path} holds no weights by name, and none under 'state_dict'")
    other = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if other:
        raise ForeignError(f"{path}: '{other[0]}' is no tensor. Only files of weights by name can be imported")
    return dict(state)


def foreign_name(name: str, form: CheckpointFormat, network: ResNet) -> str:
    """The name of one of our weights in a file of a format, without the `module.` that DataParallel puts first."""
    block = network.get_submodule("layer1.0")
    if form == "tea":
        for ours, theirs in TEA_PARTS.items():
            name = re.sub(ours, theirs, name)
    else:
        name = torchvision_name(name, bottleneck=isinstance(block, Bottleneck))
    if form == "torchvision":
        return name
    if isinstance(block.shift, TemporalShift):
        name = re.sub(r"(layer\d\.\d+\.conv1)\.", r"\1.net.", name)
    return f"new_{name}" if name.startswith("fc.") else f"base_model.{name}"


def load_foreign(network: ResNet, path: Path, form: CheckpointFormat) -> None:
    """Take over every weight of a file; each of the network has one there, and each there has its place.

    Raises:
        ForeignError: it is no file of weights.
        WeightsError: a weight is absent, of another shape, or has no place.
    """
    theirs = {name.removeprefix("module."): value for name, value in read_checkpoint(path).items()}
    names = {name: foreign_name(name, form, network) for name in network.state_dict()}
    hint = _hint(theirs, names.values())
    # PyTorch before 0.4.1 did not count batches, and no evaluation asks for the count.
    asked = {n: source for n, source in names.items() if source in theirs or not n.endswith(".num_batches_tracked")}
    take_over(network, theirs, asked, path, hint)


# What tells the networks of public files apart.
MARKS = {
    ".me.conv1.": "format tea, variant tea",
    ".conv1.net.": "format tsm, variant tsm",
    "base_model.layer1.0.conv1.weight": "format tsm, variant tsn",
}


def _hint(theirs: Iterable[str], wanted: Iterable[str]) -> str:
    """What a file looks to be, where that is not what it was said to be."""
    there, asked = " ".join(theirs), " ".join(wanted)
    likely = next((text for mark, text in MARKS.items() if mark in there and mark not in asked), None)
    return f". It looks like {likely}" if likely else ""
