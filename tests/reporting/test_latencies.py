import pytest

from stm.files import write_sealed
from stm.reporting.claims import claim_rows
from stm.reporting.latencies import Latencies, load_latencies
from stm.reporting.layouts import table_markdown
from stm.reporting.measured import counts, load
from stm.reporting.tables import table_columns, table_rows


@pytest.fixture
def table(made, tmp_path):
    """Two lines, of which the second is recognised as a stream in five rounds."""
    record = tmp_path / "latency.json"
    provenance = {"device": "cpu", "processor": "a processor", "threads": 2}
    rounds = {"stm-8f": [12.0, 10.0, 11.0, 30.0, 10.5], "stm-8f-cached": [9.0] * 5}
    flops = {"stm-8f": 33.3, "stm-8f-cached": 30.4}
    found = {"latency_ms": rounds, "flops_g": flops, "provenance": provenance, "share_elsewhere": None}
    write_sealed(record, found)
    lines = [made.line(1, "TSN", 0.5), made.line(2, "STM", 0.9)]
    lines[1]["published"] = {"top1": 49.7, "latency_ms": 5.4}
    job = {"record": str(record), "published": {"device": "a GPU"}, "lines": {"2": "stm-8f"}}
    return {**made.spec(lines), "measures": ["latency_ms", "top1"], "latency": job}


def rows_of(spec):
    lines = spec["lines"]
    return table_rows(spec, load(lines), [counts(line) for line in lines], None, load_latencies(spec["latency"]))


def test_a_latency_is_the_median_of_the_rounds_with_their_range_beside_the_published_one(table):
    still, stream = rows_of(table)
    assert [stream[key] for key in ("latency_ms", "latency_ms_low", "latency_ms_high")] == [11.0, 10.0, 30.0]
    assert stream["published_latency_ms"] == 5.4
    assert still["latency_ms"] is None and still["published_latency_ms"] is None
    assert stream["deviations"].endswith("; latency: on a processor, 2 threads for one a GPU")
    assert "latency" not in still["deviations"]


def test_the_cached_form_has_its_latency_and_what_it_saves_in_the_table_and_below_it(table):
    still, stream = rows_of(table)
    names = ("cached_latency_ms", "cached_latency_ms_low", "step_flops_g", "cached_step_flops_g")
    assert [stream[name] for name in names] == [9.0, 9.0, 33.3, 30.4]
    assert {still[name] for name in names} == {None}
    said = "9.0 [9.0, 9.0] ms a frame for 11.0 [10.0, 30.0], round by round 0.82 [0.30, 0.90] of it"
    said += "; 30.40 GFLOPs for 33.30, 8.7% saved"
    page = table_markdown(table, [still, stream], [])
    assert f"STM with the stem's results kept (`stm online --cached`): {said}".replace("`", "\\`") in page


def test_the_page_shows_measured_and_published_latencies(table):
    page = table_markdown(table, rows_of(table), [])
    assert "| Model | Latency (ms) measured | Latency (ms) published |" in page
    assert "| 11.0 [10.0, 30.0] | 5.4 |" in page


def test_a_table_without_streams_has_no_columns_of_latency(made):
    spec = made.spec([made.line(1, "TSN", 0.5)])
    assert not [column for column in table_columns(spec) if "latency" in column]
    assert "latency_ms" not in rows_of(spec)[0]


def timed(made, line, **speed):
    """A claim of latencies, of a published figure or of a limit."""
    claim = made.claim("P93", line, "TSN", "speed", published=5.4, margin=15)
    claim.pop("compare")
    keys = {"table": "table6", "measure": "latency_ms", "line": line, **speed}
    for key in {"below": ("published", "margin"), "over": ("margin",)}.get(next(iter(speed), ""), ()):
        claim.pop(key)
    return claim | {"speed": keys}


@pytest.mark.parametrize(
    ("speed", "unit", "measured", "words"),
    [
        ({}, "ms", 11.0, ("not testable here", "refuted")),
        ({"below": 33.3}, "ms", 11.0, ("holds here", "replicated")),
        ({"below": 12.5}, "ms", 11.0, ("undecided here", "undecided")),
        ({"below": 10.0}, "ms", 11.0, ("fails here", "refuted")),
        ({"over": "CSTM"}, "ratio", 1.1, ("undecided here", "undecided")),
        ({"over": "CMM"}, "ratio", 1.375, ("holds here", "replicated")),
        ({"over": "TSN"}, "ratio", None, ("not testable here", "not testable here")),
    ],
)
def test_a_claim_of_latencies_is_judged_by_the_range_of_the_rounds(made, speed, unit, measured, words):
    lines = [made.line(k, name, 0.5) for k, name in enumerate(("TSN", "CSTM", "CMM", "STM"), 1)]
    spec = made.spec(lines, [timed(made, "STM", **speed)])
    rounds = {2: [10.0, 10.0, 10.0, 31.0, 10.0], 3: [8.0] * 5, 4: [12.0, 10.0, 11.0, 30.0, 11.0]}
    found, cost = load(spec["lines"]), [counts(line) for line in spec["lines"]]
    for deviations, word in zip((["latency: on a processor"], []), words, strict=True):
        timings = {"latency_ms": Latencies(rounds, deviations)}
        row = next(row for row in claim_rows(spec, found, cost, timings) if row["claim"] == "P93")
        assert (row["unit"], row["measured"], row["verdict"]) == (unit, measured, word)
        assert row["deviations"] == "; ".join(deviations)
