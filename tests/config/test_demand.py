"""Which tables a study makes, and which runs each of them demands."""

import pytest
import yaml

from stm.config.loading import ConfigError

from .small import BOTH_ROLES, edit, planned

# How many networks each table trains with one seed where both roles are bound; TSN and STM stand in most of them.
DEMANDED = {
    "table5": 4,  # TSM-online and STM with Twins, on both roles
    "table6": 4,
    "table7": 3 + 1,  # CSTM, which its root in ICCV's table 6 is tested beside
    "table8": 3,
    "table9": 6 + 1,  # TSN of Table 6, which section 5.4 compares with
    "table10": 5,
    "table11": 12 + 2,  # CSTM and CMM, which STM above TSN is tested beside
    "iccv_table5": 4,
    "iccv_table6": 3 + 1,  # CSTM of Table 5, which its concatenation is below
    "iccv_table7": 6 + 1,
    "iccv_table8": 2,
    "controls": 10,
    "twins_controls": 6,
    "complexity": 0,
    "table4": 8,
    "iccv_table9": 4,
    # TSN, TSM, TEA and STM at 8 and 16 frames; what is of other roles (Something-Something v2) is published there.
    "table1": 8,
    "table2": 6,
    "iccv_table1": 5,  # TSM at 16 frames alone
    "iccv_table3": 2,
}

# Tables that nobody makes with these two roles, and why.
NOT_MADE = {
    "table3": "no dataset is bound to hmdb51 or ucf101",
    "iccv_table2": "no dataset is bound to jester",
    "iccv_table4": "no dataset is bound to hmdb51 or ucf101",
    "transfer_controls": "no dataset is bound to hmdb51 or ucf101",
}


@pytest.mark.parametrize("table", DEMANDED)
def test_a_table_demands_its_own_runs_and_those_that_its_claims_compare_with(both, table):
    assert len(both.table(table).records) == DEMANDED[table]


def test_all_tables_together_demand_each_run_once(both):
    assert set(DEMANDED) == set(both.tables) and both.left_out == NOT_MADE
    assert set(DEMANDED) | set(NOT_MADE) == set(both.known_tables)
    # TSN, CSTM, CMM, STM; concatenation and frequency; 4 places and one a stage; 3 convolutions; TSM; Twins of TSN, TSM
    # and STM; 6 on scenes; 6 controls; 4 controls of Twins; at 16 frames TSN, TSM and STM in both recipes, on scenes
    # TSM and STM in both; TEA at 8 and 16 frames in one, on both; STM-18 and STM-34; TSM-online on both.
    assert len(both.runs) == 4 + 2 + 5 + 3 + 1 + 3 + 6 + 6 + 4 + 6 + 4 + 4 + 2 + 2
    wanted = {record for name in both.tables for record in both.table(name).records}
    assert len(wanted) == len(both.runs)
    assert len(both.order.lines) == len(both.runs)


def test_a_study_makes_by_default_what_its_recipes_allow_and_says_what_not(config):
    plan = planned(config, tables=None)
    without_twins = {"table1", "table4", "table5", "table11", "twins_controls"}
    assert set(plan.left_out) == without_twins | {"table2", "iccv_table3"} | set(NOT_MADE) and "table6" in plan.tables
    assert "tpami2022.yaml: initialisation = 'imagenet' fits the papers' backbones only" in plan.left_out["table11"]
    with pytest.raises(ConfigError, match="Bind another recipe"):
        plan.table("table11")


def test_what_a_study_leaves_out_is_told_from_what_it_cannot_make(config):
    possible = planned(config, **{**BOTH_ROLES, "roles": {"something_v1": "own"}, "tables": ["table6"]}).possible
    assert possible["table7"] == "reports/table7.csv" and possible["figure6"] == "reports/figure6.csv"
    # No dataset is bound to the role of these.
    assert not {"table6", "table2", "table3", "figure7"} & set(possible)


def test_a_study_with_which_no_table_can_be_made_says_of_each_what_is_missing(config):
    with pytest.raises(
        ConfigError, match=r"no table can be made with what this study binds.\n.*no dataset is bound to"
    ):
        planned(config, roles={"hmdb51": "own"}, tables=None).require_tables()


def _decider(claim: dict) -> dict:
    return claim.get("compare") or claim.get("reached") or {}


def test_a_table_without_a_line_that_can_be_trained_is_made_by_name_and_published_only(config):
    table = yaml.safe_load((config / "tables/table3.yaml").read_text())
    published = [{k: v for k, v in x.items() if k not in ("variant", "frames", "recipe")} for x in table["lines"]]
    edit(config / "tables/table3.yaml", lines=published)
    claims = yaml.safe_load((config / "published/claims/tpami2022.yaml").read_text())["claims"]
    edit(
        config / "published/claims/tpami2022.yaml",
        claims=[claim for claim in claims if _decider(claim).get("table") != "table3"],
    )
    plan = planned(config, roles={"ucf101": "own", "something_v1": "own"}, tables=None)
    assert plan.left_out["table3"] == "it has no line that this version can train"
    assert plan.table("table3").records == [] and len(plan.table("table3").lines) == 38
