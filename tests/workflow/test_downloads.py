"""The papers' datasets, from their makers' whole lists and a few genuine clips each, to a network trained on them."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from stm.cli import main

from ..downloads import lay_out_clips, lay_out_lists
from .conftest import RECIPE, STUDY, pipeline_in

# Listed clips: of Kinetics-400 the validation list and, for the training list, as many ids as the test list has.
LISTED = {
    "something_v1": 97_539,
    "something_v2": 193_690,
    "jester": 133_349,
    "kinetics400": 58_591,
    "ucf101": 13_320,
    "hmdb51": 6_371,
}


@pytest.fixture(scope="module")
def downloads(real_data, official_lists, tmp_path_factory):
    """A pipeline beside the downloads, and how many clips of each dataset are there."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("downloads"))
    lay_out_lists(official_lists, pipeline.folder / "data")
    return pipeline, lay_out_clips(real_data, pipeline.folder / "data")


def test_check_and_plan_take_all_six_downloads(downloads, capsys, monkeypatch):
    pipeline, put = downloads
    monkeypatch.chdir(pipeline.folder)
    assert main(["check", "config/paper.yaml", "--sample", "2"]) == 0
    said = capsys.readouterr().out
    # The counts are the published ones; what is missing is counted, named and no error.
    assert "\n0 errors, " in said
    for name, listed in LISTED.items():
        assert f"warning: {name}: {listed - put[name]:,} clips of {listed:,}" in said
        assert f": {put[name]:,} of {listed:,};" in said
    assert main(["plan", "config/paper.yaml", "--json"]) == 0
    planned = {found["dataset"]: found for found in json.loads(capsys.readouterr().out)["datasets"]}
    assert planned.keys() == LISTED.keys() and all(found["frames_bytes"] for found in planned.values())
    for name in LISTED.keys() - {"kinetics400"}:
        assert planned[name]["clips"] == LISTED[name]


@pytest.mark.downloads
def test_from_the_downloads_to_a_trained_network(downloads, capsys, monkeypatch):
    pipeline, put = downloads
    monkeypatch.chdir(pipeline.folder)
    # Of the paper study, what a few clips and a CPU ask for: a small network, one epoch, and shards that are not empty.
    settings = {"recipes": {"iccv2019": "tiny"}, "backbones": STUDY["backbones"], "tables": []}
    study = {"extends": "paper.yaml", "study": "downloads", **settings}
    Path("config/downloads.yaml").write_text(yaml.safe_dump(study))
    Path("config/recipes/tiny.yaml").write_text(yaml.safe_dump({**RECIPE, "global_batch": 4, "micro_batch": 4}))
    for name in LISTED:
        pipeline.edit(f"config/datasets/{name}.yaml", lambda dataset: dataset.update(shards=2))

    assert main(["plan", "config/downloads.yaml", "table6", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    (prediction,) = next(run["views"] for run in runs if run["run"].startswith("something_v1/stm-8f-tiny"))
    given = ("manifests", prediction, "--configfile", "config/downloads.yaml")
    jobs = pipeline.jobs(*given)
    assert jobs["extract"] == 2 * len(LISTED) and jobs["manifest"] == jobs["listing"] == len(LISTED)
    assert jobs["train"] == jobs["evaluate"] == 1
    made = pipeline.snakemake("--cores", "2", *given)
    assert made.returncode == 0, made.stdout
    for name, listed in LISTED.items():
        (manifest,) = Path("results/frames").glob(f"{name}-*/manifest.csv")
        with manifest.open(newline="") as file:
            statuses = Counter(row["status"] for row in csv.DictReader(file))
        assert statuses == {"ok": put[name], "missing": listed - put[name]}
    assert Path(prediction).is_file()
