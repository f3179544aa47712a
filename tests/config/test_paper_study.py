"""The papers' own recipe and study, and what is said of a departure from them."""

import pytest
import yaml

from stm.config.plan import Plan

from .small import DATASET, edit, planned


@pytest.fixture
def paper(config) -> Plan:
    """The papers' study, with made entries of its datasets: the real ones name files that are not here."""
    facts = yaml.safe_load((config / "published/roles.yaml").read_text())["roles"]
    for role, fact in facts.items():
        own = {**DATASET, "title": fact["title"], "genuine": role, "expect": {"classes": fact["classes"]}}
        (config / f"datasets/{role}.yaml").write_text(yaml.safe_dump(own))
    return Plan(config / "paper.yaml", config=config)


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


def test_what_differs_from_the_paper_is_said(config):
    line = planned(config).table("table6").lines[0]
    assert [d.split(":")[0] for d in line.deviations] == ["data", "backbone", "initialisation", "recipe"]
    edit(config / "datasets/own.yaml", genuine="something_v1")
    paper = planned(config, recipes={}, backbones={})
    assert paper.table("table6").lines[0].deviations == []


def test_frames_stored_smaller_than_the_paper_has_them_are_a_deviation(config):
    edit(config / "datasets/own.yaml", genuine="something_v1", frames={"short_side": 128})
    line = planned(config, recipes={}, backbones={}).table("table6").lines[0]
    assert line.deviations == ["frames: stored with a short side of 128 pixels for 256"]


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
