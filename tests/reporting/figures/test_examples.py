"""Figure 5: a clip and its opposite, and one of a scene, from frames in shards."""

import numpy as np
import pandas as pd
import pytest

from stm.data.shards import FrameIndex
from stm.reporting.figures.examples import CANDIDATES, Example
from stm.reporting.figures.kinds import write_figure


@pytest.fixture
def spec(index) -> dict:
    shown = {"role": "something_v1", "dataset": "drawn", "index": str(index), "fold": None}
    pairs = [["moving left", "moving right"], ["rising", "falling"]]
    return {
        "code": "0",
        "figure": "figure5",
        "study": "demo",
        "title": "examples",
        "claimed": "x",
        "kind": "examples",
        "paper": "tpami2022",
        "where": "Figure 5",
        "order_claims": ["I20", "P29"],
        "claims": [],
        "frames": 8,
        "shown": {
            "temporal": {**shown, "reversed_pairs": pairs},
            "scene": {**shown, "role": "kinetics400", "reversed_pairs": []},
        },
    }


def test_a_clip_and_its_opposite_show_the_same_frames_in_opposite_order(spec, index, tmp_path):
    for folder in ("first", "second"):
        write_figure(spec, tmp_path / folder / "figure5")
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == [f"figure5.{ending}" for ending in ("csv", "html", "md", "pdf", "png", "rst")]
    assert all((tmp_path / "first" / n).read_bytes() == (tmp_path / "second" / n).read_bytes() for n in names)
    found = pd.read_csv(tmp_path / "first/figure5.csv")
    assert found["data"].tolist() == ["temporal"] * 16 + ["scene"] * 8 and not found["backwards"].any()
    classes = found.drop_duplicates("clip")["class"].tolist()
    assert classes[:2] in spec["shown"]["temporal"]["reversed_pairs"]
    # Of drawn pairs the very same clip: its twin lies in the same group.
    one, other = found.query("data == 'temporal'")["clip"].unique()
    assert one.rpartition("-")[0].partition("-0")[2][:4] == other.partition("-0")[2][:4]
    frames = FrameIndex(index)
    rows = {frames.clip(int(row)).clip: int(row) for row in frames.select("validation")}
    numbers = found.query("clip == @one")["frame"].tolist()
    assert frames.read(rows[one], numbers) == frames.read(rows[other], numbers)[::-1]


def test_of_the_first_scenes_by_a_hash_the_one_with_the_most_contrast_is_shown(spec, index, tmp_path, monkeypatch):
    frames = FrameIndex(index)
    clips = {frames.clip(int(row)).clip: Example("scene", frames, int(row)) for row in frames.select("validation")}
    assert len(clips) <= CANDIDATES
    contrast = {clip: np.mean([grey.std() for grey in shown.pictures(8).mean(axis=3)]) for clip, shown in clips.items()}

    def of_the_shown() -> float:
        write_figure(spec, tmp_path / "figure5")
        (clip,) = pd.read_csv(tmp_path / "figure5.csv").query("data == 'scene'")["clip"].unique()
        return contrast[clip]

    # A clip and the same one backwards have one contrast.
    assert of_the_shown() == pytest.approx(max(contrast.values()))
    monkeypatch.setattr(Example, "contrast", lambda example, frames: -contrast[index_name(example)])
    assert of_the_shown() == pytest.approx(min(contrast.values()))


def index_name(example: Example) -> str:
    return example.index.clip(example.row).clip


def test_the_caption_says_what_the_paper_claims_and_who_measures_it(spec, tmp_path):
    write_figure(spec, tmp_path / "figure5")
    text = (tmp_path / "figure5.rst").read_text().replace("\\", "")
    assert text.startswith("**Claimed.** Figure 5 of TPAMI 2022: examples.")
    assert "What the papers say of them (I20, P29) is tested on all clips" in text and "temporal_order has it" in text
    assert text.endswith("It decides no statement of the papers.\n")


def test_without_opposite_classes_a_clip_is_shown_backwards(spec, tmp_path):
    spec["shown"]["temporal"]["reversed_pairs"] = []
    write_figure(spec, tmp_path / "figure5")
    found = pd.read_csv(tmp_path / "figure5.csv")
    forwards, backwards = (found[(found["data"] == "temporal") & (found["backwards"] == way)] for way in (False, True))
    assert forwards["clip"].tolist() == backwards["clip"].tolist()
    assert forwards["frame"].tolist() == backwards["frame"].tolist()[::-1]
