import shutil
import subprocess
import sys

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.plan import Plan

from .small import BOTH_ROLES, CONFIG, DATASET, edit, planned


def trained(plan: Plan, table: str = "table6") -> dict[str, list]:
    """The runs of a table by the names of its lines."""
    return {x.entry.name: [p.run for seed in x.predictions for p in seed] for x in plan.table(table).lines}


def runs(plan: Plan) -> dict[str, str]:
    return {line.entry.method: line.predictions[0][0].run.name for line in plan.table("table6").lines}


def test_a_run_is_named_by_dataset_variant_frames_recipe_and_seed(config):
    name = runs(planned(config))["STM"]
    assert name.startswith("own/stm-8f-demo-") and name.endswith("/seed0")
    assert len(name.split("-")[-1].split("/")[0]) == 8


def test_a_name_that_people_have_in_their_results_does_not_change_by_itself(config):
    # A change here orphans every trained run: raise STAGE_VERSIONS["train"] or say in CHANGELOG.md why it is worth it.
    spec = planned(config).table("table6").lines[3].predictions[0][0].run.spec
    assert set(spec) == {"version", "dataset", "variant", "frames", "recipe", "seed", "fold"}
    assert set(spec["dataset"]) == {"name", "frames", "decoder", "render", "leave_groups_out"}


def test_an_edit_of_one_variant_changes_no_other_run(config):
    before = runs(planned(config))
    models = yaml.safe_load((config / "models.yaml").read_text())
    models["variants"]["cmm"]["cmm_sign"] = "next_minus_current"
    (config / "models.yaml").write_text(yaml.safe_dump(models))
    after = runs(planned(config))
    assert {m for m in before if before[m] != after[m]} == {"CMM"}


def test_a_changed_recipe_is_a_new_path_and_changed_back_the_old_one(config):
    before = runs(planned(config))
    edit(config / "recipes/demo.yaml", learning_rate=0.07)
    assert not set(before.values()) & set(runs(planned(config)).values())
    edit(config / "recipes/demo.yaml", learning_rate=0.05)
    assert runs(planned(config)) == before


def test_a_recipes_source_line_is_no_setting(config):
    before = runs(planned(config))
    edit(config / "recipes/demo.yaml", source="told otherwise")
    assert runs(planned(config)) == before


def test_the_protocol_decides_no_weights(config):
    one, other = planned(config), planned(config, protocols={"full": {"clips": 3}})
    assert runs(one) == runs(other)
    assert not set(one.table("table6").predictions) & set(other.table("table6").predictions)


def test_roles_bound_to_one_dataset_share_runs(config):
    edit(config / "tables/table6.yaml", role="something_v2")
    other = runs(planned(config, roles={"something_v2": "own"}))
    shutil.copy(CONFIG / "tables/table6.yaml", config / "tables/table6.yaml")
    assert runs(planned(config)) == other


def test_every_seed_is_a_run(config):
    found = [run for of_line in trained(planned(config, seeds=[0, 1, 2])).values() for run in of_line]
    assert len({run.name for run in found}) == 12 and len({run.experiment for run in found}) == 4


def test_the_papers_own_network_is_counted_whatever_the_study_trains(config):
    full, run = (planned(config).table("table6").lines[3].full_size, planned(config).table("table6").lines[3].run_size)
    assert full.spec["variant"]["backbone"]["blocks"] == [3, 4, 6, 3] and full.spec["size"] == [224, 224]
    assert full.spec["classes"] == 174
    assert run.spec["variant"]["backbone"]["blocks"] == [1, 1, 1, 1] and run.spec["classes"] == 4


def test_what_differs_from_the_paper_is_said(config):
    line = planned(config).table("table6").lines[0]
    assert [d.split(":")[0] for d in line.deviations] == ["data", "backbone", "initialisation", "recipe"]
    edit(config / "datasets/own.yaml", genuine="something_v1")
    paper = planned(config, recipes={}, backbones={})
    assert paper.table("table6").lines[0].deviations == []


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


def test_a_command_line_override_replaces_one_key(config):
    planned(config)
    plan = Plan(config.parent / "small.yaml", {"seeds": [7]}, config)
    assert {run.spec["seed"] for run in plan.runs.values()} == {7}
    # As Snakemake hands them over: what stands inside a list or a map is text.
    assert Plan(config.parent / "small.yaml", {"seeds": ["7", "8"]}, config).settings.seeds == [7, 8]
    for given, named in (({"seeds": ["*x"]}, r"seeds\[0\]"), ({"roles": {"[a]": "own"}}, "roles: ")):
        with pytest.raises(ConfigError, match=f"--config {named}"):
            Plan(config.parent / "small.yaml", given, config)


