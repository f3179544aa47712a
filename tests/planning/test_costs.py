"""What a study costs, held to arithmetic by hand on expected counts, to files that lie there, and as it is printed."""

import json
import os
from pathlib import Path

import pytest
import yaml

from stm.cli import main
from stm.config.loading import ConfigError
from stm.config.plan import Plan
from stm.files import write_sealed
from stm.planning.clips import clips_of, jpeg_bytes, room_for_frames
from stm.planning.costs import costs
from stm.planning.page import aligned, duration, quantity, room, text
from stm.planning.speed import counted_networks, given, nearest, of_benchmark, of_finished_runs
from stm.planning.targets import targets


def costed(study: str, *asked: str, rate: float = 100.0, jobs: int = 1):
    plan = Plan(Path(f"config/{study}.yaml"))
    return costs(targets(plan, asked), lambda run: given(rate, run), counted_networks(), jobs)


def finished(run, seconds: float, clips: int = 100, **machine) -> None:
    """The record of a training, as `stm train` leaves it."""
    made = {"device": "cpu", "processor": "some processor", "threads": 1, **machine}
    write_sealed(
        Path(run.folder, "run.json"), {"spec": run.spec, "train_clips": clips, "seconds": seconds, "provenance": made}
    )


def run_of(plan: Plan, table: str, name: str):
    return next(x for x in plan.table(table).lines if x.entry.name == name).predictions[0][0].run


def test_the_papers_table_is_counted_from_what_is_expected(folder):
    found = costed("paper", "reports/table6.csv", jobs=4)
    assert len(found.runs) == 4 and not any(run.done for run in found.runs)
    run = found.runs[0]
    assert (run.clips, run.epochs, run.steps) == (86_017, 50, 50 * 1345)
    assert list(run.views.values()) == [11_522 * 30]
    assert run.train_hours == pytest.approx(86_017 * 50 / 100 / 3600)
    assert run.evaluate_hours == pytest.approx(11_522 * 30 / 300 / 3600)
    assert found.elapsed_hours == pytest.approx(run.hours) and run.hours * 4 == found.total(lambda r: r.hours)[0]


def test_twins_train_two_views_of_a_clip_and_folds_have_their_own_clips(folder):
    twins = next(run for run in costed("paper", "table11").runs if "tpami2022" in run.run.name)
    assert (twins.epochs, twins.views_of_a_clip) == (70, 2) and twins.training_views == twins.clips * 140
    ucf = clips_of(Plan(Path("config/paper.yaml")).dataset("ucf101"))
    assert ucf.train == {"1": 9537, "2": 9586, "3": 9624} and ucf.total == 13_320
    words = clips_of(Plan(Path("config/paper.yaml")).dataset("miracl_words"))
    assert words.validation == dict.fromkeys("12345", 300) and words.train["1"] == 1200


def test_twice_as_many_frames_go_half_as_fast(folder):
    runs = {run.run.spec["frames"]: run for run in costed("paper", "table1", rate=80).runs}
    assert runs[8].speed.training == 80 and runs[16].speed.training == 40


def test_a_run_that_targets_share_counts_once(folder):
    found = costed("paper", "table6", "table7", "table6")
    assert [target.target.name for target in found.targets] == ["table6", "table7"]
    names = [run.run.name for run in found.runs]
    assert len(names) == len(set(names)) < sum(len(target.runs) for target in found.targets)


def test_without_targets_it_is_what_snakemake_makes(folder):
    plan = Plan(Path("config/config.yaml"))
    found = costed("config")
    # Of the figures, those that take more than tables do.
    figures = ["figure1", "figure6", "figure7"]
    assert [target.target.name for target in found.targets] == [*plan.tables, *figures, "temporal_order"]
    tables = {p for name in plan.tables for p in plan.table(name).predictions}
    assert {path for run in found.runs for path in run.views} == tables.union(
        plan.features, plan.maps, plan.order.paths
    )
    assert [t.name for t in targets(plan, ["reports/claims.csv"])] == [*plan.tables, *figures, "temporal_order"]
    (curves,) = targets(plan, ["reports/training_curves.pdf"])
    assert {p.path for p in curves.predictions} == tables


def test_an_unknown_target_is_refused_with_the_nearest_name(folder):
    with pytest.raises(ConfigError, match=r"tabel6.csv is no report.*Did you mean 'table6'"):
        targets(Plan(Path("config/paper.yaml")), ["reports/tabel6.csv"])


