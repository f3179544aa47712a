"""Where the runs of a study stand, by the files that trainings leave while they go on and at their end."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from stm.cli import main
from stm.files import write_json
from stm.planning.status import SILENT_SECONDS, standings, text
from stm.planning.targets import targets


def said(run, **changes) -> Path:
    """What a training says that goes on in this process."""
    standing = {
        "epoch": 4,
        "step": 140,
        "clips_per_second": 31.25,
        "seconds_left": 150.0,
        "train_top1": 61.5,
        "host": platform.node(),
        "process": os.getpid(),
        **changes,
    }
    write_json(Path(run.progress), standing)
    return Path(run.progress)


@pytest.fixture
def tsn(demo):
    return demo.table("table6").lines[0].predictions[0][0]


def standing_of(demo, run):
    (found,) = [one for one in standings(targets(demo, ["table6"])) if one.run == run.name]
    return found


def a_dead_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_before_anything_is_trained_all_runs_wait(demo):
    found = standings(targets(demo, []))
    assert len(found) > 20 and {one.state for one in found} == {"waiting"}
    assert len({one.run for one in found}) == len(found)


def test_a_run_that_is_trained_says_how_fast_and_how_right_it_is(demo, tsn, finish):
    finish(tsn, right=0.75)
    found = standing_of(demo, tsn.run)
    assert (found.state, found.epoch, found.epochs) == ("done", 10, 10)
    assert found.clips_per_second == 100 * 10 / 50 and found.train_top1 == 88.5 and found.top1 == {"full": 75.0}


def test_maps_and_features_that_figures_ask_of_a_run_are_no_scores(demo, finish):
    stm = demo.table("table6").lines[3].predictions[0][0]
    finish(stm, right=0.75)
    asked = targets(demo, ["table6", "figure1", "figure6", "figure7"])
    others = {p.path for target in asked for p in target.predictions if p.run.name == stm.run.name} - {stm.path}
    assert any("/maps/" in path for path in others)
    for path in others:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"")
    (found,) = [one for one in standings(asked) if one.run == stm.run.name]
    assert found.top1 == {"full": 75.0}


def test_a_run_in_training_says_how_far_it_is(demo, tsn):
    said(tsn.run)
    found = standing_of(demo, tsn.run)
    assert (found.state, found.epoch, found.clips_per_second, found.seconds_left) == ("running", 4, 31.25, 150.0)


def test_a_killed_run_is_stopped_where_a_checkpoint_is_and_waits_where_none_is(demo, tsn):
    progress = said(tsn.run, process=a_dead_process())
    assert standing_of(demo, tsn.run).state == "waiting" and standing_of(demo, tsn.run).epoch is None
    (progress.parent / "0123456789abcdef.safetensors").touch()
    assert standing_of(demo, tsn.run).state == "stopped" and standing_of(demo, tsn.run).epoch == 4


def test_a_run_on_another_machine_is_running_as_long_as_it_says_so(demo, tsn):
    progress = said(tsn.run, host="a node of a cluster", process=a_dead_process())
    (progress.parent / "0123456789abcdef.safetensors").touch()
    assert standing_of(demo, tsn.run).state == "running"
    at = progress.stat().st_mtime - SILENT_SECONDS - 1
    os.utime(progress, (at, at))
    assert standing_of(demo, tsn.run).state == "stopped"


def test_the_page_counts_states_and_has_a_line_a_run(demo, tsn, finish):
    finish(tsn, right=0.75)
    said(demo.table("table6").lines[1].predictions[0][0].run)
    summary, head, *rows, _ = text("demo", standings(targets(demo, ["table6"]))).splitlines()
    assert summary.startswith("demo: 4 runs: 1 done, 1 running, 2 waiting")
    assert head.split() == ["run", "state", "epoch", "clips/s", "left", "train", "full", "line"]
    assert rows[0].split() == [tsn.run.name, "done", "10/10", "20.0", "88.5", "75.0", "table6/TSN"]
    assert rows[1].split()[1:] == ["running", "4/10", "31.2", "2", "min", "61.5", "table6/CSTM"]


def test_it_is_shown_again_until_interrupted(demo, monkeypatch, capsys):
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["status", "config/config.yaml", "table6", "--watch", "5"]) == 0
    assert waits == [5.0, 5.0] and capsys.readouterr().out.count("demo: 4 runs: 4 waiting") == 2


@pytest.mark.parametrize("command", ["status config/config.yaml", "explain reports/table6.csv STM"])
def test_no_torch_is_loaded(demo, tsn, finish, command):
    finish(tsn)
    code = f"import sys; from stm.cli import main; main({command.split()!r}); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
