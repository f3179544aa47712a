"""The model card beside an exported network, as a person reads it."""

from pathlib import Path

import numpy as np
import pytest

from stm.analysis.statistics import accuracy_interval
from stm.config.schema.protocols import PROTOCOLS
from stm.evaluation.export import Exported
from stm.evaluation.predictions import Predictions, write
from stm.reporting.card import card

RUN = Path("results/runs/small/stm-4f-demo_twins-0123abcd/seed0")
CLASSES = [f"class {k}" for k in range(6)]
START = "results/runs/scenes/stm-4f-demo-89abcdef/seed0/weights.safetensors"


@pytest.fixture
def record(spec, tmp_path, monkeypatch):
    """Of a run with every nested setting, that started from another one."""
    monkeypatch.chdir(tmp_path)
    jitter = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1, "probability": 0.8}
    spec["recipe"]["augmentation"] |= {"colour_jitter": jitter, "scales": [1.0, 0.875]}
    spec["recipe"]["twins"] = {"correlation_weight": 0.01, "centred": False, "chosen_for_classes": None}
    source = dict.fromkeys(("role", "recipe", "file"))
    start = {"dataset": {"name": "scenes"}, "recipe": {"epochs": 10}}
    spec["recipe"]["initialisation"] = {**source, "run": start, "head": "reset"}
    frames = {"short_side": 48, "size": None, "quality": 95}
    spec["dataset"] = {"name": "small", "frames": frames, "decoder": "pyav"}
    return {
        "spec": spec,
        "classes": CLASSES,
        "data_digest": "d" * 64,
        "train_clips": 24,
        "initial_weights": {"file": START, "sha256": "0" * 64},
        "weights_sha256": "w" * 64,
        "precision": "float32",
        "provenance": {"stm": "0.1.0", "commit": None, "torch": "2.15", "device": "cpu", "processor": "any"},
    }


def page(record) -> str:
    return card(RUN, record, Exported(Path("stm.pt2"), b"", "pt2", ["N", 4, 3, 32, 32], 1e-7, "8 clips of noise"))


def scored(name: str, weights: str, split: str = "validation") -> Predictions:
    """Ten clips of five sources, seven right and nine among the first five; nobody knows what test clips show."""
    labels = np.arange(10) % 6
    scores = np.tile(np.linspace(0.1, 0.6, 6, dtype=np.float32), (10, 1))
    scores[np.arange(7), labels[:7]] = 1
    scores[9, labels[9]] = 0
    known = labels if split == "validation" else np.full(10, -1)
    protocol = {"name": name, **PROTOCOLS["full"].model_dump()}
    about = {"spec": {"split": split, "protocol": protocol}, "weights_sha256": weights, "listed": 10}
    groups = [f"source {k // 2}" for k in range(10)]
    predictions = Predictions([f"clip {k}" for k in range(10)], known, groups, scores, CLASSES, about)
    write(Path("results/predictions", *RUN.parts[-3:], f"{name}-{split}.arrow"), predictions)
    return predictions


def test_a_card_is_prose_and_lists_and_no_python(record):
    text = page(record)
    assert "{" not in text and "None" not in text and "[]" not in text
    for line in (
        "- augmentation:",
        "  - colour jitter:",
        "    - brightness: 0.4",
        "  - scales: 1.0, 0.875",
        "- twins:",
        "  - centred: no",
        "  - chosen for classes: none",
        "- gradient norm limit: none",
        f"- initialisation: a training on scenes: `{START}`, classifier reset",
    ):
        assert line in text.splitlines()


def test_accuracies_are_of_these_weights_and_the_validation_split_with_their_intervals(record):
    assert "Not measured" in page(record)
    found = scored("full", record["weights_sha256"])
    scored("efficient", "of another training")
    scored("full", record["weights_sha256"], "test")
    (line,) = [line for line in page(record).splitlines() if line.startswith(("| full", "| efficient"))]
    right = found.scores.argmax(1) == found.labels
    interval = accuracy_interval(right[None], found.groups)
    assert line.startswith(f"| full | 30 | 10 | {100 * right.mean():.1f} [{100 * interval.low:.1f}, ")
    assert "| 90.0 [" in line
    # By source: the clips of one resemble each other.
    assert interval != accuracy_interval(right[None], found.clips)


def test_what_the_network_costs_is_counted(record):
    assert "M parameters" in page(record) and "G multiply-adds a clip" in page(record)
