"""UCF-101 as its makers wrote it: `classInd.txt`, and for each of three folds a trainlist and a testlist.

Parts: `classes` (`1 ApplyEyeMakeup`), `train` (`Class/v_Class_g08_c01.avi 1`), `test` (without the number). The papers
report on the test lists, so these are the validation split.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from stm.config.loading import suggestion
from stm.data.annotations.clip import AnnotationError, Clip
from stm.data.annotations.text import check_once, check_path, matches

LISTS = {"train": "train", "test": "validation"}
CLASS = re.compile(r"(?P<number>\d{1,9})\s+(?P<label>\S+)")
# The class is the folder's: of one class, HandstandPushups, the files spell it otherwise.
VIDEO = re.compile(r"(?P<video>(?P<label>[^/\s]+)/v_[^/\s]+_(?P<group>g\d+)_c\d+\.\w+)(\s+(?P<number>\d{1,9}))?")
EXAMPLES = {"train": "Archery/v_Archery_g08_c01.avi 3", "test": "Archery/v_Archery_g01_c01.avi"}


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of both lists. A clip's id is its path; clips of a class and `gNN` were cut from one video: a group.

    Raises:
        AnnotationError: naming file and line.
    """
    numbers = _numbers(Path(annotations["classes"]))
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for part, split in LISTS.items():
        path = Path(annotations[part])
        for at, found in matches(path, VIDEO, f"the {part} clips", EXAMPLES[part]):
            video, label = found["video"], found["label"]
            _check_class(at, label, found["number"], part, numbers)
            check_path(at, "clip", video)
            check_once(places, at, "clip", video)
            clips.append(Clip(video, (split,), label, f"{label}_{found['group']}", video))
    return clips


def labels(annotations: Mapping[str, str]) -> list[str]:
    """The classes in the order of their numbers.

    Raises:
        AnnotationError: naming file and line.
    """
    numbers = _numbers(Path(annotations["classes"]))
    return sorted(numbers, key=lambda label: numbers[label])


def _numbers(path: Path) -> dict[str, int]:
    """The classes and their numbers, from 1 on."""
    numbers: dict[str, int] = {}
    places: dict[str, str] = {}
    for at, found in matches(path, CLASS, "the classes", "1 ApplyEyeMakeup"):
        check_once(places, at, "class", found["label"])
        check_once(places, at, "number", str(int(found["number"])))
        numbers[found["label"]] = int(found["number"])
    return numbers


def _check_class(at: str, label: str, number: str | None, part: str, numbers: Mapping[str, int]) -> None:
    if label not in numbers:
        raise AnnotationError(
            f"{at}: class '{label}' is not known.{suggestion(label, numbers)}\n  Known: the {len(numbers)} classes"
        )
    if number is None and part == "train":
        raise AnnotationError(f"{at}: the class has no number. Write {numbers[label]} after the path")
    if number is not None and int(number) != numbers[label]:
        raise AnnotationError(f"{at}: class {number} does not agree with folder '{label}', which is {numbers[label]}")
