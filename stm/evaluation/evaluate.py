"""Evaluation: one run shown a split under one protocol. Source: section 4.2 of both papers."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from stm.data.dataset import EvaluationClips
from stm.data.sampling import frame_step
from stm.data.shards import FrameIndex
from stm.data.transforms import normalise
from stm.evaluation.online import Recogniser, recogniser, stream_scores
from stm.evaluation.predictions import Predictions, write
from stm.evaluation.record import RunError, read_record
from stm.files import file_digest
from stm.models.backbone import ResNet
from stm.models.builder import VideoNetwork, build
from stm.ranks import joined_ranks
from stm.repeatable import be_repeatable, in_bfloat16
from stm.tensors import load_tensors

# What is made of views, (N, T, 3, H, W) bytes to (N, D).
OfViews = Callable[[VideoNetwork, Tensor], Tensor]


def softmax_scores(network: VideoNetwork, views: Tensor) -> Tensor:
    """(N, T, 3, H, W) bytes to (N, K): what predictions hold, and every view of every protocol goes through."""
    return network(normalise(views)).float().softmax(1)


def before_softmax(network: VideoNetwork, views: Tensor) -> Tensor:
    """(N, K + C): the logits, and the mean over a clip's T frames of the features that they are made of.

    The consensus is a mean of logits and the classifier is affine, so that it makes a clip's logits of its mean
    features: of TSN too, whose frames meet nowhere else.
    """
    assert isinstance(network, ResNet), "no study trains another"
    pooled = network.features(normalise(views)).float().unflatten(0, (-1, network.frames)).mean(1)
    return torch.cat([network.fc(pooled).float(), pooled], 1)


def load_run(folder: Path, device: torch.device) -> tuple[VideoNetwork, dict[str, Any]]:
    """A run's network in evaluation mode, and its record.

    Raises:
        RunError: there is no run, or the weights are not those that the record speaks of.
    """
    record = read_record(folder)
    weights = folder / "weights.safetensors"
    if file_digest(weights) != record["weights_sha256"]:
        raise RunError(f"{weights} is not the file that run.json was written for. Delete {folder} and train it again")
    spec = record["spec"]
    network = build(spec["variant"], spec["frames"], len(record["classes"]))
    network.load_state_dict(load_tensors(weights)[0])
    return network.to(device).eval(), record


def evaluate(
    specs: Sequence[dict[str, Any]],
    run: Path,
    index_path: Path,
    outs: Sequence[Path],
    device: torch.device,
    workers: int = 0,
    of_views: OfViews = softmax_scores,
) -> None:
    """Write the scores of every clip of a split, under each of some protocols.

    Args:
        specs: of `stm.config.products.Prediction`, or of `Features`.
        run: the run's folder.
        index_path: of the dataset that it was trained on.
        outs: a predictions file for each specification.
        device: where the network computes.
        workers: loader processes; without a trace in the scores.
        of_views: `softmax`, or `before_softmax`; a clip has the mean over its views.

    Raises:
        RunError: the run was trained with other classes than the index has.
    """
    network, record = load_run(run, device)
    index = FrameIndex(index_path)
    if index.classes != record["classes"]:
        raise RunError(
            f"{run} was trained with other classes, or in another order, than {index_path} has. Train it again"
        )
    # A run's record has it in full; an imported one's no more than what is read here.
    be_repeatable(record["spec"]["recipe"]["threads"], device)
    with joined_ranks(device) as ranks:
        for spec, out in zip(specs, outs, strict=True):
            rows = index.select(spec["split"], record["spec"]["fold"])
            share = ranks.share(len(rows))
            clips = _shown(spec, record, index, rows[share.start : share.stop])
            scores = torch.cat(ranks.gather(clip_scores(network, clips, record, device, workers, of_views)))
            if ranks.first:
                about = {"spec": spec, "run": "/".join(run.parts[-3:]), "weights_sha256": record["weights_sha256"]}
                if clips.protocol["sampling"] == "online":
                    about["frame_step"] = clips.step
                about["listed"] = index.listed(spec["split"], record["spec"]["fold"])
                write(out, _predictions(index, rows, scores.cpu().numpy(), about))


def _shown(spec: dict[str, Any], record: dict[str, Any], index: FrameIndex, rows: np.ndarray) -> EvaluationClips:
    """Clips as a protocol shows them to a run."""
    frames, recipe, step = record["spec"]["frames"], record["spec"]["recipe"], 1
    if spec["protocol"]["sampling"] == "online":
        step = frame_step(index.frame_counts(index.select("train", record["spec"]["fold"])), frames)
    return EvaluationClips(index, rows, spec["protocol"], frames, recipe["short_side"], recipe["crop_size"], step)


def _predictions(index: FrameIndex, rows: np.ndarray, scores: np.ndarray, about: dict[str, Any]) -> Predictions:
    """What was found of each clip: (n, K) scores, or (n, K + C) with features beside them."""
    classes = len(index.classes)
    found = [index.clip(int(row)) for row in rows]
    return Predictions(
        clips=[clip.clip for clip in found],
        labels=np.array([clip.label for clip in found], dtype=np.int64),
        groups=[clip.group for clip in found],
        scores=scores[:, :classes],
        features=scores[:, classes:] if scores.shape[1] > classes else None,
        classes=index.classes,
        record={**about, "data_digest": index.digest},
    )


def clip_scores(
    network: VideoNetwork,
    clips: EvaluationClips,
    record: dict[str, Any],
    device: torch.device,
    workers: int,
    of_views: OfViews = softmax_scores,
) -> list[Tensor]:
    """(n, D) float32, batch by batch: what is made of every view, then the mean over a clip's views or its stream."""
    # As many views at a time as batch normalisation saw in training: what fits there fits here.
    size = record["spec"]["recipe"]["micro_batch"]
    at_a_time = max(1, size // (clips.protocol["clips"] * clips.protocol["crops"]))
    score: Callable[[Tensor], Tensor] = partial(_of_batch, network, size, device, of_views)
    if clips.protocol["sampling"] == "online":
        # Streams are of different lengths.
        at_a_time, score = 1, partial(_of_stream, recogniser(network, record["spec"]["variant"]))
    loader = DataLoader(
        clips,
        batch_size=at_a_time,
        num_workers=workers,
        multiprocessing_context="forkserver" if workers else None,
    )
    scores: list[Tensor] = []
    started = time.monotonic()
    bfloat16 = in_bfloat16(device, record["precision"])
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        for batch in loader:
            scores.append(score(batch))
            if time.monotonic() - started > 30:
                print(f"{sum(map(len, scores))} of {len(clips)} clips", flush=True)
                started = time.monotonic()
    return scores


def _of_batch(network: VideoNetwork, size: int, device: torch.device, of_views: OfViews, batch: Tensor) -> Tensor:
    """(n, views, T, 3, H, W) bytes to (n, D), `size` views at a time."""
    parts = [of_views(network, part.to(device)) for part in batch.flatten(0, 1).split(size)]
    return torch.cat(parts).unflatten(0, batch.shape[:2]).mean(1)


def _of_stream(recognise: Recogniser, batch: Tensor) -> Tensor:
    """(1, 1, frames, 3, H, W) bytes to (1, K)."""
    return stream_scores(recognise, batch[0, 0])[None]
