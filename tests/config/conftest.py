import shutil
from pathlib import Path

import pytest
import yaml

from .small import CONFIG, DATASET


@pytest.fixture
def config(tmp_path) -> Path:
    """A copy of the configuration with one more dataset."""
    shutil.copytree(CONFIG, tmp_path / "config")
    (tmp_path / "config/datasets/own.yaml").write_text(yaml.safe_dump(DATASET))
    return tmp_path / "config"
