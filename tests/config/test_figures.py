"""Figures of a study: which are made, from what, and what is said of those that cannot be."""

import shutil
from pathlib import Path

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.plan import Plan
from stm.config.reportplan import category

CONFIG = Path(__file__).parents[2] / "config"

STUDY = {
    "study": "small",
    "seeds": [0],
    "roles": {"something_v1": "own", "kinetics400": "scenes"},
    "recipes": {"iccv2019": "demo", "tpami2022": "demo_twins"},
    "backbones": {50: {"block": "bottleneck", "blocks": [1, 1, 1, 1], "width": 8}},
    "tables": ["table6", "iccv_table5", "table11"],
}
DATASET = {"title": "own videos", "format": "csv", "annotations": {"list": "own/list.csv"}, "expect": {"classes": 4}}


@pytest.fixture
def planned(tmp_path):
    """Plan a study with changed keys."""
    shutil.copytree(CONFIG, tmp_path / "config")
    for name in ("own", "scenes"):
        (tmp_path / f"config/datasets/{name}.yaml").write_text(yaml.safe_dump(DATASET))

    def plan(**changes) -> Plan:
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump({**STUDY, **changes}))
        return Plan(path, config=tmp_path / "config")

    return plan


def edit(plan: Plan, name: str, **changes) -> None:
    path = plan.config / f"figures/{name}.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def test_a_study_makes_the_figures_of_its_tables(planned):
    every = ["accuracy_cost", "confusions", "figure5", "figure7", "training_curves"]
    # Table 8 has a network whose cost is shown, too.
    assert planned().figures == every
    assert planned(tables=["table6"]).figures == [name for name in every if name != "figure7"]
    assert planned(tables=["table8"]).figures == ["accuracy_cost", "figure1", "figure5", "figure6", "training_curves"]
    assert planned(figures=["confusions"]).figures == ["confusions"]


def test_figure_7_takes_the_features_of_six_networks_on_the_scenes(planned):
    plan = planned(seeds=[3, 4])
    figure = plan.figure("figure7")
    assert [row["title"] for row in figure.spec["panels"]] == ["without Twins Training", "with Twins Training"]
    assert [[line["method"] for line in row["lines"]] for row in figure.spec["panels"]] == [["TSN", "TSM", "STM"]] * 2
    assert len(figure.inputs) == 12 and set(figure.inputs) == set(plan.features)
    one = figure.features[0]
    assert one.path.startswith("results/features/scenes/tsn-8f-demo-") and "/seed3/efficient-" in one.path
    assert one.run.name in plan.runs
    # What the table is evaluated with is no deviation of features.
    assert not any(
        "protocol" in d for row in figure.spec["panels"] for line in row["lines"] for d in line["deviations"]
    )


def test_figure_7_decides_the_claims_that_speak_of_it(planned):
    plan = planned()
    decided = {claim["id"]: claim["separation"] for claim in plan.figure("figure7").spec["claims"]}
    assert sorted(decided) == ["P129", "P129b", "P130", "P130b", "P130c", "P131", "P131b", "P131c"]
    # Enlarged: with Twins Training less without. Shrunk: the other way round.
    assert decided["P130"]["first"] == "tsn_scene_on" and decided["P131"]["first"] == "tsn_scene_off"
    assert plan.deciders == ["figure1", "figure6", "figure7"]
    named = {claim.figure_decider.figure for _, _, _, claim in plan.claims if claim.figure_decider}
    assert named <= set(plan.known_figures)


