"""Own videos: one csv file with the columns video, label, split and, where clips share a source, group.

UTF-8, comma-separated, columns in any order. Spaces around a cell are dropped: `opening` and `opening ` are one class.
"""

from collections.abc import Mapping
from pathlib import Path

from stm.config.loading import suggestion
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.text import by_column, check_once, check_path, records

REQUIRED = ("video", "label", "split")
COLUMNS = (*REQUIRED, "group")


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of the file `list`. A clip's id is its video's path as listed; without a group it is one of its own.

    Raises:
        AnnotationError: naming file and line.
    """
    path = Path(annotations["list"])
    lines = records(path, ",", f"the list of videos: {','.join(COLUMNS)}")
    at, columns = next(lines, (f"{path}:1", []))
    _check_columns(at, columns)
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for at, row in by_column(lines, columns):
        clips.append(_clip(at, row))
        check_once(places, at, "video", clips[-1].video)
    if not clips:
        raise AnnotationError(f"{path}:1: no clips below the columns. Add a line for each video")
    return clips


def _check_columns(at: str, columns: list[str]) -> None:
    known = f"\n  Known: {', '.join(COLUMNS)}; the first line names the columns, separated by commas"
    missing = [name for name in REQUIRED if name not in columns]
    for name in columns:
        # A misspelt group would be dropped in silence, and with it the clusters of every interval.
        if name not in COLUMNS:
            hint = suggestion(name, COLUMNS) or " Rename or remove it"
            raise AnnotationError(f"{at}: column '{name}' is not known.{hint}{known}")
        if columns.count(name) > 1:
            raise AnnotationError(f"{at}: column '{name}' stands twice. Remove one of them")
    if missing:
        raise AnnotationError(f"{at}: no column '{missing[0]}'. Add it{known}")


def _clip(at: str, row: dict[str, str]) -> Clip:
    for name in REQUIRED:
        if not row[name]:
            raise AnnotationError(f"{at}: {name} is empty. Fill it, or remove the line")
    video, label, split = (row[name] for name in REQUIRED)
    if split not in SPLITS:
        hint = suggestion(split, SPLITS)
        raise AnnotationError(f"{at}: split = '{split}' is not known.{hint}\n  Known: {', '.join(SPLITS)}")
    check_path(at, "video", video)
    return Clip(clip=video, splits=(split,), label=label, group=row.get("group") or video, video=video)
