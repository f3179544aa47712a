"""What the annotation files alone say: how many clips, which classes, who is in which split. No video is looked at.

`folds` are `DatasetPlan.folds`: the names in the order of `Clip.splits`; one that is None where there are none.
"""

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from stm.config.loading import suggestion
from stm.data.annotations import SPLITS, Clip, classes
from stm.data.check.finding import Finding, counted, error, some, warning
from stm.data.mirror import FROM_LABELS, mirrored_labels
from stm.files import digest

Folds = Sequence[str | None]
FEWEST = 3


def class_line(labels: Sequence[str]) -> str:
    """The classes in the order of every network's last layer; the digest tells two orders apart at a glance."""
    shown = list(labels) if len(labels) <= 6 else [*labels[:5], "…", labels[-1]]
    return f"{counted(len(labels), 'class')}, digest {digest(list(labels), 8)}: {', '.join(shown)}"


def mirror_line(labels: Sequence[str]) -> str:
    """What a flip does to the labels, as their text says it: for someone to read before it is trained."""
    mirrored = mirrored_labels(labels, FROM_LABELS)
    pairs = [f"{label} ↔ {partner}" for label, partner in mirrored.items() if partner and label < partner]
    never = [label for label, partner in mirrored.items() if partner is None]
    line = f"a flip exchanges {counted(len(pairs), 'pair')} of classes" + (f": {'; '.join(pairs)}" if pairs else "")
    return line + (f". Never flipped: {'; '.join(never)}" if never else "")


def split_lines(clips: Sequence[Clip], folds: Folds) -> Iterator[str]:
    """Clips a split and, of those with a label, a class."""
    for fold, of_fold in _by_fold(clips, folds):
        for split, clips_there in of_fold.items():
            sizes = Counter(clip.label for clip in clips_there if clip.label)
            yield f"{_of(fold)}{split}: {counted(len(clips_there), 'clip')}{_sizes(sizes)}"


def _sizes(sizes: Mapping[str, int]) -> str:
    if not sizes:
        return ", no labels"
    least, most = min(sizes.values()), max(sizes.values())
    if least == most:
        return f", {least:,} in each of {counted(len(sizes), 'class')}"
    fewest = sorted(sizes, key=lambda label: (sizes[label], label))[:FEWEST]
    named = ", ".join(f"{label} {sizes[label]:,}" for label in fewest)
    middle = statistics.median(sizes.values())
    return f", {least:,} to {most:,} in each of {counted(len(sizes), 'class')} (median {middle:g}; fewest: {named})"


def empty_splits(clips: Sequence[Clip], folds: Folds) -> list[Finding]:
    """Nothing to train on, or nothing to test with."""
    return [
        error(f"{_of(fold)}no clip is listed in split {split}. Each dataset needs clips of train and validation")
        for fold, of_fold in _by_fold(clips, folds)
        for split in ("train", "validation")
        if split not in of_fold
    ]


def classes_of_one_split(clips: Sequence[Clip], folds: Folds) -> list[Finding]:
    """Classes that are tested and never trained, or the reverse."""
    findings = []
    for fold, of_fold in _by_fold(clips, folds):
        labels = {split: set(classes(there)) for split, there in of_fold.items()}
        if not labels.get("train") or not labels.get("validation"):
            continue
        for split in ("validation", "test"):
            if unknown := sorted(labels.get(split, set()) - labels["train"]):
                problem = f"{counted(len(unknown), 'class')} of {split} without a clip in train: {some(unknown)}"
                findings.append(error(f"{_of(fold)}{problem}. Nothing can learn them: list clips of them in train"))
        if untested := sorted(labels["train"] - labels["validation"]):
            problem = f"{counted(len(untested), 'class')} of train without a clip in validation: {some(untested)}"
            findings.append(warning(f"{_of(fold)}{problem}. Nothing tells how well they are known: list some"))
    return findings


def look_alikes(clips: Sequence[Clip]) -> list[Finding]:
    """Labels that differ in case, spaces or the coding of their letters alone: most likely one class, misspelt."""
    spellings: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    plain = {label: _plain(label) for label in classes(clips)}
    for clip in clips:
        if clip.label:
            spellings[plain[clip.label]][clip.label].append(clip.clip)
    return [
        warning(f"labels that differ only in case or spaces: {_spelt(alike)}. Write one of them, or tell them apart")
        for alike in spellings.values()
        if len(alike) > 1
    ]


def _plain(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def _spelt(alike: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"'{label}' ({counted(len(ids), 'clip')}, as {ids[0]})" for label, ids in sorted(alike.items()))


def shared_groups(clips: Sequence[Clip], folds: Folds, left_out: bool) -> list[Finding]:
    """Groups (speakers, long videos) on both sides of a split: what is learned of them helps with the test.

    Args:
        clips: of the dataset.
        folds: of the dataset.
        left_out: whether the dataset promises that groups are left out.
    """
    findings = []
    for fold, of_fold in _by_fold(clips, folds):
        groups = {split: {clip.group for clip in there} for split, there in of_fold.items()}
        for split in ("validation", "test"):
            if both := sorted(groups.get("train", set()) & groups.get(split, set())):
                finding = error if left_out and split == "validation" else warning
                problem = f"{_of(fold)}{counted(len(both), 'group')} in both train and {split}: {some(both)}"
                findings.append(finding(f"{problem}. Keep each in one split, or ask for leave_groups_out"))
    return findings


def unknown_pairs(
    pairs: Sequence[Sequence[str]], labels: Sequence[str], file: str, key: str = "reversed_pairs"
) -> list[Finding]:
    """Labels in `reversed_pairs`, or another such key, that no clip has."""
    advice = f"Correct it in {file}"
    return [
        error(f"{key}[{number}]: no clip has the label '{label}'.{suggestion(label, labels)} {advice}")
        for number, pair in enumerate(pairs)
        for label in pair
        if label not in labels
    ]


def _by_fold(clips: Sequence[Clip], folds: Folds) -> Iterator[tuple[str | None, dict[str, list[Clip]]]]:
    """Of each fold, the clips of each split that has any."""
    for number, fold in enumerate(folds):
        there: dict[str, list[Clip]] = {split: [] for split in SPLITS}
        for clip in clips:
            if clip.splits[number]:
                there[clip.splits[number]].append(clip)
        yield fold, {split: members for split, members in there.items() if members}


def _of(fold: str | None) -> str:
    return f"fold {fold}, " if fold else ""
