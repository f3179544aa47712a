import subprocess
import sys
from pathlib import Path

import pytest

from stm.csvfile import read_csv
from stm.data import listing
from stm.data.annotations import AnnotationError
from stm.data.listing import read_listing, shard_clips, shard_digests, shard_of, write_listing
from stm.files import DamagedError, WriteError

ROWS = [(f"clips/{k}.mp4", "opening" if k % 2 else "closing", "train") for k in range(40)]


def digests(spec):
    return shard_digests(spec, Path(spec["videos"]).parent / "lists.jsonl")


def test_the_listing_holds_clips_and_classes(dataset, tmp_path):
    write_listing(
        dataset([("b.mp4", '"é, x"', "test"), ("a.mp4", "a", "train")]), tmp_path / "c.csv", tmp_path / "l.csv"
    )
    assert read_csv(tmp_path / "c.csv") == [
        {"clip": "b.mp4", "split": "test", "label": "é, x", "group": "b.mp4", "video": "b.mp4"},
        {"clip": "a.mp4", "split": "train", "label": "a", "group": "a.mp4", "video": "a.mp4"},
    ]
    assert (tmp_path / "l.csv").read_text() == 'index,label\n0,a\n1,"é, x"\n'


def test_a_wrong_list_leaves_no_listing(dataset, tmp_path):
    with pytest.raises(AnnotationError):
        write_listing(dataset([("a.mp4", "x", "training")]), tmp_path / "c.csv", tmp_path / "l.csv")
    assert not (tmp_path / "c.csv").exists() and not (tmp_path / "l.csv").exists()


def test_every_clip_lies_in_one_shard_in_order_of_ids(dataset):
    spec = dataset(ROWS, shards=4)
    shards = [[clip.clip for clip in shard_clips(spec, f"{k:04d}")] for k in range(4)]
    assert sorted(clip for shard in shards for clip in shard) == sorted(video for video, *_ in ROWS)
    assert all(shard == sorted(shard) and shard for shard in shards)
    with pytest.raises(ValueError, match="4 shards"):
        shard_clips(spec, "0004")
    with pytest.raises(ValueError, match="shard first: the dataset has 4"):
        shard_clips(spec, "first")


def test_the_shard_of_a_clip_never_changes():
    assert [shard_of(f"clips/{k}.mp4", 4) for k in range(8)] == [0, 2, 1, 2, 0, 0, 3, 1]
    assert shard_of("vidéo.mp4", 1) == 0


def test_an_added_video_changes_the_digest_of_its_shard_only(dataset):
    before = digests(dataset(ROWS, shards=4))
    after = digests(dataset([("clips/new.mp4", "opening", "test"), *ROWS], shards=4))
    changed = [k for k in range(4) if before[k] != after[k]]
    assert changed == [shard_of("clips/new.mp4", 4)]


def test_labels_splits_and_their_order_are_no_part_of_a_digest(dataset):
    before = digests(dataset(ROWS, shards=4))
    assert digests(dataset([(video, "x", "test") for video, *_ in ROWS[::-1]], shards=4)) == before


def test_without_annotation_files_the_digest_is_absent(dataset):
    spec = dataset(ROWS)
    Path(spec["annotations"]["list"]).unlink()
    assert digests(spec) == ["absent"]


def test_annotations_are_read_once_for_all_shards(dataset, monkeypatch, tmp_path):
    reads = []
    monkeypatch.setattr(listing, "read", lambda spec, read=listing.read: reads.append(1) or read(spec))
    spec, lists = dataset(ROWS, shards=16), tmp_path / "lists.jsonl"
    found = digests(spec)
    plain = [shard_clips(spec, f"{k:04d}") for k in range(16)]
    assert len(reads) == 1 + 16
    # Neither another start of Snakemake nor an extraction reads them again.
    assert digests(spec) == found and [shard_clips(spec, f"{k:04d}", lists) for k in range(16)] == plain
    assert len(reads) == 1 + 16


@pytest.mark.parametrize("damaged", ["", "{", '{"key": "0"}', "[]"])
def test_kept_lists_that_are_damaged_are_written_anew(dataset, tmp_path, damaged):
    found = digests(dataset(ROWS, shards=4))
    kept = (tmp_path / "lists.jsonl").read_text()
    (tmp_path / "lists.jsonl").write_text(damaged)
    assert digests(dataset(ROWS, shards=4)) == found
    assert len((tmp_path / "lists.jsonl").read_text().splitlines()) == len(kept.splitlines()) == 5


@pytest.mark.parametrize("harm", [lambda text: text.replace("clips/9.mp4", "clips/8.mp4"), lambda text: text[:-40]])
def test_of_kept_lists_a_damaged_line_gives_no_other_clips(dataset, tmp_path, harm):
    spec, lists = dataset(ROWS, shards=4), tmp_path / "lists.jsonl"
    digests(spec)
    lists.write_text(harm(lists.read_text()))
    assert [shard_clips(spec, f"{k:04d}", lists) for k in range(4)] == [shard_clips(spec, f"{k:04d}") for k in range(4)]


@pytest.mark.parametrize("name", ["clips.csv", "classes.csv"])
@pytest.mark.parametrize("harm", [lambda text: text[:-20], lambda text: text.replace("closing", "opening")])
def test_a_listing_that_is_damaged_is_refused_by_name(dataset, tmp_path, name, harm):
    files = tmp_path / "clips.csv", tmp_path / "classes.csv"
    write_listing(dataset(ROWS), *files)
    assert len(read_listing(*files)[0]) == 40
    subprocess.run(["sha256sum", "--check", *(f"{path}.sha256" for path in files)], cwd=tmp_path, check=True)
    (tmp_path / name).write_text(harm((tmp_path / name).read_text()))
    with pytest.raises(DamagedError, match=rf"{name} is not the file that was written .* delete it and run again"):
        read_listing(*files)


@pytest.mark.parametrize("stale", [False, True])
def test_where_lists_cannot_be_kept_a_shard_has_the_clips_of_the_annotation_files(
    dataset, tmp_path, monkeypatch, stale
):
    if stale:
        digests(dataset([("clips/other.mp4", "opening", "train")], shards=4))

    def refused(path, text):
        raise WriteError(f"{path} cannot be written")

    monkeypatch.setattr(listing, "write_text", refused)
    spec, lists = dataset(ROWS, shards=4), tmp_path / "lists.jsonl"
    found = [shard_clips(spec, f"{k:04d}", lists) for k in range(4)]
    assert found == [shard_clips(spec, f"{k:04d}") for k in range(4)] and lists.exists() == stale


def test_parsing_loads_neither_torch_nor_decoders():
    code = "import sys, stm.data.listing; print([m for m in ('torch', 'av', 'decord', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
