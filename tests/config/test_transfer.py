"""Runs that start from another run or from a file: what they ask for, and when they are other runs."""

import shutil
from pathlib import Path

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.plan import Plan

CONFIG = Path(__file__).parents[2] / "config"
DATASET = {"title": "own videos", "format": "csv", "annotations": {"list": "own/list.csv"}, "expect": {"classes": 9}}
STUDY = {
    "study": "transfer",
    "seeds": [0, 1],
    "roles": {"kinetics400": "scenes", "ucf101": "target"},
    "recipes": {
        "iccv2019": "demo",
        "iccv2019_transfer": "demo_transfer",
        "iccv2019_transfer_imagenet": "demo_transfer_scratch",
    },
    "backbones": {50: {"block": "bottleneck", "blocks": [1, 1, 1, 1], "width": 8}},
    "tables": ["iccv_table4"],
}


@pytest.fixture
def config(tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    for name in ("scenes", "target"):
        (tmp_path / f"config/datasets/{name}.yaml").write_text(yaml.safe_dump(DATASET))
    return tmp_path / "config"


def edit(path: Path, **changes) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def planned(config: Path, **changes) -> Plan:
    path = config.parent / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, **changes}))
    return Plan(path, config=config)


def line(plan: Plan, name: str, table: str = "iccv_table4"):
    return next(x for x in plan.table(table).lines if x.entry.name == name)


def runs(plan: Plan, name: str = "stm_ucf101") -> list:
    return [p.run for seed in line(plan, name).predictions for p in seed]


def test_a_run_starts_from_the_same_network_and_seed_on_the_other_role(config):
    for run in runs(planned(config)):
        assert run.start.dataset.name == "scenes" and run.start.recipe == "demo"
        assert (run.start.variant, run.start.spec["frames"]) == ("stm", 16)
        assert run.start.spec["seed"] == run.spec["seed"]
        assert run.initial_weights == [f"{run.start.folder}/weights.safetensors"]


def test_the_runs_that_others_start_from_are_trained_too(config):
    plan = planned(config)
    assert {run.start.name for run in runs(plan)} <= set(plan.runs)
    # The paper's own: Table 3's STM, trained once for both.
    paper = Plan(CONFIG / "paper.yaml", config=CONFIG)
    start = runs(paper)[0].start
    assert start.name in {p.run.name for x in paper.table("iccv_table3").lines for seed in x.predictions for p in seed}


def test_what_changes_the_first_training_changes_the_second(config):
    before = [run.name for run in runs(planned(config))]
    edit(config / "datasets/scenes.yaml", frames={"short_side": 80})
    other = [run.name for run in runs(planned(config))]
    assert not set(before) & set(other)
    edit(config / "datasets/scenes.yaml", frames={"short_side": 256})
    assert [run.name for run in runs(planned(config))] == before


def test_seeds_are_of_one_experiment(config):
    found = runs(planned(config))
    assert len({run.name for run in found}) == 2 and len({run.experiment for run in found}) == 1


def test_a_role_is_no_part_of_an_experiment(config):
    recipe = yaml.safe_load((config / "recipes/demo_transfer.yaml").read_text())
    before = runs(planned(config))[0].experiment
    edit(config / "recipes/demo_transfer.yaml", initialisation={**recipe["initialisation"], "role": "jester"})
    assert runs(planned(config, roles={"jester": "scenes", "ucf101": "target"}))[0].experiment == before


def test_a_file_takes_the_place_of_a_run(config):
    edit(config / "recipes/demo_transfer.yaml", initialisation={"file": "mine/weights.safetensors", "head": "reset"})
    plan = planned(config, roles={"ucf101": "target"})
    assert runs(plan)[0].start is None and runs(plan)[0].initial_weights == ["mine/weights.safetensors"]
    assert "initialisation: the file mine/weights.safetensors for trained on Kinetics-400 by iccv2019" in (
        line(plan, "stm_ucf101").deviations
    )


