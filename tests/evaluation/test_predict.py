"""`stm predict` says of a video what the evaluation of its dataset says."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from stm.cli import main
from stm.config.schema.protocols import PROTOCOLS
from stm.data.shards import FrameIndex
from stm.evaluation.predict import frames_spec
from stm.evaluation.predictions import read

from .runs import evaluated, made_run


@pytest.fixture
def run(spec, index, tmp_path) -> Path:
    stored = {"frames": {"short_side": 48, "size": None, "quality": 95}, "decoder": "pyav"}
    return made_run({**spec, "dataset": {"name": "small", **stored}}, tmp_path / "run", FrameIndex(index).classes)


@pytest.fixture
def videos(index, tmp_path) -> Path:
    """The validation clips, under the paths that the list gives them."""
    shutil.copytree(index.parent / "videos/validation", tmp_path / "videos/validation")
    return tmp_path / "videos"


def predicted(*arguments: str | Path) -> int:
    return main(["predict", *map(str, arguments), "--device", "cpu"])


@pytest.mark.parametrize("name", ["efficient", "full"])
def test_a_video_gets_the_scores_that_evaluation_gives_its_clip(index, run, videos, tmp_path, name):
    assert predicted(videos, "--run", run, "--protocol", name, "--json", tmp_path / "out.json") == 0
    evaluation = read(evaluated(run, index, {"name": name, **PROTOCOLS[name].model_dump()}))
    said = json.loads((tmp_path / "out.json").read_text())
    assert [one["video"] for one in said["videos"]] == [str(videos / clip) for clip in evaluation.clips]
    assert said["weights_sha256"] == evaluation.record["weights_sha256"]
    assert np.ptp(evaluation.scores, axis=0).min() > 0.01, "the clips' scores are too alike to tell a mistake"
    for one, scores in zip(said["videos"], evaluation.scores, strict=True):
        found = {each["class"]: each["probability"] for each in one["top"]}
        assert list(found.values()) == sorted(found.values(), reverse=True)
        # Other clips share the batch there, which may change the order of a sum.
        assert [found[name] for name in evaluation.classes] == pytest.approx(scores.tolist(), abs=1e-6)


def test_an_unreadable_video_is_named_and_counted_and_no_other_stands_in_for_it(run, videos, tmp_path, capsys):
    whole = sorted(videos.rglob("*.mp4"))[0]
    broken, absent = tmp_path / "broken.mp4", tmp_path / "absent.mp4"
    broken.write_bytes(b"no video")
    assert predicted(whole, broken, absent, "--run", run, "--csv", tmp_path / "out.csv") == 1
    said = capsys.readouterr().out
    assert f"{broken}: unreadable: InvalidDataError" in said and f"{absent}: unreadable: FileNotFoundError" in said
    assert "3 videos: 1 predicted, 2 unreadable" in said
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "", ""]
    assert sum(float(row["probability"] or 0) for row in rows) == pytest.approx(1, abs=1e-5)


def test_a_video_may_be_called_as_an_option_or_a_formula_is(run, videos, tmp_path, monkeypatch):
    """After `--` an option is a file; a table for people has it as text, one for programs as it is."""
    names = ["-rf.mp4", "=cmd|' !A0.mp4", "$(touch harmed).mp4"]
    for name in names:
        shutil.copy(min(videos.rglob("*.mp4")), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert predicted_after_dashes(names, "--run", run, "--csv", "out.csv", "--json", "out.json") == 0
    assert [one["video"] for one in json.loads(Path("out.json").read_text())["videos"]] == names
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert list(dict.fromkeys(row["video"] for row in rows)) == ["'-rf.mp4", "'=cmd|' !A0.mp4", "$(touch harmed).mp4"]
    assert not Path("harmed").exists()


def predicted_after_dashes(names: list[str], *options: str | Path) -> int:
    return main(["predict", *map(str, options), "--device", "cpu", "--", *names])


def test_a_clip_with_a_broken_frame_is_predicted_from_the_others_and_says_so(index, run, tmp_path, capsys):
    frames, folder = FrameIndex(index), tmp_path / "clip"
    folder.mkdir()
    for number, jpeg in enumerate(frames.read(frames.select("validation")[0], range(24)), 1):
        (folder / f"{number:05d}.jpg").write_bytes(jpeg if number != 7 else b"")
    assert predicted(folder, "--run", run) == 0
    said = capsys.readouterr().out
    assert f"{folder} (23 frames): damaged: 00007.jpg is no readable JPEG file" in said and "1 predicted" in said


def test_a_folder_without_a_run_is_refused_with_what_to_give(tmp_path, videos, capsys):
    assert predicted(videos, "--run", tmp_path / "nowhere") == 1
    assert "run.json: no such file (no such folder). Give the folder of a finished run" in capsys.readouterr().err


def test_an_imported_run_is_shown_frames_of_the_size_that_its_evaluation_speaks_of():
    stored = frames_spec({"recipe": {"short_side": 256}})
    assert stored == {"frames": {"short_side": 256, "size": None, "quality": 95}, "decoder": "pyav"}
