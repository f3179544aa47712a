"""Pictures of made files: what the csv beside them holds, and the same bytes each time."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from stm.reporting.figures.kinds import write_figure
from stm.reporting.figures.looks import LOOKS, looks
from stm.reporting.measured import TableError
from stm.reporting.tables import write_table

from .conftest import COMMON

CONFIG = Path(__file__).parents[3] / "config"


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
