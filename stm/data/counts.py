"""What a dataset is said to hold, against what its annotation files list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stm.data.annotations import SPLITS
from stm.data.annotations.folds import of_split_columns
from stm.data.listing import read_listing
from stm.errors import UserError
from stm.files import write_json

Expected = Mapping[Any, int | Sequence[int]]


class CountError(UserError, ValueError):
    """A count that is not the expected one."""


def check_counts(clips_csv: Path, classes_csv: Path, expect: Expected, out: Path) -> None:
    """Hold the listing to what is expected, and write what was: a stage of its own, since a corrected expectation must
    not make an index again, and with it every run.

    Args:
        clips_csv: of `write_listing`.
        classes_csv: of `write_listing`.
        expect: `classes`, listed `clips`, and those of `train`, `validation`, `test`: a number, or one for each fold;
            what is not named is not checked.
        out: JSON to write.

    Raises:
        CountError: with both numbers of each count that differs. Nothing is written then.
        DamagedError: as of `read_listing`.
    """
    clips, classes = read_listing(clips_csv, classes_csv)
    splits = [of_split_columns(row) for row in clips]
    if wrong := unexpected(counts(splits, len(classes)), expect):
        raise CountError(f"{'; '.join(wrong)}. Complete the annotation files, or correct the dataset's `expect`")
    write_json(out, expect)


def counts(splits: Sequence[Sequence[str]], classes: int) -> dict[str, list[int]]:
    """All that `expect` may name: the numbers of classes and clips, and of each split one number a fold.

    Args:
        splits: of each clip, where each fold has it.
        classes: their number.
    """
    folds = list(zip(*splits, strict=True)) or [()]
    return {"classes": [classes], "clips": [len(splits)], **{s: [fold.count(s) for fold in folds] for s in SPLITS}}


def unexpected(found: Mapping[str, Sequence[int]], expect: Expected) -> list[str]:
    """Each count that is not the expected one, with both numbers."""
    wrong = []
    for name, expected in expect.items():
        here = found[name]
        wanted = [expected] * len(here) if isinstance(expected, int) else expected
        if len(wanted) != len(here):
            wrong.append(f"expect.{name}: {len(wanted)} expected for {len(here)} found, one a fold")
            continue
        for number, (count, listed) in enumerate(zip(wanted, here, strict=True), 1):
            if count != listed:
                of = f" of fold {number} of {len(here)}" if len(here) > 1 else ""
                wrong.append(f"expect.{name}{of}: {count:,} expected, {listed:,} found")
    return wrong
