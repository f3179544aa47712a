"""Kinetics-400 as its makers wrote it: csv lists of pieces of YouTube videos.

A clip is `<class>/<youtube_id>_000010_000020.mp4`. Many are gone from YouTube; one that is missing is normal.
Parts: `train`, `validation`; optional: `test`, which may have no labels. Columns: `label`, `youtube_id`, `time_start`,
`time_end` (whole seconds), `split`; others, as `is_cc`, are passed over.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from stm.config.loading import suggestion
from stm.data.annotations.clip import SPLITS, AnnotationError, Clip
from stm.data.annotations.text import by_column, check_once, records

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
# What the column `split` calls each part: the lists of different years differ.
SPLIT_NAMES = {"train": ("train",), "validation": ("val", "validate", "validation"), "test": ("test",)}
SECONDS = re.compile(r"\d{1,6}")
YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# Those who hand the videos on keep them below a folder of the split or not, of the class or not, in these containers.
SPLIT_FOLDERS = ("", "train/", "val/", "test/")
SUFFIXES = (".mp4", ".mkv", ".webm")


def read(annotations: Mapping[str, str]) -> list[Clip]:
    """The clips of the lists, one after the other. A clip's id is its file's name; those of one video are a group.

    Raises:
        AnnotationError: naming file and line.
    """
    clips: list[Clip] = []
    places: dict[str, str] = {}
    for split in [split for split in SPLITS if split in annotations]:
        path = Path(annotations[split])
        lines = records(path, ",", f"the {split} clips: {','.join(COLUMNS)}")
        at, columns = next(lines, (f"{path}:1", []))
        _check_columns(at, columns, split)
        before = len(clips)
        for at, row in by_column(lines, columns):
            clips.append(_clip(at, row, split))
            check_once(places, at, "clip", clips[-1].clip)
        if len(clips) == before:
            raise AnnotationError(f"{path}:1: no clips below the columns. Add a line for each")
    return clips


def names(video: str) -> list[str]:
    """The paths under which a listed video may lie, the listed one first."""
    folder, _, name = video.rpartition("/")
    stem = name.removesuffix(SUFFIXES[0])
    folders = dict.fromkeys(f"{split}{of}" for split in SPLIT_FOLDERS for of in (f"{folder}/" if folder else "", ""))
    return [f"{folder}{stem}{suffix}" for folder in folders for suffix in SUFFIXES]


def _check_columns(at: str, columns: list[str], split: str) -> None:
    for name in COLUMNS:
        if columns.count(name) > 1:
            raise AnnotationError(f"{at}: column '{name}' stands twice. Remove one of them")
        if name not in columns and (name, split) != ("label", "test"):
            known = f"\n  Needed: {','.join(COLUMNS)}; the first line names the columns, separated by commas"
            raise AnnotationError(f"{at}: no column '{name}'.{suggestion(name, columns)} Add it{known}")


def _clip(at: str, row: Mapping[str, str], split: str) -> Clip:
    label, video = row.get("label", ""), row["youtube_id"]
    if row["split"] not in SPLIT_NAMES[split]:
        allowed = " or ".join(SPLIT_NAMES[split])
        raise AnnotationError(f"{at}: split = '{row['split']}' in the list of {split}, where it is {allowed}")
    if not label and split != "test":
        raise AnnotationError(f"{at}: label is empty. Fill it, or remove the line")
    if "/" in label or "\\" in label or label in (".", ".."):
        raise AnnotationError(f"{at}: label = '{label}' is the name of no folder, and videos lie in their class's")
    # A spreadsheet that opens and saves the list turns ids that begin with - or = into something else.
    if not YOUTUBE_ID.fullmatch(video):
        raise AnnotationError(f"{at}: youtube_id = '{video}' has not the eleven letters, digits, - and _ of such an id")
    for name in ("time_start", "time_end"):
        if not SECONDS.fullmatch(row[name]):
            raise AnnotationError(f"{at}: {name} = '{row[name]}' is no whole number of seconds")
    clip = f"{video}_{int(row['time_start']):06d}_{int(row['time_end']):06d}"
    folder = f"{label}/" if label else ""
    return Clip(clip=clip, splits=(split,), label=label, group=video, video=f"{folder}{clip}{SUFFIXES[0]}")
