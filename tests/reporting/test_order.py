import pandas as pd
import pytest

from stm.reporting.order import COLUMNS, write_order


@pytest.fixture
def line(made):
    """One experiment that owes its accuracy to the order of frames."""
    accuracies = {"forward": 0.9, "reversed": 0.3, "shuffled": 0.5, "single": 0.5}
    return {
        "experiment": "drawn/stm-8f-demo-0123abcd",
        "dataset": "drawn",
        "role": "something_v1",
        "method": "STM",
        "variant": "stm",
        "frames": 8,
        "recipe": "demo",
        "tables": ["table6", "table7"],
        "deviations": ["data: drawn for Something-Something v1"],
        "order_only": False,
        "reversed_pairs": made.pairs,
        "sees_order": True,
        "tests_claims": True,
        "seeds": [0],
        "protocols": {order: f"efficient-{order}" for order in accuracies},
        "predictions": {order: [[made.predictions(order, share)]] for order, share in accuracies.items()},
    }


def test_every_order_is_a_row_with_its_distance_from_the_true_one(line, tmp_path):
    write_order({"study": "demo", "lines": [line], "claims": []}, tmp_path / "temporal_order")
    rows = pd.read_csv(tmp_path / "temporal_order.csv").set_index("order")
    assert rows.reset_index().columns.tolist() == [*["order"], *[c for c in COLUMNS if c != "order"]]
    assert rows["top1"].tolist() == [90.0, 30.0, 50.0, 50.0]
    assert pd.isna(rows.loc["forward", "difference"])
    assert rows.loc["reversed", "difference"] == pytest.approx(-60) and rows.loc["reversed", "difference_high"] < -50
    assert (rows["chance"] == 12.5).all() and (rows["tables"] == "table6 table7").all()
    page = (tmp_path / "temporal_order.md").read_text()
    assert "| drawn/stm-8f-demo-0123abcd | table6 table7 | 90.0 [" in page


def test_the_caption_says_what_was_found_and_the_claims_that_it_decides(line, tmp_path):
    decided(tmp_path, line, claim(line, "reversed", id="P29"))
    text = (tmp_path / "temporal_order.rst").read_text()
    assert text.startswith("**Claimed.** TPAMI 2022, Figure 5, and ICCV 2019, Figure 4")
    assert "drawn (1 network) reversed -60.0, shuffled -40.0, one of them repeated -40.0." in text
    assert "**1 statement**\\: 1 holds here." in text and "It decides no statement" not in text
    write_order({"study": "demo", "lines": [], "claims": []}, tmp_path / "nothing")
    assert "This study trains no network." in (tmp_path / "nothing.rst").read_text()


def test_what_sees_no_order_loses_nothing(line, made, tmp_path):
    same = [[made.predictions("any", 0.4)]]
    line["predictions"] = dict.fromkeys(line["predictions"], same)
    write_order({"study": "demo", "lines": [line], "claims": []}, tmp_path / "temporal_order")
    rows = pd.read_csv(tmp_path / "temporal_order.csv")
    assert (rows["difference"].dropna() == 0).all() and len(rows) == 4


def claim(line, frames, **changes):
    order = {"table": "table6", "line": "STM", "frames": frames}
    common = {"where": "Figure 5", "statement": "x", "paper": "tpami2022", "experiment": line["experiment"]}
    kind = "equivalence" if "margin" in changes else "direction"
    return {"id": f"P{len(changes)}", "kind": kind, "order": order, **common, **changes}


def decided(folder, line, *claims):
    write_order({"study": "demo", "lines": [line], "claims": list(claims)}, folder / "temporal_order")
    return pd.read_csv(folder / "temporal_order.claims.csv").set_index("claim")


def test_clips_that_are_taken_for_their_opposites_backwards_bear_the_claim_out(line, tmp_path):
    # Of the clips that are not right the scores make the opposite class the first.
    found = decided(tmp_path, line, claim(line, "reversed", id="P29")).loc["P29"]
    assert found["measured"] == pytest.approx(70 - 30) and found["verdict"] == "holds here"
    assert "70.0% are taken for the opposite class and 30.0% for their own, for which 90.0%" in found["why"]
    line["order_only"] = True
    assert decided(tmp_path, line, claim(line, "reversed", id="P29")).loc["P29", "verdict"] == "control"


@pytest.mark.parametrize(("margin", "word"), [(60.0, "holds here"), (10.0, "fails here"), (40.0, "undecided here")])
def test_one_frame_is_as_good_as_all_within_a_margin(line, tmp_path, margin, word):
    found = decided(tmp_path, line, claim(line, "single", id="P30", margin=margin)).loc["P30"]
    assert found["measured"] == pytest.approx(40) and found["verdict"] == word
    assert "90.0% with the frames in order, 50.0% with one repeated" in found["why"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reversed_pairs": []}, "no opposite classes (`reversed_pairs`) are named of drawn"),
        ({"tests_claims": False}, "a check of the plumbing"),
        ({"experiment": "another"}, "no table of this study trains table6/STM"),
    ],
)
def test_what_cannot_be_told_of_reversed_clips_is_not_testable(line, tmp_path, changes, why):
    asked = claim(line, "reversed", id="P29")
    found = decided(tmp_path, {**line, **changes}, asked).loc["P29"]
    assert found["verdict"] == "not testable here" and why in found["why"]
