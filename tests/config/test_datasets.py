"""The entries of the papers' datasets: what they are said to hold, and how their frames are kept."""

from pathlib import Path

import pytest

from stm.config.loading import read_yaml, validated
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
def test_the_papers_dataset_has_the_papers_counts_and_shards_of_a_few_hundred_clips(role):
    dataset = validated(Dataset, read_yaml(CONFIG / "datasets" / f"{role}.yaml"))
    assert dataset.genuine == role and dataset.expect["classes"] == ROLES[role].classes
    validation = dataset.expect["validation"]
    first = validation[0] if isinstance(validation, list) else validation
    # The papers evaluate the clips of Kinetics-400 that they had; the official list has more.
    assert first == {"kinetics400": 19_906}.get(role, ROLES[role].validation)
    assert 200 <= CLIPS[role] / dataset.shards <= 400
    assert all(path.startswith(f"data/{role}/") for path in [*dataset.annotations.values(), dataset.videos])


@pytest.mark.parametrize("role", CLIPS)
def test_a_flip_exchanges_labels_where_left_and_right_are_classes(role):
    dataset = validated(Dataset, read_yaml(CONFIG / "datasets" / f"{role}.yaml"))
    sided = role in ("something_v1", "something_v2", "jester")
    assert dataset.flip and dataset.flip_pairs == ("from_labels" if sided else [])
