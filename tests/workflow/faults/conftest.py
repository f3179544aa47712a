"""The stages of a tiny study, into each of which faults are injected.

Moments and places are drawn from a seed that a failing test shows; STM_FAULTS_SEED=<seed> draws them again.
"""

import os
import random
import time
from pathlib import Path

import pytest

from stm.cli import main

from ..conftest import Pipeline, pipeline_in
from ..stages import ORDER, Stage, copied, stages_of

SEED = int(os.environ.get("STM_FAULTS_SEED", time.time_ns() % 1_000_000))


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def draw(request) -> random.Random:
    """Of this test alone, whichever others run."""
    print(f"STM_FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def stages(tmp_path_factory) -> dict[str, list[Stage]]:
    """The jobs of a tiny study, in the folder where each of them has run once."""
    pipeline = pipeline_in(tmp_path_factory.mktemp("stages"))
    found = stages_of(pipeline)
    found |= of_features(pipeline, found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        for stage in (stage for name in ORDER for stage in found[name]):
            patch.chdir(stage.folder)
            assert main(stage.arguments) == 0
    return found


def of_features(pipeline: Pipeline, stages: dict[str, list[Stage]]) -> dict[str, list[Stage]]:
    """What looks into one of the study's networks: the features of Figure 7, motion and maps of Figure 1."""
    of_figure = stages_of(pipeline, "reports/figure1.pdf")
    trained = [Path(*stage.value("--out")) for stage in stages["train"]]
    maps = next(stage for stage in of_figure["maps"] if Path(*stage.value("--run")) in trained)
    # As the rule asks for them, of one of the evaluations: the tiny study has no figure of features.
    evaluation = next(stage for stage in stages["evaluate"] if len(stage.value("--out")) == 1)
    words = [word.replace("results/predictions/", "results/features/") for word in evaluation.arguments[1:]]
    features = Stage("features", ["features", *words], pipeline.folder)
    return {"features": [features], "motion": of_figure["motion"], "maps": [maps]}


@pytest.fixture
def stage_in(stages, tmp_path, monkeypatch):
    """A job of a stage, in a copy of the finished study that is the working folder."""

    def stage_in(name: str, folder: Path = tmp_path / "study") -> Stage:
        stage = copied(stages[name][0], folder)
        monkeypatch.chdir(folder)
        return stage

    return stage_in
