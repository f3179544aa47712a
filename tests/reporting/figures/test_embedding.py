"""t-SNE maps and the measures beside them, of made features: Figure 7."""

from pathlib import Path

import pandas as pd
import pytest

from stm.reporting.figures.embedding import separation_label
from stm.reporting.figures.featureclaims import claim_rows
from stm.reporting.figures.kinds import write_figure
from stm.reporting.figures.separation import claim_pairs, load_networks
from stm.reporting.measured import TableError

from .conftest import features


def claim(name: str, first: str, second: str, measure: str = "silhouette", **changes) -> dict:
    separation = {"figure": "picture", "first": first, "second": second, "measure": measure}
    common = {"paper": "tpami2022", "id": name, "where": "Figure 7", "statement": "x", "kind": "feature"}
    return {**common, "separation": separation, **changes}


def decided(spec: dict, claim: dict) -> dict:
    """The row of a claim."""
    networks = load_networks([line for row in spec["panels"] for line in row["lines"]])
    spec = {**spec, "claims": [claim]}
    (row,) = claim_rows(spec, claim_pairs(spec, networks))
    return row


def test_measures_are_of_every_space_and_of_every_map(drawn, embedding, tmp_path):
    found = drawn(embedding)
    assert len(found) == 2 * (4 + 2)
    measured = found[found["map_seed"].isna()].set_index(["name", "space", "scaling"])
    # The class of one clip has no distance within: it is left out of all.
    assert (measured["clips"] == 35).all() and (measured["classes"] == 2).all()
    close, far = (measured.loc[("stm_with", *key)] for key in [("features", "raw"), ("logits", "raw")])
    assert close["silhouette"] == pytest.approx(far["silhouette"], abs=1e-3)  # logits are five times the features
    assert far["within"] == pytest.approx(5 * close["within"], rel=1e-2)
    assert close["ratio"] == pytest.approx(close["between"] / close["within"], rel=1e-2)
    key = ("features", "unit length")
    assert measured.loc[("stm_with", *key), "silhouette"] > measured.loc[("stm_without", *key), "silhouette"]
    points = pd.read_csv(tmp_path / "picture.points.csv")
    assert len(points) == 2 * 24 and set(points["class"]) == {"one", "two"} and points["x"].notna().all()
    page = (tmp_path / "picture.md").read_text()
    assert "](picture.png)" in page and "35 clips of 2 classes" in page
    # Below a map of logits stand both.
    values = [measured.loc[("stm_with", *key), "silhouette"] for key in (("logits", "raw"), key)]
    assert separation_label(
        found.to_dict("records"), "stm_with"
    ) == "silhouette: logits {:.2f}, features {:.2f}".format(*values)


def test_the_same_clips_are_drawn_of_every_network_and_nobody_chooses_them(drawn, embedding, tmp_path):
    drawn(embedding)
    points = pd.read_csv(tmp_path / "picture.points.csv")
    one, other = (set(found["clip"]) for _, found in points.groupby("name"))
    assert one == other and one != {f"clip{i}" for i in range(24)}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (claim("P129", "stm_with", "stm_without"), "holds here"),
        (claim("P129", "stm_without", "stm_with"), "fails here"),
        (claim("P129", "stm_with", "stm_with"), "undecided here"),
        (claim("P131", "stm_without", "stm_with", "within"), "holds here"),
        (claim("P131", "stm_with", "stm_without", "within"), "fails here"),
        (claim("P129", "stm_with", "stm_without", inconsistent="elsewhere"), "inconsistent in the paper"),
    ],
)
def test_a_claim_about_features_has_the_word_of_its_difference(embedding, found, word):
    row = decided(embedding, found)
    assert row["verdict"] == word and row["table"] == "picture"
    assert row["low"] <= row["measured"] <= row["high"]
    assert row["deviations"] == "data: drawn for Kinetics-400"


def test_a_claim_stands_in_its_file_and_on_its_page_with_the_difference_of_the_means(drawn, embedding, tmp_path):
    measured = drawn({**embedding, "map_seeds": 1, "claims": [claim("P129", "stm_with", "stm_without")]})
    deciding = measured.query("space == 'features' and scaling == 'unit length'").set_index("name")["silhouette"]
    row = pd.read_csv(tmp_path / "picture.claims.csv").iloc[0]
    assert row["measured"] == pytest.approx(deciding["stm_with"] - deciding["stm_without"], abs=2e-4)
    assert "| holds here |" in (tmp_path / "picture.md").read_text()


def test_the_page_opens_with_its_picture_and_its_claims(opened, embedding, tmp_path):
    write_figure(
        {**embedding, "map_seeds": 1, "claims": [claim("P129", "stm_with", "stm_without")]}, tmp_path / "picture"
    )
    page = opened(tmp_path / "picture.html")
    assert page.locator("h1").inner_text() == "Figure 7 of TPAMI 2022, study demo"
    assert page.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    assert page.locator("table.claims .verdict").all_inner_texts() == ["holds here"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"obstacle": "the loss is off"}, "the loss is off"), ({"tests_claims": False}, "a check of the plumbing")],
)
def test_what_the_study_cannot_test_is_measured_and_not_decided(embedding, changes, why):
    embedding["panels"][0]["lines"][0].update(changes)
    row = decided(embedding, claim("P130", "stm_with", "stm_without"))
    assert row["verdict"] == "not testable here" and why in row["why"] and row["measured"] > 0


def test_scores_in_the_place_of_features_are_refused(embedding, tmp_path):
    features(Path(embedding["panels"][1]["lines"][0]["features"][0]), 0.4, features=None)
    with pytest.raises(TableError, match=r"without\.arrow holds no features. Delete it and run again"):
        write_figure(embedding, tmp_path / "picture")


def test_features_of_other_clips_are_refused(embedding, tmp_path):
    features(Path(embedding["panels"][1]["lines"][0]["features"][0]), 0.4, groups=["one source"] * 36)
    with pytest.raises(TableError, match=r"with\.arrow and .*without\.arrow differ in their groups"):
        write_figure(embedding, tmp_path / "picture")
