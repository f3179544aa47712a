import json

import pyarrow as pa
import pytest

from stm.csvfile import read_csv
from stm.data.extraction import extract
from stm.data.listing import shard_of, write_listing
from stm.data.manifest import ManifestError, index_schema, write_manifest
from stm.data.shards import FrameIndex

ROWS = [
    ("b.mp4", "opening", "train"),
    ("a.mp4", "opening", "train"),
    ("c.mp4", "closing", "validation"),
    ("gone.mp4", "closing", "validation"),
    ("damaged.avi", "closing", "test"),
]


@pytest.fixture
def videos(write_video, write_damaged_video, tmp_path):
    folder = tmp_path / "videos"
    for name in ("a", "b", "c", "d"):
        write_video(folder / f"{name}.mp4", frames=4)
    write_damaged_video(folder / "damaged.avi")
    return folder


@pytest.fixture
def stages(dataset, videos, tmp_path):
    """Run listing, extraction of the shards in `extracted` (None: all) and manifest; return index and manifest."""

    def run(rows, extracted=None, shards=3):
        spec = dataset(rows, shards=shards)
        out = tmp_path / "frames"
        write_listing(spec, out / "clips.csv", out / "classes.csv")
        names = [f"{k:04d}" for k in range(shards)]
        for shard in names if extracted is None else extracted:
            extract(spec, shard, out / "shards" / f"{shard}.tar", out / "shards" / f"{shard}.arrow")
        indexes = [out / "shards" / f"{shard}.arrow" for shard in names]
        index, manifest = out / "index.arrow", out / "manifest.csv"
        write_manifest(out / "clips.csv", out / "classes.csv", indexes, index, manifest)
        return index, manifest

    return run


def test_the_manifest_says_of_every_listed_clip_what_became_of_it(stages):
    _, manifest = stages(ROWS)
    rows = read_csv(manifest)
    assert [(row["clip"], row["label"], row["split"]) for row in rows] == ROWS
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "missing", "damaged"]
    assert rows[3]["reason"] == "no such file" and "frames: InvalidDataError" in rows[4]["reason"]
    assert list(rows[0]) == [
        *("clip", "split", "label", "group", "status", "reason"),
        *("decoder", "frames", "width", "height", "video"),
    ]
    assert (rows[0]["frames"], rows[0]["width"], rows[0]["height"]) == ("4", "43", "32")


def test_the_index_holds_the_clips_with_frames_sorted_by_split_and_clip(stages):
    index, _ = stages(ROWS)
    table = pa.ipc.open_file(index).read_all()
    assert table.schema.equals(index_schema([]))
    rows = table.to_pylist()
    assert [(row["split"], row["clip"], row["label"]) for row in rows] == [
        ("test", "damaged.avi", 0),
        ("train", "a.mp4", 1),
        ("train", "b.mp4", 1),
        ("validation", "c.mp4", 0),
    ]
    assert [row["shard"] for row in rows] == [f"{shard_of(row['clip'], 3):04d}" for row in rows]
    assert all(row["frames"] == len(row["offsets"]) == len(row["sizes"]) > 0 for row in rows)
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert json.loads(metadata["classes"]) == ["closing", "opening"]
    assert metadata["shards"] == "shards" and json.loads(metadata["versions"])["av"]


def test_a_test_clip_without_a_label_has_the_class_minus_one(dataset, write_jpegs, tmp_path):
    lists = {"train": "1;x\n", "validation": "2;y\n", "test": "3\n"}
    for part, text in lists.items():
        (tmp_path / f"{part}.csv").write_text(text)
        write_jpegs(tmp_path / text[0], ["1.jpg", "2.jpg"])
    out = tmp_path / "frames"
    annotations = {part: str(tmp_path / f"{part}.csv") for part in lists}
    spec = dataset([], format="something_v1", annotations=annotations, videos=str(tmp_path))
    write_listing(spec, out / "clips.csv", out / "classes.csv")
    extract(spec, "0000", out / "0000.tar", out / "0000.arrow")
    paths = out / "index.arrow", out / "manifest.csv"
    write_manifest(out / "clips.csv", out / "classes.csv", [out / "0000.arrow"], *paths)
    index = FrameIndex(paths[0])
    assert index.classes == ["x", "y"]
    assert [index.labels(index.select(split)).tolist() for split in lists] == [[0], [1], [-1]]


def test_equal_data_give_an_equal_index(stages):
    index, manifest = stages(ROWS)
    first = index.read_bytes(), manifest.read_bytes()
    index, manifest = stages(ROWS)
    assert (index.read_bytes(), manifest.read_bytes()) == first


