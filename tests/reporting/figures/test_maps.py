"""Pictures of what networks see, of made maps: what the csv holds, the claims, and the same bytes each time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stm.analysis.mapsfile import MapsError, read_maps_file, write_maps_file
from stm.analysis.statistics import difference_interval
from stm.config.signals import MEASURES
from stm.reporting.figures.featureclaims import claim_rows
from stm.reporting.figures.kinds import write_figure
from stm.reporting.figures.likeness import claim_pairs, likeness_rows, load_seen
from stm.reporting.measured import TableError

CLIPS = 30
SIGNALS = ["flow", "frame_low", "frame_high", "even", "input", "low", "high", "cstm", "cmm", "untrained_cmm"]
ABOUT = {
    "clips": [f"clip{i}" for i in range(CLIPS)],
    "classes": ["opening", "closing"] * (CLIPS // 2),
    "groups": [f"source{i // 2}" for i in range(CLIPS)],
    "drawn": [3, 4],
    "data_digest": "0",
}


def maps_file(path: Path, seed: int, cmm: float, signals: list[str] = SIGNALS, mover: bool = True, **about) -> str:
    """Measures around 0.3, CMM's higher by `cmm`; clips without a known mover where there is none."""
    random = np.random.default_rng(seed)
    measures = 0.3 + 0.05 * random.standard_normal((CLIPS, len(signals), len(MEASURES)))
    if "cmm" in signals:
        measures[:, signals.index("cmm")] += cmm
    # A clip in which the mover is not seen.
    measures[0 if mover else slice(None), :, -2:] = np.nan
    tensors = {"measures": measures, "drawn.maps": random.random((2, len(signals), 3, 4)).astype(np.float32)}
    write_maps_file(path, tensors, {**ABOUT, "signals": signals, "measures": list(MEASURES), **about})
    return str(path)


def motion_file(path: Path, mover: bool = True) -> str:
    random = np.random.default_rng(9)
    tensors = {
        "drawn.frames": random.integers(0, 256, (2, 2, 3, 12, 16)).astype(np.uint8),
        "drawn.flow": random.random((2, 12, 16)).astype(np.float32),
    }
    if mover:
        tensors["drawn.mover"] = np.zeros((2, 2, 12, 16), np.uint8)
        tensors["drawn.mover"][:, :, 3:9, 4:12] = 1
    write_maps_file(path, tensors, {**ABOUT, "numbers": [[10, 13], [4, 7]]})
    return str(path)


def claim(name: str, first: str, second: str, measure: str, **changes) -> dict:
    likeness = {"figure": "picture", "first": first, "second": second, "measure": measure}
    common = {"paper": "tpami2022", "id": name, "where": "Figure 1", "statement": "x", "kind": "feature"}
    return {**common, "likeness": likeness, **changes}


@pytest.fixture
def spec(tmp_path) -> dict:
    """STM, whose CMM is more like flow than anything else, and TSN, which has none."""

    def line(name: str, path: str) -> dict:
        told = {"dataset": "drawn", "experiment": f"drawn/{name.lower()}", "seeds": [0], "deviations": ["data: drawn"]}
        twins = {"twins": None, "classes": None, "published_classes": 174}
        return {
            "name": name,
            "method": name,
            "variant": name.lower(),
            **told,
            **twins,
            "tests_claims": True,
            "obstacle": None,
            "maps": [path],
        }

    tsn = [name for name in SIGNALS if "cmm" not in name and name != "cstm"]
    return {
        "code": "0",
        "figure": "picture",
        "study": "demo",
        "title": "What is seen",
        "claimed": "x",
        "kind": "maps",
        "paper": "tpami2022",
        "where": "Figure 1",
        "clips": CLIPS,
        "drawn": 2,
        "columns": [
            {"title": "frame", "show": "frame"},
            {"title": "flow", "show": "STM/flow"},
            {"title": "CMM", "show": "STM/cmm"},
        ],
        "signals": [["STM/cmm", "CMM"], ["STM/cstm", "CSTM"], ["TSN/high", "TSN"], ["STM/frame_high", "raw"]],
        "measures": [["flow", "STM/cmm"], ["high", "STM/cmm"], ["edge", "STM/cmm"]],
        "lines": {
            "STM": line("STM", maps_file(tmp_path / "stm.safetensors", 0, 0.2)),
            "TSN": line("TSN", maps_file(tmp_path / "tsn.safetensors", 1, 0.2, tsn)),
        },
        "motion": motion_file(tmp_path / "motion.safetensors"),
        "claims": [claim("P06", "STM/cmm", "STM/cstm", "flow"), claim("P110", "STM/cmm", "STM/cstm", "edge")],
    }


