"""Annotation files as their makers wrote them, a module a format. It turns its files into clips, and that is all."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stm.data.annotations import csv_list, something_v1, ucf101
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.folds import fold_names, leave_groups_out, merge, split_columns

__all__ = ["SPLITS", "AnnotationError", "Clip", "classes", "files", "fold_names", "read", "split_columns"]

# Each reads the files of one partition, given by the part that they play in the format.
FORMATS = {"csv": csv_list.read, "something_v1": something_v1.read, "ucf101": ucf101.read}
# Stands in a path for the name of a fold.
FOLD = "{fold}"
# What `annotations` may say beside paths.
SETTINGS = ("group_column",)


def read(spec: Mapping[str, Any]) -> list[Clip]:
    """The clips of a dataset in the order of its files.

    Args:
        spec: `format`; `annotations`: the files by the part that they play in the format, a file a fold where its path
            holds `{fold}`; `folds`: their names, [] where there is one partition; `leave_groups_out`: folds to make of
            the groups, or null.

    Raises:
        AnnotationError: a file is absent or wrong.
    """
    form = FORMATS[spec["format"]]
    clips = merge({fold: form(annotations) for fold, annotations in _by_fold(spec).items()})
    groups_out = spec["leave_groups_out"]
    return leave_groups_out(clips, groups_out) if groups_out else clips


def files(spec: Mapping[str, Any]) -> list[Path]:
    """The annotation files of all folds, each once."""
    parts = [annotations.items() for annotations in _by_fold(spec).values()]
    return [
        Path(path) for path in dict.fromkeys(path for items in parts for part, path in items if part not in SETTINGS)
    ]


def classes(clips: Iterable[Clip]) -> list[str]:
    """The labels, each once, by code point, whatever order or numbers the annotation files give them.

    Clips of a test split may have none: ''.

    This is the order of the classes everywhere: in the index, in every network's last layer, in predictions.
    """
    return sorted({clip.label for clip in clips} - {""})


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
