"""What others can see of a training while it goes on."""

import json
import os
import platform

import torch

from stm.training.loop import Execution, Training, train


def test_a_training_says_from_its_first_moment_how_far_it_is(spec, index, tmp_path, monkeypatch):
    seen, step = [], Training._step

    def looking(self, loader):
        seen.append(json.loads((tmp_path / "checkpoints/progress.json").read_text()))
        step(self, loader)

    monkeypatch.setattr(Training, "_step", looking)
    execution = Execution(torch.device("cpu"), report_seconds=0)
    train(spec, index, None, tmp_path / "checkpoints", tmp_path / "run", execution)
    # 24 clips, 10 a step: three steps an epoch, the last one of 4 clips.
    assert [said["epoch"] for said in seen] == [0, 1, 1, 1, 2, 2] and [said["step"] for said in seen] == [*range(6)]
    assert seen[0]["clips_per_second"] is None and seen[0]["seconds_left"] is None and seen[0]["train_top1"] is None
    assert all(said["clips_per_second"] > 0 and 0 <= said["train_top1"] <= 100 for said in seen[1:])
    # Of so many clips in so much time: what is left after three steps is what they took.
    assert abs(24 / seen[3]["clips_per_second"] - seen[3]["seconds_left"]) < 1e-6
    assert all((said["host"], said["process"]) == (platform.node(), os.getpid()) for said in seen)
    assert not (tmp_path / "checkpoints").exists()
