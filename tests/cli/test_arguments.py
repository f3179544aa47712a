"""Values on the command line that nothing could be done with are refused before anything starts."""

import pytest

from stm.cli import main

TRAIN = ("train", "--spec", "{}", "--index", "i", "--checkpoints", "c", "--out", "o")


@pytest.mark.parametrize(
    ("flag", "value", "why"),
    [
        ("--workers", "-1", "'-1' is no whole number, 0 or more"),
        ("--nodes", "0", "at least 1"),
        ("--checkpoint-seconds", "nan", "'nan' is no number above 0"),
        ("--checkpoint-seconds", "-5", "'-5' is no number above 0"),
        ("--device", "tpu", "invalid choice: 'tpu'"),
    ],
)
def test_a_number_that_means_nothing_is_refused(flag, value, why, capsys):
    with pytest.raises(SystemExit):
        main([*TRAIN, f"{flag}={value}"])
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "plan"])
def test_a_study_is_missed_and_targets_are_not(command, capsys):
    with pytest.raises(SystemExit):
        main([command])
    assert capsys.readouterr().err.strip().endswith("the following arguments are required: STUDY")


@pytest.mark.parametrize(
    ("command", "known"),
    [
        (("import", "f", "--format=x"), ("tsm", "tea", "torchvision")),
        (("export", "--format=x"), ("onnx", "pt2")),
        (("submit", "--form=x"), ("label", "five_numbers")),
    ],
)
def test_a_form_that_is_not_known_is_refused_with_those_that_are(command, known, capsys):
    with pytest.raises(SystemExit):
        main([*command])
    said = capsys.readouterr().err
    assert "invalid choice: 'x'" in said and all(name in said for name in known)
