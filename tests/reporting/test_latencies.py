import json

import pytest

from stm.reporting.latencies import load_latencies
from stm.reporting.layouts import table_markdown
from stm.reporting.measured import counts, load
from stm.reporting.tables import table_columns, table_rows


@pytest.fixture
def table(made, tmp_path):
    """Two lines, of which the second is recognised as a stream in five rounds."""
    record = tmp_path / "latency.json"
    provenance = {"device": "cpu", "processor": "a processor", "threads": 2}
    rounds = {"stm-8f": [12.0, 10.0, 11.0, 30.0, 10.5], "stm-8f-cached": [9.0] * 5}
    record.write_text(json.dumps({"latency_ms": rounds, "provenance": provenance}))
    lines = [made.line(1, "TSN", 0.5), made.line(2, "STM", 0.9)]
    lines[1]["published"] = {"top1": 49.7, "latency_ms": 5.4}
    job = {"record": str(record), "lines": {"2": "stm-8f"}}
    return {**made.spec(lines), "measures": ["latency_ms", "top1"], "latency": job}


def rows_of(spec):
    lines = spec["lines"]
    return table_rows(spec, load(lines), [counts(line) for line in lines], None, load_latencies(spec["latency"]))


def test_a_latency_is_the_median_of_the_rounds_with_their_range_beside_the_published_one(table):
    still, stream = rows_of(table)
    assert [stream[key] for key in ("latency_ms", "latency_ms_low", "latency_ms_high")] == [11.0, 10.0, 30.0]
    assert stream["published_latency_ms"] == 5.4
    assert still["latency_ms"] is None and still["published_latency_ms"] is None
    assert stream["deviations"].endswith("; latency: on a processor, 2 threads")
    assert "latency" not in still["deviations"]


def test_the_page_shows_measured_and_published_latencies(table):
    page = table_markdown(table, rows_of(table), [])
    assert "| Model | Latency (ms) measured | Latency (ms) published |" in page
    assert "| 11.0 [10.0, 30.0] | 5.4 |" in page


def test_a_table_without_streams_has_no_columns_of_latency(made):
    spec = made.spec([made.line(1, "TSN", 0.5)])
    assert not [column for column in table_columns(spec) if "latency" in column]
    assert "latency_ms" not in rows_of(spec)[0]
