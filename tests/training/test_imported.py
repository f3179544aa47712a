"""An imported run: its folder, the order of its classes, its refusals."""

import pytest
import torch

from stm.config.schema.checkpoints import Evaluation
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Variant
from stm.config.specification import variant_departures
from stm.evaluation.evaluate import load_run
from stm.files import file_digest, read_sealed
from stm.models.builder import build
from stm.models.foreign import ForeignError, foreign_name
from stm.models.takeover import WeightsError
from stm.training.imported import Source, import_run, read_classes

SPEC = variant_departures(Variant(shift="both_ways"), Backbone(block="bottleneck", blocks=[1, 1, 1, 1], width=8))
LISTED = ["turning", "dropping", "lifting, slowly"]


@pytest.fixture
def theirs(tmp_path):
    """A network of others, in a file as TSM's authors write it."""
    torch.manual_seed(0)
    network = build(SPEC, 2, 3).eval()
    network.fc.weight.data.normal_()
    state = {f"module.{foreign_name(n, 'tsm', network)}": v for n, v in network.state_dict().items()}
    torch.save({"state_dict": state, "arch": "resnet50"}, tmp_path / "theirs.pth")
    (tmp_path / "classes.txt").write_text("\n".join(LISTED) + "\n")
    return network


def imported(folder, order, classes="classes.txt"):
    source = Source(folder / "theirs.pth", "tsm", "tsm", SPEC, 2, order)
    import_run(source, folder / classes, Evaluation(threads=1), folder / "run")
    return load_run(folder / "run", torch.device("cpu"))


def test_a_run_says_what_it_was_imported_from_and_gives_the_same_scores(theirs, tmp_path):
    network, record = imported(tmp_path, "listed")
    clips = torch.randn(2, 2, 3, 32, 32)
    assert torch.equal(network(clips), theirs(clips))
    sha = file_digest(tmp_path / "theirs.pth")
    assert record["imported"] == {
        "file": "theirs.pth", "sha256": sha, "format": "tsm", "variant": "tsm", "class_order": "listed"
    }  # fmt: skip
    assert record["classes"] == LISTED and record == read_sealed(tmp_path / "run/run.json")


def test_outputs_in_alphabetical_order_are_dealt_to_the_listed_classes(theirs, tmp_path):
    network, record = imported(tmp_path, "alphabetical")
    clips = torch.randn(2, 2, 3, 32, 32)
    assert record["classes"] == LISTED
    # dropping, lifting, turning are their outputs 0, 1, 2.
    assert torch.allclose(network(clips), theirs(clips)[:, [2, 0, 1]])


def test_a_list_of_another_length_is_refused(theirs, tmp_path):
    (tmp_path / "more.txt").write_text("\n".join([*LISTED, "waving"]))
    with pytest.raises(WeightsError, match=r"'new_fc.weight' has shape \(3, 256\), here \(4, 256\)"):
        imported(tmp_path, "listed", "more.txt")
    assert not (tmp_path / "run").exists()


def test_a_network_that_is_no_resnet_is_refused(theirs, tmp_path):
    eco = variant_departures(Variant(network="eco"), PAPER_BACKBONES[50])
    source = Source(tmp_path / "theirs.pth", "tsm", "eco", eco, 2, "listed")
    with pytest.raises(ForeignError, match="variant eco: the weights of this network cannot be imported"):
        import_run(source, tmp_path / "classes.txt", Evaluation(threads=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_are_read_of_a_listing_or_one_a_line(tmp_path):
    (tmp_path / "classes.csv").write_text('index,label\n0,turning\n1,dropping\n2,"lifting, slowly"\n')
    (tmp_path / "lines.txt").write_text("turning\r\ndropping\r\n\r\nlifting, slowly\r\n")
    assert read_classes(tmp_path / "classes.csv") == read_classes(tmp_path / "lines.txt") == LISTED
    (tmp_path / "lines.txt").write_text("turning\nturning\n")
    with pytest.raises(ForeignError, match="'turning' stands twice"):
        read_classes(tmp_path / "lines.txt")
    (tmp_path / "lines.txt").write_text("")
    with pytest.raises(ForeignError, match="no classes"):
        read_classes(tmp_path / "lines.txt")
