"""A working folder with the configuration, and results as stages leave them."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from stm.config.plan import Plan
from stm.config.specification import recipe_in_full
from stm.evaluation.predictions import Predictions, write
from stm.files import digest, write_sealed, write_text

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the configuration and no results."""
    shutil.copytree(CONFIG, tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def demo(folder) -> Plan:
    return Plan(Path("config/config.yaml"))


@pytest.fixture
def finish():
    """Leave what a training and its evaluation leave, without either."""

    def finish(prediction, right: float = 0.5, **changes) -> None:
        run = prediction.run
        made = {
            "stm": "0.1.0",
            "commit": "0" * 40,
            "python": "3.11.7",
            "torch": "2.15.0",
            "numpy": "2.4.6",
            "device": "cpu",
            "processor": "some processor",
            "threads": 1,
            "cuda": None,
            **changes,
        }
        weights = digest([run.name, changes])
        record = {
            "spec": {**run.spec, "recipe": recipe_in_full(run.spec["recipe"])},
            "classes": ["a", "b"],
            "data_digest": "d" * 64,
            "initial_weights": None,
            "weights_sha256": weights,
            "train_clips": 100,
            "steps": 70,
            "processes": 1,
            "precision": "float32",
            "seconds": 50.0,
            "resumed": 0,
            "peak_memory_mb": 512.0,
            "provenance": made,
        }
        write_sealed(Path(run.folder, "run.json"), record)
        write_text(Path(run.folder, "history.csv"), "epoch,train_top1\n1,50.0\n10,88.5\n")
        labels = np.zeros(40, np.int64)
        scores = np.tile(np.array([[0.0, 1.0]], np.float32), (40, 1))
        scores[: round(40 * right)] = [1.0, 0.0]
        about = {"spec": prediction.spec, "weights_sha256": weights, "data_digest": "d" * 64, "listed": 40}
        clips = [f"clip{i}" for i in range(40)]
        write(Path(prediction.path), Predictions(clips, labels, [""] * 40, scores, ["a", "b"], about))

    return finish
