"""Verdicts in every situation that a table can be in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stm.analysis.interval import Interval
from stm.analysis.statistics import Estimate
from stm.reporting import verdicts
from stm.reporting.claims import COLUMNS
from stm.reporting.tables import write_table

NUMBERS = ["published", "published_low", "published_high", "measured", "low", "high", "smallest_effect", "p_holm"]
TEXT = [column for column in COLUMNS if column not in NUMBERS]
PUBLISHED = Path(__file__).parents[2] / "config" / "published"

# As the paper measured it: its own data, nothing changed.
GENUINE = {"genuine": True, "deviations": [], "order_only": False}
# Data of the user's own, on which nothing holds by construction.
OTHER = {"order_only": False}


@pytest.fixture
def claims(tmp_path):
    """Write a specification's table; give its claims by their ids."""

    def written(spec):
        write_table(spec, tmp_path / "reports" / "table6")
        found = pd.read_csv(tmp_path / "reports" / "table6.claims.csv", dtype=dict.fromkeys(TEXT, str))
        assert found.columns.tolist() == COLUMNS
        found[TEXT] = found[TEXT].fillna("")
        return found.set_index("claim")

    return written


@pytest.mark.parametrize(
    ("situation", "first", "second", "word"),
    [
        (GENUINE, "CSTM", "CMM", "replicated"),
        (GENUINE, "CMM", "CSTM", "refuted"),
        (GENUINE, "STM", "CSTM", "undecided"),
        (OTHER, "CSTM", "CMM", "holds here"),
        (OTHER, "CMM", "CSTM", "fails here"),
        (OTHER, "STM", "CSTM", "undecided here"),
        ({**GENUINE, "deviations": ["protocol: 2x1 views for 10x3"]}, "CSTM", "CMM", "holds here"),
        ({"tests_claims": False}, "CSTM", "CMM", "not testable here"),
        ({}, "CSTM", "CMM", "holds here"),
        ({}, "CSTM", "TSN", "control"),
    ],
)
def test_a_direction_has_the_word_of_its_data(made, claims, situation, first, second, word):
    row = claims(made.table6([made.claim("P101", first, second)], **situation)).loc["P101"]
    assert row["verdict"] == word
    assert row["low"] < row["measured"] < row["high"]


def test_a_control_that_shows_no_effect_is_undecided_and_no_verdict_on_the_pipeline(made, claims):
    lines = [made.line(1, "TSN", 0.5), made.line(2, "STM", 0.5)]
    row = claims(made.spec(lines, [made.claim("P103", "STM", "TSN")])).loc["P103"]
    assert row["verdict"] == "control undecided" and "must hold by construction" in row["why"]


def test_in_top5_nothing_holds_by_construction(made, claims):
    row = claims(made.table6([made.claim("P103b", "STM", "TSN", measure="top5")])).loc["P103b"]
    assert row["verdict"] == "undecided here"


def test_a_network_that_sees_no_order_is_at_chance_inside_pairs(made, claims):
    row = claims(made.table6()).loc["control-table6-TSN"]
    assert row["verdict"] == "control" and row["kind"] == "control" and np.isnan(row["published"])
    assert row["measured"] == 50 and row["low"] < 50 < row["high"]
    assert "at chance (50%) inside reversed pairs" in row["statement"]


def test_a_network_that_finds_the_direction_in_single_frames_fails_the_control(made, claims):
    row = claims(made.spec([made.line(1, "TSN", 0.65)])).loc["control-table6-TSN"]
    assert row["verdict"] == "control failed"


def test_data_on_which_nothing_holds_by_construction_have_no_control(made, claims):
    assert claims(made.table6(**OTHER)).empty


def test_p_is_adjusted_over_the_distinct_tests_of_the_table(made, claims):
    def p_of_first(others):
        found = claims(made.table6([made.claim("P104c", "CSTM", "CMM"), *others], **OTHER))
        return found.loc["P104c", "p_holm"]

    alone = p_of_first([])
    repeated = made.claim("P19", "CSTM", "CMM", same_evidence_as="P104c")
    assert p_of_first([repeated]) == alone
    assert p_of_first([made.claim("P104", "STM", "CSTM")]) == pytest.approx(2 * alone, rel=0.01)
    assert p_of_first([made.claim("P101s", "STM", "CSTM", "size", published=1.0, margin=3.0)]) == alone