def measured(spec: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the measures and those of the claims, without a picture."""
    seen = load_seen(spec["lines"], list(dict(spec["signals"])))
    rows = pd.DataFrame(likeness_rows(spec, seen)).set_index(["measure", "signal"])
    return rows, pd.DataFrame(claim_rows(spec, claim_pairs(spec, seen))).set_index("claim")


def test_the_same_maps_give_the_same_bytes(spec, tmp_path):
    for folder in ("first", "second"):
        write_figure(spec, tmp_path / folder / "picture")
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == [f"picture.{end}" for end in ("claims.csv", "csv", "html", "md", "pdf", "png", "points.csv", "rst")]
    same = [(tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes() for name in files]
    assert all(same)


def test_the_page_opens_with_its_picture_its_measures_and_its_claims(opened, spec, tmp_path):
    write_figure(spec, tmp_path / "picture")
    page = opened(tmp_path / "picture.html")
    assert page.locator("h1").inner_text() == "Figure 1 of TPAMI 2022, study demo"
    assert page.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    rows = pd.read_csv(tmp_path / "picture.csv")
    assert page.locator("table:not(.claims) tbody tr").count() == len(rows) == 3 * 4
    verdicts = pd.read_csv(tmp_path / "picture.claims.csv")["verdict"].tolist()
    assert page.locator("table.claims .verdict").all_inner_texts() == verdicts
    # The words below are of what is measured here.
    words = page.locator("table.claims ~ p.small, .wide:has(table.claims) + p.small").inner_text()
    assert "mean correlations" in words and "shares of a map's energy" in words and "percentage points" not in words
    assert page.locator("table.claims td[data-label=measured]").first.inner_text().startswith("+0.")


def test_the_csv_holds_each_signal_with_its_difference_to_the_one_in_question(spec):
    found, claims = measured(spec)
    assert len(found) == 3 * 4
    tensors, _ = read_maps_file(Path(spec["lines"]["STM"]["maps"][0]))
    cmm, cstm = (tensors["measures"][:, SIGNALS.index(name), 0] for name in ("cmm", "cstm"))
    row = found.loc[("flow", "STM/cstm")]
    assert row["value"] == pytest.approx(cstm.mean(), abs=1e-4) and row["clips"] == CLIPS
    # Paired, clips of one source together.
    gap = difference_interval(cmm[None], cstm[None], ABOUT["groups"])
    assert (row["difference"], row["difference_low"], row["difference_high"]) == pytest.approx(
        (gap.value, gap.low, gap.high), abs=1e-4
    )
    assert pd.isna(found.loc[("flow", "STM/cmm"), "difference"])
    assert claims.loc["P06", "measured"] == pytest.approx(gap.value, abs=1e-4)
    assert claims.loc["P06", "verdict"] == "holds here" and claims.loc["P06", "table"] == "picture"


def test_a_clip_without_a_mover_counts_where_none_is_needed(spec):
    found, _ = measured(spec)
    assert found.loc[("edge", "STM/cmm"), "clips"] == CLIPS - 1
    assert np.isfinite(found.loc[("edge", "STM/cmm"), "value"])


def test_a_map_is_not_held_against_itself(spec):
    found, _ = measured(spec)
    row = found.loc[("high", "TSN/high")]
    assert (
        pd.isna(row["value"])
        and pd.isna(row["difference"])
        and row["status"] == "it is itself the high frequency of TSN"
    )


def test_every_cell_that_is_drawn_stands_in_the_csv_of_points(spec, tmp_path):
    write_figure(spec, tmp_path / "picture")
    measures = pd.read_csv(tmp_path / "picture.csv")
    assert measures["value"].tolist() == pytest.approx(measured(spec)[0]["value"].astype(float).tolist(), nan_ok=True)
    points = pd.read_csv(tmp_path / "picture.points.csv")
    tensors, about = read_maps_file(Path(spec["lines"]["STM"]["maps"][0]))
    assert len(points) == 2 * (12 * 16 + 3 * 4)
    cells = points.query("show == 'STM/cmm' and clip == 'clip4'")
    shown = tensors["drawn.maps"][1, about["signals"].index("cmm")]
    assert cells["value"].to_numpy().reshape(3, 4) == pytest.approx(shown, rel=1e-3)
    assert set(cells["frame"]) == {4} and set(cells["next_frame"]) == {7} and set(cells["class"]) == {"opening"}


def test_where_nobody_knows_the_mover_its_cells_are_empty_and_its_claims_not_testable(spec, tmp_path):
    spec["lines"]["STM"]["maps"] = [maps_file(tmp_path / "filmed.safetensors", 0, 0.2, mover=False)]
    tsn = read_maps_file(tmp_path / "tsn.safetensors")[1]["signals"]
    maps_file(tmp_path / "tsn.safetensors", 1, 0, tsn, mover=False)
    spec["motion"] = motion_file(tmp_path / "filmed_motion.safetensors", mover=False)
    found, claims = measured(spec)
    assert found.loc["edge", "value"].isna().all() and found.loc["flow", "value"].notna().all()
    assert found.loc["edge", "status"].str.startswith("nobody knows where the mover is").all()
    assert claims.loc["P110", "verdict"] == "not testable here" and "mover" in claims.loc["P110", "why"]
    assert pd.isna(claims.loc["P110", "measured"]) and claims.loc["P06", "verdict"] == "holds here"


def test_two_claims_on_one_comparison_are_one_test(spec):
    alone = measured({**spec, "claims": spec["claims"][:1]})[1].loc["P06", "p_holm"]
    twice = measured({**spec, "claims": [spec["claims"][0], {**spec["claims"][0], "id": "I06"}]})[1]
    assert (twice["p_holm"] == alone).all()


def test_several_seeds_are_covered(spec, tmp_path):
    for name, signals in (("STM", SIGNALS), ("TSN", read_maps_file(tmp_path / "tsn.safetensors")[1]["signals"])):
        spec["lines"][name]["maps"].append(maps_file(tmp_path / f"{name}1.safetensors", 5, 0.2, signals))
        spec["lines"][name]["seeds"] = [0, 1]
    found, _ = measured(spec)
    assert (found.loc["flow", "interval_covers"] == "clips and seeds").all() and (found["seeds"] == 2).all()


def test_maps_of_other_clips_are_refused(spec, tmp_path):
    signals = read_maps_file(tmp_path / "tsn.safetensors")[1]["signals"]
    spec["lines"]["TSN"]["maps"] = [maps_file(tmp_path / "other.safetensors", 1, 0, signals, data_digest="1")]
    with pytest.raises(TableError, match=r"stm.safetensors and .*other.safetensors are of other clips"):
        measured(spec)


def test_a_signal_that_a_network_does_not_have_is_refused(spec, tmp_path):
    spec["signals"].append(["TSN/cmm", "TSN: CMM"])
    with pytest.raises(TableError, match="TSN has no cmm. It has: flow, "):
        measured(spec)


def test_a_damaged_file_is_named(spec, tmp_path):
    Path(spec["motion"]).write_bytes(b"nothing")
    with pytest.raises(MapsError, match=r"motion.safetensors is damaged"):
        write_figure(spec, tmp_path / "picture")
