import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest

from stm.data.synthetic import labels, render, reversed_pairs
from stm.data.synthetic.scene import SCENES, scene_clip
from stm.data.synthetic.temporal import PAIRS
from stm.data.synthetic.textures import DIGITS, PARTS, PLACES

TEMPORAL = {"generator": "temporal", "seed": 3, "clips": {"train": 8, "validation": 4}, "pairs": 2, "size": 32}
SCENE = {"generator": "scene", "seed": 3, "clips": {"train": 10, "validation": 10}, "size": 32}


@pytest.fixture(scope="module")
def temporal(tmp_path_factory):
    """Every motion there is, a clip and its twin in each split."""
    folder = tmp_path_factory.mktemp("temporal")
    return rendered(TEMPORAL | {"pairs": len(PAIRS), "clips": {"train": 16, "validation": 16}}, folder)


def rendered(settings, folder):
    """The rows of the list, with the absolute path of each video."""
    render(settings, folder / "videos", folder / "list.csv")
    with (folder / "list.csv").open(encoding="utf-8", newline="") as file:
        return [row | {"path": folder / row["video"]} for row in csv.DictReader(file)]


def digests(folder: Path):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def frames_by_pyav(path):
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def frames_by_decord(path):
    decord = pytest.importorskip("decord")
    reader = decord.VideoReader(str(path), num_threads=1)
    return reader.get_batch(range(len(reader))).asnumpy()