def test_a_size_is_not_testable_on_other_data_and_its_effect_is_given_all_the_same(made, claims):
    claim = made.claim("P101s", "CSTM", "CMM", "size", published=3.6, margin=3.0)
    row = claims(made.table6([claim])).loc["P101s"]
    assert row["verdict"] == "not testable here" and "paper's data" in row["why"]
    assert row["measured"] == 9.17 and row["low"] < 9.17 < row["high"] and np.isnan(row["p_holm"])


@pytest.mark.parametrize(
    ("published", "margin", "word"),
    [(8.0, 15.0, "replicated"), (40.0, 3.0, "refuted"), (-40.0, 3.0, "refuted"), (8.0, 3.0, "undecided")],
)
def test_a_size_on_the_papers_data_is_held_to_its_margin(made, claims, published, margin, word):
    claim = made.claim("P101s", "CSTM", "CMM", "size", published=published, margin=margin)
    assert claims(made.table6([claim], **GENUINE)).loc["P101s", "verdict"] == word


@pytest.mark.parametrize(
    ("situation", "second", "margin", "word"),
    [
        (OTHER, "CSTM", 10.0, "holds here"),
        (OTHER, "CSTM", 0.5, "undecided here"),
        (OTHER, "TSN", 10.0, "fails here"),
        (GENUINE, "CSTM", 10.0, "replicated"),
        (GENUINE, "CMM", 2.0, "refuted"),
    ],
)
def test_an_equivalence_is_two_one_sided_tests(made, claims, situation, second, margin, word):
    claim = made.claim("P26", "STM", second, "equivalence", margin=margin)
    assert claims(made.table6([claim], **situation)).loc["P26", "verdict"] == word


def test_a_claim_of_a_line_that_is_not_measured_says_which(made, claims):
    lines = [made.line(1, "TSN"), made.line(2, "STM", 0.9)]
    row = claims(made.spec(lines, [made.claim("P103", "STM", "TSN")])).loc["P103"]
    assert row["verdict"] == "not testable here" and row["why"].startswith("TSN: not measured")
    assert row["experiments"] == "drawn/stm-8f-demo-0123abcd" and row["published"] == 29.5


def test_top5_of_five_classes_is_not_testable(make, claims):
    made = make(classes=5)
    spec = made.table6([made.claim("P103b", "STM", "TSN", measure="top5")])
    row = claims(spec).loc["P103b"]
    assert row["verdict"] == "not testable here" and "5 classes" in row["why"]


def test_lines_of_different_roles_are_not_compared(made, claims):
    spec = made.table6([made.claim("P103", "STM", "TSN")])
    spec["lines"][3]["role"] = "kinetics400"
    assert claims(spec).loc["P103", "verdict"] == "not testable here"


def test_a_row_carries_its_evidence(made, claims):
    spec = made.table6([made.claim("P103", "STM", "TSN", same_evidence_as="I72", note="one of two")])
    spec["lines"][3]["measured"]["deviations"] = ["data: drawn for Something-Something v1", "backbone: small"]
    row = claims(spec).loc["P103"]
    assert row["experiments"] == "drawn/stm-8f-demo-0123abcd; drawn/tsn-8f-demo-0123abcd"
    deviations = "data: drawn for Something-Something v1; backbone: small; recipe: demo for iccv2019"
    assert row["deviations"] == f"{deviations}; the published TSN is of another protocol (1 view)"
    assert row["study"] == "demo" and row["same_evidence_as"] == "I72" and row["published"] == 29.5
    assert row["why"].endswith("one of two")


@pytest.mark.parametrize("kind", ["direction", "size"])
def test_nothing_is_replicated_or_refuted_where_the_published_figure_is_of_another_protocol(made, claims, kind):
    """TSN's published 19.7 is of one view: the paper's gap to it is no figure that 30 views could refute."""
    more = {"margin": 3.0, "published": 29.5} if kind == "size" else {}
    row = claims(made.table6([made.claim("P103", "STM", "TSN", kind, **more)], **GENUINE)).loc["P103"]
    assert row["verdict"] in ("holds here", "not testable here")


def test_several_seeds_decide_with_what_varies_between_seeds(made, claims):
    lines = [made.line(1, "TSN", 0.5, seeds=3, **OTHER), made.line(2, "STM", 0.6, seeds=3, **OTHER)]
    for seed, accuracy in enumerate((0.45, 0.6, 0.75)):
        made.predictions("STM", accuracy, seed)
    row = claims(made.spec(lines, [made.claim("P103", "STM", "TSN")])).loc["P103"]
    assert row["verdict"] == "undecided here" and row["high"] - row["low"] > 30


