"""What a training starts from: a run's weights, with its classifier anew or taken over."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from stm.files import file_digest, write_sealed
from stm.models.builder import build
from stm.models.takeover import WeightsError
from stm.training.initial import InitialWeightsError, initialise

CLASSES = ["left", "right", "up"]


@pytest.fixture
def source(spec, tmp_path):
    """The weights of a run with its record, of the network of `spec` with three classes."""
    torch.manual_seed(1)
    weights = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in build(spec["variant"], 4, len(CLASSES)).state_dict().items()}, weights)
    record = {"classes": CLASSES, "weights_sha256": file_digest(weights)}
    write_sealed(weights.with_name("run.json"), record)
    return weights


def starting(spec, head):
    recipe = {**spec["recipe"], "initialisation": {"file": "weights.safetensors", "head": head}}
    return {**spec, "recipe": recipe}


@pytest.mark.parametrize(("head", "fresh"), [("reset", ["fc.weight", "fc.bias"]), ("keep", [])])
def test_all_but_a_classifier_that_is_reset_comes_from_the_run(spec, source, head, fresh):
    torch.manual_seed(2)
    network = build(spec["variant"], 4, len(CLASSES))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    theirs = load_file(source)
    assert initialise(network, starting(spec, head), source, CLASSES) == fresh
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name] if name in fresh else theirs[name]), name


def test_with_its_classifier_reset_a_run_starts_one_of_other_classes(spec, source):
    network = build(spec["variant"], 4, 7)
    initialise(network, starting(spec, "reset"), source, [str(k) for k in range(7)])
    assert network.state_dict()["fc.weight"].shape[0] == 7


@pytest.mark.parametrize("classes", [["right", "left", "up"], ["left", "right"]])
def test_a_classifier_is_kept_for_the_same_classes_in_the_same_order_alone(spec, source, classes):
    network = build(spec["variant"], 4, len(classes))
    with pytest.raises(InitialWeightsError, match="or stand in another order.*head: reset"):
        initialise(network, starting(spec, "keep"), source, classes)


def test_a_run_of_another_network_is_refused_by_the_name_of_a_weight(spec, source):
    other = {**spec["variant"], "cmm": "none"}
    with pytest.raises(WeightsError, match=r"has no weight 'layer\d.*of its own variant"):
        initialise(build(other, 4, 3), {**starting(spec, "reset"), "variant": other}, source, CLASSES)


def test_damaged_weights_and_weights_without_a_record_are_refused(spec, source):
    network = build(spec["variant"], 4, 3)
    content = bytearray(source.read_bytes())
    content[-1] ^= 1
    source.write_bytes(content)
    with pytest.raises(InitialWeightsError, match="is damaged"):
        initialise(network, starting(spec, "reset"), source, CLASSES)
    source.with_name("run.json").unlink()
    with pytest.raises(InitialWeightsError, match="with the record of their run"):
        initialise(network, starting(spec, "reset"), source, CLASSES)
