"""What one step of the optimiser goes down: the gradient over a global batch, micro-batch by micro-batch.

Shape letters: n clips of a micro-batch, V views of each, K classes.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stm.ranks import Ranks
from stm.training.memory import Memory
from stm.training.statistics import unchanged_statistics
from stm.training.twins import logit_gradients

# Micro-batches, and frames to (V, n, K) logits.
Batches = Iterable[tuple[Tensor, Tensor]]
Forward = Callable[[Tensor], Tensor]
ALONE = Ranks()
# Sums over the clips of the global batch, by the name of the term; `loss` is what is minimised.
Terms = dict[str, float]


def cross_entropy_step(
    forward: Forward, batches: Batches, clips: int, seeds: list[int], memory: Memory, ranks: Ranks = ALONE
) -> tuple[Terms, int]:
    """Add the gradient of the mean cross-entropy to the network's.

    Args:
        forward: makes logits of frames.
        batches: this rank's micro-batches, (n, V, T, 3, H, W) bytes and (n) labels; may be gone through again.
        clips: in the micro-batches of all ranks.
        seeds: of torch's generator, one a micro-batch.
        memory: of the network that `forward` uses.
        ranks: who train together.

    Returns:
        The terms, and how many clips were right in their first view, of all ranks.
    """

    def passes() -> list[tuple[Tensor, Tensor]]:
        found = []
        for (frames, labels), seed in zip(batches, seeds, strict=True):
            logits = _seeded(forward, frames, seed)[0]
            loss = F.cross_entropy(logits, labels, reduction="sum")
            (loss / clips).backward()
            found.append((loss.detach(), _correct(logits, labels)))
        return found

    found = memory.attempt(passes)
    losses = ranks.gather([loss for loss, _ in found])
    correct = ranks.gather([right for _, right in found])
    return {"loss": float(torch.stack(losses).sum())}, int(sum(correct))


def twins_step(
    forward: Forward,
    batches: Batches,
    clips: int,
    seeds: list[int],
    settings: Mapping[str, Any],
    memory: Memory,
    ranks: Ranks = ALONE,
) -> tuple[Terms, int]:
    """Add the gradient of Twins Training's Eq. 10 to the network's; the correlation is of the global batch.

    From the logits of all micro-batches of all ranks follows the gradient with respect to each. A rank's only
    micro-batch goes backwards with it at once. Of several, which memory does not hold, the logits are made without a
    graph first, and a second pass goes backwards (gradient caching: Gao et al., 2021). Both passes draw the same
    dropout, and norms count the batch once.

    Args:
        forward, batches, clips, seeds, memory, ranks: as for `cross_entropy_step`; V is 2.
        settings: the keys of `stm.config.schema.recipes.Twins`.
    """
    held = list(batches)
    alone = len(held) == 1

    def logits_of_all() -> list[Tensor]:
        return [_seeded(forward, frames, seed) for (frames, _), seed in zip(held, seeds, strict=True)]

    if alone:
        logits = memory.attempt(logits_of_all)
    else:
        with torch.no_grad(), unchanged_statistics(memory.network):
            logits = memory.attempt(logits_of_all)
    everyones, labels = ranks.gather(logits), ranks.gather([labels for _, labels in held])
    gradients, terms = logit_gradients(everyones, labels, settings)
    correct = sum(_correct(part[0], of) for part, of in zip(everyones, labels, strict=True))
    first = next((k for k, part in enumerate(everyones) if part is logits[0]), 0) if logits else 0
    # The graph of a micro-batch that is alone; gone with it where memory runs out on the way back.
    graphs = logits if alone else []
    del everyones, logits

    def backwards() -> None:
        for (frames, _), seed, gradient in zip(held, seeds, gradients[first:], strict=False):
            if graphs:
                graphs.pop().backward(gradient)
                continue
            with unchanged_statistics(memory.network) if alone else nullcontext():
                _seeded(forward, frames, seed).backward(gradient)

    memory.attempt(backwards)
    return {name: float(term.detach()) * clips for name, term in terms.items()}, int(correct)


def _seeded(forward: Forward, frames: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return forward(frames)


def _correct(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(1) == labels).sum()
