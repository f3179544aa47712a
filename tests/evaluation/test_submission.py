"""Answers for test clips, as the makers' servers took them."""

import numpy as np
import pytest

from stm.evaluation.metrics import topk_correct
from stm.evaluation.predictions import Predictions, write
from stm.evaluation.submission import SubmissionError, write_submission

SCORES = np.array([[0.1, 0.5, 0.05, 0.15, 0.12, 0.08], [0.3, 0.05, 0.1, 0.2, 0.15, 0.2]], dtype=np.float32)


def predictions(path, split="test", listed=2):
    classes = ["Holding something", 'Pulling; "fast"', "Waving", "a", "b", "c"]
    record = {"spec": {"split": split}, "listed": listed}
    write(path, Predictions(["7", "10"], np.array([-1, -1]), ["7", "10"], SCORES, classes, record))
    return path


def test_a_line_is_the_id_and_the_likeliest_label(tmp_path):
    write_submission(predictions(tmp_path / "p.arrow"), "label", tmp_path / "deep/out.csv")
    text = (tmp_path / "deep/out.csv").read_text()
    # A label with the separator stands in quotes, as the readers of such lists take it.
    assert text == '7;"Pulling; ""fast"""\n10;Holding something\n'


def test_of_something_v2_it_is_the_numbers_of_the_five_likeliest(tmp_path):
    write_submission(predictions(tmp_path / "p.arrow"), "five_numbers", tmp_path / "out.csv")
    # Of two that tie the one with the smaller number comes first.
    assert (tmp_path / "out.csv").read_text() == "7;1;3;4;0;5\n10;0;3;5;4;2\n"


def test_clips_without_frames_are_said(tmp_path, capsys):
    write_submission(predictions(tmp_path / "p.arrow", listed=5), "label", tmp_path / "out.csv")
    assert "2 of 5 test clips\nThe others have no frames" in capsys.readouterr().out


def test_predictions_of_another_split_are_refused(tmp_path):
    with pytest.raises(SubmissionError, match="is of the split validation"):
        write_submission(predictions(tmp_path / "p.arrow", split="validation"), "label", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_of_clips_whose_class_nobody_knows_no_accuracy_can_be_had():
    with pytest.raises(ValueError, match="2 clips are of no known class"):
        topk_correct(SCORES, np.array([-1, -1]), 1)
