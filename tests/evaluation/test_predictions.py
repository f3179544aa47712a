"""The predictions file: what is written is read, and nothing else."""

import numpy as np
import pytest

from stm.evaluation.predictions import Predictions, PredictionsError, read, write


def made(**changes):
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], dtype=np.float32)
    values = {
        "clips": ["b", "a"],
        "labels": np.array([0, 2]),
        "groups": ["speaker1", ""],
        "scores": scores,
        "classes": ["öffnen", "closing", "=sum"],
        "record": {"run": "demo/stm-8f/seed0", "views": 30},
    }
    return Predictions(**{**values, **changes})


def test_what_is_written_is_read_in_its_order(tmp_path):
    path = tmp_path / "deep" / "full.arrow"
    write(path, made())
    found = read(path)
    assert found.clips == ["b", "a"]
    assert found.groups == ["speaker1", ""]
    assert found.labels.dtype == np.int64 and found.labels.tolist() == [0, 2]
    assert found.scores.dtype == np.float32 and np.array_equal(found.scores, made().scores)
    assert found.classes == ["öffnen", "closing", "=sum"]
    assert found.record == {"run": "demo/stm-8f/seed0", "views": 30}


def test_features_are_read_beside_the_scores_and_are_part_of_the_digest(tmp_path):
    features = np.arange(8, dtype=np.float32).reshape(2, 4)
    write(tmp_path / "features", made(features=features))
    assert np.array_equal(read(tmp_path / "features").features, features) and made().features is None
    write(tmp_path / "scores", made())
    assert read(tmp_path / "scores").features is None
    write(tmp_path / "other", made(features=features + 1))
    assert (tmp_path / "other").read_bytes() != (tmp_path / "features").read_bytes()


def test_equal_predictions_give_equal_bytes(tmp_path):
    write(tmp_path / "one", made())
    write(tmp_path / "two", made(record={"views": 30, "run": "demo/stm-8f/seed0"}))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_scores_that_are_a_view_of_another_array_are_written_as_they_look(tmp_path):
    scores = np.arange(12, dtype=np.float64).reshape(3, 4)[:, ::2].T
    write(tmp_path / "view", made(scores=scores))
    assert np.array_equal(read(tmp_path / "view").scores, scores.astype(np.float32))


@pytest.mark.parametrize("cut", [0, 10, 500, -20])
def test_a_file_that_was_cut_is_refused_by_name(tmp_path, cut):
    path = tmp_path / "full.arrow"
    write(path, made())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(PredictionsError, match=r"full\.arrow is damaged: delete it and run again"):
        read(path)


def test_no_changed_byte_is_read_as_another_score(tmp_path):
    path = tmp_path / "full.arrow"
    write(path, made())
    whole, expected = path.read_bytes(), vars(read(path))
    places, refused = range(0, len(whole), 7), 0
    for position in places:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 16]) + whole[position + 1 :])
        try:
            found = read(path)
        except PredictionsError:
            refused += 1
            continue
        # The byte was padding, or part of the format's own words.
        assert all(np.array_equal(value, expected[name]) for name, value in vars(found).items())
    assert refused > len(places) / 2


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.arrow: there are no predictions here"):
        read(tmp_path / "none.arrow")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.array([0])}, "do not fit"),
        ({"groups": []}, "do not fit"),
        ({"classes": ["opening"]}, "do not fit"),
        ({"labels": np.array([0, 3])}, "do not fit 3 classes"),
        ({"labels": np.array([-2, 0])}, "do not fit 3 classes"),
        ({"clips": ["a", "a"]}, "a clip stands twice"),
        ({"scores": np.array([[np.nan, 0, 0], [0, 0, 0]])}, "not finite"),
        ({"features": np.zeros((3, 4))}, "do not fit 2 clips"),
        ({"features": np.array([[np.inf], [0]])}, "not finite"),
    ],
)
def test_predictions_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)
