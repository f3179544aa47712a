"""The papers' datasets, from their makers' whole lists and a few genuine clips each, to a network trained on them."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import yaml

from stm.config.plan import Plan
from stm.data.check import check_study

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
# Layouts of Kinetics-400's folder, and folds, are among the lists that are read quickest.
QUICK = ("kinetics400", "hmdb51")
TINY = STUDY["backbones"][50]


@pytest.mark.parametrize(
    ("roles", "trained"),
    [
        pytest.param(QUICK, "kinetics400", id="quick"),
        pytest.param(tuple(LISTED), "something_v1", id="all", marks=pytest.mark.downloads),
    ],
)
def test_from_the_downloads_to_a_trained_network(roles, trained, real_data, official_lists, tmp_path, monkeypatch):
    pipeline = pipeline_in(tmp_path)
    monkeypatch.chdir(tmp_path)
    lay_out_lists(official_lists, tmp_path / "data")
    put = lay_out_clips(real_data, tmp_path / "data")
    # Of the paper study, what a few clips and a CPU ask for: a small network, one epoch, and shards that are not empty.
    study = {"extends": "paper.yaml", "study": "downloads", "roles": {role: role for role in roles}}
    settings = {"recipes": {"iccv2019": "tiny"}, "backbones": {50: TINY}, "tables": []}
    Path("config/downloads.yaml").write_text(yaml.safe_dump(study | settings))
    Path("config/recipes/tiny.yaml").write_text(yaml.safe_dump({**RECIPE, "global_batch": 4, "micro_batch": 4}))
    for role in roles:
        pipeline.edit(f"config/datasets/{role}.yaml", lambda dataset: dataset.update(shards=2))

    plan = Plan(Path("config/downloads.yaml"))
    for report in check_study(plan, sample=2):
        # The counts are the published ones; what is missing is counted, named and no error.
        assert [finding.level for finding in report.findings] == ["warning"]
        lost = LISTED[report.dataset] - put[report.dataset]
        assert f"{lost:,} clips of {LISTED[report.dataset]:,}" in str(report.findings[0])
        assert any(f": {put[report.dataset]:,} of {LISTED[report.dataset]:,};" in line for line in report.lines)

    run = next(run for run in plan.runs.values() if run.dataset.name == trained and run.variant == "stm")
    prediction = plan.prediction(run, "efficient").path
    given = ("--configfile", "config/downloads.yaml")
    jobs = pipeline.jobs("manifests", prediction, *given)
    assert jobs["extract"] == 2 * len(roles) and jobs["manifest"] == jobs["listing"] == len(roles)
    assert jobs["train"] == jobs["evaluate_orders"] == 1
    made = pipeline.snakemake("--cores", "2", "manifests", prediction, *given)
    assert made.returncode == 0, made.stdout
    for role in roles:
        with open(f"{plan.dataset(role).folder}/manifest.csv", newline="") as file:
            statuses = Counter(row["status"] for row in csv.DictReader(file))
        assert statuses == {"ok": put[role], "missing": LISTED[role] - put[role]}
    assert Path(prediction).is_file()
