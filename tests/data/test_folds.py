import pyarrow as pa
import pytest

from stm.csvfile import read_csv
from stm.data.annotations import AnnotationError, class_list, classes, files, fold_names, read
from stm.data.counts import CountError, check_counts
from stm.data.extraction import extract
from stm.data.listing import shard_digests, write_listing
from stm.data.manifest import ManifestError, index_schema, write_manifest
from stm.data.shards import FrameIndex, ShardError

# Of one list a fold: c is not in fold one, d not in fold two.
OFFICIAL = {
    "one": ["b.mp4,x,train,s1", "a.mp4,y,validation,s2", "d.mp4,x,validation,s3"],
    "two": ["b.mp4,x,validation,s1", "a.mp4,y,train,s2", "c.mp4,x,test,s4"],
}


def spec_of(tmp_path, lists, **changes):
    for fold, lines in lists.items():
        text = "".join(f"{line}\n" for line in ["video,label,split,group", *lines])
        (tmp_path / f"list_{fold}.csv").write_text(text)
    return {
        "dataset": "own",
        "format": "csv",
        "annotations": {"list": str(tmp_path / "list_{fold}.csv")},
        "folds": list(lists),
        "leave_groups_out": None,
        "videos": str(tmp_path / "videos"),
        "version": 1,
        "shards": 2,
        "frames": {"short_side": 32, "size": None, "quality": 95},
        "decoder": "pyav",
        **changes,
    }


@pytest.fixture
def official(tmp_path):
    return spec_of(tmp_path, OFFICIAL)


@pytest.fixture
def dealt(tmp_path):
    """Clips of groups by their size, and one of the test split, in so many folds."""

    def read_dealt(sizes, folds):
        lines = [
            f"{group}{k}.mp4,x,{'train' if k % 2 else 'validation'},{group}"
            for group in sizes
            for k in range(sizes[group])
        ]
        one = str(tmp_path / "list_all.csv")
        spec = spec_of(tmp_path, {"all": [*lines, "t.mp4,x,test,t"]}, annotations={"list": one}, folds=[])
        return read(spec | {"leave_groups_out": folds})

    return read_dealt


def groups_of(clips, fold):
    return {clip.group for clip in clips if clip.splits[fold] == "validation"}


def test_a_clip_has_a_split_in_every_fold_that_lists_it(official):
    assert {clip.clip: clip.splits for clip in read(official)} == {
        "b.mp4": ("train", "validation"),
        "a.mp4": ("validation", "train"),
        "d.mp4": ("validation", ""),
        "c.mp4": ("", "test"),
    }
    assert [clip.clip for clip in read(official)] == ["b.mp4", "a.mp4", "d.mp4", "c.mp4"]
    assert fold_names(official) == ["one", "two"] and classes(read(official)) == ["x", "y"]