def test_without_the_first_dataset_the_table_is_left_out_and_says_why(config):
    plan = planned(config, roles={"ucf101": "target"}, tables=None)
    assert "starts from a run on kinetics400" in plan.left_out["iccv_table4"]


def test_a_dataset_in_folds_has_no_one_run_to_start_from(config):
    edit(config / "datasets/scenes.yaml", leave_groups_out=3)
    with pytest.raises(ConfigError, match="is trained in folds: none of them saw all of it"):
        planned(config).table("iccv_table4")


def test_a_run_that_starts_from_a_run_is_no_start(config):
    edit(
        config / "recipes/demo_transfer.yaml", initialisation={"role": "kinetics400", "recipe": "demo_transfer"} | HEAD
    )
    with pytest.raises(ConfigError, match="by demo_transfer, which starts from a run itself"):
        planned(config).table("iccv_table4")


HEAD = {"head": "reset"}


@pytest.mark.parametrize(
    ("initialisation", "said"),
    [
        ("imagnet", "'imagnet': expected 'scratch' or 'imagenet'"),
        ({"role": "kinetics400", "recipe": "demo"}, "the key 'head' is missing"),
        ({"role": "kinetics400", **HEAD}, "give both"),
        ({"file": "a", "role": "kinetics400", "recipe": "demo", **HEAD}, r"`file` \(weights that you have\)"),
        ({"run": {}, **HEAD}, "name a run by `role` and `recipe`"),
    ],
)
def test_a_start_that_cannot_be_meant_is_refused_by_file_and_key(config, initialisation, said):
    edit(config / "recipes/demo_transfer.yaml", initialisation=initialisation)
    with pytest.raises(ConfigError, match=rf"demo_transfer.yaml.*initialisation.*{said}"):
        planned(config).table("iccv_table4")


def test_what_kinetics_adds_to_imagenet_is_not_tested_without_imagenet(config):
    plan = planned(config)
    assert line(plan, "stm_ucf101").obstacle is None
    assert "starts otherwise here (scratch)" in line(plan, "tsn_ucf101").obstacle
    assert "initialisation: trained on scenes by demo for trained on Kinetics-400 by iccv2019" in (
        line(plan, "stm_ucf101").deviations
    )
    paper = Plan(CONFIG / "paper.yaml", config=CONFIG)
    assert [line(paper, name).obstacle for name in ("stm_ucf101", "tsn_ucf101")] == [None, None]
    assert line(paper, "stm_ucf101").deviations == []


@pytest.mark.parametrize(("recipe", "epochs", "decays"), [("iccv2019", 25, [15]), ("tpami2022", 50, [15, 30, 45])])
def test_the_papers_schedule_for_the_two_small_datasets_is_the_papers(recipe, epochs, decays):
    """Both papers, section 4.2: 0.001, divided by ten every 15 epochs; all else is the recipe's."""
    plan = Plan(CONFIG / "paper.yaml", config=CONFIG)
    plain, transfer = plan.paper_recipe(recipe), plan.paper_recipe(f"{recipe}_transfer")
    said = {"learning_rate": 0.001, "epochs": epochs, "decay_epochs": decays}
    assert transfer.model_dump(include=set(said)) == said
    others = {"source", "extends", "initialisation", *said}
    assert transfer.model_dump(exclude=others) == plain.model_dump(exclude=others)
    imagenet = plan.paper_recipe(f"{recipe}_transfer_imagenet")
    assert imagenet.model_dump(exclude={"source", "extends", "initialisation"}) == transfer.model_dump(
        exclude={"source", "extends", "initialisation"}
    )


def test_teas_weaker_start_is_a_deviation_of_what_starts_from_it_too():
    paper = Plan(CONFIG / "paper.yaml", config=CONFIG)
    for name in ("tea_ucf101", "tea_hmdb51"):
        assert line(paper, name, "table3").deviations == [
            "initialisation: ImageNet's stem and shortcuts of ResNet-50 for the whole of Res2Net-50"
        ]