def test_a_wide_interval_is_no_proof_of_chance():
    assert verdicts.chance(Interval(0.5, 0.4, 0.6, "clips"), 0.5).word == "control"
    assert verdicts.chance(Interval(0.4, 0.35, 0.45, "clips"), 0.5).word == "control failed"


def test_a_significant_loss_is_no_control():
    loss = Estimate(-0.2, -0.3, -0.1, "clips", 0.001, 0.05, np.inf)
    assert verdicts.construction(loss, 0.001).word == "control failed"


def test_a_statement_that_the_paper_contradicts_is_inconsistent_whatever_is_measured(made, claims):
    claim = made.claim("P117", "CSTM", "CMM", inconsistent="5.5 says 5.3, Table 10 gives 5.1")
    row = claims(made.table6([claim], **OTHER)).loc["P117"]
    assert row["verdict"] == "inconsistent in the paper" and row["why"] == "5.5 says 5.3, Table 10 gives 5.1"
    assert row["measured"] > 0 and np.isnan(row["p_holm"])


def test_a_line_with_an_obstacle_decides_nothing_and_is_no_test_of_the_family(made, claims):
    spec = made.table6([made.claim("P125", "STM", "CMM"), made.claim("P104", "CSTM", "CMM")], **OTHER)
    spec["lines"][3]["measured"]["obstacle"] = "starts otherwise"
    rows = claims(spec)
    assert rows.loc["P125", "verdict"] == "not testable here"
    assert rows.loc["P125", "why"] == "starts otherwise" and rows.loc["P125", "measured"] > 0
    alone = claims(made.table6([made.claim("P104", "CSTM", "CMM")], **OTHER))
    assert rows.loc["P104", "p_holm"] == alone.loc["P104", "p_holm"]


def test_an_equivalence_holds_and_fails_by_tests_of_the_same_family(made, claims):
    """15 points against a margin of 7: alone it fails, beside many tests it is undecided as a holding one would be."""
    claim = made.claim("P95", "STM", "other", "equivalence", margin=7.0)
    spec = made.table6([claim], **OTHER)
    spec["others"] = {
        "other": {
            **spec["lines"][2],
            "measured": {**spec["lines"][2]["measured"], "predictions": [[made.predictions("other", 0.80)]]},
        }
    }
    alone = claims(spec).loc["P95"]
    assert alone["measured"] == pytest.approx(15, abs=0.5) and alone["low"] > 7 and alone["verdict"] == "fails here"
    weak = [made.claim(f"P{i}", "STM", "CSTM", "equivalence", margin=1 + i / 100) for i in range(40, 60)]
    spec["claims"] = [claim, *weak]
    assert claims(spec).loc["P95", "verdict"] == "undecided here"


def test_a_claim_that_rests_on_another_tables_evidence_has_its_p_and_its_verdict(made, claims):
    root = made.claim("I70", "CSTM", "TSN")
    beside = [made.claim("I73", "STM", "CSTM"), made.claim("I72", "STM", "TSN")]
    family = claims(made.table6([root, *beside], **OTHER))
    twin = made.table6([made.claim("P101", "CSTM", "TSN", same_evidence_as="I70")], **OTHER)
    twin["others"] = {f"iccv_table5/{line['name']}": line for line in twin["lines"]}
    twin["families"] = {"iccv_table5": [elsewhere("iccv_table5", claim) for claim in (root, *beside)]}
    there, here = family.loc["I70"], claims(twin).loc["P101"]
    assert here[["p_holm", "verdict", "why"]].tolist() == there[["p_holm", "verdict", "why"]].tolist()
    alone = claims(made.table6([made.claim("P101", "CSTM", "TSN")], **OTHER)).loc["P101"]
    assert alone["p_holm"] < there["p_holm"]


def elsewhere(table, claim):
    """A claim as the specification of another table names its lines."""
    named = {key: f"{table}/{claim['compare'][key]}" for key in ("first", "second")}
    return {**claim, "compare": {**claim["compare"], **named, "table": table}}


TWINS = {"correlation_weight": 0.01, "off_diagonal_weight": 0.0039, "centred": False, "chosen_for_classes": None}


