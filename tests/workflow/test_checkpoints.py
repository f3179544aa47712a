"""Public checkpoints: a made one is imported and measured, the others are said to be absent, and nothing fails."""

import json

import numpy as np
import pandas as pd
import torch

from stm.config.schema.networks import PAPER_BACKBONES, Variant
from stm.config.specification import variant_departures
from stm.evaluation.predictions import read
from stm.models.builder import build
from stm.models.foreign import foreign_name

REPORT = "reports/known_checkpoints.csv"
HERE = "tsm_something_v1_8f"


def test_a_study_without_the_papers_data_says_so_of_every_checkpoint(pipeline):
    assert pipeline.jobs(REPORT) == {"known_checkpoints": 1}
    result = pipeline.snakemake("--cores", "1", REPORT)
    assert result.returncode == 0, result.stdout
    table = pd.read_csv(pipeline.folder / REPORT).set_index("checkpoint")
    assert table["status"].str.startswith("role not bound").all() and len(table) == 7
    assert table["top1"].isna().all() and table.loc[HERE, "published_top1"] == 45.6


def test_a_checkpoint_that_is_here_is_imported_and_measured(pipeline):
    pipeline.edit("config/datasets/tiny.yaml", lambda data: data.update(genuine="something_v1"))
    small = {"short_side": 48, "crop_size": [32, 32], "micro_batch": 8, "threads": 1}
    pipeline.edit("config/known_checkpoints.yaml", lambda data: data.update(evaluation=small))
    torch.manual_seed(0)
    network = build(variant_departures(Variant(shift="both_ways"), PAPER_BACKBONES[50]), 8, 4)
    state = {f"module.{foreign_name(name, 'tsm', network)}": value for name, value in network.state_dict().items()}
    folder = pipeline.folder / "data/checkpoints"
    folder.mkdir(parents=True)
    file = "TSM_something_RGB_resnet50_shift8_blockres_avg_segment8_e45.pth"
    torch.save({"epoch": 45, "state_dict": state, "best_prec1": 45.5}, folder / file)

    result = pipeline.snakemake("--cores", "2", REPORT)
    assert result.returncode == 0, result.stdout
    table = pd.read_csv(pipeline.folder / REPORT).set_index("checkpoint")
    statuses = table["status"].to_dict()
    assert statuses.pop(HERE) == "measured"
    assert statuses.pop("tsm_something_v1_16f").startswith("file absent: data/checkpoints/TSM_something_RGB_")
    assert all(status.startswith("role not bound: ") for status in statuses.values())
    row = table.loc[HERE]
    run = pipeline.folder / "results/imported" / row["run"]
    record = json.loads((run / "run.json").read_text())
    assert record["imported"]["file"] == file and record["spec"]["frames"] == 8
    (predictions,) = map(read, run.glob("efficient-*.arrow"))
    right = predictions.scores.argmax(1) == predictions.labels
    assert row["clips"] == 16 and row["top1"] == round(100 * float(np.mean(right)), 2)
    assert row["top1_low"] <= row["top1"] <= row["top1_high"]
    assert row["published_top1_inside"] == ("yes" if row["top1_low"] <= 45.6 <= row["top1_high"] else "no")
    assert pipeline.jobs(REPORT) == {}
