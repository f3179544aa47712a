"""Weights of others: each of their names has its place, by name; what has none is refused."""

import collections
import functools
import io
import os
import re
import tarfile

import numpy as np
import pytest
import torch
import torchvision

from stm.config.schema.networks import Backbone, Variant
from stm.config.specification import variant_departures
from stm.models.backbone import ResNet
from stm.models.builder import build
from stm.models.foreign import ForeignError, foreign_name, load_foreign, read_checkpoint
from stm.models.takeover import WeightsError

VARIANTS = {"tsn": Variant(), "tsm": Variant(shift="both_ways"), "tea": Variant(tea=True)}
CASES = [("tsm", "tsn"), ("tsm", "tsm"), ("tea", "tea"), ("torchvision", "tsn")]


def small(variant: str, seed: int = 0) -> ResNet:
    torch.manual_seed(seed)
    backbone = Backbone(block="bottleneck", blocks=[2, 1, 1, 1], width=8)
    network = build(variant_departures(VARIANTS[variant], backbone), 3, 5).eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape) if "running_var" in name else 0.3 * torch.randn(value.shape))
    return network


def by_hand(form: str, variant: str, name: str) -> str:
    """What the public code calls one of our weights, told once more and in another way."""
    if form == "tea":
        inside = {"reduce": "me.conv1", "norm": "me.bn1", "transform": "me.conv2"}
        inside |= {"expand": "me.conv3", "expand_norm": "me.bn3"}
        if found := re.fullmatch(r"(layer\d\.\d)\.middle\.excitation\.(\w+)\.(\w+)", name):
            name = f"{found[1]}.{inside[found[2]]}.{found[3]}"
        elif found := re.fullmatch(r"(layer\d\.\d)\.middle\.aggregation\.(\w+)\.(\d)\.?(\w*)", name):
            part = {"kernels": "shifts", "convs": "convs", "norms": "bns"}[found[2]]
            name = f"{found[1]}.{part}.{found[3]}.{found[4] or 'conv.weight'}"
    name = name.replace("middle.conv", "conv2").replace("middle.bn", "bn2")
    if form == "torchvision":
        return name
    if variant == "tsm" and name.startswith("layer") and ".conv1." in name:
        name = name.replace("conv1", "conv1.net")
    return "module." + (name.replace("fc", "new_fc") if name.startswith("fc") else f"base_model.{name}")


def made(form: str, variant: str, network: ResNet) -> dict[str, torch.Tensor]:
    state = {by_hand(form, variant, name): value.clone() for name, value in network.state_dict().items()}
    return state if form == "torchvision" else {"epoch": 50, "state_dict": state, "best_prec1": 45.6}  # type: ignore


@pytest.mark.parametrize(("form", "variant"), CASES)
def test_a_foreign_file_of_our_network_is_our_network(form, variant, tmp_path):
    theirs, ours = small(variant), small(variant, seed=1)
    torch.save(made(form, variant, theirs), tmp_path / "theirs.pth")
    clips = torch.randn(2, 3, 3, 32, 32)
    assert not torch.equal(ours(clips), theirs(clips))
    load_foreign(ours, tmp_path / "theirs.pth", form)
    assert torch.equal(ours(clips), theirs(clips))


@pytest.mark.parametrize(("form", "variant"), CASES)
def test_every_name_is_the_public_codes(form, variant):
    network = small(variant)
    for name in network.state_dict():
        assert foreign_name(name, form, network) == by_hand(form, variant, name).removeprefix("module."), name


def test_torchvisions_names_are_those_of_torchvision_itself():
    with torch.device("meta"):
        for depth, block in ((18, "basic"), (50, "bottleneck")):
            theirs = getattr(torchvision.models, f"resnet{depth}")()
            blocks = [2, 2, 2, 2] if depth == 18 else [3, 4, 6, 3]
            spec = variant_departures(Variant(depth=depth), Backbone(block=block, blocks=blocks))
            network = build(spec, 1, 1000)
            names = {foreign_name(name, "torchvision", network): v.shape for name, v in network.state_dict().items()}
            assert names == {name: value.shape for name, value in theirs.state_dict().items()}


@pytest.mark.parametrize(("form", "variant"), CASES)
def test_each_weight_is_asked_for_and_one_too_many_is_refused_by_name(form, variant, tmp_path):
    network, file = small(variant), tmp_path / "theirs.pth"
    state = made(form, variant, network)
    weights = state if form == "torchvision" else state["state_dict"]
    for name in [n for n in weights if not n.endswith("num_batches_tracked")][::7]:
        torch.save({"state_dict": {n: v for n, v in weights.items() if n != name}}, file)
        with pytest.raises(WeightsError, match=re.escape(f"no weight '{name.removeprefix('module.')}'")):
            load_foreign(network, file, form)
    torch.save({"state_dict": {**weights, "nl.theta.weight": torch.zeros(1)}}, file)
    with pytest.raises(WeightsError, match="no place here: nl.theta.weight"):
        load_foreign(network, file, form)
    wrong = {n: torch.zeros(7, 7) if n.endswith("fc.weight") else v for n, v in weights.items()}
    torch.save(wrong, file)
    with pytest.raises(WeightsError, match=r"fc.weight' has shape \(7, 7\).*or other classes"):
        load_foreign(network, file, form)


