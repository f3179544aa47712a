"""What holds of sampling, of lists and of cells whatever is asked, on input that hypothesis draws."""

import csv
import io
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stm.csvfile import read_csv, write_csv
from stm.data.annotations import AnnotationError, Clip, read
from stm.data.listing import shard_of
from stm.data.sampling import in_order, segment_frames
from stm.draws import Purpose, clip_key, generator

MANY = settings(max_examples=100, derandomize=True, deadline=None)

COUNTS, FRAMES = st.integers(1, 10**6), st.integers(1, 128)
SEEDS = st.integers(0, 2**32)


def draw(seed: int, clip: str) -> np.random.Generator:
    return generator(seed, Purpose.SAMPLING, 3, clip_key(clip))


@MANY
@given(COUNTS, FRAMES, SEEDS, st.text())
def test_sampled_frames_are_of_the_video_in_order_and_one_of_each_segment(count, frames, seed, clip):
    for numbers in (segment_frames(count, frames), segment_frames(count, frames, draw(seed, clip))):
        assert numbers.shape == (frames,) and numbers.dtype == np.int64
        assert numbers.min() >= 0 and numbers.max() < count and (np.diff(numbers) >= 0).all()
        for k, number in enumerate(numbers.tolist()):
            # Frame n lasts from n to n + 1, and segment k from k count / T to (k + 1) count / T.
            assert number * frames < (k + 1) * count and (number + 1) * frames > k * count


@MANY
@given(COUNTS, FRAMES, SEEDS, st.text(), st.text())
def test_the_frames_of_a_clip_follow_from_its_key_alone(count, frames, seed, clip, other):
    first = segment_frames(count, frames, draw(seed, clip))
    segment_frames(count, frames, draw(seed, other))
    assert np.array_equal(first, segment_frames(count, frames, draw(seed, clip)))


@MANY
@given(COUNTS, FRAMES, st.sampled_from(["forward", "reversed", "shuffled", "single"]), SEEDS)
def test_an_order_shows_no_frame_that_was_not_sampled(count, frames, order, seed):
    numbers = segment_frames(count, frames)
    shown = in_order(numbers, order, generator(seed, Purpose.SHUFFLE))
    assert len(shown) == frames and set(shown) <= set(numbers)
    if order != "single":
        assert sorted(shown) == numbers.tolist()


@MANY
@given(st.text(), st.integers(1, 10_000))
def test_every_clip_has_one_shard(clip, shards):
    assert 0 <= shard_of(clip, shards) < shards


# Names as files and people have them, and any others.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.text(max_size=12)
ROW = st.tuples(NAMES, NAMES, st.sampled_from(["train", "validation", "test"]))
ROWS = st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: row[0])


def listed(form: str, texts: dict[str, bytes], folder: Path) -> list[Clip] | str:
    """The clips of such files, or why they are refused, which names a file."""
    paths = {part: folder / f"{part}.txt" for part in texts}
    for part, data in texts.items():
        paths[part].write_bytes(data)
    annotations = {part: str(path) for part, path in paths.items()}
    try:
        return read({"format": form, "annotations": annotations, "folds": [], "leave_groups_out": None})
    except AnnotationError as refusal:
        assert str(folder) in str(refusal)  # noqa: PT017 (either is right)
        return str(refusal)


def plain(text: str) -> bool:
    """Whether nothing in a name gives reason to refuse it."""
    parts = text.split("/")
    controls = any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
    return bool(text.strip()) and not controls and "\\" not in text and not {"", ".", ".."} & set(parts)


@MANY
@given(ROWS)
def test_a_csv_list_is_read_as_it_was_written_or_refused(tmp_path_factory, rows):
    file = io.StringIO()
    csv.writer(file).writerows([("video", "label", "split"), *rows])
    found = listed("csv", {"list": file.getvalue().encode("utf-8", "surrogatepass")}, tmp_path_factory.getbasetemp())
    wanted = [(video.strip(), label.strip(), (split,)) for video, label, split in rows]
    if isinstance(found, list):
        assert [(clip.video, clip.label, clip.splits) for clip in found] == wanted
    else:
        assert not all(plain(video.strip()) and plain(label) for video, label, _ in rows) or len(
            {video for video, *_ in wanted}
        ) < len(rows)


@MANY
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5))
def test_json_lists_are_read_as_they_were_written_or_refused(tmp_path_factory, rows):
    labels = dict.fromkeys(label for _, label in rows)
    texts = {
        "labels": json.dumps({label: str(k) for k, label in enumerate(labels)}),
        "train": json.dumps([{"id": clip, "template": label} for clip, label in rows]),
        "validation": json.dumps([{"id": "last", "template": rows[0][1]}]),
    }
    found = listed("something_v2", {k: v.encode() for k, v in texts.items()}, tmp_path_factory.getbasetemp())
    if isinstance(found, list):
        assert [clip.clip for clip in found] == [*(clip for clip, _ in rows), "last"]
        assert {clip.label for clip in found} <= {label.strip() for label in labels}


PARTS = {
    "csv": ["list"],
    "something_v1": ["train", "validation", "labels", "groups"],
    "something_v2": ["train", "validation", "labels"],
    "kinetics400": ["train", "validation"],
    "ucf101": ["classes", "train", "test"],
}
ANY = st.binary(max_size=60) | st.text(alphabet='[]{}":,;\\du0123 abc.\n\r/_', max_size=80).map(str.encode)


@pytest.mark.parametrize("form", PARTS)
@settings(MANY, max_examples=40)
@given(st.data())
def test_any_bytes_are_clips_or_refused(tmp_path_factory, form, data):
    listed(form, {part: data.draw(ANY) for part in PARTS[form]}, tmp_path_factory.getbasetemp())


@MANY
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2)))
@example([["'", '"'], [",", "=1+1"], ["-5", "\u2028"]])
def test_stages_read_each_others_cells_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    write_csv(path, ("first", "second"), rows)
    assert [list(row.values()) for row in read_csv(path)] == rows
