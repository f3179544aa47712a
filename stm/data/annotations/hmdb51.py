"""HMDB-51 as its makers wrote it: a file a class and fold, `brush_hair_test_split1.txt`, of lines `name.avi 1`.

Parts: `splits`, the path of these files with `*` for the class. The number says what the fold does with the clip: 1
trains on it, 2 tests it, 0 leaves it out. The papers report on the test clips, so these are the validation split.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from stm.data.annotations.clip import AnnotationError, Clip
from stm.data.annotations.text import check_once, check_path, matches
from stm.files import matching

SPLIT_OF = {"1": "train", "2": "validation", "0": ""}
LINE = re.compile(r"(?P<name>\S.*\.\w+)\s+(?P<use>[012])")
EXAMPLE = "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1"


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips, class by class, also those that the fold leaves out. A clip's id is its path: class folder and name.

    Clips that were cut from one video for one class are a group: the makers keep them on one side of a fold.

    Raises:
        AnnotationError: naming file and line.
    """
    pattern = Path(annotations["splits"])
    if pattern.name.count("*") != 1:
        raise AnnotationError(
            f"{pattern}: the file name needs one * where the class stands. Write */*_test_split{{fold}}.txt"
        )
    before, after = pattern.name.split("*")
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for path in map(Path, matching(annotations["splits"])):
        label = path.name.removeprefix(before).removesuffix(after)
        for at, found in matches(path, LINE, f"the clips of class {label}", EXAMPLE):
            video = f"{label}/{found['name']}"
            check_path(at, "clip", video)
            check_once(places, at, "clip", video)
            clips.append(Clip(video, (SPLIT_OF[found["use"]],), label, f"{label}/{_source(found, label)}", video))
    return clips


def _source(found: re.Match[str], label: str) -> str:
    """What stands before the class in a file's name: the video that the clip was cut from."""
    source, label_found, _ = found["name"].rpartition(f"_{label}_")
    return source if label_found else found["name"]
