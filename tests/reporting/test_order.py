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
        "seeds": [0],
        "protocols": {order: f"efficient-{order}" for order in accuracies},
        "predictions": {order: [[made.predictions(order, share)]] for order, share in accuracies.items()},
    }


def test_every_order_is_a_row_with_its_distance_from_the_true_one(line, tmp_path):
    write_order({"study": "demo", "lines": [line]}, tmp_path / "temporal_order")
    rows = pd.read_csv(tmp_path / "temporal_order.csv").set_index("order")
    assert rows.reset_index().columns.tolist() == [*["order"], *[c for c in COLUMNS if c != "order"]]
    assert rows["top1"].tolist() == [90.0, 30.0, 50.0, 50.0]
    assert pd.isna(rows.loc["forward", "difference"])
    assert rows.loc["reversed", "difference"] == pytest.approx(-60) and rows.loc["reversed", "difference_high"] < -50
    assert (rows["chance"] == 12.5).all() and (rows["tables"] == "table6 table7").all()
    page = (tmp_path / "temporal_order.md").read_text()
    assert "| drawn/stm-8f-demo-0123abcd | table6 table7 | 90.0 [" in page


def test_what_sees_no_order_loses_nothing(line, made, tmp_path):
    same = [[made.predictions("any", 0.4)]]
    line["predictions"] = dict.fromkeys(line["predictions"], same)
    write_order({"study": "demo", "lines": [line]}, tmp_path / "temporal_order")
    rows = pd.read_csv(tmp_path / "temporal_order.csv")
    assert (rows["difference"].dropna() == 0).all() and len(rows) == 4
