"""What claims take: which are asked, at which level, and from what."""

import json
from pathlib import Path

import numpy as np
import pytest

from stm.cli import main
from stm.config.plan import Plan
from stm.evaluation.predictions import Predictions, write
from stm.planning.decisions import decisions

CLIPS = 240
RIGHT = {"TSN": 0.20, "CSTM": 0.48, "CMM": 0.44, "STM": 0.49}


def by_claim(found):
    return {claim: row for table in found.tables for row in table.decisions for claim in row.claims}


def predicted(plan: Plan) -> None:
    """Predictions of Table 6: the same clips are easy for all networks, which makes a difference less noisy."""
    labels = np.arange(CLIPS) % 16
    for line in plan.table("table6").lines:
        for seed, [prediction] in enumerate(line.predictions):
            easy = np.random.default_rng(1).permutation(CLIPS)
            right = easy < (RIGHT[line.entry.name] + 0.03 * seed) * CLIPS
            scores = np.zeros((CLIPS, 16), dtype=np.float32)
            scores[np.arange(CLIPS), np.where(right, labels, (labels + 1) % 16)] = 1
            clips = [f"clip{i}" for i in range(CLIPS)]
            classes = [name for pair in plan.dataset("synthetic_temporal").entry.reversed_pairs for name in pair]
            made = Predictions(clips, labels, [""] * CLIPS, scores, classes, {"listed": CLIPS})
            write(Path(prediction.path), made)


def test_tests_are_asked_at_the_step_of_holm_that_their_effects_come_to(folder):
    found = decisions(Plan(Path("config/config.yaml")), ["table6"])
    [table] = found.tables
    levels = sorted(row.test.level for row in table.decisions)
    assert levels == pytest.approx([0.05 / m for m in range(table.tests, table.tests - len(levels), -1)])
    strongest = max(table.decisions, key=lambda row: row.effect)
    assert strongest.test.level == levels[0] and strongest.seeds == 1 and strongest.power > 0.99
    assert all(row.study_clips == CLIPS and not row.measured for row in table.decisions)


def test_a_small_effect_takes_seeds_as_well_as_clips(folder):
    plan = Plan(Path("config/config.yaml"))
    rows = by_claim(decisions(plan, ["table6"]))
    # STM - CSTM, 1.5 points: three seeds of 1 point each leave too much open.
    assert rows["P19"].effect == pytest.approx(0.015) and rows["P19"].clips[3] is None
    quiet = by_claim(decisions(plan, ["table6"], seed_sd=0.1))["P19"]
    assert quiet.seed_sd == pytest.approx(0.001) and quiet.clips[5] < 20_000
    assert quiet.power < 0.8 and quiet.smallest > quiet.effect


def test_on_the_papers_data_sizes_are_asked_too(folder):
    kinds = {row.test.kind for row in by_claim(decisions(Plan(Path("config/paper.yaml")), ["table7"])).values()}
    assert kinds == {"direction", "size"}


def test_what_one_network_reaches_is_asked_on_the_papers_data_and_is_no_test_of_holms(folder):
    plan = Plan(Path("config/paper.yaml"))
    [table] = decisions(plan, ["table1"]).tables
    rows = by_claim(decisions(plan, ["table1"]))
    size, above = rows["P36"], rows["P48"]
    assert (size.test.kind, size.test.margin, size.effect) == ("size", 0.02, pytest.approx(0.504))
    assert (above.test.kind, above.test.level, above.effect) == ("direction", 0.05, pytest.approx(0.009))
    # Of one network: its own seeds, and no more clips than 1.96 standard errors of 50.4% in 2 points take at 80% power.
    assert size.seed_sd == pytest.approx(0.01) and size.study_clips == 11_522
    quiet = by_claim(decisions(plan, ["table1"], seed_sd=0.001))["P36"]
    assert quiet.clips[1] == pytest.approx(0.504 * 0.496 * ((1.96 + 1.28) / 0.02) ** 2, rel=0.02)
    assert table.tests == sum(row.test.kind == "direction" and row.test.level < 0.05 for row in table.decisions) + 1


def test_what_is_left_out_is_counted(folder):
    plan = Plan(Path("config/config.yaml"))
    found = decisions(plan, [])
    assert sum(len(row.claims) for table in found.tables for row in table.decisions) > 50
    asked = {c.id for name in plan.tables for _, c in plan.table(name).claims}
    elsewhere = sum(claim.decider is None for _, _, _, claim in plan.claims)
    assert len(by_claim(found)) + sum(found.left_out.values()) == len(asked) + elsewhere
    assert found.left_out["of kind literature"] == 12
    of_table4 = decisions(plan, ["table4"]).left_out
    assert of_table4["of printed figures themselves, which need the paper's data and no deviation"] == 9


def test_measured_predictions_say_how_clips_and_seeds_vary(folder):
    plan = Plan(Path("config/config.yaml"), {"seeds": [0, 1, 2]})
    before = by_claim(decisions(plan, ["table6"]))["P101"]
    predicted(plan)
    after = by_claim(decisions(plan, ["table6"]))["P101"]
    assert after.measured and not before.measured and after.study_clips == CLIPS
    # Both networks gain the same over seeds: the difference does not vary.
    assert after.seed_sd < 0.002 < before.seed_sd
    assert after.clips[3] < before.clips[3]
    assert by_claim(decisions(plan, ["table6"], seed_sd=2.0))["P101"].seed_sd == pytest.approx(0.02)


def test_the_page_fits_100_columns_and_its_json_says_the_same(folder, capsys):
    assert main(["plan", "config/paper.yaml", "table7", "--claims"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 100
    assert main(["plan", "config/paper.yaml", "table7", "--claims", "--json"]) == 0
    [table] = json.loads(capsys.readouterr().out)["tables"]
    row = next(row for row in table["decisions"] if row["kind"] == "size")
    assert row["clips"] == 11_522 and row["level"] == 0.05
    found = by_claim(decisions(Plan(Path("config/paper.yaml")), ["table7"]))[row["claims"][0]]
    assert found.power == row["power"]
