"""Something-Something v1 as its makers wrote it: `id;label` lists without a header; a clip is a folder of frames, `id`.

Jester has the same makers and the same lists.
Parts: `train`, `validation`; optional: `test`, whose lines may be ids alone; `labels`, one a line: others are refused;
`groups`, a csv file with the columns `id` and `group` (or the name that `group_column` gives).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from stm.config.loading import suggestion
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.text import by_column, check_once, check_path, records


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of the lists, one after the other. A clip's id is its folder's name.

    Raises:
        AnnotationError: naming file and line.
    """
    known = set(labels(annotations))
    groups = _groups(annotations)
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for split in [split for split in SPLITS if split in annotations]:
        for at, clip, label in _listed(Path(annotations[split]), split):
            check_path(at, "id", clip)
            check_once(places, at, "clip", clip)
            if known and label and label not in known:
                listed = f"\n  Known: the {len(known)} labels of {annotations['labels']}"
                raise AnnotationError(f"{at}: label '{label}' is not known.{suggestion(label, known)}{listed}")
            if groups and clip not in groups:
                raise AnnotationError(f"{at}: clip '{clip}' has no line in {annotations['groups']}. Add it there")
            clips.append(Clip(clip=clip, splits=(split,), label=label, group=groups.get(clip, clip), video=clip))
    return clips


def labels(annotations: Mapping[str, str]) -> list[str]:
    """The labels that may occur, in the order of their file; none where no file says which.

    Raises:
        AnnotationError: naming file and line.
    """
    if "labels" not in annotations:
        return []
    path = Path(annotations["labels"])
    places: dict[str, str] = {}
    for at, cells in records(path, ";", "the labels, one a line"):
        if len(cells) != 1:
            raise AnnotationError(f"{at}: '{';'.join(cells)}' is not one label. Put a label that holds ; in quotes")
        check_once(places, at, "label", cells[0])
    if not places:
        raise AnnotationError(f"{path}:1: no labels. Write one a line, or name no file of labels")
    return list(places)


def _listed(path: Path, split: str) -> Iterator[tuple[str, str, str]]:
    """Place, id and label of each line; the label is empty in a list of ids alone."""
    width = 0
    for at, cells in records(path, ";", f"the {split} clips: id;label"):
        # Of test clips the makers keep the labels to themselves.
        width = width or (1 if split == "test" and len(cells) == 1 else 2)
        if len(cells) != width or not all(cells):
            allowed = "an id alone, as on the first line" if width == 1 else "id;label"
            raise AnnotationError(f"{at}: '{';'.join(cells)}' is not {allowed}. Put a label that holds ; in quotes")
        yield at, cells[0], cells[1] if width == 2 else ""
    if not width:
        raise AnnotationError(f"{path}:1: no clips. Add a line for each: id;label")


def _groups(annotations: Mapping[str, str]) -> dict[str, str]:
    """The group of each clip; none where no file says them."""
    if "groups" not in annotations:
        return {}
    column = annotations.get("group_column", "group")
    path = Path(annotations["groups"])
    lines = records(path, ",", f"the clips' groups: columns id and {column}")
    at, columns = next(lines, (f"{path}:1", []))
    for name in ("id", column):
        if name not in columns:
            raise AnnotationError(f"{at}: no column '{name}'.{suggestion(name, columns)} It has: {', '.join(columns)}")
    groups: dict[str, str] = {}
    places: dict[str, str] = {}
    for at, row in by_column(lines, columns):
        if not row["id"] or not row[column]:
            raise AnnotationError(f"{at}: id or {column} is empty. Fill it, or remove the line")
        check_once(places, at, "clip", row["id"])
        groups[row["id"]] = row[column]
    return groups