def test_the_resolver_loads_no_torch():
    code = "import sys, stm.config.plan, stm.data.listing, stm.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CONFIG.parent).returncode == 0


def test_every_fold_of_every_seed_is_a_run_of_one_experiment(config):
    edit(config / "datasets/own.yaml", leave_groups_out=5)
    plan = planned(config, seeds=[0, 1])
    names = [run.name.split("/") for found in trained(plan).values() for run in found]
    assert len(names) == 4 * 5 * 2 and len({"/".join(n[:2]) for n in names}) == 4
    assert sorted({n[2] for n in names})[:2] == ["fold1-seed0", "fold1-seed1"]
    line = plan.table("table6").spec["lines"][0]["measured"]
    assert line["seeds"] == [0, 1] and [len(folds) for folds in line["predictions"]] == [5, 5]


def test_official_folds_have_their_names_and_annotation_files(config):
    annotations = {"classes": "c.txt", "train": "train0{fold}.txt", "test": "test0{fold}.txt"}
    edit(config / "datasets/own.yaml", format="ucf101", annotations=annotations, folds=["1", "3"])
    dataset = planned(config).dataset("own")
    assert dataset.folds == ["1", "3"]
    assert sorted(dataset.annotation_files) == ["c.txt", "test01.txt", "test03.txt", "train01.txt", "train03.txt"]


def test_the_input_may_be_other_than_square(config):
    edit(config / "recipes/demo.yaml", crop_size=[56, 112])
    line = planned(config).table("table6").lines[0]
    assert line.predictions[0][0].run.spec["recipe"]["crop_size"] == [56, 112]
    assert line.run_size.spec["size"] == [56, 112] and line.full_size.spec["size"] == [224, 224]


def test_the_papers_recipe_is_the_papers(config):
    """ICCV 2019, section 4.2. A run under other values is a deviation, and must not call itself `iccv2019`."""
    recipe = yaml.safe_load((config / "recipes/iccv2019.yaml").read_text())
    said = {
        "initialisation": "imagenet",
        "epochs": 50,
        "learning_rate": 0.01,
        "decay_epochs": [30, 40, 45],
        "decay_factor": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "global_batch": {8: 64, 16: 32},  # eight GPUs with 8 clips each, or 4
        "micro_batch": {8: 8, 16: 4},
        "short_side": 256,
        "crop_size": 224,
    }
    assert {key: recipe[key] for key in said} == said


def test_frames_stored_smaller_than_the_paper_has_them_are_a_deviation(config):
    edit(config / "datasets/own.yaml", genuine="something_v1", frames={"short_side": 128})
    line = planned(config, recipes={}, backbones={}).table("table6").lines[0]
    assert line.deviations == ["frames: stored with a short side of 128 pixels for 256"]


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


@pytest.fixture
def both(config) -> Plan:
    (config / "datasets/scenes.yaml").write_text(yaml.safe_dump({**DATASET, "title": "scenes"}))
    return planned(config, **BOTH_ROLES)


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


def test_claims_of_the_order_of_frames_name_the_experiment_that_decides_them(both):
    named = {claim.id: experiment for _, claim, experiment in both.order.claims}
    assert set(named) == {"I20", "I21", "P29", "P30"}
    assert named["P29"] == named["I20"] == trained(both)["STM"][0].experiment
    assert named["P30"] == trained(both, "table11")["stm_scene_off"][0].experiment


def test_what_a_study_leaves_out_is_told_from_what_it_cannot_make(config):
    possible = planned(config, **{**BOTH_ROLES, "roles": {"something_v1": "own"}, "tables": ["table6"]}).possible
    assert possible["table7"] == "reports/table7.csv" and possible["figure6"] == "reports/figure6.csv"
    # No dataset is bound to the role of these.
    assert not {"table6", "table2", "table3", "figure7"} & set(possible)


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


