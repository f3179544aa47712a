"""The table's files: the column contract, the paper's shape, and what is refused."""

import copy

import numpy as np
import pandas as pd
import pytest

from stm.csvfile import csv_cell
from stm.evaluation.predictions import PredictionsError
from stm.reporting.cells import as_printed, decimals, latex, markdown
from stm.reporting.measured import TableError
from stm.reporting.tables import write_table

ALWAYS = [
    *("line", "method", "source", "role", "subset", "study", "dataset", "experiment", "protocol", "published_protocol"),
    *("seeds", "clips", "interval_covers", "deviations", "status"),
]
MEASURES = [
    *("top1", "top1_low", "top1_high", "top5", "top5_low", "top5_high"),
    *("params_m", "flops_g", "params_m_difference", "flops_g_difference", "run_params_m", "run_flops_g", "views"),
]
TWINS = ["published_top1", "published_top5", "published_params_m", "published_flops_g"]


@pytest.fixture
def table(tmp_path):
    """Write a specification's table; give the csv as text cells."""

    def written(spec):
        write_table(spec, tmp_path / "reports" / "table6")
        return pd.read_csv(tmp_path / "reports" / "table6.csv", dtype=str, keep_default_na=False)

    return written


def test_the_columns_are_those_of_the_contract_in_its_order(made, table):
    assert table(made.table6()).columns.tolist() == [*ALWAYS, "frames", *MEASURES, *TWINS]


def test_the_papers_own_descriptors_stand_between_frames_and_measures(made, table):
    spec = made.table6()
    spec["lines"][3]["describe"] = {"backbone": "ResNet-50", "stage": 5}
    found = table(spec)
    assert found.columns.tolist() == [*ALWAYS, "frames", "backbone", "stage", *MEASURES, *TWINS]
    assert found["stage"].tolist() == ["", "", "", "5"]


def test_a_measured_line_says_all_that_a_cell_needs(made, table):
    row = table(made.table6()).iloc[3].to_dict()
    assert row["line"] == "4" and row["method"] == "STM" and row["source"] == "measured" and row["subset"] == "val"
    assert row["experiment"] == "drawn/stm-8f-demo-0123abcd" and row["protocol"] == row["published_protocol"] == "full"
    assert (row["seeds"], row["clips"], row["frames"], row["views"]) == ("1", "240", "8", "2")
    assert row["interval_covers"] == "clips" and row["status"] == "ok"
    assert row["deviations"] == "data: drawn for Something-Something v1; recipe: demo for iccv2019"
    assert row["top1"] == "95.0" and float(row["top1_low"]) < 95 < float(row["top1_high"])
    assert row["top5"] == "100.0" and row["top5_high"] == "100.0" and 98 < float(row["top5_low"]) < 100
    assert (row["params_m"], row["flops_g"], row["run_params_m"], row["run_flops_g"]) == (
        *("24.0357", "33.256"),
        *("0.5", "0.25"),
    )
    assert row["published_top1"] == "49.2" and row["published_top5"] == "79.3" and row["published_params_m"] == ""


def test_percentages_have_two_decimals(make, table):
    made = make(clips=248)
    row = table(made.spec([made.line(1, "STM", 17 / 248)])).iloc[0]
    assert row["top1"] == "6.85"


def test_several_seeds_are_counted_and_covered(made, table):
    row = table(made.table6(seeds=3)).iloc[0]
    assert row["seeds"] == "3" and row["interval_covers"] == "clips and seeds"


def test_a_published_number_never_fills_a_measured_cell(made, table, tmp_path):
    measured = made.table6(claims=[made.claim("P103", "STM", "TSN", published=29.5)])
    nothing = copy.deepcopy(measured)
    for line in nothing["lines"]:
        line["measured"] = line["counts"] = None
    found = table(nothing)
    assert (found["source"] == "published").all() and (found["status"] == "published only").all()
    assert (found[[*MEASURES, "dataset", "experiment", "protocol", "seeds", "clips", "interval_covers"]] == "").all(
        axis=None
    )
    assert found["published_top1"].tolist() == ["19.7", "47.7", "44.1", "49.2"]
    claims = pd.read_csv(tmp_path / "reports" / "table6.claims.csv", dtype=str, keep_default_na=False)
    assert claims["verdict"].tolist() == ["not testable here"]
    assert (claims[["measured", "low", "high", "p_holm"]] == "").all(axis=None)
    # And no printed figure moves a measured one.
    for line in measured["lines"]:
        line["published"] = {"top1": 1.0, "top5": 2.0}
    changed = table(measured)[MEASURES]
    assert changed.equals(table(made.table6())[MEASURES])


