"""What one line reaches: its own figure, and its place beside the printed ones of others."""

import pytest

from stm.reporting.claims import claim_rows
from stm.reporting.layouts import claims_markdown
from stm.reporting.measured import counts, load

# As the paper measured it: its own data, nothing changed.
GENUINE = {"genuine": True, "deviations": [], "order_only": False}
OTHER = {"order_only": False}


def reached(made, line, kind="literature", measure="top1", published=None, margin=None, **place):
    """A claim of what a line reaches; `place` is one of above, below and comparable."""
    claim = made.claim("P48", line, "", kind)
    claim.pop("compare")
    keys = {"published": published, "margin": margin}
    claim |= {key: value for key, value in keys.items() if value is not None}
    return claim | {"reached": {"table": "table6", "line": line, "measure": measure, **place}}


def row_of(spec):
    lines = spec["lines"]
    (row,) = claim_rows(spec, load(lines), [counts(line) for line in lines], {})
    return row


@pytest.mark.parametrize(
    ("published", "margin", "word"),
    [(95.0, 4.0, "replicated"), (95.0, 2.0, "undecided"), (49.2, 2.0, "refuted"), (99.9, 1.0, "refuted")],
)
def test_an_accuracy_on_the_papers_data_is_held_to_its_margin(made, published, margin, word):
    row = row_of(made.table6([reached(made, "STM", "size", published=published, margin=margin)], **GENUINE))
    assert row["verdict"] == word and f"±{margin:g} points" in row["why"]
    assert row["unit"] == "percent" and row["published"] == published
    # Wilson's interval of 228 of 240 clips.
    assert (row["measured"], row["low"], row["high"]) == (95.0, 91.47, 97.12)


@pytest.mark.parametrize(
    ("printed", "place", "lead", "word"),
    [
        ({}, {"above": ["CSTM", "CMM"]}, 95 - 47.7, "replicated"),
        ({}, {"below": ["CSTM", "CMM"]}, 44.1 - 95, "refuted"),
        ({"CSTM": 99.0}, {"above": ["CSTM", "CMM"]}, 95 - 99, "refuted"),
        ({"CSTM": 99.0, "CMM": 99.5}, {"below": ["CSTM", "CMM"]}, 99 - 95, "replicated"),
        ({"CMM": 94.0}, {"above": ["CMM"]}, 95 - 94, "undecided"),
        ({"CMM": 94.0}, {"below": ["CMM"]}, 94 - 95, "undecided"),
    ],
)
def test_a_lead_is_over_the_strongest_printed_figure_whatever_is_measured_of_the_others(
    made, printed, place, lead, word
):
    spec = made.table6([reached(made, "STM", **place)], **GENUINE)
    for line in spec["lines"]:
        line["published"]["top1"] = printed.get(line["name"], line["published"]["top1"])
    row = row_of(spec)
    assert row["verdict"] == word and row["measured"] == pytest.approx(lead, abs=0.01)
    assert row["low"] < row["measured"] < row["high"] and row["unit"] == "points"
    assert "taken as it stands" in row["why"]
    # 240 clips leave the same 5.7 points, to one side or the other.
    assert row["high"] - row["low"] == pytest.approx(97.12 - 91.47, abs=0.011)


@pytest.mark.parametrize(("margin", "word"), [(5.0, "replicated"), (2.0, "undecided"), (0.1, "undecided")])
def test_comparable_is_within_the_margin_of_the_highest(made, margin, word):
    spec = made.table6([reached(made, "STM", comparable=["CSTM", "CMM"], margin=margin)], **GENUINE)
    spec["lines"][1]["published"]["top1"] = 95.5
    row = row_of(spec)
    assert row["verdict"] == word and row["measured"] == -0.5
    spec["lines"][1]["published"]["top1"] = 47.7
    assert row_of(spec)["verdict"] == "refuted"


