"""Answers for test clips: which lines can be submitted, and from what they are made."""

import pytest

from stm.config.loading import ConfigError

from .small import edit, planned

GESTURES = {
    "title": "gestures with a test list",
    "format": "jester",
    "annotations": {part: f"own/{part}.csv" for part in ("train", "validation", "test")},
    "expect": {"classes": 4},
}


def test_a_line_is_submitted_from_its_run_and_protocol_shown_the_test_clips(config):
    edit(config / "datasets/own.yaml", **GESTURES)
    plan = planned(config, seeds=[0, 1])
    found, shown = plan.submission("table6", 4, 1), plan.table("table6").lines[3].predictions[1][0]
    assert found.form == "label" and found.prediction.run == shown.run and found.prediction.protocol == shown.protocol
    assert found.prediction.spec == {**shown.spec, "split": "test"}
    assert plan.predictions[found.prediction.path] == found.prediction != shown
    with pytest.raises(ConfigError, match=r"seed 2 is not trained in study 'small'. It has: \[0, 1\]"):
        plan.submission("table6", 4, 2)
    with pytest.raises(ConfigError, match="line 9 of table6 is not trained in study 'small'. Trained: 1, 2, 3, 4"):
        plan.submission("table6", 9, 0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "csv", "annotations": {"list": "own/list.csv"}}, "servers were for something_v1, jester"),
        ({"annotations": {k: v for k, v in GESTURES["annotations"].items() if k != "test"}}, "extracts no test clips"),
        ({"subset": {"classes": 2}}, "is a part of its dataset"),
        ({"leave_groups_out": 3}, "is trained in folds"),
    ],
)
def test_what_no_server_takes_is_refused_with_why(config, changes, why):
    edit(config / "datasets/own.yaml", **{**GESTURES, **changes})
    plan = planned(config)
    with pytest.raises(ConfigError, match=f"line 4 of table6 cannot be submitted: .*{why}"):
        plan.submission("table6", 4, 0)
    assert {p.spec["split"] for p in plan.predictions.values()} == {"validation"}
