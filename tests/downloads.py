"""The downloads of the papers' six datasets as docs/datasets.md says to unpack them: whole lists, a few genuine clips.

Of Something-Something v1 and of the training list of v2 there are only other people's lists of ids and numbers of
classes; they are written in the makers' form. There is no training list of Kinetics-400: the ids of its test list stand
in for one, with classes dealt in turn, so that nothing of it but its form and its share of missing clips is genuine.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from stm.data.decoding import Video
from stm.data.extraction import encode_jpeg

SOMETHING_CLIPS = [f"ssv2_class{name}.webm" for name in ("41_1", "41_2", "5_0", "5_1")]
KINETICS_CLIPS = [
    "kinetics_9r8wpMS2iEk_000048_000058.mp4",
    "kinetics_flipping_a_pancake.mkv",
    "mmaction2_part_0.mp4",
]
HMDB_CLIPS = ["hmdb51_sample.avi", "mmaction2_test_ucf.avi"]
# Of UCF-101's groups the splits test 1 to 7, 8 to 14 and 15 to 21.
UCF_GROUPS = ("g01", "g08", "g15")


def lay_out_lists(official: Path, data: Path) -> None:
    """Write the annotation files of all six.

    Args:
        official: the datasets' own lists, a folder a dataset.
        data: `data/` of a working folder.
    """
    _something_v1(official / "sthv1", data / "something_v1")
    _something_v2(official / "sthv2", data / "something_v2")
    _kinetics400(official / "kinetics400", data / "kinetics400")
    for source, names, folder in (
        ("jester-v1", "jester-v1-*.csv", "jester"),
        ("ucf101", "*.txt", "ucf101/ucfTrainTestlist"),
        ("hmdb51", "*_test_split?.txt", "hmdb51/testTrainMulti_7030_splits"),
    ):
        (data / folder).mkdir(parents=True)
        for path in sorted((official / source).glob(names)):
            shutil.copy(path, data / folder)


def _something_v1(official: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    labels = (official / "UniFormer_category.txt").read_text().splitlines()
    (folder / "something-something-v1-labels.csv").write_text("\n".join(labels))
    for split in ("train", "validation"):
        lines = (official / f"UniFormer_somesomev1_rgb_{split}_split.txt").read_text().splitlines()
        text = "".join(f"{clip};{labels[int(number)]}\n" for clip, _, number in map(str.split, lines))
        (folder / f"something-something-v1-{split}.csv").write_text(text)


def _something_v2(official: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for part in ("labels", "validation", "test"):
        shutil.copy(official / f"something-something-v2-{part}.json", folder)
    labels = json.loads((folder / "something-something-v2-labels.json").read_text())
    label_of = {number: label for label, number in labels.items()}
    lines = (official / "stmodeling_train_videofolder.txt").read_text().splitlines()
    train = [{"id": clip, "template": label_of[number]} for clip, _, number in map(str.split, lines)]
    text = "[" + ",\n".join(map(json.dumps, train)) + "]"
    (folder / "something-something-v2-train.json").write_text(text)


def _kinetics400(official: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(official / "kinetics-400_val.csv", folder)
    with open(folder / "kinetics-400_val.csv", newline="") as file:
        labels = sorted({row["label"] for row in csv.DictReader(file)})
    with (
        open(official / "kinetics-400_test.csv", newline="") as file,
        open(folder / "kinetics-400_train.csv", "w", newline="") as written,
    ):
        writer = csv.DictWriter(written, ["label", "youtube_id", "time_start", "time_end", "split"])
        writer.writeheader()
        for row, label in zip(csv.DictReader(file), cycle(labels), strict=False):
            writer.writerow({**row, "label": label, "split": "train"})


def lay_out_clips(real_data: Path, data: Path) -> dict[str, int]:
    """Put a few genuine clips where the first names of each list are looked for; return how many, by dataset."""
    clips = real_data / "decode_clips"
    something = [clips / name for name in SOMETHING_CLIPS]
    put = dict.fromkeys(("something_v1", "something_v2", "jester", "kinetics400", "ucf101", "hmdb51"), 0)
    for dataset, frames in (("something_v1", "20bn-something-something-v1"), ("jester", "20bn-jester-v1")):
        jpegs = [_jpegs(path) for path in something[1:3]]
        for split in ("train", "validation"):
            lines = (data / dataset / f"{_prefix(dataset)}-{split}.csv").read_text().splitlines()
            for line, files in zip(_spread(lines, 8), cycle(jpegs), strict=False):
                put[dataset] += 1
                folder = data / dataset / frames / line.partition(";")[0]
                folder.mkdir(parents=True)
                for number, file in enumerate(files, 1):
                    (folder / f"{number:05d}.jpg").write_bytes(file)
    for split in ("train", "validation"):
        items = json.loads((data / f"something_v2/something-something-v2-{split}.json").read_text())
        for item, source in zip(_spread(items, 4), something, strict=True):
            put["something_v2"] += _copy(source, data / f"something_v2/20bn-something-something-v2/{item['id']}.webm")
    for split in ("train", "val"):
        with open(data / f"kinetics400/kinetics-400_{split}.csv", newline="") as file:
            rows = _spread(list(csv.DictReader(file)), 4)
        # In the folder of the class, below that of the split, and in neither.
        folders = cycle(("{label}", f"{split}/{{label}}", split, "."))
        for row, source, folder in zip(rows, cycle([clips / name for name in KINETICS_CLIPS]), folders, strict=False):
            start, end = int(row["time_start"]), int(row["time_end"])
            name = f"{row['youtube_id']}_{start:06d}_{end:06d}{source.suffix}"
            put["kinetics400"] += _copy(source, data / "kinetics400/videos" / folder.format(**row) / name)
    for path in sorted((real_data / "ucf101_5class/videos").rglob("*.avi")):
        if any(f"_{group}_" in path.name for group in UCF_GROUPS):
            put["ucf101"] += _copy(path, data / "ucf101/UCF-101" / path.parent.name / path.name)
    for path in sorted((data / "hmdb51/testTrainMulti_7030_splits").glob("*_test_split1.txt"))[:2]:
        label = path.name.removesuffix("_test_split1.txt")
        for line, source in zip(path.read_text().splitlines()[:12], cycle(HMDB_CLIPS), strict=False):
            target = data / "hmdb51/videos" / label / line.split()[0]
            put["hmdb51"] += _copy(clips / source, target)
    return put


def _prefix(dataset: str) -> str:
    return {"something_v1": "something-something-v1", "jester": "jester-v1"}[dataset]


def _spread(items: list, count: int) -> list:
    """So many of a list, from all over it."""
    return items[:: len(items) // count][:count]


def _jpegs(video: Path) -> list[bytes]:
    """The frames of a video as the makers of Something-Something v1 hand them out: 100 pixels high."""
    return [encode_jpeg(pixels, 90) for pixels in _every_second(Video(video, short_side=100))]


def _every_second(frames: Video) -> Iterator:
    yield from (pixels for number, pixels in enumerate(frames) if number % 2 == 0)


def _copy(source: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    return 1
