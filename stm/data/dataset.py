"""Clips of a split, as training and evaluation see them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from stm.data.sampling import in_order, segment_frames
from stm.data.shards import FrameIndex
from stm.data.transforms import centre_region, crop, decode, multiscale_corner_region, spread_regions
from stm.draws import Purpose, clip_key, generator

Item = tuple[int, int]  # epoch, row of the index


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Clips by (epoch, row): T randomly sampled frames, augmented alike.

    Args:
        index: the frames.
        recipe: the keys of `stm.config.schema.Recipe`.
        frames: T.
        seed: of the run.
    """

    def __init__(self, index: FrameIndex, recipe: Mapping[str, Any], frames: int, seed: int):
        self.index = index
        self.size: Sequence[int] = recipe["crop_size"]
        self.proportion: float = recipe["crop_size"][0] / recipe["short_side"]
        self.augmentation: Mapping[str, Any] = recipe["augmentation"]
        self.frames = frames
        self.seed = seed

    def __getitem__(self, item: Item) -> tuple[Tensor, int]:
        """(T, 3, *size) bytes and the label."""
        epoch, row = item
        clip = self.index.clip(row)
        key = clip_key(clip.clip)
        numbers = segment_frames(clip.frames, self.frames, generator(self.seed, Purpose.SAMPLING, epoch, key))
        frames = decode(self.index.read(row, numbers))
        rng = generator(self.seed, Purpose.AUGMENTATION, epoch, key)
        height, width = frames.shape[-2:]
        if self.augmentation["crop"] == "centre":
            region = centre_region(height, width, self.size, self.proportion)
        else:
            region = multiscale_corner_region(height, width, self.size, self.augmentation["scales"], rng)
        frames = crop(frames, region, self.size)
        mirrored = rng.random() < self.augmentation["horizontal_flip"]
        return frames.flip(-1) if mirrored else frames, clip.label


class MicroBatches(Sampler[list[Item]]):
    """The micro-batches of a training, epoch after epoch, from any step on.

    Every epoch shows each clip once, in an order of its own. The last step of an epoch takes the clips that are left.
    """

    def __init__(
        self,
        rows: Sequence[int] | np.ndarray,
        seed: int,
        epochs: int,
        global_batch: int,
        micro_batch: int,
        step: int = 0,
    ):
        self.rows = np.asarray(rows)
        self.seed = seed
        self.epochs = epochs
        self.global_batch = global_batch
        self.micro_batch = micro_batch
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
                for size in self.sizes(step):
                    yield [(epoch, row) for row in order[first : first + size]]
                    first += size


class EvaluationClips(Dataset[Tensor]):
    """Clips by row of the index: all views of a protocol.

    Every network and seed sees the same views of a clip, so that differences between them are not of the draws.

    Args:
        index: the frames.
        rows: of the split.
        protocol: the keys of `stm.config.schema.Protocol`.
        frames: T.
        short_side: of the papers' frames, in pixels.
        crop_size: height and width of the network's input.
    """

    def __init__(
        self,
        index: FrameIndex,
        rows: Sequence[int] | np.ndarray,
        protocol: Mapping[str, Any],
        frames: int,
        short_side: int,
        crop_size: Sequence[int],
    ):
        self.index = index
        self.rows = rows
        self.protocol = protocol
        self.frames = frames
        self.size = crop_size
        self.proportion = crop_size[0] / short_side

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
        random = self.protocol["sampling"] == "random"
        rng = generator(0, Purpose.EVALUATION, view, key) if random else None
        numbers = segment_frames(count, self.frames, rng)
        return in_order(numbers, self.protocol["order"], generator(0, Purpose.SHUFFLE, view, key))
