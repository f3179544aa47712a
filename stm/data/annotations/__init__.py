"""Annotation files as their makers wrote them, a module a format. It turns its files into clips, and that is all."""

from collections.abc import Iterable, Mapping
from typing import Any

from stm.data.annotations import csv_list
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip

__all__ = ["SPLITS", "AnnotationError", "Clip", "classes", "read"]

FORMATS = {"csv": csv_list.read}


def read(spec: Mapping[str, Any]) -> list[Clip]:
    """The clips of a dataset in the order of its files.

    Args:
        spec: `format`, and `annotations`: the files by the part that they play in the format.

    Raises:
        AnnotationError: a file is absent or wrong.
    """
    return FORMATS[spec["format"]](spec["annotations"])


def classes(clips: Iterable[Clip]) -> list[str]:
    """The labels, each once, by code point.

    This is the order of the classes everywhere: in the index, in every network's last layer, in predictions.
    """
    return sorted({clip.label for clip in clips})
