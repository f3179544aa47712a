"""The table of online recognition against the paper's text, which is nobody's to redistribute (see STM_PAPERS)."""

import os
from pathlib import Path

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.schema.tables import PublishedTable, Table

ROOT = Path(__file__).parents[2]


def test_every_figure_of_table_5_is_the_papers_and_none_is_left_out():
    path = Path(os.environ.get("STM_PAPERS", ROOT.parent / "shared/papers")) / "stm_tpami2022.txt"
    if not path.is_file():
        pytest.skip(f"no text of the paper at {path}; set STM_PAPERS to the folder of the texts")
    lines = validated(Table, read_yaml(ROOT / "config/tables/table5.yaml")).lines
    figures = validated(PublishedTable, read_yaml(ROOT / "config/published/tables/table5.yaml")).lines
    rows = ["Model Latency Kinetics Something"]
    for i in range(0, len(lines), 2):
        scene, temporal = figures[i : i + 2]
        assert (lines[i].role, lines[i + 1].role) == ("kinetics400", None) and scene.method == temporal.method
        assert scene.latency_ms == temporal.latency_ms
        if lines[i].protocol == "efficient":
            assert not scene.figures() and not temporal.figures(), "the paper has no such lines"
            continue
        latency = "-" if scene.latency_ms is None else f"{scene.latency_ms}ms"
        rows.append(f"{scene.method} {latency} {scene.top1} {temporal.top1}")
    assert f"datasets. {' '.join(rows)} recognition while" in " ".join(path.read_text(encoding="utf-8").split())
