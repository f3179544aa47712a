"""Speeds in a table: cells, verdicts, and what is left empty where the baseline is not what it should be."""

import pandas as pd
import pytest

from stm.reporting.tables import write_table

# Slower from round to round, all networks alike, as on a machine that grows warm.
ROUNDS = {
    "torchvision": [10.0, 9.0, 8.0, 7.0, 6.0],
    "TSN": [10.0, 9.0, 8.0, 7.0, 6.0],
    "CSTM": [9.0, 9.0, 6.0, 6.3, 4.8],
    "STM": [5.0, 4.5, 4.0, 3.5, 3.0],
}
# As the paper measured it.
PAPERS_OWN = {"provenance": {"device": "NVIDIA a GPU"}, "spec": {"batch": 16}}


@pytest.fixture
def written(tmp_path):
    """Write a specification's table; give its rows by method, and its claims by id, as text."""

    def write(spec):
        write_table(spec, tmp_path / "reports" / "table6")
        rows, claims = (
            pd.read_csv(tmp_path / "reports" / f"table6{end}", dtype=str, keep_default_na=False)
            for end in (".csv", ".claims.csv")
        )
        return rows.set_index("method"), claims.set_index("claim")

    return write


def speed_claim(made, line, over=None, published=0.5, **changes):
    claim = made.claim("P84", line, over or "TSN", "speed", published=published, **changes)
    claim.pop("compare")
    return claim | {
        "speed": {"table": "table6", "measure": "videos_per_second", "line": line, **({"over": over} if over else {})}
    }


def test_cells_are_medians_of_rounds_and_ratios_are_taken_round_by_round(made, written):
    row = written(made.timed(ROUNDS))[0].loc["CSTM"]
    names = ("videos_per_second", "speed_vs_tsn")
    assert [row[n] for n in names] == ["6.3", "0.9"]  # not 6.3 / 8
    assert [(row[f"{n}_low"], row[f"{n}_high"]) for n in names] == [("4.8", "9.0"), ("0.75", "1.0")]
    assert (row["mode"], row["batch"], row["published_batch"]) == ("plain", "1", "16")


def test_the_page_opens_with_speeds_beside_the_published(made, written, opened, tmp_path):
    rows, claims = written(made.timed(ROUNDS, [speed_claim(made, "STM", "TSN")]))
    page = opened(tmp_path / "reports" / "table6.html")
    lines = [
        " ".join(row.split()) for row in page.locator("table:not(.claims)").first.locator("tbody tr").all_inner_texts()
    ]
    shown = {line.split()[0]: line for line in lines}
    assert shown.keys() == set(rows.index) and "6.30 [4.80, 9.00]" in shown["CSTM"]
    assert page.locator("table.claims .verdict").count() == len(claims)


def test_hardware_batch_and_precision_are_deviations_beside_those_of_the_run(made, written):
    rows, _ = written(made.timed(ROUNDS, spec={"precision": "bfloat16"}))
    speed = "speed: on a processor, 2 threads for one a GPU; speed: batch of 1 for 16; speed: bfloat16 for float32"
    assert (
        rows.loc["STM", "deviations"] == f"data: drawn for Something-Something v1; recipe: demo for iccv2019; {speed}"
    )
    assert rows.loc["CMM", "deviations"] == "data: drawn for Something-Something v1; recipe: demo for iccv2019"
    assert "speed:" not in written(made.timed(ROUNDS, **PAPERS_OWN))[0].loc["STM", "deviations"]
    # A batch that the paper does not say cannot be kept.
    silent = written(made.timed(ROUNDS, published={"device": "a GPU", "batch": None}, **PAPERS_OWN))[0]
    assert silent.loc["STM", "deviations"].endswith("speed: batch of 16")


def test_a_machine_that_was_busy_is_a_deviation(made, written, tmp_path):
    busy = written(made.timed(ROUNDS, share_elsewhere=0.31))[0].loc["STM", "deviations"]
    said = "speed: other work took 31% of the machine's processor time meanwhile"
    assert busy.endswith(f"; {said}; speed: batch of 1 for 16")
    assert said in (tmp_path / "reports" / "table6.md").read_text()
    for quiet in (0.03, None):
        assert said not in written(made.timed(ROUNDS, share_elsewhere=quiet))[0].loc["STM", "deviations"]


