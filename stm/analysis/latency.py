"""How long a recogniser of streams takes for a frame: TPAMI 2022, Table 5."""

import statistics
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stm.analysis.elsewhere import with_share_elsewhere
from stm.analysis.flops import counted
from stm.analysis.rounds import ratio
from stm.evaluation.online import Recogniser, WindowRecogniser, recogniser
from stm.files import write_sealed
from stm.models.builder import VideoNetwork, build
from stm.training.provenance import provenance


def frame_latency(recognisers: Mapping[str, Recogniser], frames: Tensor, rounds: int) -> dict[str, list[float]]:
    """Milliseconds from a frame's bytes in memory to its probabilities there, without decoding: round by round.

    All recognisers have their turn in every round, so that a machine that slows down slows them all; a round before
    them, which is not counted, warms up.

    Args:
        frames: (n, 3, H, W) bytes, fed to each in every round.
        rounds: at least 5, of which a median and a range are to be taken.

    Returns:
        by name, the median over the frames of each round.
    """
    found: dict[str, list[float]] = {name: [] for name in recognisers}
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for name, recognise in recognisers.items():
                times = [_milliseconds(recognise, frame) for frame in frames]
                if turn:
                    found[name].append(statistics.median(times))
    return found


def _milliseconds(recognise: Recogniser, frame: Tensor) -> float:
    started = time.perf_counter()
    # To the CPU: a GPU is waited for.
    recognise(frame).cpu()
    return 1000 * (time.perf_counter() - started)


def flops_g(recognise: Recogniser, frame: Tensor) -> float:
    """10^9 multiply-adds of one step."""
    recognise.reset()
    with torch.no_grad():
        total = counted(recognise, frame).total() / 1e9
    recognise.reset()
    return total


def forms(name: str, network: Mapping[str, Any], device: torch.device) -> dict[str, Recogniser]:
    """The recogniser of a network by its name, and of a window the cached form by `<name>-cached`.

    Args:
        network: `variant`, `frames`, `classes`; weights are random, and do not matter.
    """
    torch.manual_seed(0)
    built = build(network["variant"], network["frames"], network["classes"]).to(device).eval()
    found = {name: recogniser(built, network["variant"])}
    if isinstance(found[name], WindowRecogniser):
        found[f"{name}-cached"] = recogniser(built, network["variant"], cached=True)
    return found


def saved_by_cache(network: VideoNetwork, record: Mapping[str, Any]) -> str:
    """What keeping the stem's results saves of each frame, in a sentence: FLOPs as counted, time as both forms take in
    turn on the network's device.

    Args:
        network: in evaluation mode.
        record: of its run.
    """
    recipe, variant = record["spec"]["recipe"], record["spec"]["variant"]
    both = {"plain": recogniser(network, variant), "cached": recogniser(network, variant, cached=True)}
    if not isinstance(both["cached"], WindowRecogniser):
        return "Cached: nothing more; this network looks at no later frame, and computes each frame once as it is"
    frames = torch.zeros((2, 3, *recipe["crop_size"]), dtype=torch.uint8)
    flops = {name: flops_g(recognise, frames[0]) for name, recognise in both.items()}
    rounds = frame_latency(both, frames, rounds=7)
    share = ratio(rounds["cached"], rounds["plain"])
    return (
        f"Cached: {1 - flops['cached'] / flops['plain']:.1%} of a step's FLOPs saved, and of its time "
        f"{1 - share.value:.1%} ({1 - share.high:.1%} to {1 - share.low:.1%} over {len(rounds['plain'])} rounds)"
    )


def write_latency(spec: dict[str, Any], out: Path, device: torch.device) -> None:
    """Measure the networks of a table in turn, and write as JSON.

    Args:
        spec: of `stm.config.networkproducts.LatencyJob`.
        out: the file.
        device: where to compute; float32, one stream.
    """
    recognisers: dict[str, Recogniser] = {}
    for name, network in spec["networks"].items():
        recognisers |= forms(name, network, device)
    frames = torch.randint(0, 256, (spec["frames"], 3, *spec["size"]), dtype=torch.uint8)
    flops = {name: flops_g(recognise, frames[0]) for name, recognise in recognisers.items()}
    rounds, elsewhere = with_share_elsewhere(partial(frame_latency, recognisers, frames, spec["rounds"]))
    record = {
        "spec": spec,
        "latency_ms": rounds,
        "flops_g": flops,
        "provenance": provenance(device),
        # Of the machine's processor time while they were timed.
        "share_elsewhere": elsewhere,
    }
    write_sealed(out, record)
