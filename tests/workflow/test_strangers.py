"""A dataset whose every name is made to be taken for a command, through the rules that read it."""

import csv
import os

import pytest

from stm.config.plan import Plan
from stm.csvfile import csv_cell

from ..data.hostile import encode
from .stages import stages_of

# Folders, files, labels and groups of a stranger's archive.
FOLDER = 'it\'s $(touch harmed1) "`touch harmed2`"; touch harmed3 #'
NAMES = ["-rf $(touch harmed4).mp4", "--out `touch harmed5`.mp4", "a & touch harmed6 ;.mp4", "' || touch harmed7 '.mp4"]
LABELS = ["=cmd|' /C calc'!A0", "-5 degrees", "@home, $(touch harmed8)", "+1; touch harmed9"]


def test_no_name_of_a_stranger_is_run_as_a_command(pipeline, tmp_path):
    videos = tmp_path / FOLDER
    videos.mkdir()
    rows = []
    for number, (name, label) in enumerate(zip(NAMES, LABELS, strict=True)):
        encode(tmp_path / "clip.mp4", "mpeg4")
        for split in ("train", "validation"):
            os.link(tmp_path / "clip.mp4", videos / f"{split}{number} {name}")
            rows.append((f"{split}{number} {name}", label, split, f"$(touch harmed) {split}"))
        os.replace(tmp_path / "clip.mp4", videos / name)
        rows.append((name, label, "train", "$(touch harmed) train"))
    with open(videos / "list $(touch harmed0).csv", "w", newline="") as file:
        csv.writer(file).writerows([("video", "label", "split", "group"), *rows])

    def strangers(dataset):
        for key in ("render", "reversed_pairs", "order_only", "expect"):
            dataset.pop(key, None)
        dataset.update(annotations={"list": f"{FOLDER}/list $(touch harmed0).csv"}, title=FOLDER)

    pipeline.edit("config/datasets/tiny.yaml", strangers)
    config = tmp_path / "my study $(touch harmedA).yaml"
    (pipeline.folder / "config/config.yaml").rename(config)
    before = set(tmp_path.iterdir())
    result = pipeline.snakemake("--cores", "1", "manifests", "reports/datasets.csv", "--configfile", str(config))
    assert result.returncode == 0, result.stdout
    made = {path.name for path in set(tmp_path.iterdir()) - before}
    assert made <= {".snakemake", "results", "reports"}, made
    folder = tmp_path / Plan(config, config=tmp_path / "config").dataset("tiny").folder
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    # People open it in spreadsheets: what begins as a formula has an apostrophe before it.
    assert sorted((row["clip"], row["label"]) for row in found) == sorted(tuple(map(csv_cell, row[:2])) for row in rows)
    assert {row["status"] for row in found} == {"ok"}
    reported = [cell for file in (tmp_path / "reports").glob("*.csv") for cell in file.read_text().split(",")]
    assert reported and not [cell for cell in reported if cell.lstrip('"').startswith(("=", "@", "-5", "+1;"))]


def test_weights_of_a_recipe_are_one_argument_whatever_their_name(pipeline, tmp_path):
    weights = "given $(touch harmed) it's.safetensors"
    (tmp_path / weights).touch()

    def pretrained(recipe):
        recipe["initialisation"] = {"file": weights, "head": "reset"}

    pipeline.edit("config/recipes/tiny.yaml", pretrained)
    stages = stages_of(pipeline, "reports/table6.csv", "reports/figure1.pdf")
    started = [*stages["train"], *stages["maps"]]
    assert len(stages["maps"]) == 3 and len(started) > 6
    # What is left of the words when a shell has read them.
    assert all(stage.value("--weights") == [weights] for stage in started)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(("kind", "name"), [("tables", "my table"), ("figures", "$(touch harmed)"), ("tables", "-rf")])
def test_a_table_or_figure_whose_name_is_no_word_is_refused(pipeline, tmp_path, kind, name):
    (tmp_path / "config" / kind / f"{name}.yaml").write_text("title: x\n")
    result = pipeline.python("stm", "plan", "config/config.yaml")
    assert result.returncode != 0 and "Rename it" in result.stdout and "Traceback" not in result.stdout
    assert not (tmp_path / "harmed").exists()
