"""Damaged videos, drawn at random, through one extraction as a rule starts it: it ends, and accounts for every clip."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import simplejpeg

from stm.data.decoding import Video
from stm.files import canonical_json

EXTENSIONS = [".mp4", ".avi", ".webm", ".mkv", ".gif", ".mpg", ".jpg", ""]


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


DAMAGES = [flip_bits, flip_header_bits, cut_off, erase, rename]


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


def extract_in_a_process(spec, out, seconds):
    """The rows of the index and the tar's content."""
    paths = ["--tar", out / "0000.tar", "--index", out / "0000.arrow"]
    call = [sys.executable, "-m", "stm", "extract", "--spec", canonical_json(spec), "--shard", "0000", *paths]
    subprocess.run(call, check=True, timeout=seconds, stdout=subprocess.DEVNULL)
    return pa.ipc.open_file(out / "0000.arrow").read_all().to_pylist(), (out / "0000.tar").read_bytes()


def check_accounts(rows, content, names):
    assert [row["clip"] for row in rows] == sorted(names)
    for row in rows:
        assert (row["status"], row["frames"] > 0, bool(row["reason"])) in [
            ("ok", True, False),
            ("damaged", True, True),
            ("unreadable", False, True),
        ], row
        for offset, size in zip(row["offsets"], row["sizes"], strict=True):
            frame = simplejpeg.decode_jpeg(content[offset : offset + size])
            assert frame.shape == (row["height"], row["width"], 3)


def test_a_few_damaged_videos_are_accounted_for(dataset, write_video, tmp_path):
    source = write_video(tmp_path / "source.avi", frames=12)
    names = write_damaged_copies([source], tmp_path / "videos", 8)
    rows, content = extract_in_a_process(dataset([(name, "x", "train") for name in names]), tmp_path / "out", 60)
    check_accounts(rows, content, names)
    assert {row["status"] for row in rows} >= {"ok", "unreadable"}


@pytest.mark.faults
def test_a_hundred_damaged_videos_are_accounted_for(dataset, real_data, tmp_path):
    sources = sorted(path for path in (real_data / "decode_clips").iterdir() if path.suffix != ".tsv")
    names = write_damaged_copies(sources, tmp_path / "videos", 100 + len(sources))
    rows, content = extract_in_a_process(dataset([(name, "x", "train") for name in names]), tmp_path / "out", 600)
    check_accounts(rows, content, names)


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
