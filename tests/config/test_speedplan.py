"""Tables of runtimes: what is timed together, and claims of speeds."""

import shutil

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.products import PACKAGE

from .small import BOTH_ROLES, planned


def test_the_networks_of_a_table_are_timed_in_one_job_at_the_papers_size_with_tsn_among_them(config):
    plan = planned(config)
    spec = plan.table("iccv_table9").speed.spec
    timed = {line.entry.name: line.full_size.timed_name for line in plan.table("iccv_table9").lines if line.full_size}
    assert set(spec["networks"]) == {*timed.values(), spec["tsn"]}
    assert {(n["frames"], n["classes"], *n["size"]) for n in spec["networks"].values()} == {
        *((8, 174, 224, 224), (16, 174, 224, 224), (64, 174, 224, 224))
    }
    assert all(n["variant"]["backbone"]["blocks"] == [3, 4, 6, 3] for n in spec["networks"].values())
    # TSN is no line there, and is timed all the same.
    assert spec["tsn"] not in timed.values() and spec["networks"][spec["tsn"]]["frames"] == 8
    assert plan.table("table6").speeds == []


def test_speeds_are_measured_again_where_the_study_measures_otherwise(config):
    one, other = (planned(config, speed={"batch": b}).table("iccv_table9").speeds for b in (1, 16))
    assert one != other and planned(config).table("iccv_table9").speeds == one
    with pytest.raises(ConfigError, match=r"speed.rounds.* 4"):
        planned(config, speed={"rounds": 4})


def test_plain_networks_are_always_timed_and_compiled_ones_where_the_study_asks(config):
    both = planned(config, speed={"modes": ["plain", "compiled"]}).table("iccv_table9").speed
    assert both.spec["modes"] == ["plain", "compiled"] and both != planned(config).table("iccv_table9").speed
    for modes in (["compiled"], [], ["plain", "plain"]):
        with pytest.raises(ConfigError, match=r"speed.*plain first"):
            planned(config, speed={"modes": modes})


def test_both_jobs_of_timings_follow_what_they_time(config, monkeypatch, tmp_path):
    """Networks made faster are timed anew: their sources are a part of the specification, and so of the name."""
    plan = planned(config, recipes=BOTH_ROLES["recipes"])
    jobs = [plan.table("iccv_table9").speed, plan.table("table5").latency]
    package = shutil.copytree(PACKAGE, tmp_path / "edited")
    with open(package / "models" / "temporal.py", "a", encoding="utf-8") as file:
        file.write("# faster\n")
    monkeypatch.setattr("stm.config.networkproducts.PACKAGE", package)
    edited = planned(config, recipes=BOTH_ROLES["recipes"])
    for job, other in zip(jobs, [edited.table("iccv_table9").speed, edited.table("table5").latency], strict=True):
        assert job.path != other.path and {**job.spec, "code": ""} == {**other.spec, "code": ""}


def test_a_table_of_runtimes_times_and_counts_also_what_the_study_cannot_train(config):
    basic = {50: {"block": "basic", "blocks": [1, 1, 1, 1], "width": 8}}
    plan = planned(config, backbones=basic, recipes=BOTH_ROLES["recipes"])
    tea = next(line for line in plan.table("table4").spec["lines"] if line["name"] == "tea")
    assert tea["measured"] is None and tea["timed"] in plan.table("table4").speed.spec["networks"]
    assert tea["counts"]["run_size"] is None and tea["counts"]["full_size"] in plan.table("table4").complexity


@pytest.mark.parametrize(
    ("speed", "why"),
    [
        ({"table": "table6", "line": "STM", "over": "TSN"}, "'table6' does not measure videos_per_second"),
        ({"table": "table6", "line": "STMM"}, "'table6' does not measure"),
        ({"table": "iccv_table9", "line": "stmm"}, "'stmm' is no line of iccv_table9"),
        ({"table": "iccv_table9", "line": "stm_8", "over": "table4/tsn"}, "over = 'table4/tsn'"),
    ],
)
def test_a_claim_of_speeds_that_are_not_measured_together_is_refused_where_it_stands(config, speed, why):
    claim = {"id": "C99", "where": "here", "statement": "x", "kind": "speed", "published": 1.5, "margin": 15}
    text = yaml.safe_dump({"paper": "controls", "claims": [{**claim, "speed": speed}]})
    (config / "controls.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"controls.yaml:\d+: claims\[0\].*{why}"):
        planned(config).table(speed["table"])
