"""Pictures of made files: what the csv beside them holds, and the same bytes each time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stm.evaluation.predictions import Predictions, write
from stm.reporting.figures.embedding import separation_label
from stm.reporting.figures.featureclaims import claim_rows
from stm.reporting.figures.kinds import write_figure
from stm.reporting.figures.looks import LOOKS, looks
from stm.reporting.figures.separation import claim_pairs, load_networks
from stm.reporting.measured import TableError
from stm.reporting.tables import write_table

CONFIG = Path(__file__).parents[3] / "config"
COMMON = {"code": "0", "figure": "picture", "study": "demo", "title": "a picture", "claims": []}


@pytest.fixture
def drawn(tmp_path):
    """Draw a specification as `tmp_path`/picture; its csv."""

    def draw(spec: dict) -> pd.DataFrame:
        write_figure(spec, tmp_path / "picture")
        assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        return pd.read_csv(tmp_path / "picture.csv")

    return draw


@pytest.mark.parametrize("kind", ["confusions", "accuracy_cost", "curves", "embedding"])
def test_the_same_files_give_the_same_bytes(request, made, tmp_path, kind):
    match kind:
        case "accuracy_cost":
            spec = cost_spec(made, tmp_path)
        case "curves":
            spec = curves_spec(tmp_path, lines=2)
        case _:
            spec = request.getfixturevalue(kind)
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_figure(spec, folder / "picture")
    files = sorted(path.name for path in first.iterdir())
    assert {"picture.pdf", "picture.png", "picture.csv"} <= set(files)
    assert files == sorted(path.name for path in second.iterdir())
    assert [name for name in files if (first / name).read_bytes() != (second / name).read_bytes()] == []


def test_the_page_of_a_picture_has_it_whole_with_its_files_inside(opened, made, tmp_path):
    write_figure(curves_spec(tmp_path, lines=12), tmp_path / "picture")
    page = opened(tmp_path / "picture.html")
    page.set_viewport_size({"width": 1000, "height": 400})
    assert page.locator("h1").inner_text() == "a picture, study demo"
    box = page.locator("img").bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= 1000 < box["height"] * 3
    assert page.evaluate("document.documentElement.scrollHeight") >= box["y"] + box["height"]
    for file in ("picture.pdf", "picture.csv"):
        with page.expect_download() as told:
            page.get_by_text(file).click()
        assert Path(told.value.path()).read_bytes() == (tmp_path / file).read_bytes()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("curves", "Training top-1 of 2 runs after the last epoch: 30.0% (network 0, Table 11) to 31.0% (network 1"),
        ("confusions", "and “"),
        ("accuracy_cost", "The highest top-1 of 4 networks: STM 95.0% at "),
    ],
)
def test_a_caption_of_a_figure_of_our_own_says_what_was_found_and_claims_nothing(request, made, tmp_path, kind, found):
    match kind:
        case "accuracy_cost":
            spec = cost_spec(made, tmp_path)
        case "curves":
            spec = curves_spec(tmp_path, lines=2)
        case _:
            spec = request.getfixturevalue(kind)
    write_figure(spec, tmp_path / "picture")
    caption, page = ((tmp_path / f"picture.{form}").read_text() for form in ("rst", "md"))
    assert caption.startswith("**Shown.** a picture.") and "Claimed" not in caption
    assert caption.endswith("It decides no statement of the papers.\n")
    assert found in caption.replace("\\", "") and found in page.replace("\\", "")


# Confusions


@pytest.fixture
def confusions(made) -> dict:
    lines = made.table6()["lines"]
    shown = [{"variant": "tsn", **lines[0]}, {"variant": "stm", **lines[3]}]
    return {**COMMON, "kind": "confusions", "table": "table6", "pairs": 3, "lines": shown}


def test_confusions_are_the_share_of_both_classes_taken_for_the_other(drawn, confusions, made, tmp_path):
    found = drawn(confusions).set_index(["class", "other_class"])
    # The made predictions take a clip for its own class or for its partner.
    assert found.index.tolist() == [tuple(pair) for pair in made.pairs]
    assert (found["clips"] == 60).all() and (found["seeds"] == 1).all()
    # 240 clips in four pairs: half of TSN's are right, 95% of STM's.
    assert found["TSN_confused"].mean() == 50 and found["STM_confused"].mean() == 5
    assert (found["TSN_low"] < found["TSN_confused"]).all() and (found["TSN_confused"] < found["TSN_high"]).all()
    worst = found.reset_index().sort_values("TSN_confused", ascending=False, kind="stable").iloc[0]
    said = f"TSN confuses “{worst['class']}” and “{worst['other_class']}” most: {worst['TSN_confused']:.1f}%"
    assert said in (tmp_path / "picture.html").read_text()


def test_networks_that_make_no_mistake_have_no_confused_pairs(drawn, confusions, made, tmp_path):
    for line in confusions["lines"]:
        line["measured"]["predictions"] = [[made.predictions(f"perfect {line['method']}", 1.0)]]
    assert drawn(confusions).empty
    assert "TSN takes no class for another." in (tmp_path / "picture.rst").read_text()


# Accuracy against cost


def cost_spec(made, folder: Path, **measured) -> dict:
    table = made.table6(**measured)
    write_table(table, folder / "table6")
    told = [line["measured"] for line in table["lines"]]
    genuine = [line["experiment"] for line in told if line["genuine"]]
    shown = {"variants": {line["experiment"]: "stm" for line in told}, "genuine": genuine}
    return {**COMMON, "kind": "accuracy_cost", "tables": [named("table6", folder)], **shown}


def named(table: str, folder: Path) -> dict:
    return {"name": table, "file": str(folder / "table6.csv")}


def test_accuracy_against_cost_is_what_the_table_says(drawn, made, tmp_path):
    found = drawn(cost_spec(made, tmp_path / "reports"))
    table = pd.read_csv(tmp_path / "reports/table6.csv")
    for column in ("method", "experiment", "top1", "top1_low", "top1_high", "run_flops_g", "clips"):
        assert found[column].tolist() == table[column].tolist(), column


def test_a_published_figure_stands_only_beside_the_papers_own_data(drawn, made, tmp_path):
    other = drawn(cost_spec(made, tmp_path / "reports"))
    assert other["published_top1"].isna().all()
    # Prose decides nothing.
    genuine = drawn(cost_spec(made, tmp_path / "reports", genuine=True, deviations=["data: the same, by another name"]))
    assert genuine["published_top1"].tolist() == [19.7, 47.7, 44.1, 49.2]


def test_a_network_that_stands_in_two_tables_is_drawn_once(drawn, made, tmp_path):
    spec = cost_spec(made, tmp_path / "reports")
    # As the first table calls it, whatever the alphabet says.
    found = drawn({**spec, "tables": [*spec["tables"], named("again", tmp_path / "reports")]})
    assert found["table"].tolist() == ["table6"] * 4


def test_lines_of_other_data_and_recipes_are_left_out(drawn, made, tmp_path):
    spec = cost_spec(made, tmp_path / "reports")
    assert drawn({**spec, "variants": dict([*spec["variants"].items()][1:3])})["method"].tolist() == ["CSTM", "CMM"]


def test_no_two_networks_of_a_picture_look_alike_and_a_network_looks_the_same_in_all():
    names = [*LOOKS, *(f"ours{k}" for k in range(100 - len(LOOKS)))]
    for found in (looks(names), looks(["stm"] * 100)):
        assert len({(look.colour, look.marker) for look in found}) == 100
        assert len({(look.colour, look.dash) for look in found[:40]}) == 40
        assert len({look.colour for look in looks(["stm"] * 10)}) == 10
    # Whatever stands beside it.
    assert looks(["ours", "stm", "stm"])[1] == looks(["stm"])[0] == LOOKS["stm"]


def test_networks_of_one_table_have_each_a_colour():
    tables = [yaml.safe_load(path.read_text()) for path in (CONFIG / "tables").glob("*.yaml")]
    # What is only counted is in no picture.
    for table in (table for table in tables if not table.get("counts_only")):
        variants = {line.get("variant") for line in table["lines"]} & {*LOOKS}
        assert len({LOOKS[name].colour for name in variants}) == len(variants), table["title"]


def test_a_table_without_a_trained_network_is_refused(made, tmp_path):
    write_table(made.spec([made.line(1, "STM")]), tmp_path / "table6")
    spec = {**COMMON, "kind": "accuracy_cost", "tables": [named("table6", tmp_path)], "variants": {}, "genuine": []}
    with pytest.raises(TableError, match="no measured line has run_flops_g"):
        write_figure(spec, tmp_path / "picture")


# Curves


def curves_spec(folder: Path, lines: int = 12) -> dict:
    told = []
    for i in range(lines):
        path = folder / f"run{i}/history.csv"
        path.parent.mkdir(parents=True)
        epochs = "".join(f"{e},{36 * e},0.05,{3 / (e + i):.6f},{10.0 * e + i},9\n" for e in (1, 2, 3))
        path.write_text("epoch,step,learning_rate,loss,train_top1,seconds\n" + epochs)
        told.append(
            {"label": f"network {i}", "variant": "stm", "experiment": f"drawn/n{i}", "histories": {"seed0": str(path)}}
        )
    panel = {"table": "table11", "where": "Table 11", "title": "Twins", "lines": told}
    return {**COMMON, "kind": "curves", "panels": [panel, {**panel, "table": "table6", "lines": told[:2]}]}


def test_curves_hold_every_epoch_of_every_run(drawn, tmp_path):
    found = drawn(curves_spec(tmp_path / "runs"))
    assert len(found) == (12 + 2) * 3
    row = found.query("table == 'table11' and line == 'network 4' and epoch == 2").iloc[0]
    assert row["run"] == "seed0" and row["loss"] == 0.5 and row["train_top1"] == 24


def test_a_history_with_other_columns_is_named(tmp_path):
    spec = curves_spec(tmp_path, lines=1)
    (tmp_path / "run0/history.csv").write_text("epoch,loss\n1,2.0\n")
    with pytest.raises(TableError, match=r"run0/history\.csv has not the columns epoch, loss, train_top1"):
        write_figure(spec, tmp_path / "picture")


# Embeddings


CLASSES = ["one", "two", "three"]


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
