"""The stage that times networks: what is timed with what, and what is kept. No test asks how fast anything goes."""

import json
import shutil

import pytest
import torch

from stm.analysis import speed
from stm.analysis.rounds import REFERENCE, median, ratio
from stm.cli import main
from stm.config.schema.networks import PAPER_BACKBONES, Backbone, Variant
from stm.config.specification import variant_departures
from stm.models.builder import build

SMALL = Backbone(block="bottleneck", blocks=[1, 1, 1, 1], width=8)


def network(frames, **variant):
    return {"variant": variant_departures(Variant(**variant), SMALL), "frames": frames, "classes": 5, "size": [32, 32]}


SPEC = {
    "batch": 2,
    "rounds": 5,
    "seconds": 1e-4,
    "precision": "float32",
    "threads": None,
    "modes": ["plain"],
    "tsn": "tsn-1f",
    "networks": {"tsn-1f": network(1), "stm-2f": network(2, cstm="channel_wise", cmm="channel_wise")},
}


def test_networks_take_turns_in_every_round_after_one_to_warm_up():
    calls = []
    found = speed.in_rounds({n: lambda n=n: calls.append(n) for n in "abc"}, 2, 1e-4, torch.device("cpu"))
    turns = [name for i, name in enumerate(calls) if i == 0 or calls[i - 1] != name]
    assert turns == list("abcabcabc")
    assert {name: len(rates) for name, rates in found.items()} == {"a": 2, "b": 2, "c": 2}


def test_the_stage_keeps_every_round_of_every_network_and_of_torchvisions_resnet(tmp_path):
    out = tmp_path / "speed.json"
    assert main(["speed", "--spec", json.dumps(SPEC), "--out", str(out), "--device", "cpu"]) == 0
    record = json.loads(out.read_text())
    assert record["spec"] == SPEC and record["provenance"]["device"] == "cpu" and record["tf32"] is None
    plain = record["videos_per_second"]["plain"]
    assert set(plain) == {REFERENCE, *SPEC["networks"]} and record["left_out"] == {"plain": {}}
    assert all(len(rounds) == 5 and min(rounds) > 0 for rounds in plain.values())
    assert record["share_elsewhere"] is None or 0 <= record["share_elsewhere"] <= 1


def test_videos_are_counted_and_not_batches(monkeypatch):
    monkeypatch.setattr(speed, "in_rounds", lambda steps, *_: {name: [3.0] for name in steps})
    assert speed.measure(SPEC, torch.device("cpu"))["videos_per_second"]["plain"]["stm-2f"] == [6.0]


def compile_all_but_tsn(model, **settings):
    """In the place of torch.compile, which too says at the first call what it cannot compile."""
    assert settings == {"fullgraph": True, "dynamic": False}

    class Compiled(torch.nn.Module):
        def forward(self, clips):
            if clips.shape[1] == 1 and not isinstance(model, speed.Images):
                raise RuntimeError("a graph break\n  and where")
            return model(clips)

    return Compiled()


def test_compiled_networks_take_their_turns_beside_the_plain_ones_and_what_cannot_be_is_named(monkeypatch):
    monkeypatch.setattr(torch, "compile", compile_all_but_tsn)
    monkeypatch.setattr(speed, "require_compiler", lambda device: None)
    timed = []
    monkeypatch.setattr(
        speed, "in_rounds", lambda steps, *_: timed.extend(steps) or {name: [1.0, 2.0] for name in steps}
    )
    found = speed.measure({**SPEC, "modes": ["plain", "compiled"]}, torch.device("cpu"))
    assert timed == [
        *(("plain", REFERENCE), ("compiled", REFERENCE), ("plain", "tsn-1f")),
        *(("plain", "stm-2f"), ("compiled", "stm-2f")),
    ]
    assert found["left_out"] == {"plain": {}, "compiled": {"tsn-1f": "RuntimeError: a graph break"}}
    assert found["videos_per_second"]["compiled"] == {REFERENCE: [2.0, 4.0], "stm-2f": [2.0, 4.0]}


def test_without_a_compiler_compiling_for_a_cpu_is_refused_before_anything_is_timed(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CXX", str(tmp_path / "absent"))
    spec = json.dumps({**SPEC, "modes": ["plain", "compiled"]})
    assert main(["speed", "--spec", spec, "--out", str(tmp_path / "speed.json"), "--device", "cpu"]) == 1
    said = capsys.readouterr().err
    assert "torch needs a C++ compiler" in said and "apt-get install g++" in said and "modes: [plain]" in said
    speed.require_compiler(torch.device("cuda"))


@pytest.mark.faults
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler g++ here")
def test_torch_compiles_our_networks_whole():
    """A minute: torch's own compiler, on networks of every kind that the tables time."""
    kinds = {"tsn": {}, "tsm": {"shift": "both_ways"}, "stm": {"cstm": "channel_wise", "cmm": "channel_wise"}}
    networks = {name: network(2, **variant) for name, variant in kinds.items()}
    spec = {**SPEC, "modes": ["plain", "compiled"], "tsn": "tsn", "networks": networks}
    found = speed.measure(spec, torch.device("cpu"))
    assert found["left_out"]["compiled"] == {}
    for name, settings in networks.items():
        model = build(settings["variant"], 2, 5).eval()
        clips = torch.randn(2, 2, 3, 32, 32)
        with torch.inference_mode():
            torch.testing.assert_close(speed.compiled(model)(clips), model(clips), rtol=1e-4, atol=1e-4, msg=name)


def test_the_reference_is_tsns_own_network_frame_by_frame():
    reference = speed.Images(2, 5).eval()
    tsn = build(variant_departures(Variant(), PAPER_BACKBONES[50]), 2, 5)
    assert [p.shape for p in reference.parameters()] == [p.shape for p in tsn.parameters()]
    clips = torch.randn(1, 2, 3, 32, 32)
    with torch.inference_mode():
        frames = torch.stack([reference.network(clips[:, t]) for t in range(2)])
        torch.testing.assert_close(reference(clips), frames.mean(0))


def test_too_large_a_batch_is_an_error_that_says_what_to_do(monkeypatch, capsys, tmp_path):
    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(speed, "in_rounds", full)
    out = tmp_path / "speed.json"
    assert main(["speed", "--spec", json.dumps(SPEC), "--out", str(out), "--device", "cpu"]) == 1
    assert "out of memory with 2 clips a batch; give the study a smaller `speed: batch`" in capsys.readouterr().err
    assert not out.exists()


def test_a_ratio_is_the_median_of_the_rounds_ratios_with_their_range():
    found = ratio([9.0, 9.0, 6.0], [10.0, 9.0, 8.0])
    assert (found.value, found.low, found.high) == (0.9, 0.75, 1.0)
    assert median([3.0, 1.0, 2.0]).value == 2.0


@pytest.mark.parametrize("rounds", [[1.0], [1.0, 2.0]])
def test_rounds_that_do_not_match_are_no_ratio(rounds):
    with pytest.raises(ValueError, match="zip"):
        ratio(rounds, [1.0, 2.0, 3.0])
