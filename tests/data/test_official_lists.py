"""The makers' own lists of the papers' datasets have the counts that were published, and read in seconds.

Of Something-Something v1 and of the training list of v2 there are only other people's lists of ids and numbers of
classes. They are written in the makers' form first, and so speak of the counts alone. The test list of v1 and the
training list of Kinetics-400 are not there. The papers say 19,095 validation clips of Kinetics-400; its list has more.
"""

import csv
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from stm.config.datasetplan import datasets_plan
from stm.config.study import BoundStudy
from stm.data.annotations import class_list, read
from stm.data.annotations.subset import subset
from stm.data.check.listed import class_line, mirror_line, split_lines
from stm.data.counts import counts as listed_counts
from stm.data.counts import unexpected
from stm.data.listing import shard_digests
from stm.reporting.datasets import write_datasets

from ..downloads import lay_out_lists
from ..workflow.docs.pages import CODE, blocks, prose, shows

CONFIG = Path(__file__).parents[2] / "config"

SIX = ["something_v1", "something_v2", "jester", "kinetics400", "ucf101", "hmdb51"]
UCF101 = [(9537, 3783), (9586, 3734), (9624, 3696)]


def spec_of(form, folds=(), **annotations):
    return {
        "format": form,
        "annotations": {part: str(path) for part, path in annotations.items()},
        "folds": list(folds),
        "leave_groups_out": None,
    }


def counts(clips, fold=0):
    return dict(Counter(clip.splits[fold] for clip in clips))


def assert_whole_groups(clips, folds):
    """No group is trained on and tested."""
    for fold in range(folds):
        of = {split: {clip.group for clip in clips if clip.splits[fold] == split} for split in ("train", "validation")}
        assert not of["train"] & of["validation"]


def test_ucf101(official_lists):
    folder = official_lists / "ucf101"
    lists = {"train": folder / "trainlist0{fold}.txt", "test": folder / "testlist0{fold}.txt"}
    spec = spec_of("ucf101", "123", classes=folder / "classInd.txt", **lists)
    clips = read(spec)
    assert [counts(clips, k) for k in range(3)] == [{"train": train, "validation": val} for train, val in UCF101]
    assert len(clips) == 13_320
    assert_whole_groups(clips, 3)
    # By the numbers of the file: JumpRope stands before JumpingJack, which by code point comes first.
    numbered = [line.split()[1] for line in (folder / "classInd.txt").read_text().splitlines()]
    assert class_list(spec, clips) == numbered != sorted(numbered) and len(numbered) == 101


def test_hmdb51(official_lists):
    spec = spec_of("hmdb51", "123", splits=official_lists / "hmdb51/*_test_split{fold}.txt")
    clips = read(spec)
    # 6,766 clips are listed; 395 of them no fold uses.
    assert len(clips) == 6371
    assert [counts(clips, k) for k in range(3)] == [{"train": 3570, "validation": 1530, "": 1271}] * 3
    assert_whole_groups(clips, 3)
    named = (official_lists / "hmdb51/class_list.txt").read_text().split()
    assert class_list(spec, clips) == sorted(named) and len(named) == 51
    per_class = Counter((clip.label, split) for clip in clips for split in clip.splits if split)
    assert set(per_class.values()) == {3 * 70, 3 * 30}


def test_jester(official_lists):
    folder = official_lists / "jester-v1"
    parts = {part: folder / f"jester-v1-{part}.csv" for part in ("train", "validation", "test", "labels")}
    spec = spec_of("jester", **parts)
    clips = read(spec)
    assert counts(clips) == {"train": 118_562, "validation": 14_787, "test": 14_743}
    labels = class_list(spec, clips)
    assert len(labels) == 27 and labels == (folder / "jester-v1-labels.csv").read_text().splitlines() != sorted(labels)
    assert {clip.label for clip in clips if clip.splits == ("test",)} == {""}


@pytest.fixture(scope="module")
def data(official_lists, tmp_path_factory):
    """`data/` with the lists as their makers hand them out."""
    folder = tmp_path_factory.mktemp("downloads") / "data"
    lay_out_lists(official_lists, folder)
    return folder


@pytest.fixture(scope="module")
def something_v2(data):
    parts = ("train", "labels", "validation", "test")
    return spec_of(
        "something_v2", **{part: data / f"something_v2/something-something-v2-{part}.json" for part in parts}
    )


@pytest.fixture(scope="module")
def something_v2_clips(something_v2):
    started = time.process_time()
    clips = read(something_v2)
    assert time.process_time() - started < 30
    return clips


def test_something_v2(something_v2, something_v2_clips):
    clips = something_v2_clips
    assert counts(clips) == {"train": 168_913, "validation": 24_777, "test": 27_157}
    labels = class_list(something_v2, clips)
    assert len(labels) == 174 and labels[:2] == [
        "Approaching something with your camera",
        "Attaching something to something",
    ]
    assert {clip.label for clip in clips if clip.splits == ("validation",)} == set(labels)


def test_every_shard_of_something_v2_is_known_in_seconds(something_v2, tmp_path):
    """Snakemake asks for all of them whenever it parses."""
    started = time.process_time()
    digests = shard_digests(something_v2 | {"shards": 500}, tmp_path / "lists.jsonl")
    assert time.process_time() - started < 60 and len(set(digests)) == 500


