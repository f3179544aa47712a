"""Several processes that train or evaluate one run together, each on its share.

Of training, N processes do what one does that accumulates N times as many micro-batches: gradients are summed over
ranks, Twins Training's matrix is of all ranks' logits, and norms count their batches in the order of the micro-batches.
So the number of GPUs is no part of a run. PyTorch's DistributedDataParallel is not used: it wants a backward pass of
every rank in every step, which a short last batch does not have, and averages what is summed here.

    stm train --processes 4 --spec … --index … --checkpoints … --out …
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """The processes that work together; one alone unless `torchrun` started more."""

    number: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes files."""
        return self.number == 0

    def share(self, parts: int) -> range:
        """This rank's of so many micro-batches or clips; none where there are fewer than ranks."""
        return range(parts * self.number // self.count, parts * (self.number + 1) // self.count)

    def sum(self, tensors: list[Tensor]) -> None:
        """Each tensor becomes its sum over ranks."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(total.view(tensor.shape))

    def gather(self, own: list[Tensor]) -> list[Tensor]:
        """The tensors of all ranks in the order of ranks; this rank's own are handed back as they are."""
        if self.count == 1:
            return own
        parts: list[Any] = [None] * self.count
        # As objects: shares differ in the number of micro-batches and in their sizes.
        dist.all_gather_object(parts, [tensor.detach().cpu() for tensor in own])
        device = torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else "cpu"
        parts[self.number] = own
        return [tensor.to(device) for part in parts for tensor in part]

    @contextmanager
    def together(self, network: nn.Module, micro_batches: int) -> Iterator[None]:
        """A step: each rank goes through its share inside, and leaves with the gradients and statistics of all.

        A norm's running statistic after m batches with momentum p is (1-p)^m of what it was, plus p (1-p)^k of the
        statistic of the batch that k others followed: a weighted sum, to which each rank adds its own terms.
        """
        if self.count == 1:
            yield
            return
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
        running = [
            (statistic, statistic.clone(), 1 - (norm.momentum or 0.0))
            for norm in norms
            for statistic in (norm.running_mean, norm.running_var)
            if statistic is not None
        ]
        yield
        share = self.share(micro_batches)
        for statistic, before, kept in running:
            statistic.sub_(kept ** len(share) * before).mul_(kept ** (micro_batches - share.stop))
            if self.first:
                statistic.add_(kept**micro_batches * before)
        for norm in norms:
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked += micro_batches - len(share)
        gradients = []
        for parameter in network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        self.sum([*gradients, *(statistic for statistic, _, _ in running)])


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """The processes that `torchrun` started with this one, connected while the block runs."""
    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield Ranks()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
