"""What a dataset is said to hold, against what its annotation files list.

A stage of its own: a corrected expectation must not make an index again, and with it every run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stm.data.annotations import SPLITS, split_columns
from stm.data.listing import read_csv
from stm.errors import UserError
from stm.files import write_json

Row = Mapping[str, Any]
Expected = Mapping[str, int | Sequence[int]]


class CountError(UserError, ValueError):
    """A count that is not the expected one."""


def check_counts(clips_csv: Path, classes_csv: Path, expect: Expected, out: Path) -> None:
    """Hold the listing to what is expected, and write what was.

    Args:
        clips_csv: of `write_listing`.
        classes_csv: of `write_listing`.
        expect: `classes`, listed `clips`, and those of `train`, `validation`, `test`: a number, or one for each fold;
            what is not named is not checked.
        out: JSON to write.

    Raises:
        CountError: with both numbers of each count that differs. Nothing is written then.
    """
    classes = [row["label"] for row in read_csv(classes_csv)]
    clips = read_csv(clips_csv)
    folds = [name.removeprefix("split_") for name in clips[0] if name.startswith("split_")]
    _compare(clips, classes, folds, expect)
    write_json(out, expect)


def _compare(clips: Sequence[Row], classes: Sequence[str], folds: Sequence[str], expect: Expected) -> None:
    wrong = []
    for name, expected in expect.items():
        found = _counts(name, clips, classes, folds)
        counts = [expected] * len(found) if isinstance(expected, int) else expected
        if len(counts) != len(found):
            raise CountError(f"expect: {name} = {counts} has {len(counts)} numbers for {len(found)} folds")
        pairs = zip(found.items(), counts, strict=True)
        wrong += [f"{of}: {here} listed, {count} expected" for (of, here), count in pairs if here != count]
    if wrong:
        raise CountError(f"{', '.join(wrong)}. Complete the annotation files, or correct the dataset's `expect`")


def _counts(name: str, clips: Sequence[Row], classes: Sequence[str], folds: Sequence[str]) -> dict[str, int]:
    """What is listed of `classes`, `clips` or a split; of a split in each fold."""
    if name in SPLITS:
        return {
            split_name(name, column): sum(clip[column] == name for clip in clips) for column in split_columns(folds)
        }
    return {name: len({"classes": classes, "clips": clips}[name])}


def split_name(split: str, column: str) -> str:
    return split if column == "split" else f"{split} of fold {column.removeprefix('split_')}"
