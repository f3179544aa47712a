"""Recipes that extend each other, and clips that may be mirrored."""

import shutil
from pathlib import Path

import pytest
import yaml

from stm.config.loading import ConfigError, read_yaml, validated
from stm.config.plan import Plan
from stm.config.schema.datasets import Dataset
from stm.config.schema.tables import Line

CONFIG = Path(__file__).parents[2] / "config"
LINE = Line(method="STM", variant="stm", frames=8)


@pytest.fixture
def config(tmp_path) -> Path:
    shutil.copytree(CONFIG, tmp_path / "config")
    return tmp_path / "config"


def planned(config: Path, dataset: str = "synthetic_temporal") -> Plan:
    path = config.parent / "study.yaml"
    path.write_text(yaml.safe_dump({"study": "small", "seeds": [0], "roles": {"something_v1": dataset}}))
    return Plan(path, config=config)


def written(config: Path, name: str, text: str) -> None:
    (config / f"recipes/{name}.yaml").write_text(text)


def edit(path: Path, **changes) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def test_a_recipe_takes_from_the_one_that_it_extends_what_it_does_not_say(config):
    plan = planned(config)
    (_, base), (_, longer) = plan.recipe("iccv2019"), plan.recipe("tpami2022")
    one, other = base.model_dump(), longer.model_dump()
    assert {key for key in one if one[key] != other[key]} == {
        *("extends", "source", "epochs", "decay_epochs", "augmentation", "twins")
    }
    # TPAMI, section 4.2.
    assert longer.epochs == 70 and longer.decay_epochs == [30, 40, 60]
    assert (longer.twins.correlation_weight, longer.twins.off_diagonal_weight) == (0.01, 0.0039)


def test_a_key_of_several_parts_is_replaced_as_a_whole(config):
    written(config, "next", "extends: demo_twins.yaml\nsource: tests\naugmentation: {grayscale: 0.5}\n")
    _, recipe = planned(config).recipe("next")
    assert recipe.augmentation.grayscale == 0.5 and recipe.augmentation.colour_jitter is None
    parent = planned(config).recipe("demo_twins")[1]
    assert recipe.twins is not None and recipe.epochs == parent.epochs and recipe.learning_rate == 0.05


def test_a_recipe_that_says_all_over_again_makes_the_run_of_the_one_that_extends(config):
    plan = planned(config)
    written(config, "flat", yaml.safe_dump(plan.recipe("demo_twins")[1].model_dump(exclude={"extends"})))
    runs = [plan.run("something_v1", LINE, name, 0) for name in ("demo_twins", "flat")]
    assert runs[0].spec == runs[1].spec


def test_an_edit_of_a_recipe_changes_the_runs_of_those_that_extend_it(config):
    before = planned(config).run("something_v1", LINE, "demo_twins", 0).name
    edit(config / "recipes/demo.yaml", learning_rate=0.07)
    assert planned(config).run("something_v1", LINE, "demo_twins", 0).name != before


@pytest.mark.parametrize("length", [1, 2, 3])
def test_recipes_that_extend_each_other_are_refused(config, length):
    for k in range(length):
        written(config, f"r{k}", f"extends: r{(k + 1) % length}.yaml\nsource: tests\n")
    with pytest.raises(ConfigError, match=r"r\d.yaml:1: extends = 'r0.yaml': the files extend each other"):
        planned(config).recipe("r0")


def test_a_wrong_value_is_reported_where_it_stands(config):
    edit(config / "recipes/demo.yaml", learning_rate=0)
    with pytest.raises(ConfigError, match=r"recipes/demo.yaml:\d+: learning_rate = 0: expected greater than 0"):
        planned(config).recipe("demo_twins")


def test_an_extended_recipe_that_is_not_there_is_named(config):
    written(config, "next", "extends: demmo.yaml\nsource: tests\n")
    with pytest.raises(ConfigError, match=r"next.yaml:1: extends = 'demmo.yaml': no such file"):
        planned(config).recipe("next")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flip": False}, "set flip to true, or leave flip_pairs out"),
        ({"flip_pairs": [["left", "right"], ["right", "up"]]}, "a class stands twice"),
        ({"flip_pairs": [["left", "left"]]}, "a class stands twice"),
        ({"flip_pairs": [["left"]]}, "at least 2 items"),
        ({"flip_pairs": [["left", "right", "up"]]}, "at most 2 items"),
    ],
)
def test_flip_pairs_that_cannot_be_meant_are_refused(config, changes, said):
    edit(config / "datasets/synthetic_temporal.yaml", **changes)
    with pytest.raises(ConfigError, match=said):
        validated(Dataset, read_yaml(config / "datasets/synthetic_temporal.yaml"))


def spec(config: Path, recipe: str) -> dict:
    return planned(config).run("something_v1", LINE, recipe, 0).spec


def test_clips_are_mirrored_only_where_the_recipe_does_it_and_the_labels_bear_it(config):
    mirrored = spec(config, "demo_twins")
    assert mirrored["recipe"]["augmentation"]["horizontal_flip"] == 0.5
    assert ["moving left", "moving right"] in mirrored["flip_pairs"]
    assert "flip_pairs" not in spec(config, "demo")
    edit(config / "datasets/synthetic_temporal.yaml", flip=False, flip_pairs=[])
    unbearable = spec(config, "demo_twins")
    assert "horizontal_flip" not in unbearable["recipe"]["augmentation"] and "flip_pairs" not in unbearable


def test_pairs_of_the_labels_are_left_to_the_training_which_knows_the_classes(config):
    edit(config / "datasets/synthetic_temporal.yaml", flip_pairs="from_labels")
    assert spec(config, "demo_twins")["flip_pairs"] == "from_labels" and "flip_pairs" not in spec(config, "demo")


def test_other_pairs_are_another_run_only_where_clips_are_mirrored(config):
    before = [planned(config).run("something_v1", LINE, name, 0).name for name in ("demo", "demo_twins")]
    edit(config / "datasets/synthetic_temporal.yaml", flip_pairs=[["moving left", "moving right"]])
    after = [planned(config).run("something_v1", LINE, name, 0).name for name in ("demo", "demo_twins")]
    assert after[0] == before[0] and after[1] != before[1]