def test_figures_1_and_6_take_one_file_of_motion_and_the_maps_of_each_run(planned):
    plan = planned(seeds=[3, 4], tables=["table8"])
    one, other = plan.figure("figure1"), plan.figure("figure6")
    # As the file has them: JSON sorts keys.
    assert [measure for measure, _ in other.spec["measures"]] == ["inside", "edge"]
    assert one.spec["signals"][0] == ("STM/cmm", "STM: CMM") and one.spec["signals"][-1][0] == "STM/frame_low"
    # Three networks with two seeds each, and what moves in the clips of their dataset.
    assert len(one.inputs) == 1 + 3 * 2 and one.inputs == [one.spec["motion"], *plan.maps]
    assert set(one.inputs) == set(other.inputs) and list(plan.motions) == [one.spec["motion"]]
    assert one.spec["motion"].startswith("results/motion/own-") and {m.run.name for m in one.maps} <= set(plan.runs)
    assert one.maps[0].path.startswith("results/maps/own/") and one.maps[0].path.endswith(".safetensors")
    (motion,) = plan.motions.values()
    assert motion.spec["render"] is None and motion.index == f"{plan.dataset('own').folder}/index.arrow"


def test_figures_1_and_6_decide_the_claims_that_speak_of_them(planned):
    plan = planned(tables=["table8"])
    decided = {name: [claim["id"] for claim in plan.figure(name).spec["claims"]] for name in ("figure1", "figure6")}
    assert decided["figure6"] == ["I05", "I06b", "P07", "P109", "P110", "P110b"]
    assert decided["figure1"][0] == "I06" and {"P04", "P05", "P06", "P06e", "P135"} <= set(decided["figure1"])
    # None of what Figures 1 and 6 show waits for another version.
    waiting = {claim.id for _, _, _, claim in plan.claims if claim.needs in ("Figure 1", "Figure 6")}
    assert waiting == set()


def test_what_figure_1_is_to_show_is_held_against_every_control(planned):
    claims = planned(tables=["table8"]).figure("figure1").spec["claims"]
    against: dict[str, set[str]] = {}
    for claim in claims:
        against.setdefault(claim["likeness"]["measure"], set()).add(claim["likeness"]["second"])
    cmm, cstm = ({f"STM/untrained_{name}", f"frequency degeneration/{name}"} for name in ("cmm", "cstm"))
    # TSN's high frequency is what its own maps are held against: there it is what stands in CMM's place.
    assert against["flow"] == {*cmm, "STM/cstm", "STM/frame_high", "TSN/high"}
    assert against["high"] == {*cmm, "STM/cstm", "STM/frame_high", "TSN/middle"}
    assert against["low"] == {*cstm, "STM/cmm", "STM/frame_low", "TSN/middle"}


def test_figure_5_takes_the_first_bound_role_of_each_kind_and_no_network(planned):
    figure = planned().figure("figure5")
    assert {key: found["dataset"] for key, found in figure.spec["shown"].items()} == {
        "temporal": "own",
        "scene": "scenes",
    }
    assert figure.predictions == [] and len(figure.inputs) == 2
    # It stands with the paper's figures, and says who measures what it shows.
    assert category(figure.entry) == "TPAMI 2022 Figure \u200a5"
    assert figure.spec["order_claims"] == ["I20", "I21", "P29", "P30"]
    with pytest.raises(ConfigError, match="no dataset is bound to kinetics400 or ucf101 or hmdb51"):
        planned(roles={"something_v1": "own"}).figure("figure5")


def test_a_measure_of_what_is_no_signal_is_refused_where_it_stands(planned):
    plan = planned(tables=["table8"])
    edit(plan, "figure1", measures={"flow": "STM/middle"})
    with pytest.raises(ConfigError, match=r"figure1\.yaml:\d+: .*measures.flow = 'STM/middle' is none of `signals`"):
        plan.figure("figure1")


def test_a_figure_is_made_by_name_where_the_study_does_not_make_its_table(planned):
    plan = planned(tables=["table6"])
    assert set(plan.figure("figure7").inputs) == set(plan.features)


def test_a_figure_that_the_study_cannot_make_says_why(planned):
    plan = planned(roles={"something_v1": "own"})
    assert "figure7" not in plan.figures
    with pytest.raises(ConfigError, match="tsn_scene_off of table11 is not measured in this study"):
        plan.figure("figure7")


