import csv
import hashlib
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from stm.data.synthetic import labels, render, reversed_pairs
from stm.data.synthetic.generators import GENERATORS

SMALL = {"seed": 3, "frames": 8, "size": 32}
TEMPORAL = SMALL | {"generator": "temporal", "clips": {"train": 8, "validation": 4}, "pairs": 2}
HANDLING = TEMPORAL | {"generator": "handling"}
SCENE = SMALL | {"generator": "scene", "clips": {"train": 10, "validation": 10}}
GESTURES = SMALL | {"generator": "gestures", "clips": {"train": 12, "validation": 12}}
OUTDOORS = SMALL | {"generator": "outdoors", "clips": {"train": 24}}
INDOORS = SMALL | {"generator": "indoors", "clips": {"train": 18}}
ALL = [TEMPORAL, HANDLING, SCENE, GESTURES, OUTDOORS, INDOORS]
every_generator = pytest.mark.parametrize("settings", ALL, ids=[settings["generator"] for settings in ALL])
EVERY_PAIR = {"frames": 24, "pairs": 8, "clips": {"train": 16, "validation": 16}}


@pytest.fixture(scope="module", params=[TEMPORAL, HANDLING], ids=["temporal", "handling"])
def paired(request, tmp_path_factory):
    """Every motion there is, a clip and its twin in each split."""
    return rendered(request.param | EVERY_PAIR, tmp_path_factory.mktemp("paired"))


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


@every_generator
def test_one_seed_gives_the_same_bytes_again_and_another_seed_does_not(settings, tmp_path):
    for name, seed in (("a", 3), ("again", 3), ("other", 4)):
        rendered(settings | {"seed": seed}, tmp_path / name)
    first, again, other = (digests(tmp_path / name) for name in ("a", "again", "other"))
    assert first == again
    assert first.keys() == other.keys()
    videos = [name for name in first if name.endswith(".mp4")]
    assert all(first[name] != other[name] for name in videos)


@every_generator
def test_more_clips_leave_the_first_ones_as_they_were(settings, tmp_path):
    rendered(settings, tmp_path / "few")
    rendered(settings | {"clips": settings["clips"] | {"train": 2 * settings["clips"]["train"]}}, tmp_path / "more")
    few, more = digests(tmp_path / "few" / "videos"), digests(tmp_path / "more" / "videos")
    assert few.items() <= more.items()


@pytest.mark.parametrize("decode", [frames_by_pyav, frames_by_decord])
def test_a_clip_and_its_twin_decode_to_the_same_frames_in_opposite_order(paired, decode):
    for clip, twin in twins(paired):
        frames = decode(clip["path"])
        assert frames.shape == (24, 32, 32, 3)
        assert np.array_equal(frames, decode(twin["path"])[::-1]), clip["label"]


def test_a_clip_and_its_twin_are_in_one_split_and_have_the_two_classes_of_one_pair(paired):
    pairs = [pair for settings in (TEMPORAL, HANDLING) for pair in reversed_pairs(settings | EVERY_PAIR)]
    for rows in twins(paired):
        assert len({row["split"] for row in rows}) == 1
        assert tuple(row["label"] for row in rows) in pairs


def test_every_motion_changes_the_picture_so_that_its_order_can_be_seen(paired):
    for row in paired:
        frames = frames_by_pyav(row["path"]).astype(int)
        assert np.abs(frames[0] - frames[-1]).mean() > 2, row["label"]


@every_generator
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


@pytest.mark.parametrize("settings", [SCENE, GESTURES, OUTDOORS, INDOORS])
def test_only_temporal_and_handling_have_classes_that_are_each_other_reversed(settings):
    assert reversed_pairs(settings) == []


@pytest.mark.parametrize("settings", [TEMPORAL, HANDLING])
def test_all_pairs_of_motions_are_used_unless_fewer_are_asked_for(settings):
    every = settings | EVERY_PAIR | {"pairs": None}
    assert len(reversed_pairs(every)) == 8
    assert len(set(labels(every))) == 16
    assert len(labels(settings)) == 4


def test_no_two_generators_have_a_class_in_common():
    classes = [label for generator in GENERATORS.values() for label in generator.classes]
    assert len(set(classes)) == len(classes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "temporel"}, "(?s)generator.*'temporal', 'scene'.*temporel"),
        ({"seed": -1}, "(?s)seed.*greater than or equal to 0.*-1"),
        ({"seed": True}, "(?s)seed.*valid integer"),
        ({"frames": 16}, "(?s)frames.* an odd multiple of 8.*16"),
        ({"frames": 20}, "(?s)frames.* an odd multiple of 8.*20"),
        ({"size": 33}, "(?s)size.* an even number.*33"),
        ({"size": 8}, "(?s)size.*greater than or equal to 32"),
        ({"pairs": 1}, "(?s)pairs.*greater than or equal to 2"),
        ({"pairs": 9}, "pairs = 9 .* 2 to 8"),
        ({"clips": {"train": 8}}, "clips = .* train, validation"),
        ({"clips": {"train": 6, "validation": 4}}, "clips.train = 6 .* a multiple of 4"),
        ({"clips": {"train": 8, "validation": 0}}, "(?s)clips.validation.*greater than or equal to 1"),
        ({"frame": 24}, "Did you mean 'frames'"),
        ({"generator": "scene"}, "pairs = 2 .* generator: temporal, handling only"),
        (OUTDOORS | {"pairs": None, "clips": {"train": 24, "validation": 24}}, "clips = .* train, and nothing else"),
        (OUTDOORS | {"pairs": None, "clips": {"train": 16}}, "clips.train = 16 .* a multiple of 24"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_key_before_anything_is_written(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        render(TEMPORAL | change, tmp_path / "videos", tmp_path / "list.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_setting_is_named():
    with pytest.raises(ValueError, match="(?s)seed.*required"):
        labels({"generator": "scene", "clips": {"train": 10, "validation": 10}})
