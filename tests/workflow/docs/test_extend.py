"""docs/extend.md, done as it is written: its files, its changes, its commands, on a copy of the package."""

import json
import shutil
from pathlib import Path

import pytest

from ..conftest import CHECKOUT
from .pages import follow


@pytest.mark.manual
def test_the_page_on_extending_works_as_it_is_written(tmp_path, finished):
    # With the tiny study's Table 6 trained, and a package that can be changed.
    shutil.copytree(finished.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    (tmp_path / "stm").unlink()
    for name in ("stm", "tests"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    some_of_diving48(tmp_path)
    follow("docs/extend.md", tmp_path)


def some_of_diving48(folder: Path) -> None:
    """Its files with two classes, eight clips to train on and four to test; the videos are drawn ones."""
    data = folder / "data/diving48"
    (data / "rgb").mkdir(parents=True)
    (data / "Diving48_vocab.json").write_text('[["Back", "15som"], ["Inward", "25som", "NoTwis", "PIKE"]]')
    drawn = sorted((folder / "results/videos").rglob("*.mp4"))
    for split, numbers in (("train", range(8)), ("test", range(8, 12))):
        listed = [{"vid_name": f"_{split}_{k:05d}", "label": k % 2, "start_frame": 0, "end_frame": 24} for k in numbers]
        (data / f"Diving48_V2_{split}.json").write_text(json.dumps(listed))
        for k, clip in zip(numbers, listed, strict=True):
            shutil.copy(drawn[k], data / f"rgb/{clip['vid_name']}.mp4")
