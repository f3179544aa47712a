import errno
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from stm.data.extraction import extract
from stm.data.jpeg_folder import JpegFolder, decode
from stm.data.transforms import decode as decode_as_training_does

THREE = ["00001.jpg", "00002.jpg", "00003.jpg"]


def given(folder, **settings):
    """What a folder gives: the frames' numbers as their brightness tells, their bytes, and the folder itself."""
    clip = JpegFolder(folder, **settings)
    frames = list(clip)
    return [round((pixels.mean() - 10) / 20) for pixels, _ in frames], [data for _, data in frames], clip


@pytest.mark.parametrize(
    "names",
    [
        THREE,
        ["0.jpg", "1.jpg", "2.jpg"],
        ["8.jpg", "9.jpg", "10.jpg"],
        ["img_00001.jpg", "img_00002.JPG", "img_00003.jpeg"],
        ["clip2_1.jpg", "clip2_2.jpg", "clip2_3.jpg"],
        ["frame-000000.JPEG", "frame-000001.JPEG", "frame-000002.JPEG"],
    ],
)
def test_files_come_in_the_order_of_their_numbers_byte_for_byte(write_jpegs, tmp_path, names):
    written = write_jpegs(tmp_path / "clip", names)
    order, files, clip = given(tmp_path / "clip")
    assert order == [0, 1, 2] and files == list(written.values())
    assert not clip.notes and len(clip.faults) == (names[0] == "8.jpg")


def test_other_files_are_no_frames(write_jpegs, tmp_path):
    write_jpegs(tmp_path / "clip", ["1.jpg"])
    for name in ["._1.jpg", "cover.jpg", "2.png", "Thumbs.db"]:
        (tmp_path / "clip" / name).write_text("no frame")
    (tmp_path / "clip" / "2.jpg").mkdir()
    order, _, clip = given(tmp_path / "clip")
    assert order == [0] and clip.faults == []


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["1.jpg", "2.jpg", "4.jpg"], "frame 3 is missing"),
        (["0.jpg", "2.jpg", "9.jpg"], "frame 1 is missing, and 6 more"),
        (["00002.jpg", "00003.jpg"], "frame 1 is missing"),
        (["5.jpg", "20991231235959.jpg"], "frame 1 is missing, and 20991231235956 more"),
    ],
)
def test_a_gap_in_the_numbers_is_a_fault_and_the_other_frames_are_kept(write_jpegs, tmp_path, names, fault):
    write_jpegs(tmp_path / "clip", names)
    order, _, clip = given(tmp_path / "clip")
    assert order == list(range(len(names))) and clip.faults == [fault]


