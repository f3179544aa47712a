"""`stm check`: each fault that data can have is found, named and told apart from what is only worth a look."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from stm.cli import main
from stm.data.annotations import Clip
from stm.data.check import listed, videos
from stm.data.check.finding import counted, percent, some

CONFIG = Path(__file__).parents[2] / "config"
STUDY = {
    "study": "own",
    "seeds": [0],
    "roles": {"something_v1": "own"},
    "recipes": {"iccv2019": "demo"},
    "tables": ["table6"],
}
ROWS = [
    ("a.mp4", "opening", "train", "anna"),
    ("b.mp4", "closing", "train", "anna"),
    ("c.mp4", "opening", "validation", "ben"),
    ("d.mp4", "closing", "validation", "ben"),
]


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys, write_video):
    """Write a list of videos, the videos that are not said to be absent, and check them: exit status and report."""
    shutil.copytree(CONFIG, tmp_path / "config")
    monkeypatch.chdir(tmp_path)

    def check(rows=ROWS, absent=(), arguments=(), study=STUDY, **dataset) -> tuple[int, str]:
        lines = ["video,label,split,group", *(",".join(row) for row in rows)]
        (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
        for video, *_ in rows:
            if video not in absent and not (tmp_path / "videos" / video).exists():
                write_video(tmp_path / "videos" / video, frames=8)
        settings = {"title": "own", "format": "csv", "annotations": {"list": "list.csv"}, "videos": "videos"}
        (tmp_path / "config/datasets/own.yaml").write_text(yaml.safe_dump({**settings, **dataset}))
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
        return main(["check", "study.yaml", *arguments]), capsys.readouterr().out

    return check


def findings(report: str) -> list[str]:
    return [line for line in report.splitlines() if line.startswith(("error: ", "warning: "))]


def clips(*rows: tuple[str, str, str, str]) -> list[Clip]:
    return [Clip(name, tuple(split.split("|")), label, group, name) for name, label, split, group in rows]


def test_of_whole_data_the_report_says_what_there_is_and_finds_nothing(checked):
    status, report = checked(expect={"classes": 2, "clips": 4, "train": 2, "validation": 2})
    assert status == 0 and not findings(report)
    assert "2 classes, digest 5e9d1b63: closing, opening" in report
    assert "train: 2 clips, 1 in each of 2 classes" in report
    assert "files in videos: 4 of 4; 0% missing or empty" in report
    assert "decoded 4 of 4: 8 frames each, 64x48 (4)" in report
    assert report.endswith("0 errors, 0 warnings\n")


def test_each_count_that_is_not_expected_is_an_error_with_both_numbers(checked):
    status, report = checked(expect={"classes": 3, "train": 2, "validation": 1})
    assert status == 1
    assert [line.partition(". ")[0] for line in findings(report)] == [
        "error: own: expect.classes: 3 expected, 2 found",
        "error: own: expect.validation: 1 expected, 2 found",
    ]
    assert "config/datasets/own.yaml" in report and report.endswith("2 errors, 0 warnings\n")


def test_missing_and_empty_files_are_warnings_with_a_percentage(checked, tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/b.mp4").touch()
    status, report = checked([*ROWS, ("e.mp4", "opening", "train", "anna")], absent=["e.mp4"])
    assert status == 0
    missing, empty = findings(report)
    assert missing.startswith("warning: own: 1 clip of 5 (20%) without a file or folder: videos/e.mp4. ")
    assert empty.startswith("warning: own: 1 clip of 5 (20%) an empty file: videos/b.mp4. ")


def test_a_split_without_a_single_video_is_an_error(checked):
    status, report = checked(absent=["c.mp4", "d.mp4"])
    assert status == 1 and "error: own: not one video of validation is there." in report


def test_damaged_unreadable_and_short_videos_are_named(checked, tmp_path, write_damaged_video, write_video):
    write_damaged_video(tmp_path / "videos/a.mp4")
    (tmp_path / "videos/b.mp4").write_text("no video")
    write_video(tmp_path / "videos/c.mp4", frames=5)
    status, report = checked()
    assert status == 0
    found = findings(report)
    assert any(
        line.startswith("warning: own: a.mp4 is damaged: ") and "30 frames can be used" in line for line in found
    )
    assert any(line.startswith("warning: own: b.mp4 is unreadable: InvalidDataError: ") for line in found)
    assert any("1 of 4 decoded clips with fewer than 8 frames: c.mp4 5." in line for line in found)
    assert len(found) == 3 and "decoded 4 of 4: 5 to 30 frames a clip" in report


def test_files_that_are_no_videos_at_all_are_an_error(checked, tmp_path):
    (tmp_path / "videos").mkdir()
    for video, *_ in ROWS:
        (tmp_path / "videos" / video).write_text("no video")
    status, report = checked()
    assert status == 1 and "error: own: none of the 4 decoded clips has a frame." in report


def test_the_sample_is_the_same_each_time_and_of_every_split(checked):
    rows = [(f"{k}.mp4", f"class {k % 2}", "validation" if k > 7 else "train", "") for k in range(10)]
    report = checked(rows, arguments=["--sample", "4"])[1]
    assert "decoded 4 of 10" in report and report == checked(rows, arguments=["--sample", "4"])[1]
    assert "decoded 10 of 10" in checked(rows, arguments=["--all"])[1]
    listed_clips = clips(*rows)
    chosen = videos.sample(listed_clips, 4)
    assert sorted(clip.splits[0] for clip in chosen) == ["train", "train", "validation", "validation"]
    assert chosen == videos.sample(listed_clips[::-1], 4)


def test_one_file_under_two_names_is_an_error_across_splits_and_a_warning_within_one(checked, tmp_path, write_video):
    folder = tmp_path / "videos"
    for video in ("a.mp4", "b.mp4"):
        write_video(folder / video, frames=8)
    (folder / "c.mp4").symlink_to(folder / "a.mp4")
    os.link(folder / "b.mp4", folder / "e.mp4")
    status, report = checked([*ROWS, ("e.mp4", "closing", "train", "anna")])
    assert status == 1
    leak, twice = findings(report)
    assert leak.startswith("error: own: 1 video under two names in train and in validation or test: a.mp4 = c.mp4.")
    assert twice.startswith("warning: own: 1 video under two names in the list: b.mp4 = e.mp4.")


def test_an_error_of_the_reader_is_a_finding_and_other_datasets_are_checked_still(checked):
    roles = {"something_v1": "own", "kinetics400": "synthetic_scene", "jester": "synthetic_scene"}
    status, report = checked([*ROWS, ("a.mp4", "opening", "train", "")], study={**STUDY, "roles": roles})
    assert status == 1
    assert findings(report) == [
        "error: own: list.csv:6: video 'a.mp4' is listed at list.csv:2 already. Remove one of them"
    ]
    assert report.count("synthetic_scene: ") == 1 and "(for jester, kinetics400)" in report


def test_an_error_of_several_lines_stays_one_finding_a_line(checked):
    status, report = checked([*ROWS, ("e.mp4", "opening", "trian", "")])
    assert status == 1
    (line,) = findings(report)
    assert "Did you mean 'train'? Known: train, validation, test" in line


def test_a_group_in_train_and_validation_is_a_warning_that_names_it():
    rows = (("a", "x", "train", "anna"), ("b", "x", "validation", "anna"), ("c", "x", "train", "ben"))
    (finding,) = listed.shared_groups(clips(*rows), [None], left_out=False)
    assert finding.level == "warning" and "1 group in both train and validation: anna." in finding.text


def test_a_group_that_was_to_be_left_out_and_was_not_is_an_error():
    rows = (("a", "x", "train|validation", "anna"), ("b", "x", "validation|validation", "anna"))
    (finding,) = listed.shared_groups(clips(*rows), ["1", "2"], left_out=True)
    assert finding.level == "error" and finding.text.startswith("fold 1, ")


def test_groups_left_out_are_checked_fold_by_fold(checked):
    status, report = checked(leave_groups_out=2, expect={"classes": 2, "train": [2, 2], "validation": [2, 3]})
    assert status == 1
    assert findings(report)[0].startswith("error: own: expect.validation of fold 2 of 2: 3 expected, 2 found.")
    assert "fold 2, validation: 2 clips, 1 in each of 2 classes" in report


def test_a_class_that_is_tested_and_never_trained_is_an_error_and_the_reverse_a_warning():
    rows = (
        ("a", "x", "train", "a"),
        ("b", "y", "train", "b"),
        ("c", "x", "validation", "c"),
        ("d", "z", "validation", "d"),
    )
    untrained, untested = listed.classes_of_one_split(clips(*rows), [None])
    assert untrained.level == "error" and "1 class of validation without a clip in train: z." in untrained.text
    assert untested.level == "warning" and "1 class of train without a clip in validation: y." in untested.text


def test_clips_of_test_without_labels_are_no_class():
    rows = (("a", "x", "train", "a"), ("b", "x", "validation", "b"), ("c", "", "test", "c"))
    assert listed.classes_of_one_split(clips(*rows), [None]) == []
    assert list(listed.split_lines(clips(*rows), [None]))[-1] == "test: 1 clip, no labels"


@pytest.mark.parametrize("other", ["Opening a door", "opening  a door", "opening\u00a0a door"])
def test_labels_that_look_alike_are_a_warning(other):
    rows = (("a", "opening a door", "train", "a"), ("b", other, "train", "b"), ("c", "closing", "train", "c"))
    (finding,) = listed.look_alikes(clips(*rows))
    assert finding.level == "warning" and "(1 clip, as a)" in finding.text and "(1 clip, as b)" in finding.text


def test_a_reversed_pair_of_no_label_is_an_error_with_the_nearest_spelling(checked):
    status, report = checked(reversed_pairs=[["opening", "closng"]])
    assert status == 1
    assert "error: own: reversed_pairs[0]: no clip has the label 'closng'. Did you mean 'closing'?" in report


def test_flip_pairs_are_checked_and_those_of_the_labels_shown(checked):
    status, report = checked(flip=True, flip_pairs=[["opening", "closng"]])
    assert status == 1 and "error: own: flip_pairs[0]: no clip has the label 'closng'." in report
    rows = [
        (video, f"{label} to the {'left' if label == 'opening' else 'right'}", *rest) for video, label, *rest in ROWS
    ]
    status, report = checked(rows, flip=True, flip_pairs="from_labels")
    assert status == 0
    assert "flip exchanges 0 pairs of classes. Never flipped: closing to the right; opening to the left\n" in report
    rows = [(video, f"turning {'left' if label == 'opening' else 'right'}", *rest) for video, label, *rest in ROWS]
    assert (
        "exchanges 1 pair of classes: turning left ↔ turning right\n"
        in checked(rows, flip=True, flip_pairs="from_labels")[1]
    )


def test_a_rendered_dataset_is_held_to_what_its_settings_say(checked, tmp_path):
    path = tmp_path / "config/datasets/synthetic_temporal.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["expect"]["train"] = 575
    settings["reversed_pairs"][0][0] = "moving lef"
    path.write_text(yaml.safe_dump(settings))
    status, report = checked(study={**STUDY, "roles": {"something_v1": "synthetic_temporal"}})
    assert status == 1 and "drawn by the project" in report
    count, label = findings(report)
    assert count.startswith("error: synthetic_temporal: expect.train: 575 expected, 576 found.")
    assert "'moving lef'. Did you mean 'moving left'?" in label


def test_sizes_of_classes_name_those_with_fewest():
    rows = [
        (f"{label}{k}", label, "train", "") for label, count in (("x", 1), ("y", 2), ("z", 4)) for k in range(count)
    ]
    (line,) = listed.split_lines(clips(*rows), [None])
    assert line == "train: 7 clips, 1 to 4 in each of 3 classes (median 2; fewest: x 1, y 2, z 4)"


def test_a_long_list_is_cut_and_counted():
    assert some([str(k) for k in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert (
        counted(2, "class") == "2 classes" and counted(1, "clip") == "1 clip" and counted(1234, "clip") == "1,234 clips"
    )
    assert [percent(*parts) for parts in ((0, 9), (1, 9999), (1, 3), (9998, 9999), (9, 9))] == [
        "0%",
        "<0.1%",
        "33.3%",
        ">99.9%",
        "100%",
    ]


def test_tens_of_thousands_of_clips_are_looked_for_in_seconds(tmp_path):
    many = clips(*((f"{k}.mp4", "x", "train", "") for k in range(50_000)))
    started = time.monotonic()
    assert len(videos.find_files(many, str(tmp_path), {"format": "csv"}).missing) == 50_000
    assert time.monotonic() - started < 5


def test_a_negative_sample_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["check", "study.yaml", "--sample", "-1"])
    assert "'-1' is no whole number, 0 or more" in capsys.readouterr().err


def test_the_check_loads_no_torch():
    code = "import sys, stm.data.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
