"""Videos of strangers, damaged at random or made to do harm, through one extraction as a rule starts it: it ends, in
bounded memory, reads nothing but the files themselves, and accounts for every clip.
"""

import itertools
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import simplejpeg

from stm.data import decoding, limits
from stm.data.decoding import Video, VideoError
from stm.data.limits import MOST_MEMORY, memory_in_use, memory_limit
from stm.files import canonical_json

from .hostile import HOSTILE, HOSTILE_AND_SLOW, encode, gif

EXTENSIONS = [".mp4", ".avi", ".webm", ".mkv", ".gif", ".mpg", ".jpg", ""]
# Numbers that a header is likely to be believed in least.
EXTREMES = [0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFF, 0x10000, 0x01000000, 0xEA60EA60]
# Of one file, and of the process of an extraction, which has 200 MB before it opens any.
SECONDS, MEMORY = 60, MOST_MEMORY + (300 << 20)


def flip_bits(data, rng):
    at = rng.integers(len(data), size=rng.integers(1, 200))
    data[at] ^= (1 << rng.integers(8, size=len(at))).astype(np.uint8)
    return data


def flip_header_bits(data, rng):
    return np.concatenate([flip_bits(data[:512], rng), data[512:]])


def cut_off(data, rng):
    return data[: rng.integers(len(data))]


def erase(data, rng):
    start, length = rng.integers(len(data)), rng.integers(1, 20_000)
    data[start : start + length] = 0
    return data


def rename(data, rng):
    return data


def lie(data, rng):
    """Up to five of the words at either end, where containers keep their sizes and counts, say something absurd."""
    for _ in range(rng.integers(1, 6)):
        place = int(rng.integers(min(len(data), 1500) - 4))
        word = int(rng.choice(EXTREMES)).to_bytes(4, rng.choice(["big", "little"]))
        place = place if rng.random() < 0.5 else len(data) - 4 - place
        data[place : place + 4] = np.frombuffer(word, np.uint8)
    return data


def repeat(data, rng):
    """A part of it stands many times."""
    start, length = rng.integers(len(data)), rng.integers(1, 2000)
    part = np.tile(data[start : start + length], rng.integers(2, 200))
    return np.concatenate([data[:start], part, data[start:]])


DAMAGES = [flip_bits, flip_header_bits, cut_off, erase, rename, lie, repeat]


