"""Annotation files of every format, mutated: what is taken stays in its folder, all else is refused by file."""

import unicodedata
from pathlib import Path, PurePosixPath
from random import Random

import pytest

from stm.csvfile import read_csv
from stm.data.annotations import AnnotationError, class_list, read
from stm.data.listing import write_listing

from ..mutations import VALUES, bounded, mutated

# Of each format, its files by part.
FORMATS: dict[str, dict[str, str]] = {
    "csv": {
        "list": 'video,label,split,group\nclips/a.mp4,put it,train,s1\nb c.mp4,"a, b",validation,s2\n-d.mp4,x,test,\n',
    },
    "something_v1": {
        "train": "1;Pushing it\n2;Pulling it\n",
        "validation": "3;Pushing it\n",
        "labels": "Pushing it\nPulling it\n",
        "groups": "id,group\n1,a\n2,b\n3,c\n",
    },
    "jester": {"train": "1;Swiping Left\n2;No gesture\n", "validation": "3;No gesture\n", "test": "4\n5\n"},
    "something_v2": {
        "labels": '{\n"Pushing something":"1",\n"Holding something next to something":"0"\n}',
        "train": '[{"id":"2","label":"pushing a cup","template":"Pushing [something]","placeholders":["a cup"]},\n'
        '{"id":"1","template":"Holding [something] next to [something]"}]',
        "validation": '[{"id":"3","template":"Pushing [something]"}]\n',
    },
    "kinetics400": {
        "train": "label,youtube_id,time_start,time_end,split\nplaying cards,-aaaaaaaaaa,7,17,train\n"
        '"tai chi, slow",bbbb_bbbb-b,120,130,train\n',
        "validation": "label,youtube_id,time_start,time_end,split\nplaying cards,-aaaaaaaaaa,30,40,val\n",
    },
    "ucf101": {
        "classes": "1 Archery\r\n2 Bowling\r\n",
        "train": "Archery/v_Archery_g08_c01.avi 1\r\nBowling/v_Bowling_g08_c02.avi 2\r\n",
        "test": "Archery/v_Archery_g01_c01.avi\r\n",
    },
    "hmdb51": {"splits": "b_wave_u_0.avi 1 \nc_wave_u_0.avi 2 \nd_wave_u_0.avi 0 \n"},
}
CASES = [(form, part) for form, parts in FORMATS.items() for part in parts]


def written(folder: Path, form: str, part: str, data: bytes) -> dict:
    """The specification of a dataset of which one file is this."""
    annotations = {}
    for name, text in FORMATS[form].items():
        path = folder / ("*_test_split1.txt" if form == "hmdb51" else f"{name}.txt")
        Path(str(path).replace("*", "wave")).write_bytes(data if name == part else text.encode())
        annotations[name] = str(path)
    return {"format": form, "annotations": annotations, "folds": [], "leave_groups_out": None}


def check_taken(spec: dict, folder: Path) -> None:
    """Clips have ids of their own, stay below their folder, and come back from the listing as they went in."""
    clips = read(spec)
    ids = [clip.clip for clip in clips]
    assert len(set(ids)) == len(ids)
    for clip in clips:
        path = PurePosixPath(clip.video)
        assert not path.is_absolute() and ".." not in path.parts
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in clip.video + clip.label)
    write_listing(spec, folder / "clips.csv", folder / "classes.csv")
    rows = read_csv(folder / "clips.csv")
    assert [(row["clip"], row["label"], row["group"], row["video"]) for row in rows] == [
        (clip.clip, clip.label, clip.group, clip.video) for clip in clips
    ]
    assert [row["label"] for row in read_csv(folder / "classes.csv")] == class_list(spec, clips)


def check_one(folder: Path, form: str, part: str, data: bytes, what: str) -> bool:
    """Whether it was taken."""
    spec = written(folder, form, part, data)
    try:
        with bounded():
            check_taken(spec, folder)
    except Exception as error:
        if not isinstance(error, AnnotationError) or ".txt" not in str(error):
            raise AssertionError(f"{what} of {form}, {part}: {type(error).__name__}: {error}") from error
        return False
    return True


def check(folder: Path, numbers: range) -> list[bool]:
    taken = []
    for number in numbers:
        rng = Random(number)
        form, part = CASES[number % len(CASES)]
        what, data = mutated(FORMATS[form][part], rng)
        taken.append(check_one(folder, form, part, data, f"{number}: {what}"))
    return taken


def test_the_files_themselves_are_taken(tmp_path):
    assert all(check_one(tmp_path, form, part, FORMATS[form][part].encode(), "none") for form, part in CASES)


def test_a_few_mutated_annotation_files_are_taken_or_refused(tmp_path, capsys):
    taken = check(tmp_path, range(1000, 1040))
    assert 0 < sum(taken) < len(taken)


@pytest.mark.faults
def test_two_hundred_mutated_annotation_files_are_taken_or_refused(tmp_path, capsys):
    taken = check(tmp_path, range(200))
    assert 20 < sum(taken) < 180


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
def test_no_text_that_a_list_may_hold_leaves_the_folder_or_is_run(tmp_path, monkeypatch, capsys, value):
    """In the place of an id and of a label of every format."""
    monkeypatch.chdir(tmp_path)
    for form, part in CASES:
        text = FORMATS[form][part]
        for old in ("Archery", "clips/a.mp4", "1;", '"2"', "-aaaaaaaaaa", "b_wave_u_0", "put it", "playing cards"):
            if old in text:
                new = f"{value};" if old.endswith(";") else value
                check_one(tmp_path, form, part, text.replace(old, new).encode("utf-8", "surrogatepass"), f"{old!r}")
    assert not (tmp_path / "harmed").exists()
