import io
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stm.data.shards import FrameIndex, ShardError

from .conftest import written_index

ROWS = [("b.mp4", "y", "train"), ("a.mp4", "z", "train"), ("c.mp4", "x", "validation")]


@pytest.fixture
def index_path(dataset, write_video, tmp_path):
    for k, (name, *_) in enumerate(ROWS):
        write_video(tmp_path / "videos" / name, frames=4 + k)
    return written_index(dataset(ROWS, shards=2), tmp_path / "frames")


@pytest.fixture
def frame_index(index_path):
    return FrameIndex(index_path)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def gray(jpeg: bytes) -> int:
    """The frame's number, as its brightness in the middle tells."""
    return round((np.asarray(Image.open(io.BytesIO(jpeg)))[16, 21].mean() - 10) / 20)


def test_rows_are_found_by_split_with_their_labels(frame_index):
    assert frame_index.classes == ["x", "y", "z"] and len(frame_index) == 3
    rows = frame_index.select("train")
    assert [frame_index.clip(row).clip for row in rows] == ["a.mp4", "b.mp4"]
    assert frame_index.labels(rows).tolist() == [2, 1] == [frame_index.clip(row).label for row in rows]
    with pytest.raises(ShardError, match="no clip of split 'test'. It has: train, validation"):
        frame_index.select("test")
    assert frame_index.folds == []
    with pytest.raises(ShardError, match="no fold '1'. It has: one partition without a name"):
        frame_index.select("train", "1")


def test_a_clip_says_what_there_is_of_it(frame_index):
    clip = frame_index.clip(0)
    assert clip[:3] == ("a.mp4", 2, "a.mp4") and clip[4:] == ("ok", 5, 43, 32)


def test_frames_are_read_in_the_order_asked_for(frame_index):
    for row, count in enumerate([5, 4, 6]):
        assert [gray(jpeg) for jpeg in frame_index.read(row, np.arange(count)[::-1])] == list(range(count))[::-1]
    assert [gray(jpeg) for jpeg in frame_index.read(0, [3, 0, 0])] == [3, 0, 0]
    assert frame_index.read(0, []) == []


@pytest.mark.parametrize("number", [5, -1])
def test_a_frame_that_is_none_is_refused(frame_index, number):
    with pytest.raises(IndexError, match=r"a\.mp4: frame -?\d of 5"):
        frame_index.read(0, [number])


def test_an_index_is_the_same_after_pickling_and_in_a_forked_process(frame_index):
    expected = frame_index.read(2, [1, 4])
    copy = pickle.loads(pickle.dumps(frame_index))
    assert copy.read(2, [1, 4]) == expected and copy.digest == frame_index.digest
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    # Handed over by the fork, open files and all; both processes read on.
    child = context.Process(target=lambda: answers.put([frame_index.read(2, [1, 4]) for _ in range(50)]))
    child.start()
    assert all(frame_index.read(2, [1, 4]) == expected for _ in range(50))
    assert answers.get() == [expected] * 50
    child.join()


def test_the_columns_are_views_of_the_mapped_file(frame_index):
    arrays = [frame_index._first, frame_index._offsets, frame_index._sizes, frame_index._labels]
    assert not any(array.flags.owndata for array in arrays)


def test_no_more_tars_are_open_than_allowed(frame_index, monkeypatch):
    monkeypatch.setattr("stm.data.shards.OPEN_TARS", 1)
    shards = {frame_index.clip(row).shard for row in range(3)}
    before = open_files()
    for row in [0, 1, 2, 0, 1, 2]:
        assert gray(frame_index.read(row, [2])[0]) == 2
    assert len(shards) == 2 and open_files() == before + 1


def test_a_tar_that_is_cut_off_names_tar_clip_frame_and_remedy(frame_index, index_path):
    tar = index_path.parent / "shards" / f"{frame_index.clip(0).shard}.tar"
    os.truncate(tar, 600)
    with pytest.raises(ShardError) as failed:
        frame_index.read(0, [4])
    assert all(part in str(failed.value) for part in [str(tar), "frame 4", "'a.mp4'", "--forcerun"])


def test_a_tar_of_other_content_is_noticed(frame_index, index_path):
    tar = index_path.parent / "shards" / f"{frame_index.clip(0).shard}.tar"
    tar.write_bytes(bytes(tar.stat().st_size))
    with pytest.raises(ShardError, match="frame 0 of .* is not what was stored"):
        frame_index.read(0, [0])


def test_no_changed_bit_of_a_frame_is_read(frame_index, index_path):
    tar = index_path.parent / "shards" / f"{frame_index.clip(0).shard}.tar"
    whole, frame = tar.read_bytes(), frame_index.read(0, [2])[0]
    first = whole.index(frame)
    for at in range(first, first + len(frame), 37):
        tar.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(ShardError, match="frame 2 of 'a.mp4' is not what was stored. Extract it again"):
            frame_index.read(0, [2])


def said(index: FrameIndex) -> list:
    """All that training and evaluation ask of an index."""
    clips = [index.clip(row) for row in range(len(index))]
    frames = [index.read(row, range(clip.frames)) for row, clip in enumerate(clips)]
    rows = [index.select(split).tolist() for split in ("train", "validation")]
    labels = index.labels(range(len(index))).tolist()
    return [index.classes, index.folds, index.digest, clips, frames, rows, labels, index.listed("train")]


def test_no_changed_byte_of_an_index_is_read_as_another_clip_or_frame(index_path):
    whole, expected = index_path.read_bytes(), said(FrameIndex(index_path))
    refused = []
    for at in range(0, len(whole), 11):
        index_path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            # The byte was padding, or none of what is asked for.
            assert said(FrameIndex(index_path)) == expected
        except ShardError as error:
            refused.append(str(error))
    assert len(refused) > 100 and all(text.startswith(str(index_path.parent)) for text in refused)


@pytest.mark.parametrize("kept", [8, 0.5, 0.99])
def test_an_index_that_is_cut_off_is_refused(index_path, kept):
    os.truncate(index_path, int(kept if kept > 1 else kept * index_path.stat().st_size))
    with pytest.raises(ShardError, match=r"index\.arrow: no index of frames .*Delete it and make the manifest again"):
        FrameIndex(index_path)


def test_an_absent_index_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.arrow"):
        FrameIndex(tmp_path / "index.arrow")


def test_an_absent_tar_is_named(frame_index, index_path):
    tar = index_path.parent / "shards" / f"{frame_index.clip(0).shard}.tar"
    tar.unlink()
    with pytest.raises(ShardError, match=r"\.tar: no such file. Extract it again"):
        frame_index.read(0, [0])


@pytest.mark.parametrize("content", [b"", b"words"])
def test_a_file_that_is_no_index_is_refused(tmp_path, content):
    path = tmp_path / "index.arrow"
    path.write_bytes(content)
    with pytest.raises(ShardError, match=r"index\.arrow: no index of frames"):
        FrameIndex(path)
