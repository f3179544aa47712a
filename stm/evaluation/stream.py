"""A video, a pipe or a camera recognised while it runs: a line of text a step, and whether it kept up."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stm.data.decoding import Video
from stm.data.transforms import centre_region, crop
from stm.evaluation.evaluate import RunError, load_run
from stm.evaluation.online import Recogniser, recogniser


class Step(NamedTuple):
    """One prediction: the time of its frame in the stream, the likeliest class, how long it took in milliseconds."""

    seconds: float | None
    label: str
    probability: float
    warming_up: bool
    milliseconds: float


def steps(source: Video, recognise: Recogniser, record: dict[str, Any], every: int) -> Iterator[Step]:
    """A prediction for every `every`-th frame, as soon as it is there.

    Raises:
        VideoError: after the frames that came.
    """
    recipe = record["spec"]["recipe"]
    recognise.reset()
    for number, pixels in enumerate(source):
        if number % every:
            continue
        started = time.perf_counter()
        with torch.inference_mode():
            scores = recognise(_input(pixels, recipe["crop_size"], recipe["short_side"])).cpu()
        best = int(scores.argmax())
        passed = 1000 * (time.perf_counter() - started)
        yield Step(source.seconds, record["classes"][best], float(scores[best]), recognise.warming_up, passed)


def _input(pixels: np.ndarray, size: list[int], short_side: int) -> Tensor:
    """A frame (H, W, 3) as the network's input (3, *size): the centre, as in evaluation."""
    frame = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return crop(frame, centre_region(*frame.shape[-2:], size, size[0] / short_side), size)[0]


def watch(video: Path, run: Path, device: torch.device, cached: bool = False, every: int | None = None) -> None:
    """Print every step of a stream, and at its end the frames a second against the source's.

    Args:
        video: a file, a named pipe, or a device as /dev/video0: what FFmpeg opens by its path.
        run: the folder of a run.
        device: where to compute.
        cached: as for `stm.evaluation.online.WindowRecogniser`.
        every: one frame of so many is recognised; None: as far apart as in the training of the run.

    Raises:
        RunError: the run does not say how far apart its frames were.
        VideoError: the stream broke off.
    """
    network, record = load_run(run, device)
    every = every or record.get("frame_step")
    if every is None:
        raise RunError(f"{run}/run.json does not say how far apart frames were in training: give --every N")
    frames = record["spec"]["dataset"].get("frames", {})
    source = Video(video, short_side=frames.get("short_side"), size=frames.get("size"))
    recognise = recogniser(network, record["spec"]["variant"], cached)
    count, slowest, total, started = 0, 0.0, 0.0, time.perf_counter()
    for step in steps(source, recognise, record, every):
        at = "" if step.seconds is None else f"{step.seconds:8.2f} s"
        note = "  warming up" if step.warming_up else ""
        print(f"{at}  {step.probability:6.1%}  {step.label}{note}", flush=True)
        count, slowest, total = count + 1, max(slowest, step.milliseconds), total + step.milliseconds
    if not count:
        raise RunError(f"{video}: no frames came")
    print(_summary(count, every, time.perf_counter() - started, source.rate, total / count, slowest))


def _summary(count: int, every: int, seconds: float, rate: float | None, mean: float, slowest: float) -> str:
    taken = count * every / seconds
    text = f"{count} steps of {every} frames: {mean:.1f} ms a step, the slowest {slowest:.1f}; {taken:.1f} frames/s"
    if rate is None:
        return f"{text}; the source does not say its rate"
    return f"{text} of the source's {rate:.2f}: {'real time' if taken >= rate else 'slower than real time'}"
