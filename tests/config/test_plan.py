"""A study as its files and the command line give it, and what of it is refused."""

import subprocess
import sys

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.plan import Plan

from .small import CONFIG, planned


def test_a_study_takes_from_the_file_that_it_extends_what_it_does_not_say(config):
    planned(config)
    path = config.parent / "seeds.yaml"
    path.write_text("extends: small.yaml\nstudy: seeds\nseeds: [0, 1]\n")
    plan = Plan(path, config=config)
    assert plan.settings.seeds == [0, 1] and plan.settings.roles == {"something_v1": "own"}


def test_files_that_extend_each_other_are_refused(config):
    path = config.parent / "round.yaml"
    path.write_text("extends: round.yaml\n")
    with pytest.raises(ConfigError, match="extend each other"):
        Plan(path, config=config)


def test_a_command_line_override_replaces_one_key(config):
    planned(config)
    plan = Plan(config.parent / "small.yaml", {"seeds": [7]}, config)
    assert {run.spec["seed"] for run in plan.runs.values()} == {7}
    # As Snakemake hands them over: what stands inside a list or a map is text.
    assert Plan(config.parent / "small.yaml", {"seeds": ["7", "8"]}, config).settings.seeds == [7, 8]
    for given, named in (({"seeds": ["*x"]}, r"seeds\[0\]"), ({"roles": {"[a]": "own"}}, "roles: ")):
        with pytest.raises(ConfigError, match=f"--config {named}"):
            Plan(config.parent / "small.yaml", given, config)


def test_a_table_whose_role_is_not_bound_is_refused_by_name(config):
    plan = planned(config, roles={"jester": "own"}, tables=None)
    assert plan.left_out["table6"] == "no dataset is bound to something_v1"
    with pytest.raises(ConfigError, match=r"no dataset is bound to the role 'something_v1'. Bound here: jester"):
        plan.table("table6")


def test_published_figures_must_fit_the_lines_of_their_table(config):
    published = yaml.safe_load((config / "published/tables/table6.yaml").read_text())
    published["lines"].pop()
    (config / "published/tables/table6.yaml").write_text(yaml.safe_dump(published))
    with pytest.raises(ConfigError, match="are not those of"):
        planned(config).table("table6")


def test_a_claim_of_an_unknown_line_is_refused_where_it_stands(config):
    path = config / "controls.yaml"
    claim = {"id": "C99", "where": "here", "statement": "x", "kind": "direction"}
    for second, why in (
        ("table6/TSNN", "'table6/TSNN' is no line of table6"),
        ("TSNN", "'TSNN' is no line of table6"),
        ("table66/TSN", "table66"),
    ):
        compare = {"table": "table6", "first": "STM", "second": second}
        path.write_text(yaml.safe_dump({"paper": "controls", "claims": [{**claim, "compare": compare}]}))
        with pytest.raises(ConfigError, match=rf"controls.yaml:\d+: claims\[0\]: .*{why}"):
            planned(config).table("table6")


def test_the_resolver_loads_no_torch():
    code = "import sys, stm.config.plan, stm.data.listing, stm.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CONFIG.parent).returncode == 0