@pytest.mark.parametrize(
    "rows",
    [
        [("b.mp4", "closing", "train"), *ROWS[1:]],
        [("b.mp4", "opening", "test"), *ROWS[1:]],
        [*ROWS, ("d.mp4", "opening", "train")],
        ROWS[1:],
        [*ROWS, ("lost.mp4", "a third class", "train")],
    ],
    ids=["label", "split", "added", "removed", "classes"],
)
def test_the_digest_follows_the_data(stages, rows):
    before = FrameIndex(stages(ROWS)[0]).digest
    assert FrameIndex(stages(rows)[0]).digest != before


def test_the_digest_follows_the_frames(stages, videos, write_video):
    before = FrameIndex(stages(ROWS)[0]).digest
    write_video(videos / "a.mp4", frames=5)
    assert FrameIndex(stages(ROWS)[0]).digest != before


def test_a_listed_clip_that_no_shard_has_names_the_stale_shard(stages):
    stages(ROWS)
    name = f"{shard_of('d.mp4', 3):04d}.arrow"
    with pytest.raises(ManifestError, match=rf"{name}: clip 'd.mp4' is listed but not in it.*Extract it again"):
        stages([*ROWS, ("d.mp4", "opening", "train")], extracted=[])


def test_an_extracted_clip_that_is_not_listed_names_the_stale_shard(stages):
    stages(ROWS)
    name = f"{shard_of('b.mp4', 3):04d}.arrow"
    with pytest.raises(ManifestError, match=rf"{name}: clip 'b.mp4' is not listed any more.*--forcerun"):
        stages(ROWS[1:], extracted=[])


def test_a_clip_in_two_shards_is_refused(stages):
    stages(ROWS, shards=1)
    with pytest.raises(ManifestError, match="is in shard 0000 too"):
        stages(ROWS, shards=2, extracted=["0001"])


def test_a_split_without_frames_is_refused(stages):
    with pytest.raises(ManifestError, match=r"none of the 1 clips of split validation has frames.*no such file"):
        stages([ROWS[0], ROWS[3]])
    with pytest.raises(ManifestError, match="no clip is listed in split validation"):
        stages(ROWS[:2])


def test_the_summary_counts_clips_by_split_and_status(stages, capsys):
    stages(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert {"train: 2 ok", "validation: 1 missing, 1 ok", "test: 1 damaged"} <= set(lines)
    assert any(line.startswith("5 clips of 2 classes") for line in lines)
    assert lines[-1].endswith(f"notices that they came: {shard_of('gone.mp4', 3):04d}")


@pytest.mark.parametrize("damage", ["cut off", "a changed byte", "empty", "of another program"])
def test_the_damaged_index_of_a_shard_is_named_and_nothing_is_written(stages, tmp_path, damage):
    index, manifest = stages(ROWS)
    path = tmp_path / "frames/shards/0000.arrow"
    whole = path.read_bytes()
    # In the middle lie the frames' offsets: another one is another frame.
    changed = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    of_another = pa.BufferOutputStream()
    with pa.ipc.new_file(of_another, pa.schema({"clip": pa.string()})) as writer:
        writer.write_table(pa.table({"clip": ["a.mp4"]}))
    path.write_bytes(
        {
            "cut off": whole[:-50],
            "a changed byte": changed,
            "empty": b"",
            "of another program": of_another.getvalue().to_pybytes(),
        }[damage]
    )
    index.unlink()
    manifest.unlink()
    shards = sorted((tmp_path / "frames/shards").glob("*.arrow"))
    with pytest.raises(ManifestError, match=r"0000\.arrow is damaged \(.*Extract it again: .*0000\.tar"):
        write_manifest(tmp_path / "frames/clips.csv", tmp_path / "frames/classes.csv", shards, index, manifest)
    assert not index.exists() and not manifest.exists()


def test_a_list_of_classes_that_is_cut_off_is_noticed(stages, tmp_path):
    index, manifest = stages(ROWS)
    classes = tmp_path / "frames/classes.csv"
    classes.write_text(classes.read_text().replace("1,opening\n", ""))
    classes.with_name("classes.csv.sha256").unlink()
    shards = sorted((tmp_path / "frames/shards").glob("*.arrow"))
    with pytest.raises(ManifestError, match="'opening' is a label, and none of the 1 classes"):
        write_manifest(tmp_path / "frames/clips.csv", classes, shards, index, manifest)