@pytest.fixture
def paper(config) -> Plan:
    """The papers' study, with made entries of its datasets: the real ones name files that are not here."""
    facts = yaml.safe_load((config / "published/roles.yaml").read_text())["roles"]
    for role, fact in facts.items():
        own = {**DATASET, "title": fact["title"], "genuine": role, "expect": {"classes": fact["classes"]}}
        (config / f"datasets/{role}.yaml").write_text(yaml.safe_dump(own))
    return Plan(config / "paper.yaml", config=config)


def test_the_papers_study_departs_from_the_papers_only_where_it_must(paper):
    assert set(paper.settings.roles) == set(paper.role_facts)
    assert {role: name for role, name in paper.settings.roles.items() if role != name} == {}
    lines = [line for name in paper.tables for line in paper.table(name).lines if line.entry.variant]
    # There are no weights of Res2Net-50 to be had where those of the ResNets are.
    initialisation = "initialisation: ImageNet's stem and shortcuts of ResNet-50 for the whole of Res2Net-50"
    trained_tea = [line for line in lines if line.entry.variant == "tea" and line.predictions]
    assert {tuple(line.deviations) for line in trained_tea} == {(initialisation,)}
    # Everything is trained alike here, and the papers' figures of others were not.
    departing = {
        (name, line.entry.variant): line.deviations
        for name in paper.tables
        for line in paper.table(name).lines
        if line.deviations and line.entry.variant != "tea"
    }
    assert set(departing) == {
        *(("table1", "tsn"), ("table1", "tsm"), ("table4", "tsn"), ("table4", "tsm")),
        *(("iccv_table1", "tsn"), ("iccv_table1", "tsm"), ("iccv_table9", "tsm")),
    }
    assert departing["table1", "tsn"] == ["the published TSN starts from Kinetics weights and has no Twins Training"]
    assert departing["iccv_table1", "tsm"] == ["the published TSM starts from Kinetics weights"]
    assert [line.obstacle for line in lines if line.obstacle] == []


def test_the_papers_study_makes_every_table_that_can_be_trained(paper):
    assert paper.known_tables == paper.tables
    # Both versions of Something-Something in Tables 1; Jester in ICCV's Table 2.
    assert [len(paper.table(name).records) for name in ("table1", "iccv_table1", "iccv_table2")] == [16, 10, 6]


def test_without_bottlenecks_tea_stands_as_published(config):
    basic = {50: {"block": "basic", "blocks": [1, 1, 1, 1], "width": 8}}
    table = planned(config, backbones=basic, recipes=BOTH_ROLES["recipes"]).table("table1")
    measured = {line["method"] for line in table.spec["lines"] if line["measured"]}
    assert measured == {"TSN", "TSM", "STM"}


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


def test_a_study_with_which_no_table_can_be_made_says_of_each_what_is_missing(config):
    with pytest.raises(
        ConfigError, match=r"no table can be made with what this study binds.\n.*no dataset is bound to"
    ):
        planned(config, roles={"hmdb51": "own"}, tables=None).require_tables()


def test_recognisers_of_streams_are_timed_once_a_network_in_one_job_and_offline_lines_not_at_all(both):
    table = both.table("table5")
    assert {table.latency.name: table.latency} == both.latency_jobs
    assert list(table.latency.spec["networks"]) == ["tsm_online-8f", "stm-8f"]
    assert {x["classes"] for x in table.latency.spec["networks"].values()} == {400}, "those of the first line of each"
    assert table.latency.spec["size"] == [224, 224] and table.latency.spec["rounds"] >= 5
    online = {"1": "tsm_online-8f", "2": "tsm_online-8f", "5": "stm-8f", "6": "stm-8f"}
    assert table.spec["latency"]["lines"] == online, "and no line of 3, 4, 7, 8, which are offline"
    assert both.table("table6").latency is None and both.table("table6").spec["latency"] is None


def test_online_and_offline_are_one_training_under_two_protocols(both):
    lines = {line.entry.name: line.predictions[0][0] for line in both.table("table5").lines}
    online, offline = lines["stm_online_temporal"], lines["stm_offline_temporal"]
    assert online.run.name == offline.run.name
    assert (online.protocol, offline.protocol) == ("online", "full")
    one_crop = lines["stm_offline_temporal_efficient"]
    assert one_crop.run.name == online.run.name and one_crop.protocol == "efficient"
    twins = {line.entry.name: line.predictions[0][0].run.name for line in both.table("table11").lines}
    assert online.run.name == twins["stm_temporal_on"]