@pytest.mark.parametrize(
    ("table", "networks", "recipe"), [("table3", 3, "tpami2022"), ("transfer_controls", 2, "iccv2019")]
)
def test_what_others_start_from_is_trained_on_its_own_dataset_and_scores_nothing(folder, table, networks, recipe):
    found = costed("paper", table)
    starts = [run for run in found.runs if run.run.dataset.name == "kinetics400"]
    assert len(starts) == networks and {run.run.recipe for run in starts} == {recipe}
    names = [run.run.name for run in found.runs]
    assert all(names.index(run.run.start.name) < names.index(run.run.name) for run in found.runs if run.run.start)
    # Trained on all of Kinetics-400; nothing of this table is scored there.
    for start in starts:
        assert start.steps == -(-start.clips // 32) * start.epochs and start.train_hours > 1
        assert start.views == {} and start.evaluate_hours == start.prediction_bytes == 0
    assert {"kinetics400", "ucf101", "hmdb51"} <= {dataset.dataset.name for dataset in found.datasets}
    assert "frames of kinetics400" in text(found) and "kinetics400/stm-16f" in text(found)
    # However many devices there are, what starts from them waits for them.
    by_name = {run.run.name: run.hours for run in found.runs}
    longest = max(run.hours + by_name[run.run.start.name] for run in found.runs if run.run.start)
    assert costed("paper", table, jobs=1000).elapsed_hours == pytest.approx(longest)


def test_what_is_done_takes_no_more_time(folder):
    plan = Plan(Path("config/paper.yaml"))
    prediction = plan.table("table6").lines[0].predictions[0][0]
    finished(prediction.run, 3600)
    Path(prediction.path).parent.mkdir(parents=True)
    Path(prediction.path).touch()
    found = costed("paper", "table6")
    done = next(run for run in found.runs if run.run.name == prediction.run.name)
    assert done.done and done.hours == 0
    assert found.total(lambda run: run.steps, new=True) == (3 * 50 * 1345, 0)


def test_a_speed_is_that_of_what_is_most_alike(folder):
    plan = Plan(Path("config/config.yaml"))
    tsn, stm, cstm = (run_of(plan, "table6", name) for name in ("TSN", "STM", "CSTM"))
    epochs = stm.spec["recipe"]["epochs"]
    finished(stm, 200)
    measured = of_finished_runs()
    assert nearest(stm, measured, {}).training == pytest.approx(100 * epochs / 200)
    # Two views of each clip: the network went through twice as many.
    twins = run_of(plan, "table11", "stm_temporal_on")
    finished(twins, 200)
    both = of_finished_runs()
    assert nearest(twins, both, {}).training == pytest.approx(2 * 100 * twins.spec["recipe"]["epochs"] / 200)
    assert "neither measured" in nearest(cstm, measured, {}).source and nearest(cstm, measured, {}).training is None
    assert nearest(cstm, [], {}).source == "unknown; give --clips-per-second or --speed"
    for run, flops in ((stm, 3.0), (cstm, 1.5)):
        spec = {"variant": run.spec["variant"], "frames": 8, "size": run.spec["recipe"]["crop_size"]}
        counts = {"flops_g": flops, "params_m": 1.0, "spec": spec}
        write_sealed(Path("results/complexity", f"{run.variant}.json"), counts)
    scaled = nearest(cstm, measured, counted_networks())
    assert scaled.training == pytest.approx(2 * 100 * epochs / 200) and scaled.source.startswith("by FLOPs, 0.5 times")
    assert nearest(tsn, measured, counted_networks()).training is None


def test_runs_of_another_machine_than_the_latest_are_no_measure(folder):
    plan = Plan(Path("config/config.yaml"))
    stm, tsn = run_of(plan, "table6", "STM"), run_of(plan, "table6", "TSN")
    finished(stm, 1, device="a GPU")
    os.utime(Path(stm.folder, "run.json"), (1, 1))
    finished(tsn, 200)
    assert [m.machine for m in of_finished_runs()] == ["some processor, 1 thread"]


def test_a_benchmark_gives_training_and_evaluation(folder):
    rates = {name: {"videos_per_second": value} for name, value in (("torchvision", 9.0), ("stm", 30.0))}
    write_sealed(
        folder / "speed.json",
        {
            "settings": {"size": 224, "precision": "bfloat16"},
            "provenance": {"device": "a GPU"},
            "training": rates,
            "inference": {"torchvision": rates["torchvision"], "stm": {"videos_per_second": 120.0}},
        },
    )
    plan = Plan(Path("config/paper.yaml"))
    measured = of_benchmark(folder / "speed.json", plan.variants)
    found = nearest(run_of(plan, "table6", "STM"), measured, {})
    assert (found.training, found.evaluation) == (30.0, 120.0) and "a GPU" in found.source
    sixteen = next(r.run for r in costed("paper", "table1").runs if "/stm-16f" in r.run.name)
    assert nearest(sixteen, measured, {}).training == 15.0
    with pytest.raises(ConfigError, match=r"absent.json.*benchmarks/speed.py"):
        of_benchmark(folder / "absent.json", plan.variants)


def test_frames_take_what_is_on_disk_or_what_is_typical(folder):
    plan = Plan(Path("config/paper.yaml"))
    dataset = plan.dataset("kinetics400")
    clips = clips_of(dataset)
    assert clips.total == 259_906
    # Users' first complaint: about 70 million files and 2 TB.
    assert 1.2e12 < room_for_frames(dataset, clips).size < 2.5e12
    shards = Path(dataset.folder, "shards")
    shards.mkdir(parents=True)
    for k in range(2):
        (shards / f"{k:04d}.tar").write_bytes(b"x" * 1000)
    assert room_for_frames(dataset, clips).size == 1000 * dataset.entry.shards
    # What a quarter of the pixels takes is more than a quarter.
    assert jpeg_bytes(240, 320, 95) / 4 < jpeg_bytes(120, 160, 95) < jpeg_bytes(240, 320, 95)
    assert jpeg_bytes(240, 320, 95) == pytest.approx(0.261 * 240 * 320)


def test_of_a_part_of_a_dataset_no_more_is_planned_than_it_may_hold(folder):
    clips = clips_of(Plan(Path("config/reduced.yaml")).dataset("kinetics400_reduced"))
    assert (clips.train[None], clips.validation[None]) == (40 * 200, 1000)


def test_clips_without_frames_are_not_trained(folder):
    dataset = Plan(Path("config/config.yaml")).dataset("synthetic_scene")
    path = Path(dataset.folder, "manifest.csv")
    path.parent.mkdir(parents=True)
    path.write_text("clip,split,frames\na,train,24\nb,train,\nc,validation,24\n")
    found = clips_of(dataset)
    assert (found.train[None], found.validation[None], found.total) == (1, 1, 2)


def test_of_own_videos_the_annotation_files_say_it(folder):
    (folder / "own").mkdir()
    (folder / "own/list.csv").write_text("video,label,split\na.mp4,x,train\nb.mp4,y,train\nc.mp4,x,validation\n")
    entry = {"title": "own", "format": "csv", "annotations": {"list": "own/list.csv"}, "expect": {"classes": 2}}
    (folder / "config/datasets/own.yaml").write_text(yaml.safe_dump(entry))
    dataset = Plan(Path("config/paper.yaml")).dataset("own")
    found = clips_of(dataset)
    assert (found.train[None], found.validation[None], found.source) == (2, 1, "listed")
    assert room_for_frames(dataset, found).size is None and "typical" in room_for_frames(dataset, found).source
    (folder / "own/list.csv").unlink()
    assert clips_of(dataset).train == {}


def test_the_command_prints_a_page_of_100_columns_and_the_same_as_json(folder, capsys):
    arguments = ["plan", "config/paper.yaml", "table6", "table11", "--clips-per-second", "300", "--jobs", "8"]
    assert main(arguments) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 100 and "something_v1/stm-8f-iccv2019-" in page
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["jobs"] == 8 and {run["views_per_second"] for run in found["runs"]} == {300.0}
    assert found["hours"] == pytest.approx(sum(r["train_hours"] + r["evaluate_hours"] for r in found["runs"]))
    assert main(["plan", "config/paper.yaml", "tabel6"]) == 1
    with pytest.raises(SystemExit):
        main(["plan", "config/paper.yaml", "--jobs", "0"])


def test_numbers_are_readable():
    assert [quantity(x) for x in (None, 12, 345_660, 999_960, 4.3e6)] == ["?", "12", "346 k", "1 M", "4.3 M"]
    assert [room(x) for x in (None, 500, 2e12)] == ["?", "0.5 kB", "2 TB"]
    assert [duration(x) for x in (None, 0.01, 0.5, 3, 100, 1000)] == ["?", "36 s", "30 min", "3.0 h", "4.2 d", "42 d"]
    assert aligned([("a", "bb"), ("ccc", "d")]) == ["a   bb", "ccc  d"]


def test_what_nobody_knows_is_said_to_be_unknown(folder):
    plan = Plan(Path("config/paper.yaml"))
    page = text(costs(targets(plan, ["table6"]), lambda run: nearest(run, [], {}), {}))
    assert "unknown; give --clips-per-second" in page and "time of one device: unknown" in page
