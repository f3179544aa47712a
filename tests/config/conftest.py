import shutil
from pathlib import Path

import pytest
import yaml

from stm.config.plan import Plan

from .small import BOTH_ROLES, CONFIG, DATASET, planned


@pytest.fixture
def config(tmp_path) -> Path:
    """A copy of the configuration with one more dataset."""
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "config/datasets/own.yaml").write_text(yaml.safe_dump(DATASET))
    return tmp_path / "config"


@pytest.fixture
def both(config) -> Plan:
    """A study with a dataset for each of two roles."""
    (config / "datasets/scenes.yaml").write_text(yaml.safe_dump({**DATASET, "title": "scenes"}))
    return planned(config, **BOTH_ROLES)
