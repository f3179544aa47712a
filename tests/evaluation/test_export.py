"""An exported network gives what the run's network gives, says what it is, and is refused where it does not."""

import io
import json
from pathlib import Path

import pytest
import torch

from stm.cli import main
from stm.data.shards import FrameIndex
from stm.evaluation import export as exporting
from stm.evaluation.evaluate import load_run, softmax_scores
from stm.files import file_digest, write_sealed
from stm.training.provenance import provenance

from .runs import CPU, FRAMES, HEIGHT, WIDTH, evaluated, made_run, protocol


@pytest.fixture
def project(index, tmp_path, monkeypatch) -> Path:
    """A working folder with the frames of the dataset."""
    (tmp_path / "results/frames").mkdir(parents=True)
    (tmp_path / "results/frames/small-0123abcd").symlink_to(index.parent)
    # Of no concern to a run on another dataset.
    (tmp_path / "results/frames/other-0123abcd").mkdir()
    (tmp_path / "results/frames/other-0123abcd/index.arrow").write_text("damaged")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(spec, index, project) -> Path:
    return recorded(spec, index, project, "stm")


def recorded(spec, index, folder: Path, variant: str, **changes) -> Path:
    """A run's folder with all of a record that a card speaks of."""
    stored = {"frames": {"short_side": 48, "size": None, "quality": 95}, "decoder": "pyav"}
    name = f"results/runs/small/{variant}-4f-demo-0123abcd/seed0"
    spec = {**spec, "dataset": {"name": "small", **stored}}
    run = made_run(spec, folder / name, FrameIndex(index).classes, variant, settled=True)
    record = json.loads((run / "run.json").read_text())
    more = {"data_digest": FrameIndex(index).digest, "train_clips": 24, "provenance": provenance(CPU), **changes}
    write_sealed(run / "run.json", {**record, **more})
    return Path(name)


def exported(run: Path, form: str, out: Path) -> int:
    return main(["export", "--run", str(run), "--format", form, "--out", str(out)])


def test_a_pt2_file_gives_the_networks_probabilities_for_any_number_of_clips_and_its_card_says_what_it_is(
    run, index, project, capsys
):
    out = Path("results/predictions", *run.parts[-3:])
    out.mkdir(parents=True)
    evaluated(run, index, protocol("efficient")).rename(out / "efficient-01234567.arrow")
    assert exported(run, "pt2", project / "stm.pt2") == 0
    assert "on 8 clips of small's validation split" in capsys.readouterr().out
    network, record = load_run(run, CPU)
    extra = {"stm.json": ""}
    module = torch.export.load(io.BytesIO((project / "stm.pt2").read_bytes()), extra_files=extra).module()
    assert json.loads(extra["stm.json"])["classes"] == record["classes"]
    for clips in (1, 2, 5):
        frames = torch.randint(0, 256, (clips, FRAMES, 3, HEIGHT, WIDTH), dtype=torch.uint8)
        with torch.no_grad():
            assert torch.allclose(module(frames), softmax_scores(network, frames), atol=1e-5)
    page = (project / "stm.pt2.md").read_text()
    assert f"uint8 (N, {FRAMES}, 3, {HEIGHT}, {WIDTH}), RGB" in page
    assert f"SHA-256 `{file_digest(project / 'stm.pt2')}`" in page and record["weights_sha256"] in page
    assert "| efficient | 1 | 8 |" in page and "- learning rate: 0.05" in page
    assert all(f"{k}. {name}" in page for k, name in enumerate(record["classes"]))


def test_where_the_frames_are_not_here_noise_is_compared_and_the_card_says_so(spec, index, project):
    run = recorded(spec, index, project, "tea", data_digest="of other frames")
    assert exported(run, "pt2", project / "tea.pt2") == 0
    assert "8 clips of noise (the dataset's frames are not here)" in (project / "tea.pt2.md").read_text()


def test_a_network_is_not_written_where_its_card_cannot_be(run, project):
    (project / "stm.pt2.md").mkdir()
    assert exported(run, "pt2", project / "stm.pt2") == 1
    assert [path.name for path in project.glob("*stm.pt2*")] == ["stm.pt2.md"]


def test_an_onnx_file_gives_the_networks_probabilities_for_any_number_of_clips(run, project):
    reason = "ONNX is an extra: pip install --editable '.[onnx]'"
    pytest.importorskip("onnxscript", reason=reason)
    runtime = pytest.importorskip("onnxruntime", reason=reason)
    assert exported(run, "onnx", project / "stm.onnx") == 0
    network, record = load_run(run, CPU)
    session = runtime.InferenceSession(project / "stm.onnx", providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["stm"])
    assert about == {"classes": record["classes"], "weights_sha256": record["weights_sha256"]}
    for clips in (1, 2, 5):
        frames = torch.randint(0, 256, (clips, FRAMES, 3, HEIGHT, WIDTH), dtype=torch.uint8)
        (found,) = session.run(None, {"frames": frames.numpy()})
        with torch.no_grad():
            assert torch.allclose(torch.from_numpy(found), softmax_scores(network, frames), atol=1e-5)


def test_without_its_packages_onnx_is_refused_with_how_to_install_them(run, project, monkeypatch, capsys):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    assert exported(run, "onnx", project / "stm.onnx") == 1
    assert "python -m pip install --editable '.[onnx]'" in capsys.readouterr().err


def test_a_file_that_gives_other_probabilities_is_not_written(run, project, monkeypatch, capsys):
    network = exporting.Probabilities(load_run(run, CPU)[0])
    monkeypatch.setattr(torch.export, "export", lambda *given, **more: None)
    monkeypatch.setattr(exporting, "_pt2", lambda *given: b"a file whose classes are in another order")
    monkeypatch.setattr(exporting, "_reader", lambda *given: lambda clips: network(clips).detach().roll(1, 1))
    assert exported(run, "pt2", project / "stm.pt2") == 1
    assert "is not written: its probabilities differ from the network's by up to 0." in capsys.readouterr().err
    assert not list(project.glob("*stm*"))