def test_the_curves_are_of_every_run_by_table_and_dataset_and_a_table_of_the_same_runs_is_drawn_once(planned):
    plan = planned(seeds=[0, 1])
    panels = plan.figure("training_curves").spec["panels"]
    # ICCV's Table 5 is TPAMI's Table 6.
    assert [panel["table"] for panel in panels] == ["table6", "table11", "table11"]
    assert [panel["where"] for panel in panels[1:]] == ["Table 11, scenes", "Table 11, own"]
    assert len(set(plan.figure("training_curves").inputs)) == 2 * (4 + 12 - 2)
    assert panels[0]["lines"][0]["histories"].keys() == {"seed0", "seed1"}
    labels = [line["label"] for line in panels[1]["lines"]]
    assert labels[:2] == ["TSN, twins off", "TSN, twins on"] and len(set(labels)) == 6


def test_accuracy_against_cost_reads_the_tables_themselves(planned):
    assert planned().figure("accuracy_cost").inputs == ["reports/table6.csv", "reports/table11.csv"]
    other = planned(reports_dir="mine", tables=["table7"])
    assert other.figure("accuracy_cost").inputs == ["mine/table7.csv"]
    assert other.figure("accuracy_cost").spec["genuine"] == []


def test_accuracy_against_cost_is_of_one_role_and_without_twins(planned):
    plan = planned(tables=["table10", "table6", "table11"])
    spec = plan.figure("accuracy_cost").spec
    # The tables in the figure's order, whose first one names a network; JSON sorts keys.
    assert [table["name"] for table in spec["tables"]] == ["table6", "table10", "table11"]
    lines = {line.entry.name: line.predictions[0][0].run.experiment for line in plan.table("table11").lines}
    assert lines["tsm_temporal_off"] in spec["variants"]
    assert not {lines[name] for name in ("tsm_temporal_on", "tsm_scene_off", "tsm_scene_on")} & {*spec["variants"]}


def test_accuracy_against_cost_knows_whose_data_are_the_papers(planned):
    plan = planned(tables=["table6"])
    path = plan.config / "datasets/own.yaml"
    path.write_text(yaml.safe_dump({**DATASET, "genuine": "something_v1"}))
    genuine = planned(tables=["table6"]).figure("accuracy_cost").spec["genuine"]
    assert genuine == sorted({p.run.experiment for p in plan.figure("accuracy_cost").predictions})


def test_confusions_read_the_predictions_of_both_lines(planned):
    plan = planned()
    paths = plan.figure("confusions").inputs
    assert len(paths) == 2 and set(paths) <= set(plan.table("table6").predictions)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"first": "TSNN"}, r"confusions\.yaml:\d+: first = 'TSNN' is no line of table6. Did you mean 'TSN'\?"),
        ({"table": "table66"}, r"table = 'table66' is no table. Did you mean 'table6'\?"),
        ({"pairs": 0}, r"pairs = 0"),
        ({"pair": 3}, r"pair is no known key here. Did you mean 'pairs'\?"),
        ({"kind": "confusion"}, r"confusion"),
    ],
)
def test_a_figure_that_asks_for_what_there_is_not_is_refused_where_it_stands(planned, changes, why):
    plan = planned()
    edit(plan, "confusions", **changes)
    with pytest.raises(ConfigError, match=why):
        plan.figure("confusions")


def test_a_study_that_asks_for_an_unknown_figure_is_refused_where_it_does(planned):
    with pytest.raises(ConfigError, match=r"small\.yaml:\d+: figures\[0\] = 'figure77' is not known. Did you mean"):
        _ = planned(figures=["figure77"]).figures


def test_a_claim_of_a_line_that_its_figure_does_not_show_is_refused(planned):
    plan = planned()
    separation = {"figure": "figure7", "first": "stm_temporal_off", "second": "tsn_scene_off", "measure": "silhouette"}
    claim = {"id": "C99", "where": "here", "statement": "x", "kind": "feature", "separation": separation}
    (plan.config / "controls.yaml").write_text(yaml.safe_dump({"paper": "controls", "claims": [claim]}))
    with pytest.raises(ConfigError, match=r"controls.yaml:\d+: .*first = 'stm_temporal_off' is not shown in figure7"):
        plan.figure("figure7")
