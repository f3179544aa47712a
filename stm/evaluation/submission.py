"""A run's answers for the test clips of a dataset, in the forms in which the makers' servers took them.

Source: what the authors of TSM wrote for these servers (mit-han-lab/temporal-shift-module, `test_models.py`).
"""

import csv
from pathlib import Path

import numpy as np

from stm.config.formats import SubmissionForm
from stm.errors import UserError
from stm.evaluation.predictions import Predictions, read
from stm.files import replacing


class SubmissionError(UserError):
    """Predictions that are no answer to a server; the text says why."""


def write_submission(predictions: Path, form: SubmissionForm, out: Path) -> None:
    """Write a line a clip, without a header, in the order of the clips' ids.

    Args:
        predictions: of the split `test`.
        form: `label`: `id;label`; `five_numbers`: `id;n;n;n;n;n`, the makers' numbers of the five likeliest classes,
            which are their places in the list of classes.
        out: csv to write.

    Raises:
        FileNotFoundError, PredictionsError: as `stm.evaluation.predictions.read`.
        SubmissionError: the predictions are of another split.
    """
    found = read(predictions)
    split, listed = found.record["spec"]["split"], found.record["listed"]
    if split != "test":
        raise SubmissionError(f"{predictions} is of the split {split}; a server takes answers for the test clips")
    with replacing(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(_lines(found, form))
    print(f"{len(found.clips)} of {listed} test clips")
    if len(found.clips) < listed:
        print("The others have no frames and so no line: the server may refuse the file, or count them as wrong")


def _lines(found: Predictions, form: SubmissionForm) -> list[list[str]]:
    likeliest = np.argsort(-found.scores, axis=1, kind="stable")[:, :5].tolist()
    if form == "label":
        return [[clip, found.classes[first]] for clip, (first, *_) in zip(found.clips, likeliest, strict=True)]
    return [[clip, *map(str, five)] for clip, five in zip(found.clips, likeliest, strict=True)]
