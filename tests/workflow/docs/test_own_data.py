"""docs/own-data.md, done as it is written."""

import shutil

import pytest

from ..conftest import pipeline_in
from .pages import follow


@pytest.mark.manual
def test_the_page_on_own_videos_works_as_it_is_written(tmp_path, finished):
    # To be quicker: two epochs for twelve, and what the papers' full-size networks cost, which no study changes.
    pipeline_in(tmp_path).edit("config/recipes/demo.yaml", lambda recipe: recipe.update(epochs=2, decay_epochs=[1]))
    shutil.copytree(finished.folder / "results/complexity", tmp_path / "results/complexity")
    follow("docs/own-data.md", tmp_path)
