import json
import time

import pytest
import torch

from stm.analysis import latency
from stm.analysis.latency import flops_g, forms, frame_latency, saved_by_cache
from stm.cli import main
from stm.config.schema.networks import Backbone, Variant
from stm.config.specification import variant_departures
from stm.models.builder import build

BACKBONE = Backbone(block="bottleneck", blocks=[1, 1, 1, 1], width=8, cmm_least_channels=2)
FRAME = torch.zeros(3, 32, 32, dtype=torch.uint8)


def network(**settings) -> dict:
    return {"variant": variant_departures(Variant(**settings), BACKBONE), "frames": 4, "classes": 5}


STM, TSM_ONLINE = network(cstm="channel_wise", cmm="channel_wise"), network(shift="from_past")


class Slept(torch.nn.Module):
    """A recogniser that takes as long as it is told, frame by frame."""

    def __init__(self, name, seconds, calls):
        super().__init__()
        self.name, self.seconds, self.calls = name, iter(seconds), calls

    def forward(self, frame):
        self.calls.append(self.name)
        time.sleep(next(self.seconds))
        return torch.zeros(5)


def test_recognisers_take_turns_round_by_round_and_the_first_round_does_not_count():
    calls = []
    slow = Slept("slow", [0.3, 0.3] + [0.02, 0.02] * 5, calls)
    quick = Slept("quick", [0.0] * 12, calls)
    found = frame_latency({"slow": slow, "quick": quick}, torch.stack([FRAME, FRAME]), rounds=5)
    assert calls == ["slow", "slow", "quick", "quick"] * 6
    assert {name: len(rounds) for name, rounds in found.items()} == {"slow": 5, "quick": 5}
    assert all(rounds >= 20 for rounds in found["slow"]) and min(found["slow"]) < 300


def test_a_step_of_a_window_takes_the_flops_of_a_clip_and_one_of_a_stream_a_frames():
    cpu = torch.device("cpu")
    windows, streams = forms("stm", STM, cpu), forms("tsm_online", TSM_ONLINE, cpu)
    assert list(windows) == ["stm", "stm-cached"] and list(streams) == ["tsm_online"]
    still = forms("tsn", network(), cpu)["tsn"]
    whole, cached = (flops_g(recognise, FRAME) for recognise in windows.values())
    one = flops_g(streams["tsm_online"], FRAME)
    assert one == pytest.approx(flops_g(still, FRAME)) and whole > 4 * one
    # What the cache saves: the stem of three frames of four, a 7x7 of 3 to 8 channels over 16 x 16 and its norm.
    stem = 7 * 7 * 3 * 8 * 16 * 16 / 1e9
    assert 3 * stem <= whole - cached < 3.3 * stem


def test_the_stage_writes_rounds_flops_and_what_the_machine_was(tmp_path):
    spec = {
        "code": "0",
        "networks": {"stm": STM, "tsm_online": TSM_ONLINE},
        "size": [32, 32],
        "frames": 2,
        "rounds": 5,
    }
    out = tmp_path / "latency.json"
    assert main(["latency", "--spec", json.dumps(spec), "--out", str(out), "--device", "cpu"]) == 0
    record = json.loads(out.read_text())
    assert set(record["latency_ms"]) == set(record["flops_g"]) == {"stm", "stm-cached", "tsm_online"}
    assert all(len(rounds) == 5 and min(rounds) > 0 for rounds in record["latency_ms"].values())
    assert record["spec"] == spec and record["provenance"]["device"] == "cpu"
    assert "share_elsewhere" in record


def test_what_the_cache_saves_is_said_of_flops_and_of_time(monkeypatch):
    run = {"spec": {"variant": STM["variant"], "recipe": {"crop_size": [32, 32]}}}
    built = build(STM["variant"], 4, 5).eval()
    monkeypatch.setattr(latency, "frame_latency", lambda both, *_, rounds: {"plain": [10.0] * 7, "cached": [9.0] * 7})
    said = saved_by_cache(built, run)
    counted = forms("stm", STM, torch.device("cpu"))
    share = 1 - flops_g(counted["stm-cached"], FRAME) / flops_g(counted["stm"], FRAME)
    assert f"{share:.1%} of a step's FLOPs saved, and of its time 10.0% (10.0% to 10.0% over 7 rounds)" in said
    stream = {"spec": {**run["spec"], "variant": TSM_ONLINE["variant"]}}
    assert "nothing more" in saved_by_cache(build(TSM_ONLINE["variant"], 4, 5).eval(), stream)
