"""The datasets' own formats, read as their makers wrote them; the plain csv list: test_annotations.py."""

import tarfile
from collections import Counter

import pytest

from stm.data.annotations import Clip, classes, read

SOMETHING = {
    "train": "1;Pushing it\n2;Pulling it\n",
    "validation": "3;Pushing it\n",
}
UCF = {
    "classes": "1 Archery\r\n2 Bowling\r\n",
    "train": "Archery/v_Archery_g08_c01.avi 1\r\nBowling/v_Bowling_g08_c02.avi 2\r\n",
    "test": "Archery/v_Archery_g01_c01.avi\r\n",
}


def test_a_something_clip_is_its_folder_of_frames(read_files):
    assert read_files("something_v1", SOMETHING) == [
        Clip("1", ("train",), "Pushing it", "1", "1"),
        Clip("2", ("train",), "Pulling it", "2", "2"),
        Clip("3", ("validation",), "Pushing it", "3", "3"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff7;打开 “it”, then go\r\n8;é\r\n\r\n",
        '"7";"打开 “it”, then go"\n\n8; é \n \n',
        "7;打开 “it”, then go\n8;é",
    ],
    ids=["BOM and CRLF", "quotes, spaces, blank lines", "no last line end"],
)
def test_spellings_of_a_something_list_mean_the_same(read_files, text):
    clips = read_files("something_v1", SOMETHING | {"train": text})
    assert [(clip.clip, clip.label) for clip in clips[:2]] == [("7", "打开 “it”, then go"), ("8", "é")]


def test_a_quoted_label_may_hold_the_separator(read_files):
    assert read_files("something_v1", SOMETHING | {"train": '1;"put it; then go"\n'})[0].label == "put it; then go"


def test_a_test_list_of_ids_alone_has_clips_of_no_class(read_files):
    clips = read_files("something_v1", SOMETHING | {"test": "9\n8\n"})
    assert [(clip.clip, clip.splits, clip.label) for clip in clips[3:]] == [("9", ("test",), ""), ("8", ("test",), "")]
    assert classes(clips) == ["Pulling it", "Pushing it"]
    labelled = read_files("something_v1", SOMETHING | {"test": "9;Pulling it\n"})
    assert labelled[3].label == "Pulling it"


def test_the_group_of_a_clip_is_looked_up_in_the_column_that_is_named(read_files):
    groups = {"groups": "id,speaker,take\r\n1,s1,1\r\n2,s2,1\r\n3,s1,2\r\n4,s9,1\r\n"}
    clips = read_files("something_v1", SOMETHING | groups, group_column="speaker")
    assert [clip.group for clip in clips] == ["s1", "s2", "s1"]
    clips = read_files("something_v1", SOMETHING | {"groups": "group,id\na,1\nb,2\na,3\n"})
    assert [clip.group for clip in clips] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"train": "1;Pushing it\n2\n"}, ["train.txt:2", "'2' is not id;label"]),
        ({"train": "1;Pushing it\n2;\n"}, ["train.txt:2", "'2;' is not id;label"]),
        ({"train": "1;a;b\n"}, ["train.txt:1", "'1;a;b' is not id;label", "quotes"]),
        ({"train": "1,Pushing it\n"}, ["train.txt:1", "not id;label"]),
        ({"train": "\n \n"}, ["train.txt:1", "no clips"]),
        ({"train": '1;"Pushing it\n2;x\n'}, ["train.txt:1", "no valid csv"]),
        ({"train": b"1;x\n2;\xff\n"}, ["train.txt:2", "not UTF-8"]),
        ({"train": "../1;x\n"}, ["train.txt:1", "id = '../1' leaves the videos folder"]),
        ({"validation": "3;x\n\n2;x\n"}, ["validation.txt:3", "clip '2'", "train.txt:2 already"]),
        ({"test": "8\n9;x\n"}, ["test.txt:2", "'9;x' is not an id alone"]),
        ({"test": "8;x\n9\n"}, ["test.txt:2", "'9' is not id;label"]),
        (
            {"labels": "Pushing it\r\nPulling itt\r\n"},
            ["train.txt:2", "label 'Pulling it'", "Did you mean 'Pulling itt'?", "the 2 labels of", "labels.txt"],
        ),
        ({"labels": "a;b\n"}, ["labels.txt:1", "not one label"]),
        ({"labels": "\n"}, ["labels.txt:1", "no labels"]),
        ({"labels": "Pushing it\nPulling it\nPushing it\n"}, ["labels.txt:3", "'Pushing it'", "labels.txt:1 already"]),
        ({"groups": "id,grup\n1,a\n"}, ["groups.txt:1", "no column 'group'", "Did you mean 'grup'?", "id, grup"]),
        ({"groups": ""}, ["groups.txt:1", "no column 'id'"]),
        ({"groups": "id,group\n1,a\n2\n"}, ["groups.txt:3", "1 cells for 2 columns"]),
        ({"groups": "id,group\n1,a\n2,\n"}, ["groups.txt:3", "id or group is empty"]),
        ({"groups": "id,group\n1,a\n1,b\n"}, ["groups.txt:3", "clip '1'", "groups.txt:2 already"]),
        ({"groups": "id,group\n1,a\n2,a\n"}, ["validation.txt:1", "clip '3' has no line in", "groups.txt"]),
    ],
)
def test_wrong_something_files_are_refused_with_line_fault_and_remedy(refusal, changes, parts):
    message = refusal("something_v1", SOMETHING | changes)
    assert [part for part in parts if part not in message] == [], message