def write_damaged_copies(sources, folder, count):
    """Their names: number, damage, source; a renamed one has another extension."""
    folder.mkdir()
    names = []
    for number in range(count):
        rng = np.random.default_rng([7, number])
        source, damage = sources[number % len(sources)], DAMAGES[number // len(sources) % len(DAMAGES)]
        extension = rng.choice(EXTENSIONS) if damage is rename else source.suffix
        names.append(f"{number:03d}-{damage.__name__}-{source.stem}{extension}")
        damage(np.fromfile(source, np.uint8), rng).tofile(folder / names[-1])
    return names


@pytest.fixture(scope="session")
def drawn_sources(tmp_path_factory) -> list[Path]:
    """Twelve frames in each of the containers and codecs that datasets come in."""
    folder = tmp_path_factory.mktemp("sources")
    kinds = [
        ("mpeg4.avi", "mpeg4"),
        ("h264.mp4", "libx264"),
        ("mpeg4.mov", "mpeg4"),
        ("h264.mkv", "libx264"),
        ("vp9.webm", "libvpx-vp9"),
        ("mpeg2.mpg", "mpeg2video"),
        ("mpeg2.ts", "mpeg2video"),
        ("flv1.flv", "flv"),
    ]
    for name, codec in kinds:
        encode(folder / name, codec)
    gif(folder / "lzw.gif", 12)
    return sorted(folder.iterdir())


def extract_in_a_process(spec, out, seconds):
    """The rows of the index, the tar's content, the most memory in bytes, and at most how long any clip took."""
    paths = ["--tar", out / "0000.tar", "--index", out / "0000.arrow"]
    call = [sys.executable, "-m", "stm", "extract", "--spec", canonical_json(spec), "--shard", "0000", *paths]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, printed[-2000:]
    # After every clip that ends more than a few seconds after the last such line there is one.
    said = [0, *(int(second) for second in re.findall(r"^shard 0000: .*, (\d+) s$", printed, re.MULTILINE))]
    rows = pa.ipc.open_file(out / "0000.arrow").read_all().to_pylist()
    longest = max(later - before for before, later in itertools.pairwise(said))
    return rows, (out / "0000.tar").read_bytes(), usage.ru_maxrss * 1024, longest


def check_accounts(rows, content, names):
    assert [row["clip"] for row in rows] == sorted(names)
    for row in rows:
        assert (row["status"], row["frames"] > 0, bool(row["reason"])) in [
            ("ok", True, False),
            ("damaged", True, True),
            ("unreadable", False, True),
            ("missing", False, True),
        ], row
        for offset, size in zip(row["offsets"], row["sizes"], strict=True):
            frame = simplejpeg.decode_jpeg(content[offset : offset + size])
            assert frame.shape == (row["height"], row["width"], 3)


def extracted_within_bounds(dataset, names, out, seconds):
    rows, content, memory, longest = extract_in_a_process(
        dataset([(name, "x", "train") for name in names]), out, seconds
    )
    check_accounts(rows, content, names)
    assert memory < MEMORY and longest < SECONDS, f"{memory >> 20} MB, a clip in {longest} s"
    return rows


def test_a_few_damaged_videos_are_accounted_for(dataset, drawn_sources, tmp_path):
    names = write_damaged_copies(drawn_sources[:3], tmp_path / "videos", 21)
    rows = extracted_within_bounds(dataset, names, tmp_path / "out", 60)
    assert {row["status"] for row in rows} >= {"ok", "unreadable"}


def hostile_extraction(dataset, files, tmp_path, seconds):
    (tmp_path / "videos").mkdir()
    for name, write, _, _ in files:
        write(tmp_path / "videos" / name)
    rows = extracted_within_bounds(dataset, [name for name, *_ in files], tmp_path / "out", seconds)
    found = {row["clip"]: (row["status"], row["frames"]) for row in rows}
    assert found == {name: (status, frames) for name, _, status, frames in files}


def test_hostile_files_are_read_alone_and_within_bounds(dataset, tmp_path):
    hostile_extraction(dataset, HOSTILE, tmp_path, 60)


@pytest.mark.faults
def test_large_hostile_files_are_read_within_bounds(dataset, tmp_path):
    hostile_extraction(dataset, HOSTILE_AND_SLOW, tmp_path, 600)


@pytest.mark.faults
def test_five_hundred_damaged_videos_are_accounted_for(dataset, drawn_sources, tmp_path):
    names = write_damaged_copies(drawn_sources, tmp_path / "videos", 500)
    extracted_within_bounds(dataset, names, tmp_path / "out", 600)


@pytest.mark.faults
def test_a_hundred_damaged_real_videos_are_accounted_for(dataset, real_data, tmp_path):
    sources = sorted(path for path in (real_data / "decode_clips").iterdir() if path.suffix != ".tsv")
    names = write_damaged_copies(sources, tmp_path / "videos", 100 + len(sources))
    extracted_within_bounds(dataset, names, tmp_path / "out", 600)


def test_a_clip_has_an_end_even_where_its_file_has_none_in_sight(tmp_path, monkeypatch):
    gif(tmp_path / "flood.gif", 60)
    monkeypatch.setattr(decoding, "MOST_FRAMES", 50)
    frames = []
    with pytest.raises(VideoError, match="longer than 50 frames of full HD. Cut it into clips"):
        frames.extend(Video(tmp_path / "flood.gif"))
    assert len(frames) == 50
    # What a camera shows may go on.
    assert len(list(Video(tmp_path / "flood.gif", live=True))) == 60


def test_memory_that_is_not_to_be_had_is_refused_and_to_be_had_again_afterwards():
    # More than the process has: freed memory that the allocator keeps (stm/allocator.py) cannot serve it.
    wanted = memory_in_use() + (100 << 20)
    with memory_limit(memory_in_use() + (20 << 20)), pytest.raises(MemoryError):
        np.empty(wanted, np.uint8)
    assert np.empty(wanted, np.uint8).nbytes == wanted


def test_where_memory_cannot_be_limited_videos_are_read_all_the_same(write_video, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "_STATM", tmp_path / "none")
    assert len(list(Video(write_video(tmp_path / "a.avi", frames=3)))) == 3


def test_frames_that_the_decoder_marks_as_corrupt_make_a_clip_damaged(real_data, tmp_path):
    """FFmpeg conceals what it cannot decode and reports no error: the count is right and the pictures are not."""
    whole = (real_data / "decode_clips" / "mmaction2_test_ucf.avi").read_bytes()
    harmed = bytearray(whole)
    middle = len(harmed) // 2
    harmed[middle : middle + 3000] = bytes(3000)
    (tmp_path / "harmed.avi").write_bytes(harmed)
    for path, corrupt in (
        (real_data / "decode_clips" / "mmaction2_test_ucf.avi", False),
        (tmp_path / "harmed.avi", True),
    ):
        video = Video(path)
        assert len(list(video)) > 100 and bool(video.corrupt) == corrupt