COMPILED = {"torchvision": [20.0] * 5, "TSN": [20.0] * 5, "STM": [15.0, 14.0, 16.0, 15.0, 15.0]}
GAP = {"CSTM": "Unsupported: a graph break"}


def test_each_further_mode_is_a_row_with_its_ratio_to_tsn_in_the_same_mode_and_claims_stay_of_the_plain_one(
    made, written, tmp_path
):
    spec = made.timed(
        ROUNDS,
        [speed_claim(made, "STM", "TSN", 0.5, margin=15)],
        videos_per_second={"compiled": COMPILED},
        left_out={"compiled": GAP},
    )
    rows, claims = written(spec)
    # CMM is not timed.
    assert rows.index.tolist() == ["TSN", "TSN", "CSTM", "CSTM", "CMM", "STM", "STM"]
    plain, compiled = rows.loc["STM"].to_dict("records")
    assert (plain["mode"], plain["speed_vs_tsn"]) == ("plain", "0.5") and plain["top1"]
    assert [compiled[key] for key in ("line", "source", "mode", "batch", "status")] == [
        *("4", "measured", "compiled", "1", "ok")
    ]
    assert [compiled[f"speed_vs_tsn{end}"] for end in ("", "_low", "_high")] == ["0.75", "0.7", "0.8"]
    assert not any(compiled[key] for key in compiled if key.startswith(("top", "published_", "params", "flops")))
    gap = rows.loc["CSTM"].to_dict("records")[1]
    assert gap["videos_per_second"] == gap["speed_vs_tsn"] == "" and gap["mode"] == "compiled"
    assert gap["status"] == "videos_per_second left empty: it cannot be compiled: Unsupported: a graph break"
    assert claims.loc["P84", "measured"] == "0.5"
    page = (tmp_path / "reports" / "table6.md").read_text()
    assert "| STM, compiled | 15.00 [14.00, 16.00] |  | 0.75 [0.70, 0.80] |" in page
    assert "CSTM, compiled: videos_per_second left empty: it cannot be compiled" in page
    assert "STM, compiled" in (tmp_path / "reports" / "table6.html").read_text()


def test_where_tsn_cannot_be_compiled_no_compiled_network_has_a_ratio(made, written):
    compiled = {name: rounds for name, rounds in COMPILED.items() if name != "TSN"}
    left_out = {"compiled": {**GAP, "TSN": "why"}}
    rows, _ = written(made.timed(ROUNDS, videos_per_second={"compiled": compiled}, left_out=left_out))
    row = rows.loc["STM"].to_dict("records")[1]
    assert row["videos_per_second"] == "15.0" and row["speed_vs_tsn"] == ""
    assert row["status"] == "speed_vs_tsn left empty: TSN cannot be compiled"


def test_a_published_ratio_is_that_of_two_printed_speeds(made, written):
    spec = made.timed(ROUNDS)
    for line, printed in zip(spec["lines"], (121.2, None, 59.5, 106.7), strict=True):
        line["published"] = {"videos_per_second": printed} if printed else {}
    assert written(spec)[0]["published_speed_vs_tsn"].tolist() == ["1.0", "", "0.491", "0.88"]
    del spec["lines"][0]["published"]["videos_per_second"]
    assert set(written(spec)[0]["published_speed_vs_tsn"]) == {""}


def test_where_tsn_is_slower_than_torchvisions_resnet_no_ratio_counts(made, written):
    claims = [speed_claim(made, "STM", "CSTM"), {**speed_claim(made, "STM", "TSN", margin=15), "id": "P85"}]
    slow = ROUNDS | {"torchvision": [x * 1.05 for x in ROUNDS["TSN"]]}
    rows, found = written(made.timed(slow, claims))
    assert rows.loc["STM", "videos_per_second"] == "4.0"
    assert set(rows[["speed_vs_tsn", "speed_vs_tsn_low", "speed_vs_tsn_high"]].stack()) == {""}
    why = "TSN has 0.952 of the speed of torchvision's ResNet-50 on the same images, less than 0.97"
    assert rows.loc["STM", "status"] == f"speed_vs_tsn left empty: {why}"
    assert set(found.loc[["P84", "P85"], "verdict"]) == {"not testable here"} and found.loc["P84", "why"] == why
    assert set(found.loc[["P84", "P85"], "measured"]) == {""}
    almost = ROUNDS | {"torchvision": [x * 1.03 for x in ROUNDS["TSN"]]}
    assert written(made.timed(almost))[0].loc["STM", "speed_vs_tsn"] == "0.5"


