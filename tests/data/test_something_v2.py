"""Something-Something v2's JSON lists, with small made files; the makers' own: test_official_lists.py."""

import pytest

from stm.data.annotations import Clip, class_list

LABELS = '{\n"Pushing something":"1",\n"Holding something next to something":"0"\n}'
TRAIN = """[
{"id":"2","label":"pushing a cup","template":"Pushing [something]","placeholders":["a cup"]},
{"id":"1","label":"holding it","template":"Holding [something] next to [something]","placeholders":["it","that"]}]"""
VALIDATION = '[{"id":"3","template":"Pushing [something]"}]\n'
LISTS = {"labels": LABELS, "train": TRAIN, "validation": VALIDATION}


def test_a_clip_is_a_webm_file_and_its_label_the_template_without_brackets(read_files):
    assert read_files("something_v2", LISTS) == [
        Clip("2", ("train",), "Pushing something", "2", "2.webm"),
        Clip("1", ("train",), "Holding something next to something", "1", "1.webm"),
        Clip("3", ("validation",), "Pushing something", "3", "3.webm"),
    ]


def test_the_classes_have_the_numbers_of_the_labels_file(read_files, tmp_path):
    clips = read_files("something_v2", LISTS)
    annotations = {part: str(tmp_path / f"{part}.txt") for part in LISTS}
    spec = {"format": "something_v2", "annotations": annotations, "folds": []}
    assert class_list(spec, clips) == ["Holding something next to something", "Pushing something"]


def test_test_clips_may_have_an_id_alone(read_files):
    clips = read_files("something_v2", LISTS | {"test": '[{"id":"9"},\n{"id":"8","template":"Pushing [something]"}]'})
    assert [(clip.clip, clip.splits, clip.label) for clip in clips[3:]] == [
        ("9", ("test",), ""),
        ("8", ("test",), "Pushing something"),
    ]


@pytest.mark.parametrize(
    "train",
    [
        '\ufeff[\r\n {"id": "7",\r\n "template": "Größe [it’s “x”]"}\r\n]\r\n',
        '[{"template":"Gr\\u00f6\\u00dfe [it\\u2019s \\u201cx\\u201d] ","id":"7"}]',
        '\n\t[ {"id":"7","template":"Größe it’s “x”", "more": [{"id": 1}, null]} ] \n',
    ],
    ids=["BOM, CRLF, several lines", "escapes", "blanks and other keys"],
)
def test_spellings_of_a_list_mean_the_same(read_files, train):
    labels = '\ufeff{"Größe it’s “x”": 0,\r\n"Pushing something": "1"}'
    (clip, _) = read_files("something_v2", LISTS | {"labels": labels, "train": train})
    assert (clip.clip, clip.label) == ("7", "Größe it’s “x”")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"train": TRAIN[:-1]}, ["train.txt:3", "no valid JSON: Expecting , or ]"]),
        ({"train": TRAIN + "\n]"}, ["train.txt:4", "no valid JSON: Extra data"]),
        ({"train": TRAIN.replace("},\n", "}\n")}, ["train.txt:2", "no valid JSON: Expecting , or ]"]),
        ({"train": TRAIN.replace('"1",', '"1,')}, ["train.txt:3", "no valid JSON"]),
        ({"train": TRAIN.replace("}]", "},\n]")}, ["train.txt:4", "no valid JSON: Expecting value"]),
        ({"train": "id;label\n"}, ["train.txt:1", "does not begin with [", "the train clips"]),
        ({"train": LABELS}, ["train.txt:1", "does not begin with ["]),
        ({"train": ""}, ["train.txt:1", "does not begin with ["]),
        ({"train": "[]"}, ["train.txt:1", "no clips"]),
        ({"train": "[\n\n7]"}, ["train.txt:3", "7 is no clip. Write {"]),
        ({"train": '[{"id":"1","template":"Pushing [something]"},\n{"id":"2"}]'}, ["train.txt:2", "no 'template'"]),
        ({"train": '[{"template":"Pushing [something]"}]'}, ["train.txt:1", "no 'id'"]),
        ({"train": '[{"id":1,"template":"Pushing [something]"}]'}, ["train.txt:1", "id = 1 is no text"]),
        ({"train": '[{"id":"1","template":null}]'}, ["train.txt:1", "template = None is no text"]),
        ({"train": '[{"id":"../1","template":"Pushing [something]"}]'}, ["train.txt:1", "leaves the videos folder"]),
        (
            {"train": TRAIN.replace("Pushing [", "Pushin [")},
            ["train.txt:2", "label 'Pushin something'", "Did you mean 'Pushing something'?", "the 2 labels of"],
        ),
        ({"validation": VALIDATION.replace("3", "2")}, ["validation.txt:1", "clip '2'", "train.txt:2 already"]),
        ({"test": '[{"id":"9"},\n{"id":"9"}]'}, ["test.txt:2", "clip '9'", "test.txt:1 already"]),
        ({"test": '[{"id":"9","template":""}]'}, ["test.txt:1", "template = '' is no text"]),
        ({"train": b'[\n{"id":"\xff"}]'}, ["train.txt:2", "not UTF-8"]),
        ({"labels": TRAIN}, ["labels.txt:1", "does not begin with {", "the labels"]),
        ({"labels": "{}"}, ["labels.txt:1", "0 labels"]),
        ({"labels": '{"a":"0",\n"b":"2"}'}, ["labels.txt:1", "2 labels whose numbers are not 0 to 1"]),
        ({"labels": '{"a":"0",\n"b":"0"}'}, ["labels.txt:2", "number '0'", "labels.txt:1 already"]),
        ({"labels": '{"a":"0",\n"a":"1"}'}, ["labels.txt:2", "label 'a'", "labels.txt:1 already"]),
        ({"labels": '{"a":"zero"}'}, ["labels.txt:1", "the number of 'a' is 'zero'"]),
        ({"labels": '{"a":true}'}, ["labels.txt:1", "the number of 'a' is True"]),
        ({"labels": '{"a":"0",\n"b" "1"}'}, ["labels.txt:2", "no valid JSON: Expecting :"]),
        ({"labels": '{"a":"0",\n 7:"1"}'}, ["labels.txt:2", "7 is no label"]),
    ],
)
def test_wrong_files_are_refused_with_line_fault_and_remedy(refusal, changes, parts):
    message = refusal("something_v2", LISTS | changes)
    assert [part for part in parts if part not in message] == [], message
