"""Runs of a study: what names them, and what changes no name."""

import shutil

import yaml

from .small import CONFIG, edit, planned, runs, trained


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


def test_online_and_offline_are_one_training_under_two_protocols(both):
    lines = {line.entry.name: line.predictions[0][0] for line in both.table("table5").lines}
    online, offline = lines["stm_online_temporal"], lines["stm_offline_temporal"]
    assert online.run.name == offline.run.name
    assert (online.protocol, offline.protocol) == ("online", "full")
    one_crop = lines["stm_offline_temporal_efficient"]
    assert one_crop.run.name == online.run.name and one_crop.protocol == "efficient"
    twins = {line.entry.name: line.predictions[0][0].run.name for line in both.table("table11").lines}
    assert online.run.name == twins["stm_temporal_on"]
