"""Lines of tables: measured, counted or published, and what is asked of each."""

import pytest
import yaml

from .small import BOTH_ROLES, edit, planned, trained


def test_a_line_of_a_role_that_is_not_bound_is_published_only(config):
    plan = planned(config, recipes=BOTH_ROLES["recipes"], tables=["table11"])
    lines = plan.table("table11").spec["lines"]
    assert [line["measured"] is None for line in lines] == [line["role"] == "kinetics400" for line in lines]


@pytest.mark.parametrize(("table", "measured", "of"), [("table1", 8, 52), ("table2", 6, 29), ("iccv_table1", 5, 64)])
def test_of_a_table_of_the_state_of_the_art_only_our_own_networks_on_a_bound_role_are_measured(
    both, table, measured, of
):
    lines = both.table(table).spec["lines"]
    assert len(lines) == of
    assert sum(line["measured"] is not None for line in lines) == measured
    assert {line["method"] for line in lines if line["measured"]} <= {"TSN", "TSM", "TEA", "STM"}
    assert {line["role"] for line in lines if line["measured"]} <= set(BOTH_ROLES["roles"])


def test_without_bottlenecks_tea_stands_as_published(config):
    basic = {50: {"block": "basic", "blocks": [1, 1, 1, 1], "width": 8}}
    table = planned(config, backbones=basic, recipes=BOTH_ROLES["recipes"]).table("table1")
    measured = {line["method"] for line in table.spec["lines"] if line["measured"]}
    assert measured == {"TSN", "TSM", "STM"}


def test_a_network_that_no_study_trains_is_counted_at_its_published_size_and_else_stands_as_published(config):
    for name in ("table6", "complexity"):
        path = config / "tables" / f"{name}.yaml"
        first, *others = yaml.safe_load(path.read_text())["lines"]
        edit(path, lines=[{**first, "variant": "eco"}, *others])
    plan = planned(config)
    line = plan.table("table6").lines[0]
    assert line.spec["measured"] is line.spec["counts"] is None and not line.predictions
    assert plan.table("table6").lines[1].predictions
    (counted,) = {line.full_size.path: line.full_size.spec for line in plan.table("complexity").lines[:1]}.values()
    assert counted["variant"] == {"network": "eco", "backbone": {"block": "bottleneck", "blocks": [3, 4, 6, 3]}}


def test_the_papers_own_network_is_counted_whatever_the_study_trains(config):
    full, run = (planned(config).table("table6").lines[3].full_size, planned(config).table("table6").lines[3].run_size)
    assert full.spec["variant"]["backbone"]["blocks"] == [3, 4, 6, 3] and full.spec["size"] == [224, 224]
    assert full.spec["classes"] == 174
    assert run.spec["variant"]["backbone"]["blocks"] == [1, 1, 1, 1] and run.spec["classes"] == 4


def test_a_line_says_with_what_correlation_loss_and_on_how_many_classes_it_is_trained(both):
    lines = {line["name"]: line["measured"] for line in both.table("twins_controls").spec["lines"]}
    assert {(run["classes"], run["published_classes"]) for run in lines.values()} == {(4, 174)}
    assert lines["one_view"]["twins"] is None
    weights = {
        name: (run["twins"]["correlation_weight"], run["twins"]["chosen_for_classes"])
        for name, run in lines.items()
        if run["twins"]
    }
    assert weights == {"two_views": (0.0, None), "twins": (0.01, None), "twins_held": (0.01, 174)}


def test_recognisers_of_streams_are_timed_once_a_network_in_one_job_and_offline_lines_not_at_all(both):
    table = both.table("table5")
    assert {table.latency.name: table.latency} == both.latency_jobs
    assert list(table.latency.spec["networks"]) == ["tsm_online-8f", "stm-8f"]
    assert {x["classes"] for x in table.latency.spec["networks"].values()} == {400}, "those of the first line of each"
    assert table.latency.spec["size"] == [224, 224] and table.latency.spec["rounds"] >= 5
    online = {"1": "tsm_online-8f", "2": "tsm_online-8f", "5": "stm-8f", "6": "stm-8f"}
    assert table.spec["latency"]["lines"] == online, "and no line of 3, 4, 7, 8, which are offline"
    assert both.table("table6").latency is None and both.table("table6").spec["latency"] is None


def test_claims_of_the_order_of_frames_name_the_experiment_that_decides_them(both):
    named = {claim.id: experiment for _, claim, experiment in both.order.claims}
    assert set(named) == {"I20", "I21", "P29", "P30"}
    assert named["P29"] == named["I20"] == trained(both)["STM"][0].experiment
    assert named["P30"] == trained(both, "table11")["stm_scene_off"][0].experiment