def test_a_file_from_before_batches_were_counted_is_read(tmp_path):
    theirs, ours = small("tsm"), small("tsm", seed=1)
    state = made("tsm", "tsm", theirs)["state_dict"]
    torch.save({n: v for n, v in state.items() if not n.endswith("num_batches_tracked")}, tmp_path / "old.pth")
    load_foreign(ours, tmp_path / "old.pth", "tsm")
    assert torch.equal(ours.layer1[0].conv1.weight, theirs.layer1[0].conv1.weight)


def test_a_file_of_another_variant_says_what_it_looks_like(tmp_path):
    torch.save(made("tsm", "tsm", small("tsm")), tmp_path / "tsm.pth")
    with pytest.raises(WeightsError, match="It looks like format tsm, variant tsm"):
        load_foreign(small("tsn"), tmp_path / "tsm.pth", "tsm")
    torch.save(made("tea", "tea", small("tea")), tmp_path / "tea.pth")
    with pytest.raises(WeightsError, match="It looks like format tea, variant tea"):
        load_foreign(small("tsn"), tmp_path / "tea.pth", "tsm")


class Trap:
    """Its unpickling would call something."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def traps(harmed):
    """What would leave a file behind, by ways that a list of forbidden functions may forget."""
    return [
        Trap(exec, f"open({str(harmed)!r}, 'w')"),
        Trap(os.system, f"touch {harmed}"),
        Trap(open, str(harmed), "w"),
        Trap(getattr, Trap(__import__, "os"), "getcwd"),
        Trap(functools.partial(open, str(harmed), "w")),
        Trap(torch.hub.load_state_dict_from_url, harmed.as_uri(), str(harmed)),
        Trap(torch.load, str(harmed)),
    ]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("number", range(7))
def test_nothing_in_a_file_is_run(tmp_path, number, zipped):
    file, harmed = tmp_path / "trap.pth", tmp_path / "harmed"
    holds = {"state_dict": {"a": torch.zeros(1)}, "args": traps(harmed)[number]}
    torch.save(holds, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ForeignError, match="nobody's file is unpickled here"):
        read_checkpoint(file)
    assert not harmed.exists()


def test_an_archive_of_weights_writes_nothing_beside_itself(tmp_path):
    """PyTorch's oldest files are tar archives, and its loader of them unpacks members by their names."""
    file = tmp_path / "below" / "old.tar"
    file.parent.mkdir()
    with tarfile.open(file, "w") as archive:
        for name in ("storages", "tensors", "pickle", "../harmed", str(tmp_path / "harmed")):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"words"))
    with pytest.raises(ForeignError):
        read_checkpoint(file)
    assert [path.name for path in tmp_path.iterdir()] == ["below"] and list(file.parent.iterdir()) == [file]


def test_a_program_of_torch_script_is_not_loaded(tmp_path):
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / "program.pt"))
    with pytest.raises(ForeignError):
        read_checkpoint(tmp_path / "program.pt")


def test_a_damaged_checkpoint_is_read_or_refused_whatever_the_damage(tmp_path):
    file = tmp_path / "damaged.pth"
    state = {f"w{k}": torch.arange(4.0) for k in range(3)}
    for zipped in (True, False):
        torch.save({"state_dict": state, "epoch": 3}, file, _use_new_zipfile_serialization=zipped)
        whole = np.fromfile(file, np.uint8)
        for number in range(40):
            rng = np.random.default_rng([11, number])
            data = whole.copy()
            # The pickled part stands at the beginning of both kinds.
            at = rng.integers(min(len(data), 600), size=rng.integers(1, 20))
            data[at] ^= (1 << rng.integers(8, size=len(at))).astype(np.uint8)
            data[: rng.integers(100, len(data)) if number % 4 == 0 else None].tofile(file)
            try:
                assert all(isinstance(value, torch.Tensor) for value in read_checkpoint(file).values())
            except ForeignError as refusal:
                assert "damaged.pth" in str(refusal)  # noqa: PT017 (either is right)


@pytest.mark.parametrize(
    ("holds", "why"),
    [
        (torch.zeros(3), "no weights by name"),
        ({"state_dict": {}}, "no weights by name"),
        ({"state_dict": {1: torch.zeros(1)}}, "no weights by name"),
        ({"state_dict": collections.OrderedDict(a=torch.zeros(1), b=3)}, "'b' is no tensor"),
    ],
)
def test_a_file_of_something_else_is_refused(holds, why, tmp_path):
    torch.save(holds, tmp_path / "other.pth")
    with pytest.raises(ForeignError, match=why):
        read_checkpoint(tmp_path / "other.pth")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "page.pth").write_text("<html>Not found</html>")
    with pytest.raises(ForeignError, match="cannot be read as tensors alone"):
        read_checkpoint(tmp_path / "page.pth")
    with pytest.raises(ForeignError, match="no such file"):
        read_checkpoint(tmp_path / "absent.pth")
