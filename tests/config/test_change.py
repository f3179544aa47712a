"""What a control changes in the recipe that its study binds."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from stm.config.loading import ConfigError
from stm.config.plan import Plan
from stm.config.schema.recipes import Change, Recipe
from stm.config.schema.tables import Line

CONFIG = Path(__file__).parents[2] / "config"


def recipe(**changes) -> Recipe:
    settings = {
        "source": "tests",
        "initialisation": "scratch",
        "epochs": 12,
        "learning_rate": 0.05,
        "decay_epochs": [8, 11],
        "weight_decay": 5e-4,
        "dropout": 0.0,
        "global_batch": 16,
        "micro_batch": 8,
        "threads": 1,
        "twins": {"correlation_weight": 0.02, "off_diagonal_weight": 0.5, "centred": True},
    }
    return Recipe.model_validate({**settings, **changes})


def differing(first: Recipe, second: Recipe) -> dict:
    one, other = first.model_dump(), second.model_dump()
    return {key: other[key] for key in one if one[key] != other[key]}


def test_no_change_changes_nothing():
    assert Change().applied(recipe(), 174) == recipe()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"twins": False}, {"twins": None}),
        ({"longer": 3}, {"epochs": 36, "decay_epochs": [24, 33]}),
        ({"frame_order": "shuffled"}, {"frame_order": "shuffled"}),
        ({"labels": "permuted"}, {"labels": "permuted"}),
    ],
)
def test_a_change_changes_what_it_names_and_nothing_else(change, expected):
    assert differing(recipe(), Change(**change).applied(recipe(), 174)) == expected


def test_changes_of_twins_leave_its_other_settings():
    silent = Change(correlation_weight=0).applied(recipe(), 174).twins
    held = Change(chosen_for_role=True).applied(recipe(), 174).twins
    assert silent == recipe().twins.model_copy(update={"correlation_weight": 0.0})
    assert held == recipe().twins.model_copy(update={"chosen_for_classes": 174})
    both = Change(chosen_for_role=True, correlation_weight=0.5).applied(recipe(), 27).twins
    assert (both.correlation_weight, both.off_diagonal_weight, both.chosen_for_classes) == (0.5, 0.5, 27)


@pytest.mark.parametrize("change", [{"correlation_weight": 0.1}, {"chosen_for_role": True}])
def test_a_change_of_twins_in_a_recipe_without_them_is_refused(change):
    with pytest.raises(ValueError, match="the recipe has no twins"):
        Change(**change).applied(recipe(twins=None), 174)


def test_one_view_is_one_view_whether_or_not_the_recipe_had_two():
    assert Change(twins=False).applied(recipe(twins=None), 174) == recipe(twins=None)


@pytest.mark.parametrize("change", [{"correlation_weight": 0.1}, {"chosen_for_role": True}])
def test_a_line_that_takes_twins_away_and_changes_them_is_refused(change):
    with pytest.raises(ValidationError, match="twins = False leaves nothing"):
        Change(twins=False, **change)


@pytest.mark.parametrize(
    "change", [{"twins": True}, {"longer": 0}, {"frame_order": "forward"}, {"labels": "true"}, {"epochs": 3}]
)
def test_what_is_no_change_is_refused(change):
    with pytest.raises(ValidationError):
        Change(**change)


@pytest.fixture
def plan(tmp_path) -> Plan:
    path = tmp_path / "study.yaml"
    study = {
        "study": "small",
        "seeds": [0],
        "roles": {"something_v1": "synthetic_temporal"},
        "recipes": {"iccv2019": "demo", "tpami2022": "demo_twins"},
    }
    path.write_text(yaml.safe_dump(study))
    return Plan(path, config=CONFIG)


def line(**change) -> Line:
    return Line.model_validate({"method": "STM", "variant": "stm", "frames": 8, "change": change})


def test_a_line_without_a_change_shares_its_run_with_the_papers_line(plan):
    assert (
        plan.run("something_v1", line(), "iccv2019", 0).name
        == plan.run("something_v1", line(longer=1), "iccv2019", 0).name
    )


def test_every_change_is_a_run_of_its_own(plan):
    changes = [
        {},
        {"twins": False},
        {"twins": False, "longer": 2},
        {"correlation_weight": 0},
        {"chosen_for_role": True},
        {"frame_order": "shuffled"},
        {"labels": "permuted"},
    ]
    runs = [plan.run("something_v1", line(**change), "tpami2022", 0) for change in changes]
    assert len({run.name for run in runs}) == len(changes)
    # The papers' number of classes of the role, not the dataset's.
    assert runs[4].spec["recipe"]["twins"] == {"chosen_for_classes": 174}


def test_a_change_that_the_bound_recipe_cannot_have_names_the_recipe(plan):
    with pytest.raises(ConfigError, match=r"recipes/demo.yaml: the recipe has no twins"):
        plan.run("something_v1", line(correlation_weight=0), "iccv2019", 0)
