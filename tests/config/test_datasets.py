"""The entries of the papers' datasets: what they are said to hold, and how their frames are kept."""

import shutil
from pathlib import Path

import pytest

from stm.config.loading import ConfigError, read_yaml, validated
from stm.config.plan import Plan
from stm.config.schema.datasets import Dataset, Roles

CONFIG = Path(__file__).parents[2] / "config"
ROLES = validated(Roles, read_yaml(CONFIG / "published/roles.yaml")).roles
# Clips of train and validation, of all folds together; of Kinetics-400's training list the copies differ.
CLIPS = {
    "something_v1": 97_539,
    "something_v2": 193_690,
    "jester": 133_349,
    "kinetics400": 260_000,
    "ucf101": 13_320,
    "hmdb51": 6_371,
}


@pytest.mark.parametrize("role", CLIPS)
def test_the_papers_dataset_has_the_papers_counts_and_shards_of_some_hundred_clips(role):
    dataset = validated(Dataset, read_yaml(CONFIG / "datasets" / f"{role}.yaml"))
    assert dataset.genuine == role and dataset.expect["classes"] == ROLES[role].classes
    validation = dataset.expect["validation"]
    first = validation[0] if isinstance(validation, list) else validation
    # The papers evaluate the clips of Kinetics-400 that they had; the official list has more.
    assert first == {"kinetics400": 19_906}.get(role, ROLES[role].validation)
    assert 400 <= CLIPS[role] / dataset.shards <= 700
    assert all(path.startswith(f"data/{role}/") for path in [*dataset.annotations.values(), dataset.videos])


@pytest.mark.parametrize("role", CLIPS)
def test_a_flip_exchanges_labels_where_left_and_right_are_classes(role):
    dataset = validated(Dataset, read_yaml(CONFIG / "datasets" / f"{role}.yaml"))
    sided = role in ("something_v1", "something_v2", "jester")
    assert dataset.flip and dataset.flip_pairs == ("from_labels" if sided else [])


def test_a_part_stands_for_itself_and_a_whole_dataset_is_silent_about_parts():
    study = Plan(CONFIG / "reduced.yaml", config=CONFIG)
    part, whole = study.dataset("jester_reduced"), study.dataset("jester")
    assert part.annotations == whole.annotations and part.videos == whole.videos
    for what in ("identity", "listing_spec", "frames_spec"):
        assert getattr(part, what)["subset"] == {"clips_per_class": {"train": 200, "validation": 25}}
        assert "subset" not in getattr(whole, what)


def test_a_part_replicates_nothing_whatever_the_study_binds():
    table = Plan(CONFIG / "reduced.yaml", config=CONFIG).table("iccv_table2")
    measured = [line.spec["measured"] for line in table.lines if line.predictions]
    assert measured and not any(line["genuine"] for line in measured)
    assert all("data: jester_reduced for Jester" in line["deviations"] for line in measured)


def test_a_backbone_of_the_papers_in_the_place_of_another_starts_from_its_own_imagenet_weights():
    runs = Plan(CONFIG / "reduced_resnet18.yaml", config=CONFIG).runs.values()
    first = {tuple(run.initial_weights) for run in runs if run.start is None}
    # ResNet-34 is STM-34 of the runtime tables.
    assert first == {(f"results/weights/imagenet-resnet{depth}.safetensors",) for depth in (18, 34)}


def test_a_dataset_that_extends_what_is_not_there_is_refused_by_file_and_line(tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    path = tmp_path / "config/datasets/jester_reduced.yaml"
    path.write_text(path.read_text().replace("extends: jester.yaml", "extends: jetser.yaml"))
    with pytest.raises(ConfigError, match=r"jester_reduced\.yaml:2: extends = 'jetser\.yaml': no such file"):
        Plan(tmp_path / "config/reduced.yaml", config=tmp_path / "config")