@pytest.mark.parametrize(
    ("line", "over", "published", "margin", "words"),
    [
        ("TSN", "STM", 1.2, None, ("holds here", "replicated")),
        ("STM", "TSN", 0.9, None, ("holds here", "replicated")),  # which of the two is slower
        ("STM", "TSN", 1.2, None, ("fails here", "refuted")),
        ("TSN", "STM", 0.9, None, ("fails here", "refuted")),
        ("TSN", "CSTM", 1.2, None, ("undecided here", "undecided")),
        ("TSN", "STM", 1.8, 15, ("holds here", "replicated")),
        ("TSN", "STM", 1.7, 15, ("fails here", "refuted")),
        ("TSN", "STM", 2.4, 15, ("fails here", "refuted")),
        ("CSTM", "TSN", 0.9, 15, ("undecided here", "undecided")),
        ("STM", None, 4.0, 30, ("not testable here", "replicated")),
        ("STM", None, 62.0, 15, ("not testable here", "refuted")),
    ],
)
def test_a_speed_is_judged_by_the_range_of_the_rounds_in_the_words_of_its_device(
    made, written, line, over, published, margin, words
):
    claim = speed_claim(made, line, over, published, **({"margin": margin} if margin else {}))
    for changes, word in zip(({}, PAPERS_OWN), words, strict=True):
        row = written(made.timed(ROUNDS, [claim], **changes))[1].loc["P84"]
        assert row["verdict"] == word, changes
        assert float(row["low"]) <= float(row["measured"]) <= float(row["high"])
        assert row["unit"] == ("ratio" if over else "videos/s") and row["p_holm"] == ""
        assert ("a processor" in row["deviations"]) == (not changes)


def test_a_line_that_is_not_timed_is_empty_and_its_claims_say_so(made, written):
    rows, claims = written(made.timed(ROUNDS, [speed_claim(made, "STM", "CMM", 9.7)]))
    assert rows.loc["CMM", "videos_per_second"] == rows.loc["CMM", "mode"] == ""
    assert claims.loc["P84", "verdict"] == "not testable here"
    assert claims.loc["P84", "why"] == "CMM: not timed in this study" and claims.loc["P84", "published"] == "9.7"


def test_a_network_that_is_timed_and_not_trained_is_measured_without_an_accuracy(made, written):
    spec = made.timed(ROUNDS)
    spec["lines"][3]["measured"] = None
    row = written(spec)[0].loc["STM"]
    assert row["source"] == "measured" and row["videos_per_second"] == "4.0" and row["top1"] == ""
    assert row["status"] == "top1 left empty: not trained in this study"
    assert row["deviations"].startswith("speed: on a processor")


def test_pages_show_speeds_beside_the_published_ones_and_say_what_they_are(made, written, tmp_path):
    spec = made.timed(ROUNDS, [speed_claim(made, "TSN", "STM", 1.7, margin=15)])
    spec["lines"][3]["published"] = {"videos_per_second": 62.0}
    written(spec)
    text = (tmp_path / "reports" / "table6.md").read_text()
    assert "| Videos/s measured | Videos/s published | Speed, TSN = 1 measured |" in text
    assert "| STM | 4.00 [3.00, 5.00] | 62.0 | 0.50 [0.50, 0.50] |" in text
    assert "Videos a second: the median of rounds with their range, plain networks, 1 clip a batch" in text
    assert "| 1.7× | 2.0× [2.0, 2.0] | fails here |" in text
    assert "Videos/s" in (tmp_path / "reports" / "table6.tex").read_text()
