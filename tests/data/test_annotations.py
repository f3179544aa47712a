import pytest

from stm.data.annotations import AnnotationError, Clip, classes, read

CSV = {"format": "csv", "folds": [], "leave_groups_out": None}


@pytest.fixture
def read_list(tmp_path):
    def read_text(text: str | bytes) -> list[Clip]:
        path = tmp_path / "list.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(CSV | {"annotations": {"list": str(path)}})

    return read_text


def test_a_clip_is_named_by_its_video_and_is_a_group_of_its_own(read_list):
    assert read_list("video,label,split\nclips/a.mp4,opening,train\n") == [
        Clip("clips/a.mp4", ("train",), "opening", "clips/a.mp4", "clips/a.mp4")
    ]


def test_a_group_is_kept_and_an_empty_one_is_the_clip(read_list):
    clips = read_list("video,label,split,group\na.mp4,x,train,s1\nb.mp4,x,test,\n")
    assert [clip.group for clip in clips] == ["s1", "b.mp4"]


@pytest.mark.parametrize(
    "text",
    [
        "split,group,video,label\ntest,g,vidéo 1.mp4,打开 “it”\n",
        "\ufeffvideo,label,split,group\r\nvidéo 1.mp4,打开 “it”,test,g\r\n",
        'video,label,split,group\n\n"vidéo 1.mp4","打开 “it”",test,g',
        'video, label, split, group\n vidéo 1.mp4 , "打开 “it”", test, g\n , , , \n',
    ],
    ids=["column order", "BOM and CRLF", "quotes, empty line, no last line end", "spaces"],
)
def test_spellings_of_a_csv_file_mean_the_same(read_list, text):
    assert read_list(text) == [Clip("vidéo 1.mp4", ("test",), "打开 “it”", "g", "vidéo 1.mp4")]


def test_a_quoted_label_may_hold_commas_and_quotes(read_list):
    assert read_list('video,label,split\na.mp4,"put ""it"", then go",train\n')[0].label == 'put "it", then go'


HEAD = "video,label,split\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["list.csv:1", "no column 'video'", "Known: video, label, split, group"]),
        (HEAD, ["list.csv:1", "no clips"]),
        ("video,label\na.mp4,x\n", ["list.csv:1", "no column 'split'"]),
        ("video,label,split,grup\n", ["list.csv:1", "'grup' is not known", "Did you mean 'group'?"]),
        ("video,label,split,seconds\n", ["'seconds' is not known", "Rename or remove it"]),
        ("video;label;split\n", ["'video;label;split' is not known", "separated by commas"]),
        ("video,label,split,label\n", ["'label' stands twice"]),
        (
            HEAD + "a.mp4,x,train\nb.mp4,x,trian\n",
            ["list.csv:3", "'trian'", "Did you mean 'train'?", "Known: train"],
        ),
        (HEAD + "a.mp4,,train\n", ["list.csv:2", "label is empty"]),
        (HEAD + " ,x,train\n", ["list.csv:2", "video is empty"]),
        (HEAD + "a.mp4,x,train\n\na.mp4,y,test\n", ["list.csv:4", "'a.mp4'", "list.csv:2 already"]),
        (HEAD + "/data/a.mp4,x,train\n", ["list.csv:2", "'/data/a.mp4' leaves the videos folder"]),
        (HEAD + "x/../../a.mp4,x,train\n", ["list.csv:2", "leaves the videos folder"]),
        (HEAD + "./a.mp4,x,train\n", ["list.csv:2", "Write 'a.mp4'"]),
        (HEAD + "x\\a.mp4,x,train\n", ["list.csv:2", "Write 'x/a.mp4'"]),
        (HEAD + "a.mp4,put it, then go,train\n", ["list.csv:2", "4 cells for 3 columns", "double quotes"]),
        (HEAD + 'a.mp4,"x,train\nb.mp4,x,train\n', ["list.csv:2", "no valid csv"]),
        (HEAD.encode() + b"a.mp4,caf\xe9,train\n", ["list.csv:2", "0xe9 is not UTF-8"]),
        (HEAD.encode("utf-16"), ["list.csv:1", "not UTF-8"]),
        (HEAD + "a.mp4,x\0,train\n", ["list.csv:2", "NUL"]),
    ],
)
def test_a_wrong_list_is_refused_with_line_fault_and_remedy(read_list, text, parts):
    with pytest.raises(AnnotationError) as refused:
        read_list(text)
    assert [part for part in parts if part not in str(refused.value)] == [], refused.value


def test_an_absent_list_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"own\.csv: no such file"):
        read(CSV | {"annotations": {"list": str(tmp_path / "own.csv")}})


def test_classes_are_sorted_by_code_point_whatever_the_order_of_the_list():
    labels = ["éa", "b", "B", "a10", "a2", "b"]
    clips = [Clip(str(k), ("train",), label, "", "") for k, label in enumerate(labels)]
    assert classes(clips) == classes(clips[::-1]) == ["B", "a10", "a2", "b", "éa"]
