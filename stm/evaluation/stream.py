"""A video, a pipe or a camera recognised while it runs: a line of text a step, and whether it kept up."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stm.data.decoding import Video
from stm.data.extraction import encode_jpeg
from stm.data.transforms import centre_region, crop, decode
from stm.evaluation.online import Recogniser, recogniser
from stm.evaluation.predict import frames_spec
from stm.evaluation.record import RunError
from stm.models.builder import VideoNetwork


class Step(NamedTuple):
    """One prediction: its frame and when that is shown, the classes' probabilities (K), its milliseconds."""

    frame: int
    seconds: float | None
    scores: Tensor
    warming_up: bool
    milliseconds: float


def steps(source: Video, recognise: Recogniser, record: dict[str, Any], every: int) -> Iterator[Step]:
    """A prediction for every `every`-th frame, as soon as it is there.

    Raises:
        VideoError: after the frames that came.
    """
    recipe, quality = record["spec"]["recipe"], frames_spec(record["spec"])["frames"]["quality"]
    recognise.reset()
    for number, pixels in enumerate(source):
        if number % every:
            continue
        started = time.perf_counter()
        with torch.inference_mode():
            scores = recognise(_input(pixels, quality, recipe["crop_size"], recipe["short_side"])).cpu()
        passed = 1000 * (time.perf_counter() - started)
        yield Step(number, source.seconds, scores, recognise.warming_up, passed)


def _input(pixels: np.ndarray, quality: int, size: list[int], short_side: int) -> Tensor:
    """A frame (H, W, 3) as the network's input (3, *size), the pixels that the protocol `online` shows of a clip."""
    # What JPEG takes away was away in training too.
    frame = decode([encode_jpeg(pixels, quality)])
    height, width = frame.shape[-2:]
    return crop(frame, centre_region(height, width, size, size[0] / short_side), size)[0]


def watch(
    video: Path,
    network: VideoNetwork,
    record: dict[str, Any],
    cached: bool = False,
    every: int | None = None,
) -> None:
    """Print every step of a stream; at its end, or Ctrl-C, the mean of all and the frames a second against its own.

    Frames a second are those between the first step and the last, decoding and scaling among them.

    Args:
        video: a file, a named pipe, or a device as /dev/video0: what FFmpeg opens by its path.
        network, record: of a run, as `stm.evaluation.evaluate.load_run` gives them.
        cached: as for `stm.evaluation.online.WindowRecogniser`.
        every: one frame of so many is recognised; None: as far apart as in the training of the run.

    Raises:
        RunError: the run does not say how far apart its frames were.
        VideoError: the stream broke off.
    """
    every = every or record.get("frame_step")
    if every is None:
        raise RunError("the run.json of the run does not say how far apart frames were in training: give --every N")
    stored = frames_spec(record["spec"])["frames"]
    source = Video(video, short_side=stored["short_side"], size=stored["size"], live=not video.is_file())
    recognise = recogniser(network, record["spec"]["variant"], cached)
    count, slowest, total, times = 0, 0.0, 0.0, [0.0, 0.0]
    scores = torch.zeros(len(record["classes"]))
    # A camera has no other end.
    with suppress(KeyboardInterrupt):
        for step in steps(source, recognise, record, every):
            at = "" if step.seconds is None else f"{step.seconds:8.2f} s"
            note = "  warming up" if step.warming_up else ""
            print(f"{at}  {_likeliest(step.scores, record)}{note}", flush=True)
            times = [times[0] if count else time.perf_counter(), time.perf_counter()]
            count, scores = count + 1, scores + step.scores
            slowest, total = max(slowest, step.milliseconds), total + step.milliseconds
    if not count:
        raise RunError(f"{video}: no frames came")
    text = f"{count} steps of {every} frames: {total / count:.1f} ms a step, the slowest {slowest:.1f}; "
    held = kept_up(source, every * (count - 1), times[1] - times[0], every)
    # The paper's prediction of the whole video.
    print(f"{text}{held}mean of all steps {_likeliest(scores / count, record).strip()}")


def _likeliest(scores: Tensor, record: dict[str, Any]) -> str:
    best = int(scores.argmax())
    return f"{float(scores[best]):6.1%}  {record['classes'][best]}"


def kept_up(source: Video, frames: int, seconds: float, every: int) -> str:
    """Frames a second that were taken, against those of the source; nothing of a single step."""
    if not frames:
        return ""
    taken = frames / seconds
    if source.rate is None:
        return f"{taken:.1f} frames/s; the source does not say its rate; "
    # A camera gives no frame before its time: who keeps up with it is less than a step behind in the end.
    behind = seconds - frames / source.rate
    held = behind <= (every / source.rate if source.live else 0)
    return f"{taken:.1f} frames/s against the source's {source.rate:.2f}: {'' if held else 'slower than '}real time; "