def twins(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    return list(groups.values())


@pytest.mark.parametrize("settings", [TEMPORAL, SCENE], ids=["temporal", "scene"])
def test_one_seed_gives_the_same_bytes_again_and_another_seed_does_not(settings, tmp_path):
    for name, seed in (("a", 3), ("again", 3), ("other", 4)):
        rendered(settings | {"seed": seed}, tmp_path / name)
    first, again, other = (digests(tmp_path / name) for name in ("a", "again", "other"))
    assert first == again
    assert first.keys() == other.keys()
    videos = [name for name in first if name.endswith(".mp4")]
    assert all(first[name] != other[name] for name in videos)


def test_more_clips_leave_the_first_ones_as_they_were(tmp_path):
    rendered(TEMPORAL, tmp_path / "few")
    rendered(TEMPORAL | {"clips": {"train": 12, "validation": 4}}, tmp_path / "more")
    few, more = digests(tmp_path / "few" / "videos"), digests(tmp_path / "more" / "videos")
    assert few.items() <= more.items()


@pytest.mark.parametrize("decode", [frames_by_pyav, frames_by_decord])
def test_a_clip_and_its_twin_decode_to_the_same_frames_in_opposite_order(temporal, decode):
    for clip, twin in twins(temporal):
        frames = decode(clip["path"])
        assert frames.shape == (24, 32, 32, 3)
        assert np.array_equal(frames, decode(twin["path"])[::-1]), clip["label"]


def test_a_clip_and_its_twin_are_in_one_split_and_have_the_two_classes_of_one_pair(temporal):
    pairs = reversed_pairs(TEMPORAL | {"pairs": len(PAIRS), "clips": {"train": 16, "validation": 16}})
    for rows in twins(temporal):
        assert len({row["split"] for row in rows}) == 1
        assert tuple(row["label"] for row in rows) in pairs


def test_every_motion_changes_the_picture_so_that_its_order_can_be_seen(temporal):
    for row in temporal:
        frames = frames_by_pyav(row["path"]).astype(int)
        assert np.abs(frames[0] - frames[-1]).mean() > 2, row["label"]


@pytest.mark.parametrize("settings", [TEMPORAL, SCENE], ids=["temporal", "scene"])
def test_every_split_holds_as_many_clips_as_asked_in_equal_shares(settings, tmp_path):
    rows = rendered(settings, tmp_path)
    for split, count in settings["clips"].items():
        share = Counter(row["label"] for row in rows if row["split"] == split)
        assert share == dict.fromkeys(labels(settings), count // len(labels(settings)))


def test_the_list_has_the_promised_columns_and_paths_relative_to_its_folder(tmp_path):
    render(SCENE, tmp_path / "raw" / "videos", tmp_path / "lists" / "scene.csv")
    lines = (tmp_path / "lists" / "scene.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "video,label,split,group"
    assert lines[1].split(",")[0].startswith("../raw/videos/train/")
    assert all((tmp_path / "lists" / line.split(",")[0]).is_file() for line in lines[1:])
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["scene.csv"]


def test_an_interrupted_rendering_leaves_no_list(tmp_path, monkeypatch):
    rendered(SCENE, tmp_path)

    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr("stm.data.synthetic.write_mp4", full_disk)
    with pytest.raises(OSError, match="no space left"):
        render(SCENE, tmp_path / "videos", tmp_path / "list.csv")
    assert not (tmp_path / "list.csv").exists()


def test_train_and_validation_share_no_digit():
    assert not set(DIGITS["train"]) & set(DIGITS["validation"])


def test_train_and_validation_share_no_pixel_of_a_photograph():
    train, validation = (used_pixels(split) for split in ("train", "validation"))
    assert not (train & validation).any()
    assert train.any() and validation.any()


def used_pixels(split):
    used = np.zeros((2, 427, 640), bool)
    for photo, left, top, right, bottom in (*PARTS[split], *PLACES[split].values()):
        used[photo, top:bottom, left:right] = True
    return used


def test_the_motion_of_a_scene_does_not_depend_on_its_class(monkeypatch):
    drawn = []

    def paths_only(tracks, frames, side):
        drawn.append([np.stack([track.x, track.y, track.size]) for track in tracks])
        return np.zeros((frames, side, side, 3), np.uint8)

    monkeypatch.setattr("stm.data.synthetic.scene.draw", paths_only)
    for _, thing, place in SCENES:
        scene_clip(thing, place, "train", 24, 32, np.random.default_rng(5))
    for paths in drawn[1:]:
        assert np.array_equal(paths, drawn[0])


def test_scenes_have_no_reversed_pairs_and_eight_classes_or_more():
    assert reversed_pairs(SCENE) == []
    assert len(set(labels(SCENE))) >= 8


def test_at_least_six_pairs_of_motions_are_used_unless_fewer_are_asked_for():
    settings = TEMPORAL | {"pairs": None, "clips": {"train": 2 * len(PAIRS), "validation": 2 * len(PAIRS)}}
    assert len(reversed_pairs(settings)) == len(PAIRS) >= 6
    assert len(set(labels(settings))) == 2 * len(PAIRS)
    assert len(labels(TEMPORAL)) == 4


def test_settings_may_be_a_dataclass():
    @dataclass
    class Given:
        generator: str = "temporal"
        seed: int = 0
        clips: dict = field(default_factory=lambda: {"train": 4, "validation": 4})
        pairs: int = 2

    assert len(labels(Given())) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "temporel"}, "generator = 'temporel' is not known. Did you mean 'temporal'"),
        ({"seed": -1}, "seed = -1 .* 0 or more"),
        ({"seed": True}, "seed = True .* a whole number"),
        ({"frames": 16}, "frames = 16 .* an odd multiple of 8"),
        ({"frames": 20}, "frames = 20 .* an odd multiple of 8"),
        ({"size": 33}, "size = 33 .* an even number"),
        ({"size": 8}, "size = 8 .* 32 or more"),
        ({"pairs": 1}, "pairs = 1 .* 2 to 8"),
        ({"pairs": 9}, "pairs = 9 .* 2 to 8"),
        ({"clips": {"train": 8}}, "clips = .* train, validation"),
        ({"clips": {"train": 6, "validation": 4}}, "clips.train = 6 .* a multiple of 4"),
        ({"clips": {"train": 8, "validation": 0}}, "clips.validation = 0 .* 4 or more"),
        ({"frame": 24}, "frame = 24 is not a setting. Did you mean 'frames'"),
        ({"generator": "scene"}, "pairs = 2 .* generator: temporal only"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_key_before_anything_is_written(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        render(TEMPORAL | change, tmp_path / "videos", tmp_path / "list.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_setting_is_named():
    with pytest.raises(ValueError, match="seed is missing"):
        labels({"generator": "scene", "clips": {"train": 10, "validation": 10}})
