"""Kinetics-400's csv lists and the names under which its videos are kept; the makers' own: test_official_lists.py."""

import pyarrow as pa
import pytest

from stm.data.annotations import Clip, names, read
from stm.data.check import videos
from stm.data.extraction import extract

HEADER = "label,youtube_id,time_start,time_end,split\n"
LISTS = {
    "train": HEADER + 'playing cards,-aaaaaaaaaa,7,17,train\n"tai chi, slow",bbbb_bbbb-b,120,130,train\n',
    "validation": HEADER + "playing cards,-aaaaaaaaaa,30,40,val\n",
}
CARDS = "playing cards/-aaaaaaaaaa_000007_000017.mp4"


def test_a_clip_is_a_piece_of_a_video_in_the_folder_of_its_class(read_files):
    assert read_files("kinetics400", LISTS) == [
        Clip("-aaaaaaaaaa_000007_000017", ("train",), "playing cards", "-aaaaaaaaaa", CARDS),
        Clip(
            "bbbb_bbbb-b_000120_000130",
            ("train",),
            "tai chi, slow",
            "bbbb_bbbb-b",
            "tai chi, slow/bbbb_bbbb-b_000120_000130.mp4",
        ),
        Clip(
            "-aaaaaaaaaa_000030_000040",
            ("validation",),
            "playing cards",
            "-aaaaaaaaaa",
            "playing cards/-aaaaaaaaaa_000030_000040.mp4",
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufefflabel,youtube_id,time_start,time_end,split,is_cc\r\ncafé “x”,-aaaaaaaaaa,7,17,val,0\r\n",
        'split,"time_end",time_start,youtube_id,label\n\nvalidate,000017,000007, -aaaaaaaaaa ,"café “x”"',
    ],
    ids=["BOM, CRLF, another column", "quotes, spaces, zeros, order, no last line end"],
)
def test_spellings_of_a_list_mean_the_same(read_files, text):
    (*_, clip) = read_files("kinetics400", {"train": LISTS["train"].replace(",7,17", ",1,11"), "validation": text})
    assert (clip.clip, clip.label, clip.splits) == ("-aaaaaaaaaa_000007_000017", "café “x”", ("validation",))


def test_test_clips_may_have_no_labels(read_files):
    test = "youtube_id,time_start,time_end,split\ncccccccccccc,1,11,test\n".replace("cccccccccccc", "ccccccccccc")
    clip = read_files("kinetics400", LISTS | {"test": test})[-1]
    assert clip == Clip("ccccccccccc_000001_000011", ("test",), "", "ccccccccccc", "ccccccccccc_000001_000011.mp4")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"train": "label,youtube_id,time_start,time_end\n"}, ["train.txt:1", "no column 'split'", "Needed: label,"]),
        ({"train": HEADER.replace("youtube_id", "youtube")}, ["no column 'youtube_id'", "Did you mean 'youtube'?"]),
        ({"train": HEADER.replace(",", ";")}, ["train.txt:1", "no column 'label'", "separated by commas"]),
        ({"train": "playing cards,-aaaaaaaaaa,7,17,train\n"}, ["train.txt:1", "no column 'label'"]),
        ({"train": HEADER.replace("split", "split,split")}, ["train.txt:1", "column 'split' stands twice"]),
        ({"train": ""}, ["train.txt:1", "no column 'label'"]),
        ({"train": HEADER}, ["train.txt:1", "no clips below the columns"]),
        ({"train": HEADER + "a,b\n"}, ["train.txt:2", "2 cells for 5 columns"]),
        ({"train": HEADER + ",-aaaaaaaaaa,7,17,train\n"}, ["train.txt:2", "label is empty"]),
        ({"train": HEADER + "../x,-aaaaaaaaaa,7,17,train\n"}, ["train.txt:2", "is the name of no folder"]),
        ({"train": HEADER + "x,#NAME?,7,17,train\n"}, ["train.txt:2", "youtube_id = '#NAME?'", "eleven"]),
        ({"train": HEADER + "x,-aaaaaaaaaa,7.0,17,train\n"}, ["train.txt:2", "time_start = '7.0' is no whole number"]),
        ({"train": HEADER + "x,-aaaaaaaaaa,7,,train\n"}, ["train.txt:2", "time_end = '' is no whole number"]),
        ({"train": LISTS["validation"]}, ["train.txt:2", "split = 'val' in the list of train, where it is train"]),
        (
            {"validation": HEADER + "\nx,-aaaaaaaaaa,7,17,val\n"},
            ["validation.txt:3", "clip '-aaaaaaaaaa_000007_000017'", "train.txt:2 already"],
        ),
        ({"train": HEADER.encode() + b"caf\xe9,-aaaaaaaaaa,7,17,train\n"}, ["train.txt:2", "not UTF-8"]),
    ],
)
def test_wrong_files_are_refused_with_line_fault_and_remedy(refusal, changes, parts):
    message = refusal("kinetics400", LISTS | changes)
    assert [part for part in parts if part not in message] == [], message


# Where the same clip may lie, and under what name it was found.
LAYOUTS = [
    CARDS,
    "playing cards/-aaaaaaaaaa_000007_000017.mkv",
    "-aaaaaaaaaa_000007_000017.mp4",
    "-aaaaaaaaaa_000007_000017.webm",
    "train/-aaaaaaaaaa_000007_000017.mp4",
    "val/playing cards/-aaaaaaaaaa_000007_000017.webm",
]


@pytest.fixture
def spec(tmp_path):
    for part, text in LISTS.items():
        (tmp_path / f"{part}.csv").write_text(text)
    return {
        "dataset": "kinetics",
        "format": "kinetics400",
        "folds": [],
        "leave_groups_out": None,
        "annotations": {part: str(tmp_path / f"{part}.csv") for part in LISTS},
        "videos": str(tmp_path / "videos"),
        "version": 1,
        "shards": 1,
        "frames": {"short_side": None, "size": None, "quality": 95},
        "decoder": "pyav",
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_video_is_found_with_and_without_its_folders_in_each_container(spec, layout, tmp_path):
    video = tmp_path / "videos" / layout
    video.parent.mkdir(parents=True)
    video.write_text("x")
    clips = read(spec)
    files = videos.find_files(clips, spec["videos"], spec)
    assert [clip.video for clip in files.present] == [layout]
    assert files.missing == clips[1:] and layout in names(spec, CARDS)


def test_other_formats_look_for_the_listed_name_alone():
    assert names({"format": "csv"}, "a/b.mp4") == ["a/b.mp4"]


def test_missing_videos_are_listed_and_the_others_extracted(spec, write_video, tmp_path, capsys):
    # FFmpeg writes no MPEG-4 part 2 to webm.
    write_video(tmp_path / "videos" / "train" / "-aaaaaaaaaa_000007_000017.mkv", frames=3)
    extract(spec, "0000", tmp_path / "0000.tar", tmp_path / "0000.arrow")
    rows = pa.ipc.open_file(tmp_path / "0000.arrow").read_all().to_pylist()
    assert {row["clip"]: (row["status"], row["frames"]) for row in rows} == {
        "-aaaaaaaaaa_000007_000017": ("ok", 3),
        "-aaaaaaaaaa_000030_000040": ("missing", 0),
        "bbbb_bbbb-b_000120_000130": ("missing", 0),
    }
    said = "-aaaaaaaaaa_000030_000040: missing: no such file: neither playing cards/-aaaaaaaaaa_000030_000040.mp4 nor "
    assert said in capsys.readouterr().out
