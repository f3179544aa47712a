"""Annotation files as their makers wrote them, a module a format. It turns its files into clips, and that is all."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.data.annotations import csv_list, hmdb51, kinetics400, something_v1, something_v2, ucf101
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.folds import fold_names, leave_groups_out, merge, split_columns
from stm.data.annotations.subset import subset
from stm.files import matching

__all__ = [
    "SPLITS",
    "AnnotationError",
    "Clip",
    "class_list",
    "classes",
    "files",
    "fold_names",
    "names",
    "official_folds",
    "read",
    "read_all",
    "split_columns",
]


@dataclass(frozen=True)
class Format:
    """What a module knows of its format.

    Attributes:
        read: the clips of one partition, from its files by the part that they play in the format.
        labels: the classes in the makers' own order, from the same files; [] where they number none.
        names: the paths under which a listed video may lie, where there are several; the listed one first.
    """

    read: Callable[[Mapping[str, str]], list[Clip]]
    labels: Callable[[Mapping[str, str]], list[str]] | None = None
    names: Callable[[str], list[str]] | None = None


FORMATS = {
    "csv": Format(csv_list.read),
    "hmdb51": Format(hmdb51.read),
    "jester": Format(something_v1.read, something_v1.labels),
    "kinetics400": Format(kinetics400.read, names=kinetics400.names),
    "something_v1": Format(something_v1.read, something_v1.labels),
    "something_v2": Format(something_v2.read, something_v2.labels),
    "ucf101": Format(ucf101.read, ucf101.labels),
}
# Stands in a path for the name of a fold.
FOLD = "{fold}"
# What `annotations` may say beside paths.
SETTINGS = ("group_column",)


def read(spec: Mapping[str, Any]) -> list[Clip]:
    """The clips of a dataset in the order of its files.

    Args:
        spec: `format`; `annotations`: the files by the part that they play in the format, a file a fold where its path
            holds `{fold}`; `folds`: their names, [] where there is one partition; `leave_groups_out`: folds to make of
            the groups, or null; where a part is wanted, `subset`: arguments of `stm.data.annotations.subset.subset`.

    Raises:
        AnnotationError: a file is absent or wrong.
    """
    clips = [clip for clip in read_all(spec) if any(clip.splits)]
    groups_out = spec["leave_groups_out"]
    return leave_groups_out(clips, groups_out) if groups_out else clips


def read_all(spec: Mapping[str, Any]) -> list[Clip]:
    """The same with the clips that the files name and no fold uses, and before any groups are left out."""
    form = FORMATS[spec["format"]]
    clips = merge({fold: form.read(annotations) for fold, annotations in _by_fold(spec).items()})
    return subset(clips, **spec["subset"]) if "subset" in spec else clips


def official_folds(spec: Mapping[str, Any]) -> list[str]:
    """The names of the folds of which every part's files are there, whichever the dataset takes; [] without."""
    found = [_folds_there(Path(path)) for path in spec["annotations"].values() if FOLD in path]
    return sorted(set.intersection(*found)) if found else []


def _folds_there(path: Path) -> set[str]:
    """What stands for the fold's name in the names of the files that are there."""
    text = re.escape(path.name).replace(re.escape("*"), ".*").replace(re.escape(FOLD), "([a-z0-9]+)")
    matched = [re.fullmatch(text, file.name) for file in path.parent.iterdir()] if path.parent.is_dir() else []
    return {match[1] for match in matched if match}


def files(spec: Mapping[str, Any]) -> list[Path]:
    """The annotation files of all folds, each once."""
    parts = [annotations.items() for annotations in _by_fold(spec).values()]
    paths = dict.fromkeys(path for items in parts for part, path in items if part not in SETTINGS)
    return [Path(file) for path in paths for file in matching(path)]


def classes(clips: Iterable[Clip]) -> list[str]:
    """The labels, each once, by code point. Clips of a test split may have none: ''."""
    return sorted({clip.label for clip in clips} - {""})


def class_list(spec: Mapping[str, Any], clips: Iterable[Clip]) -> list[str]:
    """The classes of a dataset in the order that they have everywhere: in the index, in every network's last layer, in
    predictions. It is the makers' own where a file of theirs numbers the classes, else that of `classes`.

    Raises:
        AnnotationError: a file is absent or wrong, or folds number the classes differently.
    """
    form = FORMATS[spec["format"]]
    if form.labels is None:
        return classes(clips)
    first, *others = [form.labels(annotations) for annotations in _by_fold(spec).values()]
    if any(other != first for other in others):
        raise AnnotationError("the folds have different lists of classes. Name the same one for all of them")
    if "subset" in spec:
        chosen = set(classes(clips))
        first = [label for label in first if label in chosen]
    return first or classes(clips)


def names(spec: Mapping[str, Any], video: str) -> list[str]:
    """The paths, relative to the videos folder, under which a listed video may lie; the listed one first."""
    form = FORMATS[spec["format"]]
    return form.names(video) if form.names else [video]


def _by_fold(spec: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The annotations of each fold; of the one partition, under no name."""
    annotations, folds = spec["annotations"], spec["folds"]
    if any(FOLD in path for path in annotations.values()) != bool(folds):
        raise AnnotationError(
            f"folds = {folds}: a path of the annotations holds {FOLD} if, and only if, there are folds"
        )
    return {
        fold: {part: path.replace(FOLD, fold) for part, path in sorted(annotations.items())} for fold in folds or [""]
    }