def test_an_absent_prediction_is_an_error_and_no_empty_cell(made, table):
    spec = made.table6()
    spec["lines"][1]["measured"]["predictions"] = [["results/none.arrow"]]
    with pytest.raises(FileNotFoundError, match=r"results/none\.arrow"):
        table(spec)


def test_an_absent_count_is_an_error(made, table):
    spec = made.table6()
    spec["lines"][1]["counts"]["full_size"] = "results/none.json"
    with pytest.raises(FileNotFoundError, match=r"results/none\.json"):
        table(spec)


def test_a_damaged_prediction_is_an_error_and_leaves_the_old_table(made, table, tmp_path):
    spec = made.table6()
    table(spec)
    before = (tmp_path / "reports" / "table6.csv").read_bytes()
    with open(spec["lines"][2]["measured"]["predictions"][0][0], "r+b") as file:
        file.truncate(100)
    with pytest.raises(PredictionsError, match="delete it and run again"):
        table(spec)
    assert (tmp_path / "reports" / "table6.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"clips": [f"other{i}" for i in range(240)]}, "clips"),
        ({"labels": np.zeros(240, dtype=np.int64)}, "labels"),
        ({"classes": [f"other{i}" for i in range(8)]}, "classes"),
    ],
)
@pytest.mark.parametrize("where", ["another seed", "another line"])
def test_predictions_of_other_clips_are_refused_with_both_files(made, table, changes, what, where):
    seeds = 2 if where == "another seed" else 1
    spec = made.table6(seeds=seeds, reversed_pairs=[], order_only=False)
    path = made.predictions("STM", 0.9, seed=seeds - 1, **changes)
    assert path == spec["lines"][3]["measured"]["predictions"][-1][0]
    other = spec["lines"][3 if seeds == 2 else 0]["measured"]["predictions"][0][0]
    with pytest.raises(TableError, match=f"differ in their {what}") as caught:
        table(spec)
    assert path in str(caught.value) and other in str(caught.value)


def test_lines_of_different_roles_may_have_different_clips(made, table):
    spec = made.table6()
    made.predictions("STM", 0.9, clips=[f"other{i}" for i in range(240)])
    spec["lines"][3]["role"] = "kinetics400"
    assert table(spec)["role"].tolist() == ["something_v1"] * 3 + ["kinetics400"]


def test_a_pair_of_unknown_classes_is_refused_with_the_file(made, table):
    spec = made.table6()
    spec["lines"][0]["measured"]["reversed_pairs"] = [["class0", "moving up"]]
    with pytest.raises(TableError, match=r"TSN/seed0\.arrow: reversed_pairs: 'moving up' is no class"):
        table(spec)


def test_top5_of_five_classes_is_left_empty_and_says_so(make, table):
    made = make(classes=5)
    row = table(made.spec([made.line(1, "STM", 0.8)])).iloc[0]
    assert row["top1"] == "80.0" and row["top5"] == row["top5_low"] == ""
    assert row["status"] == "top5 left empty: 5 classes"


def test_a_size_that_nobody_declared_is_empty_and_says_so(made, table):
    spec = made.table6()
    spec["lines"][0]["counts"]["run_size"] = None
    row = table(spec).iloc[0]
    assert row["run_params_m"] == "" and "number of classes not declared" in row["status"]


def test_markdown_has_the_papers_shape_and_says_what_differs(made, table, tmp_path):
    table(made.table6(claims=[made.claim("P103", "STM", "TSN")]))
    text = (tmp_path / "reports" / "table6.md").read_text()
    lines = text.splitlines()
    assert "| Model | Top-1 (%) measured | Top-1 (%) published | Top-5 (%) measured | Top-5 (%) published |" in lines
    assert next(line for line in lines if line.startswith("| STM")).startswith("| STM | 95.0 [")
    assert "| TSN <sup>a</sup> | 50.0 [" in text
    assert "protocols differ: published with 1 view, measured with full, 2 views; the TSN row of Table 1" in text
    assert "drawn, 240 clips, 1 seed; 95% intervals cover the choice of clips, not another training" in text
    assert "Deviations from the paper, all lines: data: drawn for Something-Something v1; recipe: demo" in text
    assert "| P103 | STM above TSN (Section 5.1) | +29.5 [+28.3, +30.7] | +45.0 [" in text


