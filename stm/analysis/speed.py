"""Videos a second of networks, timed in turn: forward passes of whole clips, without loading (ICCV 2019, section 4.6).

Every network is timed in the same forms: plain, as `stm.models.builder` makes it, and where the study asks for it
compiled. Beside them torchvision's ResNet-50 on the frames of TSN's clips as so many images, to which TSN is held.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from stm.analysis.elsewhere import with_share_elsewhere
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


def compiled(model: nn.Module) -> nn.Module:
    """By torch.compile, as a whole and for inputs of one shape, when it is first called."""
    from torch._dynamo import config

    # One function, as `ResNet.forward`, is compiled for each network that has it. Beyond this many torch gives up.
    config.recompile_limit = 64
    # Whole: a network that ran in parts as before would be called compiled and not be it.
    return cast(nn.Module, torch.compile(model, fullgraph=True, dynamic=False))


def require_compiler(device: torch.device) -> None:
    """Refuse to compile for a CPU without a C++ compiler.

    Raises:
        SpeedError: there is none where torch looks for it.
    """
    command = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if device.type == "cpu" and shutil.which(command) is None:
        raise SpeedError(
            f"the study's `speed: modes` has `compiled`, for which torch needs a C++ compiler, and there is no "
            f"`{command}` here. Install it (on Debian: apt-get install g++), name another in CXX, or set modes: [plain]"
        )


K = TypeVar("K")


def in_rounds(
    steps: Mapping[K, Callable[[], None]], rounds: int, seconds: float, device: torch.device
) -> dict[K, list[float]]:
    """Steps a second of each, one after the other in every round, after a round to warm up.

    Args:
        seconds: each is repeated until so many have passed, and at least once.
    """
    found: dict[K, list[float]] = {name: [] for name in steps}
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


def measure(spec: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Videos a second of every network.

    Args:
        spec: of `stm.config.networkproducts.SpeedJob`.
        device: where to compute.

    Returns:
        `videos_per_second` by mode and network, round by round; `left_out`, by mode why a network has none; and
        `share_elsewhere`, of the machine's processor time while they were timed.

    Raises:
        SpeedError: the device has too little memory for the batch, or there is no compiler.
    """
    batch, modes = spec["batch"], spec["modes"]
    if "compiled" in modes:
        require_compiler(device)
    torch.manual_seed(0)
    clips: dict[tuple[int, ...], Tensor] = {}
    steps: dict[tuple[str, str], Callable[[], None]] = {}
    left_out: dict[str, dict[str, str]] = {mode: {} for mode in modes}
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=spec["precision"] == "bfloat16"):
            for name, network in {REFERENCE: spec["networks"][spec["tsn"]], **spec["networks"]}.items():
                frames, classes = network["frames"], network["classes"]
                shape = (batch, frames, 3, *network["size"])
                if shape not in clips:
                    clips[shape] = torch.randn(shape, device=device)
                model = Images(frames, classes) if name == REFERENCE else build(network["variant"], frames, classes)
                steps["plain", name] = inference(model.to(device), clips[shape])
                if "compiled" in modes:
                    step = inference(compiled(model), clips[shape])
                    if why := _obstacle(step):
                        left_out["compiled"][name] = why
                    else:
                        steps["compiled", name] = step
            timed = partial(in_rounds, steps, spec["rounds"], spec["seconds"], device)
            rates, elsewhere = with_share_elsewhere(timed)
    except torch.OutOfMemoryError:
        raise SpeedError(f"out of memory with {batch} clips a batch; give the study a smaller `speed: batch`") from None
    found: dict[str, dict[str, list[float]]] = {mode: {} for mode in modes}
    for (mode, name), rounds in rates.items():
        found[mode][name] = [batch * rate for rate in rounds]
    return {"videos_per_second": found, "left_out": left_out, "share_elsewhere": elsewhere}


def _obstacle(step: Callable[[], None]) -> str:
    """Compile by a first step, and say why that cannot be done; nothing where it can."""
    try:
        step()
    except torch.OutOfMemoryError:
        raise
    # Of torch's compilers each raises errors of its own kinds.
    except Exception as error:
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return ""


def write_speed(spec: dict[str, Any], out: Path, device: torch.device) -> None:
    """Measure and write as JSON, with what else may have decided it.

    Raises:
        SpeedError: as `measure`.
    """
    if spec["threads"]:
        torch.set_num_threads(spec["threads"])
    record = {
        "spec": spec,
        **measure(spec, device),
        "provenance": provenance(device),
        # On a GPU torch convolves float32 in this precision unless it is told otherwise.
        "tf32": torch.backends.cudnn.allow_tf32 if device.type == "cuda" else None,
    }
    write_sealed(out, record)
