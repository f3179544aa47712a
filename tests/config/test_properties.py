"""What holds of the resolver and of YAML whatever is asked, on input that hypothesis draws."""

import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stm.config.loading import ConfigError, read_yaml
from stm.config.plan import Plan
from stm.files import canonical_json

from .small import CONFIG, DATASET, planned

# Two recipes for the two families of tables, and nothing shared between them.
RECIPES = {"iccv2019": "first", "tpami2022": "second"}
TABLES = ("table6", "table1")
FEW = settings(max_examples=6, derandomize=True, deadline=None)
MANY = settings(max_examples=150, derandomize=True, deadline=None)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("properties")
    shutil.copytree(CONFIG, folder / "config")
    (folder / "config/datasets/own.yaml").write_text(yaml.safe_dump(DATASET))
    # Claims name no run, and take most of the time.
    for path in [*(folder / "config/published/claims").iterdir(), folder / "config/controls.yaml"]:
        path.write_text(yaml.safe_dump({"paper": yaml.safe_load(path.read_text())["paper"], "claims": []}))
    return folder / "config"


def recipe(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load((CONFIG / "recipes/demo.yaml").read_text()), **changes}


def resolved(config: Path, first: dict, second: dict, **study: Any) -> Plan:
    for name, data in (("first", first), ("second", second)):
        (config / f"recipes/{name}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return planned(config, recipes=RECIPES, tables=list(TABLES), **study)


def runs(plan: Plan) -> dict[str, Any]:
    """Every run of the tables, by its name."""
    predictions = [p for table in TABLES for line in plan.table(table).lines for seed in line.predictions for p in seed]
    found = {p.run.name: p.run for p in predictions}
    assert len(found) == len({canonical_json([p.run.dataset.name, p.run.variant, p.run.spec]) for p in predictions})
    return found


def shuffled(data: Any, rng: random.Random) -> Any:
    """The same with the keys of every mapping in another order."""
    if isinstance(data, dict):
        keys = list(data)
        rng.shuffle(keys)
        return {key: shuffled(data[key], rng) for key in keys}
    return [shuffled(item, rng) for item in data] if isinstance(data, list) else data


TWINS = {"twins": {"correlation_weight": 0.01, "off_diagonal_weight": 0.0039}}


@FEW
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(config, rng):
    first, second = recipe(), recipe(**TWINS)
    before = {name: canonical_json(run.spec) for name, run in runs(resolved(config, first, second)).items()}
    again = resolved(config, shuffled(first, rng), shuffled(second, rng))
    models = config / "models.yaml"
    models.write_text(yaml.safe_dump(shuffled(yaml.safe_load(models.read_text()), rng), sort_keys=False))
    assert {name: canonical_json(run.spec) for name, run in runs(again).items()} == before


VALUES = {
    "learning_rate": st.floats(1e-6, 1, exclude_min=True),
    "weight_decay": st.floats(0, 1),
    "dropout": st.floats(0, 0.9),
    "epochs": st.integers(11, 10**6),
    "threads": st.integers(1, 64),
    "crop_size": st.integers(1, 64),
    "labels": st.just("permuted"),
}


@pytest.mark.parametrize("key", VALUES)
@FEW
@given(data=st.data())
def test_a_changed_value_of_a_recipe_changes_the_experiments_that_use_it_and_no_others(config, key, data):
    value = data.draw(VALUES[key])
    second = recipe(**TWINS)
    before, after = (runs(resolved(config, first, second)) for first in (recipe(), recipe(**{key: value})))
    trained_by = {by: {name for name, run in before.items() if run.recipe == by} for by in ("first", "second")}
    assert all(trained_by.values())
    if recipe().get(key) == value:
        assert before.keys() == after.keys()
    else:
        assert before.keys() & after.keys() == trained_by["second"] and len(before) == len(after)


@FEW
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=3, unique=True))
def test_every_seed_has_runs_of_its_own_and_another_seed_adds_runs_alone(config, seeds):
    def names(asked: list[int]) -> set[str]:
        return set(runs(resolved(config, recipe(), recipe(**TWINS), seeds=asked)))

    together, apart = names(seeds), [names([seed]) for seed in seeds]
    assert together == set.union(*apart) and len(together) == sum(map(len, apart))


@MANY
@given(st.text() | st.text(alphabet="{}[]:,&*!|>-?'\"#%@ \n\tab0.e", max_size=60))
def test_any_text_is_a_mapping_or_refused_with_its_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(read_yaml(path).data, dict)
    except ConfigError as refusal:
        assert re.match(rf"{re.escape(str(path))}:\d+: ", str(refusal))  # noqa: PT017 (either is right)


# 1e3, which PyYAML writes as text without quotes, is a number here.
TEXT = st.text(max_size=20).map("t{}".format)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXT
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8).map("k{}".format)
DATA = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4))


@MANY
@given(st.dictionaries(NAMES, DATA, max_size=5))
def test_what_is_written_as_yaml_is_read_again_with_a_line_for_every_key(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=False), encoding="utf-8")
    try:
        source = read_yaml(path)
    except ConfigError as refusal:
        assert "NUL" in str(refusal)  # noqa: PT017 (either is right)
        return
    assert source.data == data
    assert all((key,) in source.lines for key in data)
