"""What one step of the optimiser goes down: the gradient over a global batch, micro-batch by micro-batch.

Shape letters: n clips of a micro-batch, V views of each, K classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.training.twins import logit_gradients, twins_loss

# Micro-batches, and frames to (V, n, K) logits.
Batches = Iterable[tuple[Tensor, Tensor]]
Forward = Callable[[Tensor], Tensor]
# Sums over the clips of the global batch, by the name of the term; `loss` is what is minimised.
Terms = dict[str, float]


def cross_entropy_step(forward: Forward, batches: Batches, clips: int) -> tuple[Terms, int]:
    """Add the gradient of the mean cross-entropy to the network's.

    Args:
        forward: makes logits of frames.
        batches: the micro-batches, (n, V, T, 3, H, W) bytes and (n) labels.
        clips: in all of them.

    Returns:
        The terms, and how many clips were right in their first view.
    """
    losses, correct = [], 0
    for frames, labels in batches:
        logits = forward(frames)[0]
        loss = F.cross_entropy(logits, labels, reduction="sum")
        (loss / clips).backward()
        losses.append(loss.detach())
        correct += _correct(logits, labels)
    return {"loss": float(torch.stack(losses).sum())}, correct


def twins_step(
    forward: Forward, batches: Batches, clips: int, settings: Mapping[str, Any], network: nn.Module, seeds: list[int]
) -> tuple[Terms, int]:
    """Add the gradient of Twins Training's Eq. 10 to the network's; the correlation is of the global batch.

    One micro-batch takes one pass. Several take two: the first for their logits alone, from which the gradient with
    respect to each follows, the second backwards with it (gradient caching: Gao et al., 2021). Both passes draw the
    same dropout, and norms count the batch once.

    Args:
        forward, batches, clips: as for `cross_entropy_step`; V is 2.
        settings: the keys of `stm.config.schema.recipes.Twins`.
        network: whose norms `forward` uses.
        seeds: of torch's generator, one a micro-batch.
    """
    held = list(batches)
    if len(held) == 1:
        torch.manual_seed(seeds[0])
        (frames, labels) = held[0]
        logits = [forward(frames)]
        first, second = logits[0]
        terms = twins_loss(first, second, labels, settings)
        terms["loss"].backward()
    else:
        with torch.no_grad(), unchanged_statistics(network):
            logits = [_seeded(forward, frames, seed) for (frames, _), seed in zip(held, seeds, strict=True)]
        gradients, terms = logit_gradients(logits, [labels for _, labels in held], settings)
        for (frames, _), seed, gradient in zip(held, seeds, gradients, strict=True):
            _seeded(forward, frames, seed).backward(gradient)
    correct = sum(_correct(part[0], labels) for part, (_, labels) in zip(logits, held, strict=True))
    return {name: float(term.detach()) * clips for name, term in terms.items()}, correct


def _seeded(forward: Forward, frames: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return forward(frames)


def _correct(logits: Tensor, labels: Tensor) -> int:
    return int((logits.argmax(1) == labels).sum())


@contextmanager
def unchanged_statistics(network: nn.Module) -> Iterator[None]:
    """Norms use the batch's statistics inside, and leave no trace of them in the running ones."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
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
