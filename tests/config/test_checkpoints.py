"""The known checkpoints: what of them a study measures, and that the data file fits the rest of the configuration."""

import shutil
from pathlib import Path

import pytest
import yaml

from stm.config import checkpointplan
from stm.config.checkpointplan import checkpoints_plan
from stm.config.loading import ConfigError
from stm.config.study import BoundStudy

CONFIG = Path(__file__).parents[2] / "config"
# Formats, and what networks their files hold.
HOLDS = {"tsm": {"tsn", "tsm"}, "tea": {"tea"}, "torchvision": {"tsn"}}


@pytest.fixture
def config(tmp_path, monkeypatch):
    shutil.copytree(CONFIG, tmp_path / "config")
    monkeypatch.setattr(checkpointplan, "FOLDER", tmp_path / "checkpoints")
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "config"


def planned(config: Path, **changes) -> checkpointplan.CheckpointsPlan:
    path = config / "small.yaml"
    study = {"study": "small", "seeds": [0], "roles": {"something_v1": "something_v1"}, **changes}
    path.write_text(yaml.safe_dump(study))
    return checkpoints_plan(BoundStudy(path, config=config))


def statuses(plan: checkpointplan.CheckpointsPlan) -> dict[str, str]:
    return {entry.id: status for entry, status, _, _ in plan.lines}


def test_a_checkpoint_is_measured_where_its_file_is_on_its_roles_own_data(config):
    found = statuses(planned(config))
    assert found["tsn_kinetics400_8f"] == "role not bound: kinetics400"
    file = "TSM_something_RGB_resnet50_shift8_blockres_avg_segment8_e45.pth"
    assert found["tsm_something_v1_8f"] == f"file absent: {checkpointplan.FOLDER / file}"
    (checkpointplan.FOLDER / file).touch()
    plan = planned(config)
    assert [run.entry.id for run in plan.imported] == ["tsm_something_v1_8f"]
    run = plan.imported[0]
    assert run.prediction.startswith(f"results/imported/{run.name}/efficient-")
    assert run.name.startswith("tsm_something_v1_8f-") and len(run.name.rpartition("-")[2]) == 8
    other = planned(config, roles={"something_v1": "synthetic_temporal"})
    why = "role not bound to its own data: synthetic_temporal plays something_v1"
    assert statuses(other)["tsm_something_v1_8f"] == why


def test_another_protocol_than_the_published_one_and_fewer_views_are_deviations(config):
    for entry in checkpoints_plan(BoundStudy(CONFIG / "paper.yaml", config=CONFIG)).lines:
        (checkpointplan.FOLDER / entry[0].file).touch()
    plan = planned(config, roles={"something_v2": "something_v2"}, protocols={"full": {"clips": 2}})
    found = {entry.id: deviations for entry, _, run, deviations in plan.lines if run}
    assert set(found) == {"tsm_something_v2_8f", "tsm_something_v2_16f"}
    assert found["tsm_something_v2_8f"][1] == "protocol: 2x3 views for 10x3"


def test_every_entry_names_a_network_that_its_format_holds(config):
    entries = [entry for entry, _, _, _ in planned(config).lines]
    assert len({entry.id for entry in entries}) == len({entry.file for entry in entries}) == len(entries) == 7
    assert all(entry.variant in HOLDS[entry.format] for entry in entries)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("variant", "tsmm", r"variant = 'tsmm' is not known. Did you mean 'tsm'\?"),
        ("protocol", "ful", r"protocol = 'ful' is not known. Did you mean 'full'\?"),
        ("file", "../x.pth", "file = '../x.pth'"),
        ("id", "tsn_kinetics400_8f", "stands twice"),
    ],
)
def test_a_wrong_entry_is_refused_where_it_stands(config, key, value, why):
    path = config / "known_checkpoints.yaml"
    data = yaml.safe_load(path.read_text())
    data["checkpoints"][1][key] = value
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=rf"known_checkpoints.yaml:\d+: checkpoints\[\d\].*{why}"):
        planned(config)