def test_classes_have_their_makers_order_which_all_folds_share(tmp_path):
    texts = {
        "classes_1.txt": "2 Bowling\n1 YoYo\n3 Archery\n",
        "classes_2.txt": "1 Bowling\n2 YoYo\n3 Archery\n",
        "train.txt": "Bowling/v_Bowling_g02_c01.avi 2\n",
        "test.txt": "YoYo/v_YoYo_g01_c01.avi\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    annotations = {part: str(tmp_path / f"{part}.txt") for part in ("train", "test")}
    spec = {"format": "ucf101", "leave_groups_out": None}
    one = spec | {"folds": [], "annotations": annotations | {"classes": str(tmp_path / "classes_1.txt")}}
    # A class without a clip keeps its number.
    assert class_list(one, read(one)) == ["YoYo", "Bowling", "Archery"]
    two = spec | {"folds": ["1", "2"], "annotations": annotations | {"classes": str(tmp_path / "classes_{fold}.txt")}}
    with pytest.raises(AnnotationError, match="the folds have different lists of classes"):
        class_list(two, [])


def test_the_files_of_all_folds_are_annotation_files(official, tmp_path):
    assert files(official) == [tmp_path / "list_one.csv", tmp_path / "list_two.csv"]
    settings = {"train": "train.csv", "groups": "origin_{fold}.csv", "group_column": "speaker"}
    assert [str(path) for path in files({"annotations": settings, "folds": ["1", "2"]})] == [
        *("origin_1.csv", "train.csv", "origin_2.csv"),
    ]


def test_folds_that_disagree_on_a_clip_are_refused(tmp_path):
    spec = spec_of(tmp_path, OFFICIAL | {"two": ["b.mp4,z,train,s1"]})
    with pytest.raises(AnnotationError, match=r"fold two: clip 'b.mp4': label 'z', group 's1' here, 'x', 's1' before"):
        read(spec)


@pytest.mark.parametrize("changes", [{"folds": []}, {"annotations": {"list": "list_one.csv"}}])
def test_folds_and_their_place_in_the_paths_go_together(official, changes):
    with pytest.raises(AnnotationError, match=r"holds \{fold\} if, and only if, there are folds"):
        read(official | changes)


def test_whole_groups_are_left_out_once_each_and_tests_stay_tests(dealt):
    clips = dealt({"a": 5, "b": 4, "c": 3, "d": 3, "e": 1}, 2)
    assert [groups_of(clips, fold) for fold in range(2)] == [{"a", "d"}, {"b", "c", "e"}]
    for clip in clips[:-1]:
        assert sorted(clip.splits) == ["train", "validation"]
    assert clips[-1].splits == ("test", "test")


def test_groups_are_dealt_alike_whatever_the_order_of_the_list(dealt):
    sizes = {"a": 2, "b": 2, "c": 2, "d": 1}
    backwards = dict(reversed(sizes.items()))
    assert [groups_of(dealt(sizes, 3), k) for k in range(3)] == [groups_of(dealt(backwards, 3), k) for k in range(3)]
    assert [groups_of(dealt(sizes, 3), k) for k in range(3)] == [{"a", "d"}, {"b"}, {"c"}]


def test_fewer_groups_than_folds_are_refused(dealt):
    with pytest.raises(AnnotationError, match="leave_groups_out = 3: there are 2 groups"):
        dealt({"a": 2, "b": 2}, 3)


def test_a_list_without_groups_has_none_to_leave_out(dataset):
    with pytest.raises(AnnotationError, match="leave_groups_out = 2: the annotations name no groups"):
        read(dataset([("a.mp4", "x", "train"), ("b.mp4", "x", "train")], leave_groups_out=2))


def test_left_out_groups_are_numbered_folds_and_move_no_clip(dataset, tmp_path):
    spec = dataset([("a.mp4", "x", "train"), ("b.mp4", "x", "train")])
    left_out = spec | {"leave_groups_out": 2}
    assert fold_names(left_out) == ["1", "2"]
    lists = tmp_path / "lists.jsonl"
    assert shard_digests(left_out, lists) == shard_digests(spec, lists)


@pytest.fixture
def stages(write_video, tmp_path):
    """Run listing, extraction and manifest; return the index and the manifest."""

    def run(spec):
        for name in "abcd":
            write_video(tmp_path / "videos" / f"{name}.mp4", frames=2)
        out = tmp_path / "frames"
        write_listing(spec, out / "clips.csv", out / "classes.csv")
        shards = [out / "shards" / f"{k:04d}.arrow" for k in range(2)]
        for shard in shards:
            extract(spec, shard.stem, shard.with_suffix(".tar"), shard)
        paths = out / "index.arrow", out / "manifest.csv"
        write_manifest(out / "clips.csv", out / "classes.csv", shards, *paths)
        return paths

    return run


def test_listing_manifest_and_index_have_a_column_for_each_fold(stages, official, tmp_path, capsys):
    index, manifest = stages(official)
    listed = read_csv(tmp_path / "frames" / "clips.csv")
    assert list(listed[0]) == ["clip", "split_one", "split_two", "label", "group", "video"]
    assert [(row["clip"], row["split_one"], row["split_two"]) for row in read_csv(manifest)] == [
        *[("b.mp4", "train", "validation"), ("a.mp4", "validation", "train")],
        *[("d.mp4", "validation", ""), ("c.mp4", "", "test")],
    ]
    table = pa.ipc.open_file(index).read_all()
    assert table.schema.equals(index_schema(["one", "two"]))
    assert table["clip"].to_pylist() == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]
    assert {"fold one, validation: 2 ok", "fold two, test: 1 ok"} <= set(capsys.readouterr().out.splitlines())


def test_rows_are_selected_by_fold_and_split(stages, official):
    index = FrameIndex(stages(official)[0])
    assert index.folds == ["one", "two"]
    selected = {
        (fold, split): [index.clip(row).clip for row in index.select(split, fold)]
        for fold, split in [("one", "train"), ("one", "validation"), ("two", "train"), ("two", "test")]
    }
    assert list(selected.values()) == [["b.mp4"], ["a.mp4", "d.mp4"], ["a.mp4"], ["c.mp4"]]
    with pytest.raises(ShardError, match=r"no fold 'three'. It has: one, two"):
        index.select("train", "three")
    with pytest.raises(ShardError, match=r"a fold must be named. It has: one, two"):
        index.select("train")
    with pytest.raises(ShardError, match=r"no clip of split 'test' in fold 'one'. It has: validation, train"):
        index.select("test", "one")


def test_the_digest_follows_the_folds(stages, official, tmp_path):
    before = FrameIndex(stages(official)[0]).digest
    renamed = {"one": OFFICIAL["one"], "three": OFFICIAL["two"]}
    assert FrameIndex(stages(spec_of(tmp_path, renamed))[0]).digest != before


def test_counts_are_expected_of_all_folds_or_of_each(official, tmp_path):
    clips, classes_csv, out = tmp_path / "clips.csv", tmp_path / "classes.csv", tmp_path / "expected.json"
    write_listing(official, clips, classes_csv)
    check_counts(clips, classes_csv, {"classes": 2, "clips": 4, "train": 1, "validation": [2, 1], "test": [0, 1]}, out)
    assert out.exists()
    with pytest.raises(CountError) as refused:
        check_counts(clips, classes_csv, {"clips": 5, "train": 2, "validation": [2, 3]}, out)
    assert str(refused.value).startswith(
        "expect.clips: 5 expected, 4 found; expect.train of fold 1 of 2: 2 expected, 1 found; "
        "expect.train of fold 2 of 2: 2 expected, 1 found; expect.validation of fold 2 of 2: 3 expected, 1 found. "
    )
    with pytest.raises(CountError, match=r"expect.train: 3 expected for 2 found, one a fold"):
        check_counts(clips, classes_csv, {"train": [1, 1, 1]}, out)


def test_a_fold_without_clips_to_train_on_is_refused_by_name(stages, tmp_path):
    lists = OFFICIAL | {"two": ["b.mp4,x,validation,s1"]}
    with pytest.raises(ManifestError, match=r"no clip is listed in split train of fold two"):
        stages(spec_of(tmp_path, lists))
