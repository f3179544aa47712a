"""Weights that a training starts from: ImageNet's, or those that another training ended with."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from stm.config.specification import variant_in_full
from stm.draws import Purpose, torch_seed
from stm.errors import UserError
from stm.files import file_digest, read_sealed
from stm.models.builder import VideoNetwork, build
from stm.models.imagenet import load_imagenet
from stm.models.takeover import take_over
from stm.tensors import load_tensors


class InitialWeightsError(UserError):
    """Weights that this training cannot start from; the text says why and what can be done."""


def starting_network(spec: dict[str, Any], classes: list[str], weights: Path | None) -> tuple[VideoNetwork, list[str]]:
    """The network that a training starts from, and the names of the weights that keep their own start.

    Args:
        spec: of `stm.config.products.Run`, its recipe in full.
        classes: of the dataset that is trained on.
        weights: as of `initialise`; None where it starts from scratch.

    Raises:
        InitialWeightsError, WeightsError: as `initialise`.
    """
    torch.manual_seed(torch_seed(spec["seed"], Purpose.INITIALISATION))
    network = build(spec["variant"], spec["frames"], len(classes), spec["recipe"]["dropout"])
    return network, initialise(network, spec, weights, classes) if weights is not None else []


def initialise(network: nn.Module, spec: dict[str, Any], weights: Path, classes: list[str]) -> list[str]:
    """Take over the weights of a file as the run's recipe says.

    Args:
        network: as it was built; its classifier has one row a class.
        spec: of `stm.config.products.Run`.
        weights: torchvision's, or `weights.safetensors` of a run with its `run.json` beside it.
        classes: of the dataset that is trained on, in the order of the classifier's rows.

    Returns:
        The names of the weights that keep their own start.

    Raises:
        InitialWeightsError: the run is damaged, or of other classes where its classifier is kept.
        WeightsError: the weights are of another network.
    """
    start = spec["recipe"]["initialisation"]
    if start == "imagenet":
        return load_imagenet(network, weights, variant_in_full(spec["variant"])[1].block == "bottleneck")
    record = _record(weights)
    if start["head"] == "keep" and record["classes"] != classes:
        theirs = record["classes"]
        raise InitialWeightsError(
            f"{weights}: its classes are not those of this dataset, or stand in another order ({len(theirs)} there, "
            f"{len(classes)} here; first {theirs[:2]} and {classes[:2]}). With `head: reset` in the recipe's "
            f"initialisation the classifier starts anew"
        )
    fresh = [name for name in network.state_dict() if start["head"] == "reset" and name.startswith("fc.")]
    found = {name: value for name, value in load_tensors(weights)[0].items() if name not in fresh}
    names = {name: name for name in network.state_dict() if name not in fresh}
    take_over(network, found, names, weights, ". A training starts from a run of its own variant")
    return fresh


def _record(weights: Path) -> dict[str, Any]:
    """What the run that made the weights says of them."""
    path = weights.with_name("run.json")
    try:
        record = read_sealed(path)
    except OSError as error:
        raise InitialWeightsError(
            f"{path}: {error}. Weights are taken over with the record of their run, which has their digest and classes"
        ) from None
    if record.get("weights_sha256") != file_digest(weights):
        raise InitialWeightsError(f"{weights} is damaged: its digest is not the one that {path} has")
    return record
