"""Videos a second of networks, timed in turn: forward passes of whole clips, without loading (ICCV 2019, section 4.6).

Every network is timed in the same plain form, as `stm.models.builder` makes it, and beside them torchvision's ResNet-50
on the frames of TSN's clips as so many images, to which TSN is held.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stm.analysis.rounds import REFERENCE
from stm.errors import UserError
from stm.files import write_sealed
from stm.models.builder import build
from stm.training.provenance import provenance


class SpeedError(UserError):
    """Networks that cannot be timed as the study asks."""


class Images(nn.Module):
    """torchvision's ResNet-50 on the frames of clips as so many images, with TSN's consensus.

    Shape:
        input (N, T, 3, H, W); output (N, K).
    """

    def __init__(self, frames: int, classes: int):
        super().__init__()
        import torchvision

        self.frames = frames
        self.network = torchvision.models.resnet50(num_classes=classes).to(memory_format=torch.channels_last)

    def forward(self, clips: Tensor) -> Tensor:
        images = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.network(images).unflatten(0, (-1, self.frames)).mean(1)


def inference(model: nn.Module, clips: Tensor) -> Callable[[], None]:
    """One forward pass."""
    model.eval()

    def step() -> None:
        with torch.inference_mode():
            model(clips)

    return step


def in_rounds(
    steps: Mapping[str, Callable[[], None]], rounds: int, seconds: float, device: torch.device
) -> dict[str, list[float]]:
    """Steps a second of each, one after the other in every round, after a round to warm up.

    Args:
        seconds: each is repeated until so many have passed, and at least once.
    """
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            rate = _steps_a_second(step, seconds, device)
            if turn:
                found[name].append(rate)
    return found


def _steps_a_second(step: Callable[[], None], seconds: float, device: torch.device) -> float:
    steps, started = 0, time.perf_counter()
    while True:
        step()
        steps += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        passed = time.perf_counter() - started
        if passed >= seconds:
            return steps / passed


def measure(spec: dict[str, Any], device: torch.device) -> dict[str, list[float]]:
    """Videos a second of every network by name, round by round.

    Args:
        spec: of `stm.config.networkproducts.SpeedJob`.
        device: where to compute.

    Raises:
        SpeedError: the device has too little memory for the batch.
    """
    batch = spec["batch"]
    torch.manual_seed(0)
    clips: dict[tuple[int, ...], Tensor] = {}
    steps = {}
    try:
        for name, network in {REFERENCE: spec["networks"][spec["tsn"]], **spec["networks"]}.items():
            frames, classes = network["frames"], network["classes"]
            shape = (batch, frames, 3, *network["size"])
            if shape not in clips:
                clips[shape] = torch.randn(shape, device=device)
            model = Images(frames, classes) if name == REFERENCE else build(network["variant"], frames, classes)
            steps[name] = inference(model.to(device), clips[shape])
        with torch.autocast(device.type, torch.bfloat16, enabled=spec["precision"] == "bfloat16"):
            rates = in_rounds(steps, spec["rounds"], spec["seconds"], device)
    except torch.OutOfMemoryError:
        raise SpeedError(f"out of memory with {batch} clips a batch; give the study a smaller `speed: batch`") from None
    return {name: [batch * rate for rate in rounds] for name, rounds in rates.items()}


def write_speed(spec: dict[str, Any], out: Path, device: torch.device) -> None:
    """Measure and write as JSON, with what else may have decided it.

    Raises:
        SpeedError: as `measure`.
    """
    if spec["threads"]:
        torch.set_num_threads(spec["threads"])
    busy = os.getloadavg()[0]
    record = {
        "spec": spec,
        "videos_per_second": measure(spec, device),
        "provenance": provenance(device),
        # On a GPU torch convolves float32 in this precision unless it is told otherwise.
        "tf32": torch.backends.cudnn.allow_tf32 if device.type == "cuda" else None,
        "load_average_before": busy,
    }
    write_sealed(out, record)
