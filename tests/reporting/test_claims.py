"""Verdicts in every situation that a table can be in, and the page that joins them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stm.analysis.statistics import Estimate, Interval
from stm.config.loading import read_yaml, validated
from stm.config.schema import Claims, PublishedTable
from stm.reporting import verdicts
from stm.reporting.claims import COLUMNS, write_claims
from stm.reporting.measured import TableError
from stm.reporting.tables import write_table

TEXT = [column for column in COLUMNS if column not in ("published", "measured", "low", "high", "p_holm")]
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
    assert verdicts.chance(Interval(0.5, 0.4, 0.6, "clips")).word == "control"
    assert verdicts.chance(Interval(0.4, 0.35, 0.45, "clips")).word == "control failed"


def test_a_significant_loss_is_no_control():
    loss = Estimate(-0.2, -0.3, -0.1, "clips", 0.001, 0.05, np.inf)
    assert verdicts.construction(loss, 0.001).word == "control failed"


def test_the_join_keeps_every_row_and_links_every_table(made, tmp_path):
    reports = tmp_path / "reports"
    write_table(made.table6([made.claim("P104", "STM", "CSTM", published=-1.5)]), reports / "table6")
    write_table(made.table6([made.claim("P105", "CSTM", "CMM", statement="=1+1")]), reports / "table7")
    write_claims([reports / "table6.claims.csv", reports / "table7.claims.csv"], reports / "claims")
    parts = [(reports / f"{name}.claims.csv").read_text().splitlines() for name in ("table6", "table7")]
    assert (reports / "claims.csv").read_text().splitlines() == [*parts[0], *parts[1][1:]]
    page = (reports / "claims.md").read_text()
    assert page.startswith("# Claims, as study demo decides them")
    assert "undecided here: 1; control: 2; holds here: 1" in page
    assert "## [table6](table6.md)" in page and "## [table7](table7.md)" in page
    assert "Deviations from the paper. All of these: data: drawn for Something-Something v1" in page
    assert "| -1.5 | +0.8 [" in page


def test_a_study_that_decides_no_claim_has_an_empty_page(tmp_path):
    write_claims([], tmp_path / "claims")
    assert (tmp_path / "claims.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert "No table decides a claim." in (tmp_path / "claims.md").read_text()


def test_claims_with_other_columns_are_refused_by_name(tmp_path):
    (tmp_path / "table6.claims.csv").write_text("claim,verdict\nP1,replicated\n")
    with pytest.raises(TableError, match=r"table6\.claims\.csv has other columns"):
        write_claims([tmp_path / "table6.claims.csv"], tmp_path / "claims")


def test_published_effects_are_the_differences_of_the_published_lines():
    claims = validated(Claims, read_yaml(PUBLISHED / "claims" / "tpami2022.yaml")).claims
    assert len({claim.id for claim in claims}) == len(claims)
    tables = {claim.compare.table for claim in claims}
    lines = {
        (table, line.method): line.figures()
        for table in tables
        for line in validated(PublishedTable, read_yaml(PUBLISHED / "tables" / f"{table}.yaml")).lines
    }
    for claim in claims:
        compare = claim.compare
        first, second = (lines[compare.table, m][compare.measure] for m in (compare.first, compare.second))
        assert claim.published == pytest.approx(first - second), claim.id
