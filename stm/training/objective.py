"""What one step of the optimiser goes down: the gradient over a global batch, micro-batch by micro-batch.

Shape letters: n clips of a micro-batch, V views of each, K classes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.ranks import Ranks
from stm.training.twins import logit_gradients

# Micro-batches, and frames to (V, n, K) logits.
Batches = Iterable[tuple[Tensor, Tensor]]
Forward = Callable[[Tensor], Tensor]
ALONE = Ranks()
# Sums over the clips of the global batch, by the name of the term; `loss` is what is minimised.
Terms = dict[str, float]


def cross_entropy_step(
    forward: Forward, batches: Batches, clips: int, seeds: list[int], ranks: Ranks = ALONE
) -> tuple[Terms, int]:
    """Add the gradient of the mean cross-entropy to the network's.

    Args:
        forward: makes logits of frames.
        batches: this rank's micro-batches, (n, V, T, 3, H, W) bytes and (n) labels.
        clips: in the micro-batches of all ranks.
        seeds: of torch's generator, one a micro-batch.
        ranks: who train together.

    Returns:
        The terms, and how many clips were right in their first view, of all ranks.
    """
    found = []
    for (frames, labels), seed in zip(batches, seeds, strict=True):
        logits = _seeded(forward, frames, seed)[0]
        loss = F.cross_entropy(logits, labels, reduction="sum")
        (loss / clips).backward()
        found.append((loss.detach(), _correct(logits, labels)))
    losses = ranks.gather([loss for loss, _ in found])
    correct = ranks.gather([right for _, right in found])
    return {"loss": float(torch.stack(losses).sum())}, int(sum(correct))


def twins_step(
    forward: Forward,
    batches: Batches,
    clips: int,
    seeds: list[int],
    settings: Mapping[str, Any],
    network: nn.Module,
    ranks: Ranks = ALONE,
) -> tuple[Terms, int]:
    """Add the gradient of Twins Training's Eq. 10 to the network's; the correlation is of the global batch.

    From the logits of all micro-batches of all ranks follows the gradient with respect to each. A rank's only
    micro-batch goes backwards with it at once. Of several, which memory does not hold, the logits are made without a
    graph first, and a second pass goes backwards (gradient caching: Gao et al., 2021). Both passes draw the same
    dropout, and norms count the batch once.

    Args:
        forward, batches, clips, seeds, ranks: as for `cross_entropy_step`; V is 2.
        settings: the keys of `stm.config.schema.recipes.Twins`.
        network: whose norms `forward` uses.
    """
    held = list(batches)
    if len(held) > 1:
        with torch.no_grad(), unchanged_statistics(network):
            logits = [_seeded(forward, frames, seed) for (frames, _), seed in zip(held, seeds, strict=True)]
    else:
        logits = [_seeded(forward, frames, seed) for (frames, _), seed in zip(held, seeds, strict=True)]
    everyones, labels = ranks.gather(logits), ranks.gather([labels for _, labels in held])
    gradients, terms = logit_gradients(everyones, labels, settings)
    first = next((k for k, part in enumerate(everyones) if part is logits[0]), 0) if logits else 0
    for (frames, _), seed, part, gradient in zip(held, seeds, logits, gradients[first:], strict=False):
        (part if len(held) == 1 else _seeded(forward, frames, seed)).backward(gradient)
    correct = sum(_correct(part[0], of) for part, of in zip(everyones, labels, strict=True))
    return {name: float(term.detach()) * clips for name, term in terms.items()}, int(correct)


def _seeded(forward: Forward, frames: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return forward(frames)


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).sum()


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