@pytest.mark.parametrize("content", [b"", b"words", b"\0" * 999, "half", "huge"])
def test_a_file_that_is_no_whole_jpeg_is_left_out_and_named(write_jpegs, tmp_path, content):
    written = write_jpegs(tmp_path / "clip", THREE)["00002.jpg"]
    if content == "half":
        content = written[: len(written) * 3 // 4]
    if content == "huge":
        at = written.index(b"\xff\xc0") + 5
        content = written[:at] + b"\xff\x00\xff\x00" + written[at + 4 :]
    (tmp_path / "clip" / "00002.jpg").write_bytes(content)
    order, _, clip = given(tmp_path / "clip")
    assert order == [0, 2] and len(clip.faults) == 1
    assert clip.faults[0].startswith("00002.jpg is no readable JPEG file (")


def test_a_file_of_endless_scans_or_bytes_is_left_out(write_jpegs, tmp_path):
    """A scan of a few bytes redraws the whole picture, and a file that is mostly a hole takes no room on the disk."""
    folder = tmp_path / "clip"
    write_jpegs(folder, ["1.jpg"])
    Image.new("RGB", (64, 48)).save(folder / "2.jpg", progressive=True)
    data = (folder / "2.jpg").read_bytes()
    last = data.rindex(b"\xff\xda")
    (folder / "3.jpg").write_bytes(data[:last] + data[last:-2] * 200 + data[-2:])
    with open(folder / "4.jpg", "wb") as file:
        file.truncate(1 << 40)
    frames = list(clip := JpegFolder(folder))
    assert len(frames) == 2
    assert clip.faults == ["3.jpg is no readable JPEG file (more than 100 scans), and 1 more"]


def test_several_broken_files_are_counted(write_jpegs, tmp_path):
    write_jpegs(tmp_path / "clip", [*THREE, "00005.jpg"])
    for name in THREE:
        (tmp_path / "clip" / name).write_bytes(b"words")
    order, _, clip = given(tmp_path / "clip")
    assert order == [3] and clip.faults[0] == "frame 4 is missing"
    assert clip.faults[1].startswith("00001.jpg is no") and clip.faults[1].endswith(", and 2 more")


def test_two_files_of_one_number_are_no_clip(write_jpegs, tmp_path):
    write_jpegs(tmp_path / "clip", ["flow_x_00001.jpg", "img_00001.jpg"])
    order, _, clip = given(tmp_path / "clip")
    assert order == [] and clip.faults == ["flow_x_00001.jpg and img_00001.jpg have the same number"]


@pytest.mark.parametrize(
    ("settings", "size", "as_they_are"),
    [
        ({"short_side": 30}, (40, 30), True),
        ({"short_side": 50}, (40, 30), True),
        ({"short_side": 15}, (20, 15), False),
        ({"size": [30, 40]}, (40, 30), True),
        ({"size": [60, 20]}, (20, 60), False),
    ],
)
def test_frames_are_encoded_again_only_where_another_size_is_asked_for(
    write_jpegs, tmp_path, settings, size, as_they_are
):
    write_jpegs(tmp_path / "clip", THREE)
    frames = list(JpegFolder(tmp_path / "clip", **settings))
    assert {(pixels.shape[1], pixels.shape[0]) for pixels, _ in frames} == {size}
    assert {data is not None for _, data in frames} == {as_they_are}


def test_all_frames_get_the_size_of_the_first_and_it_is_said(write_jpegs, tmp_path):
    written = write_jpegs(tmp_path / "clip", ["1.jpg", "2.jpg", "3.jpg"])
    write_jpegs(tmp_path / "clip", ["2.jpg", "3.jpg"], size=(60, 50))
    frames = list(clip := JpegFolder(tmp_path / "clip"))
    assert {pixels.shape for pixels, _ in frames} == {(30, 40, 3)}
    assert [data for _, data in frames] == [written["1.jpg"], None, None]
    assert clip.faults == []
    assert clip.notes == ["2.jpg was 60x50 and is scaled to the size of the first frame, and 1 more"]
    _, _, asked = given(tmp_path / "clip", size=[30, 40])
    assert asked.notes == []


def test_scaling_averages_fine_detail(tmp_path):
    stripes = np.zeros((48, 64), np.uint8)
    stripes[:, ::2] = 255
    (tmp_path / "clip").mkdir()
    Image.fromarray(stripes).save(tmp_path / "clip" / "1.jpg", quality=100)
    ((small, _),) = JpegFolder(tmp_path / "clip", short_side=12)
    assert small.shape == (12, 16, 3) and np.abs(small[:, 2:-2].astype(int) - 127).max() < 4


def test_a_shard_tells_whole_damaged_and_empty_folders_apart(dataset, write_jpegs, tmp_path, monkeypatch):
    def scandir(path, scandir=os.scandir):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("stm.data.jpeg_folder.os.scandir", scandir)
    videos = tmp_path / "videos"
    whole = write_jpegs(videos / "whole", THREE)
    write_jpegs(videos / "sizes", THREE)
    write_jpegs(videos / "sizes", ["00003.jpg"], size=(10, 10), mode="RGB")
    write_jpegs(videos / "gap", ["00001.jpg", "00003.jpg"])
    for name in ("empty", "other", "locked"):
        (videos / name).mkdir()
    (videos / "other" / "note.txt").touch()
    write_jpegs(videos / "broken", ["00001.jpg"])
    (videos / "broken" / "00001.jpg").write_bytes(b"words")
    names = ["whole", "sizes", "gap", "empty", "other", "broken", "locked", "gone"]
    out = tmp_path / "out"
    extract(dataset([(name, "x", "train") for name in names]), "0000", out / "0000.tar", out / "0000.arrow")
    found = {row["clip"]: row for row in pa.ipc.open_file(out / "0000.arrow").read_all().to_pylist()}
    assert {name: (found[name]["status"], found[name]["frames"], found[name]["decoder"]) for name in names} == {
        "whole": ("ok", 3, "jpeg"),
        "sizes": ("ok", 3, "jpeg"),
        "gap": ("damaged", 2, "jpeg"),
        "empty": ("unreadable", 0, ""),
        "other": ("unreadable", 0, ""),
        "broken": ("unreadable", 0, ""),
        "locked": ("unreadable", 0, ""),
        "gone": ("missing", 0, ""),
    }
    assert found["sizes"]["reason"].startswith("00003.jpg was 10x10") and found["whole"]["reason"] == ""
    assert found["empty"]["reason"] == "the folder holds no numbered JPEG file"
    assert found["locked"]["reason"] == "the folder cannot be read (Permission denied)"
    assert found["other"]["reason"] == "the folder holds no numbered JPEG file; it has 1 files of other names"
    with tarfile.open(out / "0000.tar") as tar:
        assert [tar.extractfile(f"whole/{name}").read() for name in THREE] == list(whole.values())


def test_the_reader_takes_gray_files_as_they_are(write_jpegs, tmp_path):
    data = write_jpegs(tmp_path, ["1.jpg"])["1.jpg"]
    assert Image.open(io.BytesIO(data)).mode == "L"
    assert np.array_equal(decode_as_training_does([data])[0].permute(1, 2, 0).numpy(), decode(data))


def test_real_mouths_are_packed_as_they_are_or_in_one_size(real_data, tmp_path):
    with tarfile.open(real_data / "miracl_words.tar") as archive:
        few = [member for member in archive if member.name.split("/")[2:3] in (["1"], ["2"], ["3"])]
        archive.extractall(tmp_path, few, filter="data")
    for folder in sorted((tmp_path / "miracl_words" / "frames").iterdir()):
        files = sorted(path.read_bytes() for path in folder.iterdir())
        clip = JpegFolder(folder)
        stored = list(clip)
        assert len(stored) == len(files) and stored[0][1] in files and clip.faults == []
        assert {pixels.shape for pixels, _ in JpegFolder(folder, size=[56, 112])} == {(56, 112, 3)}
