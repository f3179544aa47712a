"""A specification of a figure, drawn, and made features of two networks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stm.evaluation.predictions import Predictions, write
from stm.reporting.figures.kinds import write_figure

COMMON = {"code": "0", "figure": "picture", "study": "demo", "title": "a picture", "claims": []}
CLASSES = ["one", "two", "three"]


@pytest.fixture
def drawn(tmp_path):
    """Draw a specification as `tmp_path`/picture; its csv."""

    def draw(spec: dict) -> pd.DataFrame:
        write_figure(spec, tmp_path / "picture")
        assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        return pd.read_csv(tmp_path / "picture.csv")

    return draw


def features(path: Path, spread: float, clips: int = 36, **changes) -> str:
    """Write features whose classes lie 1 apart with so much noise around them; the last class has one clip alone."""
    generator = np.random.default_rng(0)
    labels = np.append(np.arange(clips - 1) % 2, 2)
    points = np.eye(3)[labels] + 3 + spread * generator.normal(size=(clips, 3))
    values = {
        "clips": [f"clip{i}" for i in range(clips)],
        "labels": labels,
        "groups": [""] * clips,
        "scores": (5 * points).astype(np.float32),
        "classes": CLASSES,
        "record": {"listed": clips},
        "features": points.astype(np.float32),
    }
    write(path, Predictions(**{**values, **changes}))
    return str(path)


@pytest.fixture
def embedding(tmp_path) -> dict:
    """Two networks, of which the first keeps the classes further apart."""
    rows = []
    for title, spread in (("with", 0.05), ("without", 0.4)):
        line = {
            "name": f"stm_{title}",
            "method": "STM",
            "dataset": "drawn",
            "experiment": f"drawn/stm-{title}",
            "seeds": [0],
            "tests_claims": True,
            "obstacle": None,
            "twins": None,
            "classes": None,
            "published_classes": 400,
            "deviations": ["data: drawn for Kinetics-400"],
            "features": [features(tmp_path / f"{title}.arrow", spread)],
        }
        rows.append({"title": f"{title} Twins", "lines": [line]})
    shown = {"classes": 10, "clips_per_class": 12, "perplexity": 5.0, "map_seeds": 2, "neighbours": 3}
    return {
        **COMMON,
        "kind": "embedding",
        "paper": "tpami2022",
        "where": "Figure 7",
        "claimed": "x",
        "panels": rows,
        **shown,
    }
