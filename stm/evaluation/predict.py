"""What one run takes a user's videos for, by the very extraction, views and network of the evaluation of a dataset."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stm.config.schema.datasets import Frames
from stm.config.schema.protocols import PROTOCOLS
from stm.data.dataset import EvaluationClips
from stm.data.videos import VideoFrames
from stm.evaluation.evaluate import clip_scores
from stm.models.builder import VideoNetwork
from stm.repeatable import be_repeatable

SHOWN = 5
COLUMNS = ("video", "status", "reason", "frames", "rank", "class", "probability")


@dataclass(frozen=True)
class Predicted:
    """One video, its status and reason as in a manifest; `top` has the most probable classes, none without frames."""

    video: str
    status: str
    reason: str
    frames: int
    top: list[tuple[str, float]]


def predict(
    network: VideoNetwork,
    record: dict[str, Any],
    videos: Iterable[tuple[str, Path]],
    protocol: str,
    device: torch.device,
) -> Iterator[Predicted]:
    """The classes of videos, one video after the other.

    Args:
        network, record: of `stm.evaluation.evaluate.load_run`.
        videos: of `stm.data.videos.videos_in`; nothing of a dataset is asked for.
        protocol: a name of `PROTOCOLS`, with the papers' number of views.
        device: where the network computes.
    """
    spec = record["spec"]
    recipe = spec["recipe"]
    shown, stored = PROTOCOLS[protocol].model_dump(), frames_spec(spec)
    be_repeatable(recipe["threads"], device)
    for clip, path in videos:
        frames = VideoFrames(clip, path, stored)
        found = frames.extracted
        top = []
        if found.frames:
            views = EvaluationClips(frames, [0], shown, spec["frames"], recipe["short_side"], recipe["crop_size"])
            (scores,) = torch.cat(clip_scores(network, views, record, device, workers=0)).cpu().numpy()
            top = _top(scores, record["classes"])
        yield Predicted(str(path), found.status, found.reason, found.frames, top)


def frames_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """How the frames of the run's dataset are decoded and stored.

    An imported run has no dataset: its frames get the short side that its evaluation speaks of.
    """
    if "dataset" in spec:
        return {"frames": spec["dataset"]["frames"], "decoder": spec["dataset"]["decoder"]}
    return {"frames": Frames(short_side=spec["recipe"]["short_side"]).settings(), "decoder": "pyav"}


def _top(scores: np.ndarray, classes: list[str]) -> list[tuple[str, float]]:
    best = np.argsort(-scores, kind="stable")[:SHOWN]
    return [(classes[k], float(scores[k])) for k in best]


def as_text(predicted: Predicted) -> str:
    """A video and the classes below it; one that is not whole says why."""
    problem = "" if predicted.status == "ok" else f": {predicted.status}: {predicted.reason}"
    frames = f" ({predicted.frames} frames)" if predicted.frames else ""
    return "\n".join(
        [f"{predicted.video}{frames}{problem}", *(f"  {100 * p:5.1f}%  {name}" for name, p in predicted.top)]
    )


def csv_rows(found: Iterable[Predicted]) -> Iterator[tuple[Any, ...]]:
    """A row of `COLUMNS` a video and class; a video without frames has one row, without a class."""
    for one in found:
        classes = [(str(rank), name, f"{p:.6f}") for rank, (name, p) in enumerate(one.top, 1)]
        for of_class in classes or [("", "", "")]:
            yield (one.video, one.status, one.reason, one.frames, *of_class)


def as_json(found: Iterable[Predicted], run: Path, record: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """The same, with what it was made by."""
    return {
        "run": str(run),
        "weights_sha256": record["weights_sha256"],
        "protocol": {"name": protocol, **PROTOCOLS[protocol].model_dump()},
        "videos": [
            {
                "video": one.video,
                "status": one.status,
                "reason": one.reason,
                "frames": one.frames,
                "top": [{"class": name, "probability": p} for name, p in one.top],
            }
            for one in found
        ],
    }
