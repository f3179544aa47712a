"""Running statistics of batch normalisation, where a batch goes through a network more often than once."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def unchanged_statistics(network: nn.Module) -> Iterator[None]:
    """Norms use the batch's statistics inside, and leave no trace of them in the running ones."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d)]
    counters = [norm.num_batches_tracked for norm in norms if norm.num_batches_tracked is not None]
    momenta, counts = [norm.momentum for norm in norms], [counter.clone() for counter in counters]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for counter, count in zip(counters, counts, strict=True):
            counter.copy_(count)