def test_lines_that_differ_in_frames_or_subset_alone_can_be_told_apart(made, table, tmp_path):
    spec = made.table6()
    spec["lines"][1] |= {"frames": 16}
    spec["lines"][2] |= {"frames": None, "subset": "test", "describe": {"frames": "16+8"}}
    table(spec)
    lines = (tmp_path / "reports" / "table6.md").read_text().splitlines()
    header = next(line for line in lines if line.startswith("| Model"))
    assert header.startswith("| Model | subset | frames | Top-1")
    cells = [line.split(" | ")[1:3] for line in lines if line.startswith(("| TSN", "| CSTM", "| CMM"))][:3]
    assert cells == [["val", "8"], ["val", "16"], ["test", "16+8"]]


def test_latex_has_the_same_cells_between_booktabs_rules(made, table, tmp_path):
    table(made.table6())
    text = (tmp_path / "reports" / "table6.tex").read_text()
    for rule in (r"\toprule", r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}", r"\midrule", r"\bottomrule"):
        assert rule in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [2, 4, 4, 4, 4, 4]
    assert r"TSN\textsuperscript{a} & 50.0 [" in text and r"Top-1 (\%)" in text


def test_equal_inputs_give_equal_bytes(made, table, tmp_path):
    def files():
        return {path.name: path.read_bytes() for path in (tmp_path / "reports").iterdir()}

    table(made.table6(seeds=2))
    before = files()
    table(made.table6(seeds=2))
    assert files() == before
    assert sorted(before) == [f"table6.{end}" for end in ("claims.csv", "csv", "html", "md", "rst", "tex")]


def test_text_from_users_cannot_be_a_formula_in_a_spreadsheet(made, table):
    spec = made.table6()
    spec["lines"][3]["describe"] = {"backbone": "=HYPERLINK(A1)", "change": -1.5}
    row = table(spec).iloc[3]
    assert row["backbone"] == "'=HYPERLINK(A1)" and row["change"] == "-1.5"
    assert [csv_cell(text) for text in ("+a", "-a", "@a", "a=b")] == ["'+a", "'-a", "'@a", "a=b"]


def test_marks_of_markdown_and_latex_are_shown_as_they_are():
    assert markdown("a|b *c* <d> _e_ drawn_data\n[1, 2] [f](g)") == r"a\|b \*c\* \<d> \_e\_ drawn_data [1, 2] [f\](g)"
    assert latex(r"50% & a_b {x} \y ~") == r"50\% \& a\_b \{x\} \textbackslash{}y \textasciitilde{}"
    assert latex("[12] net") == "{}[12] net"


def test_folds_are_counted_together_and_a_clip_of_two_folds_once(made, table):
    spec = made.table6()
    for line in spec["lines"]:
        file = line["measured"]["predictions"][0][0]
        line["measured"]["predictions"] = [[file, file]]
    twice, once = table(spec), table(made.table6())
    assert twice["clips"].tolist() == once["clips"].tolist()
    assert twice["top1"].tolist() == once["top1"].tolist()
    # The same clips again are no more evidence.
    low = [rows["top1_low"].astype(float).tolist() for rows in (twice, once)]
    assert low[0] == pytest.approx(low[1], abs=0.7)


def test_listed_clips_without_frames_are_said(made, table):
    spec = made.table6()
    spec["lines"][0]["measured"]["predictions"] = [[made.predictions("TSN", 0.5, record={"listed": made.count + 3})]]
    assert table(spec)["status"].tolist() == [f"3 of {made.count + 3} listed clips have no frames", "ok", "ok", "ok"]


def test_counts_stand_beside_the_published_ones_with_their_difference(made, table):
    spec = made.table6()
    for line in spec["lines"]:
        line["measured"] = None
    spec["lines"][2]["published"] = {"params_m": 23.95, "flops_g": 33.3}
    spec["lines"][3]["published"] = {"params_m": 24.0, "flops_g": 33.25}
    found = table(spec)
    assert (found["source"] == "measured").all() and (found["top1"] == "").all()
    assert found["params_m_difference"].tolist()[2:] == ["0.0857", "0.0357"]
    assert found["status"].tolist()[2:] == ["params_m is not the published 23.95", "ok"]


@pytest.mark.parametrize(
    ("value", "printed", "places", "same"),
    [
        (24.0357, 24.0, 1, True),
        (23.8646, 23.8, 1, True),  # cut, not rounded
        (23.8646, 23.9, 1, True),
        (24.0243, 23.95, 2, False),
        (305.8, 306, 0, True),
        (304.9, 306, 0, False),
    ],
)
def test_a_count_is_as_printed_where_it_rounds_or_is_cut_to_the_figure(value, printed, places, same):
    assert as_printed(value, printed, places) is same
    assert decimals(printed) == places