@pytest.mark.parametrize(
    ("first", "second", "stopped"),
    [
        (TWINS, None, True),
        (TWINS, {**TWINS, "correlation_weight": 0.0}, True),
        (TWINS, TWINS, False),
        ({**TWINS, "chosen_for_classes": 174}, None, False),
        (None, {**TWINS, "correlation_weight": 0.0}, False),
    ],
)
def test_few_classes_stop_only_claims_whose_lines_differ_in_their_correlation_loss(
    made, claims, first, second, stopped
):
    spec = made.table6([made.claim("P125", "STM", "CMM")], **OTHER)
    for number, twins in ((3, first), (2, second)):
        # What the predictions hold counts, where nothing is expected of the data.
        spec["lines"][number]["measured"] |= {"twins": twins, "classes": None}
    row = claims(spec).loc["P125"]
    assert row["verdict"] == ("not testable here" if stopped else "holds here")
    assert not stopped or ("with 8 classes" in row["why"] and "at most 0.08, 1.74 with the paper's 174" in row["why"])


def test_two_gaps_of_the_same_clips_are_compared_clip_by_clip(made, claims):
    claim = made.claim("P133", "CSTM", "TSN")
    claim["compare"]["less"] = {"first": "STM", "second": "CMM"}
    row = claims(made.table6([claim], **OTHER)).loc["P133"]
    assert row["measured"] == pytest.approx(94.17 - 50 - (95 - 85), abs=0.5)  # 0.94 of 240 clips is 226 of them
    assert row["verdict"] == "holds here"
    assert row["published"] == pytest.approx(47.7 - 19.7 - (49.2 - 44.1))


def test_a_line_of_another_table_can_be_compared_with(made, claims):
    spec = made.table6([made.claim("P111", "STM", "table9/CMM")], **OTHER)
    spec["others"] = {"table9/CMM": spec["lines"].pop(2)}
    rows = claims(spec)
    assert rows.loc["P111", "verdict"] == "holds here" and rows.loc["P111", "table"] == "table6"
    assert rows.loc["P111", "published"] == pytest.approx(49.2 - 44.1)


@pytest.mark.parametrize(
    ("published", "decimals", "over", "word"),
    [
        (24.0, 1, None, "replicated"),
        (23.95, 2, None, "refuted"),
        (1.0, 1, "TSN", "replicated"),
        (1.1, 1, "TSN", "refuted"),
    ],
)
def test_a_count_is_replicated_where_it_is_the_printed_one(made, claims, published, decimals, over, word):
    count = {"table": "table6", "line": "STM", "measure": "params_m", **({"over": over} if over else {})}
    claim = {**made.claim("P73", "", ""), "kind": "count", "count": count, "published": published, "decimals": decimals}
    claim.pop("compare")
    row = claims(made.table6([claim])).loc["P73"]
    assert row["verdict"] == word and row["unit"] == ("ratio" if over else "M")


@pytest.mark.parametrize(("published", "word"), [(0.9, "replicated"), (1.1, "replicated"), (1.3, "refuted")])
def test_a_count_that_the_paper_calls_approximate_is_held_to_its_margin(made, claims, published, word):
    count = {"table": "table6", "line": "STM", "measure": "params_m", "over": "TSN"}
    claim = {**made.claim("I95", "", ""), "kind": "count", "count": count, "published": published, "decimals": 1}
    claim.pop("compare")
    assert claims(made.table6([{**claim, "margin": 15}])).loc["I95", "verdict"] == word


def test_what_learned_from_permuted_labels_must_be_at_chance(made, claims):
    spec = made.table6()
    spec["lines"][3]["measured"]["permuted_labels"] = True
    rows = claims(spec)
    assert rows.loc["control-table6-STM", "verdict"] == "control failed"
    # Of the wrong clips each is taken for its partner: one class in eight right is chance.
    spec["lines"][3]["measured"]["predictions"] = [[made.predictions("permuted", 0.125)]]
    row = claims(spec).loc["control-table6-STM"]
    assert row["verdict"] == "control" and row["low"] < 12.5 < row["high"]


def test_an_effect_says_what_its_study_could_have_seen_and_how_sure_the_published_one_is(made, claims):
    few = claims(made.table6([made.claim("P104", "STM", "CMM")], **OTHER)).loc["P104"]
    assert 0 < few["smallest_effect"] < 15
    assert few["published_low"] < few["published"] < few["published_high"]
    # 11,522 clips: 1.96 x sqrt(0.492 x 0.508 + 0.441 x 0.559) / sqrt(11522)
    assert few["published_high"] - few["published"] == pytest.approx(1.29, abs=0.02)
