"""Clips of a split, as training and evaluation see them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from stm.data.augmentation import augmented
from stm.data.mirror import partners
from stm.data.sampling import in_order, segment_frames
from stm.data.shards import FrameIndex, FrameSource
from stm.data.transforms import centre_region, crop, decode, spread_regions
from stm.draws import Purpose, clip_key, generator

Item = tuple[int, int]  # epoch, row of the index


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Clips by (epoch, row): T randomly sampled frames, augmented alike; under Twins two views of the same frames.

    Args:
        index: the frames.
        rows: of the training split.
        recipe: every key of `stm.config.schema.recipes.Recipe`.
        frames: T.
        seed: of the run.
        flip_pairs: classes that are each other mirrored, as of `stm.data.mirror.partners`.
    """

    def __init__(
        self,
        index: FrameIndex,
        rows: Sequence[int] | np.ndarray,
        recipe: Mapping[str, Any],
        frames: int,
        seed: int,
        flip_pairs: Sequence[Sequence[str]] | str = (),
    ):
        self.index = index
        self.size: Sequence[int] = recipe["crop_size"]
        self.proportion: float = recipe["crop_size"][0] / recipe["short_side"]
        self.augmentation: Mapping[str, Any] = recipe["augmentation"]
        self.views = 2 if recipe["twins"] else 1
        self.frame_order: str = recipe["frame_order"]
        self.frames = frames
        self.seed = seed
        self.mirrored = partners(index.classes, flip_pairs)
        self.permuted = _permuted(index, rows, seed) if recipe["labels"] == "permuted" else {}

    def __getitem__(self, item: Item) -> tuple[Tensor, int]:
        """(views, T, 3, *size) bytes and the label."""
        epoch, row = item
        clip = self.index.clip(row)
        key = clip_key(clip.clip)
        numbers = segment_frames(clip.frames, self.frames, generator(self.seed, Purpose.SAMPLING, epoch, key))
        numbers = in_order(numbers, self.frame_order, generator(self.seed, Purpose.TRAINING_SHUFFLE, epoch, key))
        frames = decode(self.index.read(row, numbers))
        views = [self._view(frames, epoch, key, view) for view in range(self.views)]
        label = self.permuted.get(row, clip.label)
        mirrored = self.mirrored[label]
        if mirrored is None:
            # Mirrored it is of no class that is known.
            views = [(view, False) for view, _ in views]
        elif mirrored != label:
            # Mirrored it is of another class: both views or neither.
            chance = self.augmentation["horizontal_flip"]
            flip = bool(generator(self.seed, Purpose.FLIP, epoch, key).random() < chance)
            views = [(view, flip) for view, _ in views]
            label = mirrored if flip else label
        return torch.stack([view.flip(-1) if flip else view for view, flip in views]), label

    def _view(self, frames: Tensor, epoch: int, key: int, view: int) -> tuple[Tensor, bool]:
        # The first view's draws are those of a training without Twins.
        rng = generator(self.seed, Purpose.AUGMENTATION, epoch, key, *([view] if view else []))
        return augmented(frames, self.augmentation, self.size, self.proportion, rng)


def _permuted(index: FrameIndex, rows: Sequence[int] | np.ndarray, seed: int) -> dict[int, int]:
    """By row, the label of another training clip: as many of each class as before, and nothing to learn."""
    labels = index.labels(rows).tolist()
    order = generator(seed, Purpose.LABELS).permutation(len(labels))
    return {int(row): labels[k] for row, k in zip(rows, order, strict=True)}


class MicroBatches(Sampler[list[Item]]):
    """The micro-batches of a training, epoch after epoch, from any step on.

    Every epoch shows each clip once, in an order of its own. The last step of an epoch takes the clips that are left.

    Args:
        rows: of the training split.
        seed: of the run.
        epochs: of the whole training.
        global_batch, micro_batch: clips in each.
        share: of so many micro-batches of a step, which ones come out; all where there is one process.
        step: the first one.
    """

    def __init__(
        self,
        rows: Sequence[int] | np.ndarray,
        seed: int,
        epochs: int,
        global_batch: int,
        micro_batch: int,
        share: Callable[[int], range] = range,
        step: int = 0,
    ):
        self.rows = np.asarray(rows)
        self.seed = seed
        self.epochs = epochs
        self.global_batch = global_batch
        self.micro_batch = micro_batch
        self.share = share
        self.step = step
        self.steps_per_epoch = -(-len(self.rows) // global_batch)

    def sizes(self, step: int) -> list[int]:
        """Clips in each micro-batch of a step."""
        first = step % self.steps_per_epoch * self.global_batch
        clips = min(self.global_batch, len(self.rows) - first)
        whole, rest = divmod(clips, self.micro_batch)
        return [self.micro_batch] * whole + [rest] * (rest > 0)

    def __iter__(self) -> Iterator[list[Item]]:
        for epoch in range(self.step // self.steps_per_epoch, self.epochs):
            order = generator(self.seed, Purpose.ORDER, epoch).permutation(self.rows).tolist()
            for step in range(epoch * self.steps_per_epoch, (epoch + 1) * self.steps_per_epoch):
                if step < self.step:
                    continue
                first = step % self.steps_per_epoch * self.global_batch
                sizes = self.sizes(step)
                for k, size in enumerate(sizes):
                    if k in self.share(len(sizes)):
                        yield [(epoch, row) for row in order[first : first + size]]
                    first += size


class EvaluationClips(Dataset[Tensor]):
    """Clips by row of the index: all views of a protocol.

    Every network and seed sees the same views of a clip, so that differences between them are not of the draws.

    Args:
        index: the frames, of a dataset or of one video.
        rows: of the split.
        protocol: the keys of `stm.config.schema.protocols.Protocol`.
        frames: T.
        short_side: of the papers' frames, in pixels.
        crop_size: height and width of the network's input.
        step: of the protocol `online`, whose one view is every `step`-th frame of the clip, however many these are.
    """

    def __init__(
        self,
        index: FrameSource,
        rows: Sequence[int] | np.ndarray,
        protocol: Mapping[str, Any],
        frames: int,
        short_side: int,
        crop_size: Sequence[int],
        step: int = 1,
    ):
        self.index = index
        self.rows = rows
        self.protocol = protocol
        self.frames = frames
        self.size = crop_size
        self.proportion = crop_size[0] / short_side
        self.step = step

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Tensor:
        """(views, T, 3, *size) bytes."""
        row = int(self.rows[item])
        clip = self.index.clip(row)
        views = []
        for k in range(self.protocol["clips"]):
            numbers = self._numbers(clip.frames, k, clip_key(clip.clip))
            frames = decode(self.index.read(row, numbers))
            height, width = frames.shape[-2:]
            if self.protocol["region"] == "crop_size":
                regions = [centre_region(height, width, self.size, self.proportion)]
            else:
                regions = spread_regions(height, width, self.size, self.protocol["crops"])
            views += [crop(frames, region, self.size) for region in regions]
        return torch.stack(views)

    def _numbers(self, count: int, view: int, key: int) -> np.ndarray:
        if self.protocol["sampling"] == "online":
            return np.arange(0, count, self.step)
        random = self.protocol["sampling"] == "random"
        rng = generator(0, Purpose.EVALUATION, view, key) if random else None
        numbers = segment_frames(count, self.frames, rng)
        return in_order(numbers, self.protocol["order"], generator(0, Purpose.SHUFFLE, view, key))