def test_the_validation_list_of_something_v2_agrees_with_other_peoples(
    something_v2, something_v2_clips, official_lists
):
    clips = {clip.clip: clip.label for clip in something_v2_clips if clip.splits == ("validation",)}
    labels = class_list(something_v2, [])
    lines = (official_lists / "sthv2/stmodeling_val_videofolder.txt").read_text().splitlines()
    assert clips == {clip: labels[int(number)] for clip, _, number in map(str.split, lines)}


def test_something_v1(data):
    parts = ("train", "validation", "labels")
    spec = spec_of("something_v1", **{part: data / f"something_v1/something-something-v1-{part}.csv" for part in parts})
    clips = read(spec)
    labels = (data / "something_v1/something-something-v1-labels.csv").read_text().splitlines()
    assert counts(clips) == {"train": 86_017, "validation": 11_522} and class_list(spec, clips) == labels
    assert len(labels) == 174


def test_kinetics400(official_lists):
    folder = official_lists / "kinetics400"
    spec = spec_of("kinetics400", validation=folder / "kinetics-400_val.csv", test=folder / "kinetics-400_test.csv")
    clips = read(spec)
    assert counts(clips) == {"validation": 19_906, "test": 38_685}
    assert class_list(spec, clips) == (folder / "mmaction2_label_map_k400.txt").read_text().splitlines()
    # One piece of each video.
    assert len({clip.group for clip in clips}) == len(clips)


@pytest.fixture(scope="module")
def whole(data):
    """All clips of an entry, read once, in the working folder of a test."""
    found = {}

    def clips_of(name):
        if name not in found:
            found[name] = read(
                BoundStudy(CONFIG / "paper.yaml", {"roles": {name: name}}, CONFIG).dataset_of(name).listing_spec
            )
        return found[name]

    return clips_of


def promised(name):
    """What docs/datasets.md says that `stm check` prints of an entry: in its block, or in its row of the table."""
    if name == "something_v2":
        (block,) = [text for kind, text in blocks("docs/datasets.md") if kind == "text" and text.startswith(name)]
        return re.findall(r"^ +(\d+ classes, .*|train: .*|validation: .*|a flip .*)$", block, re.MULTILINE)
    _, _, table = prose("docs/datasets.md").partition("| entry | the lines of classes and clips when all is right |")
    return CODE.findall(re.search(rf"^\| `{name}` \| (.+) \|$", table, re.MULTILINE)[1])


@pytest.mark.parametrize("name", SIX)
def test_check_prints_what_the_page_shows(name, data, whole, monkeypatch):
    monkeypatch.chdir(data.parent)
    dataset = BoundStudy(CONFIG / "paper.yaml", {"roles": {name: name}}, CONFIG).dataset_of(name)
    labels = class_list(dataset.listing_spec, whole(name))
    printed = "\n".join([class_line(labels), *split_lines(whole(name), dataset.folds), mirror_line(labels)])
    lines = promised(name)
    assert len(lines) == {"something_v2": 4, "kinetics400": 2}.get(name, 3)
    assert [line for line in lines if not shows(printed, line)] == [], printed


@pytest.mark.parametrize("role", SIX)
def test_the_reduced_datasets_are_as_expected(role, data, whole, monkeypatch):
    monkeypatch.chdir(data.parent)
    dataset = BoundStudy(CONFIG / "reduced.yaml", config=CONFIG).dataset_of(role)
    clips = read(dataset.listing_spec)
    labels = class_list(dataset.listing_spec, clips)
    assert not unexpected(listed_counts([clip.splits for clip in clips], len(labels)), dataset.entry.expect)
    assert_whole_groups(clips, len(dataset.folds))
    assert dataset.entry.genuine is None
    # Labels and ids alone choose: a list may be in any order.
    assert set(subset(whole(role)[::-1], **dataset.subset["subset"])) == set(clips)
    assert 100 <= len(clips) / dataset.entry.shards <= 300


def test_the_numbers_that_the_papers_give_are_those_of_the_lists_but_for_kinetics400(data, monkeypatch):
    """The training list of Kinetics-400 is a stand-in here, and says nothing."""
    monkeypatch.chdir(data.parent)
    plan = BoundStudy(
        CONFIG / "paper.yaml", {"roles": {r: r for r in ("jester", "kinetics400", "ucf101", "hmdb51")}}, CONFIG
    )
    write_datasets(datasets_plan(plan).spec, data.parent / "datasets")
    with open(data.parent / "datasets.claims.csv", newline="") as file:
        rows = {row["claim"]: row for row in csv.DictReader(file)}
    verdicts = {name: row["verdict"] for name, row in rows.items()}
    replicated = ["I26", "I26b", "I27", "I28", "I28b", "I28c", "I29", "I29b", "I29c"]
    replicated += ["P35d", "P35g", "P35h", "P35i", "P35j", "P35k", "P35l"]
    assert {verdicts[name] for name in replicated} == {"replicated"}
    assert verdicts["I27c"] == verdicts["P35f"] == "refuted" and rows["I27c"]["measured"] == "19906"
    assert {verdicts[name] for name in ("I24", "I24b", "I25")} == {"not testable here"}