def test_a_ucf_clip_is_its_path_and_its_test_list_is_validation(read_files):
    assert read_files("ucf101", UCF) == [
        Clip("Archery/v_Archery_g08_c01.avi", ("train",), "Archery", "Archery_g08", "Archery/v_Archery_g08_c01.avi"),
        Clip("Bowling/v_Bowling_g08_c02.avi", ("train",), "Bowling", "Bowling_g08", "Bowling/v_Bowling_g08_c02.avi"),
        Clip(
            "Archery/v_Archery_g01_c01.avi", ("validation",), "Archery", "Archery_g01", "Archery/v_Archery_g01_c01.avi"
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"classes": "Archery\n"}, ["classes.txt:1", "'Archery' is no line of the classes", "Write: 1 ApplyEyeMakeup"]),
        ({"classes": "1 Archery\n1 Bowling\n"}, ["classes.txt:2", "number '1'", "classes.txt:1 already"]),
        ({"classes": "1 Archery\n2 Archery\n"}, ["classes.txt:2", "class 'Archery'"]),
        ({"classes": "\r\n"}, ["classes.txt:1", "no line. It holds the classes"]),
        ({"classes": "1 Archery\n2 Bowlin\n"}, ["train.txt:2", "class 'Bowling'", "Did you mean 'Bowlin'?"]),
        (
            {"train": "Archery/v_Archery_g08_c01.avi 2\n"},
            ["train.txt:1", "class 2 does not agree with folder 'Archery', which is 1"],
        ),
        ({"train": "Archery/v_Archery_g08_c01.avi\n"}, ["train.txt:1", "no number", "Write 1 after the path"]),
        ({"train": "v_Archery_g08_c01.avi 1\n"}, ["train.txt:1", "is no line of the train clips", "Archery/v_"]),
        ({"train": "Archery/v_Archery_c01.avi 1\n"}, ["train.txt:1", "is no line of the train clips"]),
        (
            {"test": "\r\nArchery/v_Archery_g08_c01.avi\r\n"},
            ["test.txt:2", "clip 'Archery/v_Archery_g08_c01.avi'", "train.txt:1 already"],
        ),
        ({"test": b"Archery/v_Archery_g01_c01.avi\n\xff\n"}, ["test.txt:2", "not UTF-8"]),
    ],
)
def test_wrong_ucf_files_are_refused_with_line_fault_and_remedy(refusal, changes, parts):
    message = refusal("ucf101", UCF | changes)
    assert [part for part in parts if part not in message] == [], message


def test_an_absent_file_says_what_it_holds(refusal, tmp_path):
    texts = {part: text for part, text in UCF.items() if part != "test"}
    message = refusal("ucf101", texts, test=str(tmp_path / "testlist01.txt"))
    assert message.endswith("testlist01.txt: no such file. It holds the test clips: Archery/v_Archery_g01_c01.avi")


def ucf_spec(folder):
    parts = {"classes": "classInd.txt", "train": "trainlist0{fold}.txt", "test": "testlist0{fold}.txt"}
    annotations = {part: str(folder / name) for part, name in parts.items()}
    return {"format": "ucf101", "annotations": annotations, "folds": ["1", "2", "3"], "leave_groups_out": None}


def split_counts(clips):
    return [Counter(clip.splits[k] for clip in clips) for k in range(3)]


def test_the_lists_of_five_ucf_classes_name_files_that_are_there(real_data):
    folder = real_data / "ucf101_5class"
    clips = read(ucf_spec(folder / "splits"))
    assert split_counts(clips) == [{"train": 90, "validation": 35}] * 3
    assert all((folder / "videos" / clip.video).is_file() for clip in clips) and len(classes(clips)) == 5


@pytest.fixture(scope="module")
def words(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    with tarfile.open(real_data / "miracl_words.tar") as archive:
        archive.extractall(folder, [member for member in archive if member.name.endswith(".csv")], filter="data")
    parts = {"train": "train", "validation": "validation", "labels": "labels", "groups": "origin"}
    annotations = {part: str(folder / "miracl_words" / f"{name}.csv") for part, name in parts.items()}
    return {"format": "something_v1", "annotations": annotations | {"group_column": "speaker"}, "folds": []}


def test_spoken_words_are_grouped_by_their_speakers(words):
    clips = read(words | {"leave_groups_out": None})
    assert Counter(clip.splits[0] for clip in clips) == {"train": 1100, "validation": 400}
    speakers = {split: {clip.group for clip in clips if clip.splits == (split,)} for split in ("train", "validation")}
    assert [len(of) for of in speakers.values()] == [11, 4] and not speakers["train"] & speakers["validation"]
    assert len(classes(clips)) == 10


def test_every_speaker_of_spoken_words_is_left_out_once_in_five_folds(words):
    clips = read(words | {"leave_groups_out": 5})
    validation = [{clip.group for clip in clips if clip.splits[k] == "validation"} for k in range(5)]
    assert [len(groups) for groups in validation] == [3] * 5 and len(set.union(*validation)) == 15
    assert [sum(clip.splits[k] == "validation" for clip in clips) for k in range(5)] == [300] * 5
