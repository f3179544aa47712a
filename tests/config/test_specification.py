"""Specifications name departures from the defaults alone, and are read back in full."""

import json
from pathlib import Path

import pytest
import yaml

from stm.config.loading import read_yaml, validated
from stm.config.plan import Plan
from stm.config.products import imagenet_weights
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Models, Variant
from stm.config.schema.recipes import Augmentation, ColourJitter, Recipe, Twins
from stm.config.schema.tables import Line
from stm.config.specification import recipe_departures, recipe_in_full, variant_departures, variant_in_full
from stm.files import canonical_json

CONFIG = Path(__file__).parents[2] / "config"
VARIANTS = validated(Models, read_yaml(CONFIG / "models.yaml")).variants
RECIPES = [path.stem for path in sorted((CONFIG / "recipes").glob("*.yaml"))]
LINE = Line(method="STM", variant="stm", frames=8)


class LaterBackbone(Backbone):
    anti_aliased: bool = False


class LaterVariant(Variant):
    memory: int = 0


class LaterTwins(Twins):
    warm_up_epochs: int = 0


class LaterJitter(ColourJitter):
    gamma: float = 0.0


class LaterAugmentation(Augmentation):
    colour_jitter: LaterJitter | None = None
    blur: float = 0.0


class LaterRecipe(Recipe):
    augmentation: LaterAugmentation = LaterAugmentation()
    twins: LaterTwins | None = None
    nesterov: bool = False


@pytest.fixture
def plan(tmp_path) -> Plan:
    path = tmp_path / "study.yaml"
    study = {"study": "small", "seeds": [0], "roles": {"something_v1": "synthetic_temporal"}}
    path.write_text(yaml.safe_dump(study))
    return Plan(path, config=CONFIG)


def as_stages_read(specification: dict) -> dict:
    return json.loads(canonical_json(specification))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_read_back_as_it_was_declared(name):
    variant = VARIANTS[name]
    for backbone in (PAPER_BACKBONES[variant.depth], Backbone(block="basic", blocks=[1, 1, 1, 1], width=16)):
        assert variant_in_full(as_stages_read(variant_departures(variant, backbone))) == (variant, backbone)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_read_back_with_every_key_that_decides_the_weights(plan, name):
    _, recipe = plan.recipe(name)
    said = recipe.model_dump(exclude={"source", "extends"})
    batches = recipe.batches(8)
    said |= {"crop_size": list(recipe.input_size), "global_batch": batches[0], "micro_batch": batches[1]}
    full = recipe_in_full(as_stages_read(recipe_departures(recipe, 8)))
    assert full == said
    # A run's record holds a recipe in full, and evaluation reads it by the same function.
    assert recipe_in_full(as_stages_read(full)) == full


def test_what_is_as_usual_is_not_said():
    assert variant_departures(Variant(), PAPER_BACKBONES[50]) == {
        "backbone": {"block": "bottleneck", "blocks": [3, 4, 6, 3]}
    }
    assert variant_departures(Variant(cstm="fixed", stages=[2, 3, 4, 5]), PAPER_BACKBONES[50])["cstm"] == "fixed"
    assert "stages" not in variant_departures(Variant(cstm="fixed", stages=[2, 3, 4, 5]), PAPER_BACKBONES[50])


def test_twins_at_the_papers_values_are_still_twins(plan):
    _, recipe = plan.recipe("tpami2022")
    departures = recipe_departures(recipe, 8)
    assert departures["twins"] == {}
    assert recipe_in_full(departures)["twins"] == {
        "correlation_weight": 0.01,
        "off_diagonal_weight": 0.0039,
        "centred": False,
        "chosen_for_classes": None,
    }


def test_a_key_that_comes_later_with_a_default_renames_no_run(plan, monkeypatch):
    name, recipe = plan.recipe("tpami2022")
    before = plan.run("something_v1", LINE, "tpami2022", seed=0).name
    monkeypatch.setitem(plan.variants, "stm", LaterVariant.model_validate(VARIANTS["stm"].model_dump()))
    monkeypatch.setitem(PAPER_BACKBONES, 50, LaterBackbone.model_validate(PAPER_BACKBONES[50].model_dump()))
    later = LaterRecipe.model_validate(recipe.model_dump())
    assert {"nesterov", "blur", "gamma", "warm_up_epochs"} <= set(canonical_json(later.model_dump()).split('"'))
    monkeypatch.setattr(plan, "recipe", lambda _: (name, later))
    assert plan.run("something_v1", LINE, "tpami2022", seed=0).name == before


def test_a_key_that_comes_later_names_the_runs_that_depart_from_its_default(plan, monkeypatch):
    before = plan.run("something_v1", LINE, "iccv2019", seed=0).name
    monkeypatch.setitem(plan.variants, "stm", LaterVariant(**VARIANTS["stm"].model_dump(), memory=1))
    assert plan.run("something_v1", LINE, "iccv2019", seed=0).name != before


@pytest.mark.parametrize(("variant", "depth"), [("tsn", 50), ("stm", 50), ("stm18", 18), ("stm34", 34)])
def test_a_run_from_imagenet_weights_asks_for_those_of_its_depth(plan, variant, depth):
    run = plan.run("something_v1", Line(method="a", variant=variant, frames=8), "iccv2019", seed=0)
    assert run.initial_weights == [imagenet_weights(depth)]