def test_the_published_lead_has_its_sign_and_its_interval(made):
    row = row_of(made.table6([reached(made, "CMM", below=["CSTM"])], **GENUINE))
    assert row["published"] == pytest.approx(3.6) and row["published_low"] < 3.6 < row["published_high"]
    assert row["published_high"] - 3.6 == pytest.approx(1.29, abs=0.02)
    own = row_of(made.table6([reached(made, "CMM", "size", published=44.1, margin=2.0)], **GENUINE))
    assert own["published_low"] == pytest.approx(44.1 - 0.9, abs=0.02)


@pytest.mark.parametrize(
    "situation",
    [
        OTHER,
        {**GENUINE, "genuine": False},
        {**GENUINE, "deviations": ["recipe: demo for tpami2022"]},
        {**GENUINE, "protocol": "efficient"},
    ],
)
@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ({"kind": "size", "published": 95.0, "margin": 4.0}, "a size can be tested only on the paper's data"),
        ({"above": ["CMM"]}, "a printed figure of others can be compared with only on the paper's data"),
        ({"comparable": ["CMM"], "margin": 99.0}, "a printed figure of others can be compared with only on the"),
    ],
)
def test_elsewhere_it_is_not_testable_and_what_was_measured_is_given_all_the_same(made, situation, claim, why):
    row = row_of(made.table6([reached(made, "STM", **claim)], **situation))
    assert row["verdict"] == "not testable here" and row["why"].startswith(why)
    assert row["low"] < row["measured"] < row["high"]
    assert row["experiments"] == "drawn/stm-8f-demo-0123abcd"
    page = "\n".join(claims_markdown([{key: "" if value is None else str(value) for key, value in row.items()}]))
    assert ("| +50.9 [+47.4, +53.0] |" if "kind" not in claim else "| 95.0 [91.5, 97.1] |") in page


def test_a_line_that_is_not_measured_a_check_of_plumbing_and_too_few_classes_say_so(made, make):
    claim = reached(made, "STM", above=["CMM"])
    rows = [row_of(made.spec([made.line(1, "CMM", 0.8, **OTHER), made.line(2, "STM")], [claim]))]
    rows += [row_of(made.table6([claim], **GENUINE, tests_claims=False))]
    rows += [row_of(make(classes=5).table6([reached(made, "STM", measure="top5", above=["CMM"])], **GENUINE))]
    assert {row["verdict"] for row in rows} == {"not testable here"}
    assert [row["why"].partition(";")[0] for row in rows] == [
        "STM: not measured in this study",
        "the dataset is a check of the plumbing (tests_claims: false)",
        "top5 says nothing of 5 classes",
    ]
    assert [row["measured"] is None for row in rows] == [True, False, True]


def test_what_the_paper_contradicts_stays_inconsistent(made):
    claim = {**reached(made, "STM", above=["CMM"]), "inconsistent": "another table says otherwise"}
    row = row_of(made.table6([claim], **GENUINE))
    assert row["verdict"] == "inconsistent in the paper" and row["measured"] == pytest.approx(50.9)


def test_several_seeds_leave_more_open_than_their_clips_alone(made):
    claim = reached(made, "STM", "size", published=95.0, margin=4.0)
    spec = made.spec([made.line(1, "STM", 0.95, seeds=3, **GENUINE)], [claim])
    for seed, accuracy in enumerate((0.85, 0.95, 1.0)):
        made.predictions("STM", accuracy, seed)
    row = row_of(spec)
    assert row["verdict"] == "undecided" and row["high"] - row["low"] > 10


def test_they_are_no_tests_that_holms_adjustment_counts(made):
    compared = made.claim("P101", "CSTM", "CMM")
    lines = made.table6([compared], **GENUINE)["lines"]
    both = [compared, reached(made, "STM", above=["CMM"])]
    p = [
        claim_rows(spec, load(lines), [counts(line) for line in lines], {})[0]["p_holm"]
        for spec in (made.spec(lines, [compared]), made.spec(lines, both))
    ]
    assert p[0] == p[1] is not None
