"""Twins Training: two views of every clip, one network, and a correlation loss. Source: TPAMI 2022, section 3.5.

Shape letters: n clips of the global batch, K classes.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def correlation(first: Tensor, second: Tensor, centred: bool = False) -> Tensor:
    """C of Eq. 8: how the logits of class i in one view go with those of class j in the other, over the batch.

    Args:
        first, second: (n, K), the logits of the two views.
        centred: subtract each class's mean over the batch first, as Barlow Twins does and TPAMI does not.

    Returns:
        (K, K), entries in [-1, 1]; 0 for a class whose logits are all zero.
    """
    if centred:
        first, second = (logits - logits.mean(0) for logits in (first, second))
    return F.normalize(first, dim=0).T @ F.normalize(second, dim=0)


def correlation_terms(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The intra-class and the inter-class term of Eq. 9, without beta: how far C is from the identity."""
    diagonal = matrix.diagonal()
    # The sum over all entries less the diagonal's: no mask of K x K is made.
    return (1 - diagonal).square().sum(), matrix.square().sum() - diagonal.square().sum()


def weights(settings: Mapping[str, Any], classes: int) -> tuple[float, float]:
    """Lambda and beta for K classes.

    The terms of Eq. 9 grow with K and K (K - 1): on few classes the paper's weights leave next to nothing of the loss.
    Where `chosen_for_classes` is given, lambda K and beta (K - 1) are held at what they are for that many.
    """
    weight, off_diagonal = settings["correlation_weight"], settings["off_diagonal_weight"]
    chosen_for = settings["chosen_for_classes"]
    if chosen_for is None:
        return weight, off_diagonal
    return weight * chosen_for / classes, off_diagonal * (chosen_for - 1) / max(classes - 1, 1)


def twins_loss(first: Tensor, second: Tensor, labels: Tensor, settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Eq. 10 over a global batch, and its three terms.

    Args:
        first, second: (n, K), the logits of the two views.
        labels: (n).
        settings: the keys of `stm.config.schema.recipes.Twins`.

    Returns:
        `loss`, and unweighted `cross_entropy` (the mean over both views), `intra_class` and `inter_class`.
    """
    weight, off_diagonal = weights(settings, first.shape[1])
    cross_entropy = (F.cross_entropy(first, labels) + F.cross_entropy(second, labels)) / 2
    intra, inter = correlation_terms(correlation(first, second, settings["centred"]))
    loss = cross_entropy + weight * (intra + off_diagonal * inter)
    return {"loss": loss, "cross_entropy": cross_entropy, "intra_class": intra, "inter_class": inter}


def logit_gradients(
    logits: list[Tensor], labels: list[Tensor], settings: Mapping[str, Any]
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The gradient of Eq. 10 with respect to the logits of every micro-batch, and its terms.

    C is of the global batch, which no single micro-batch holds: with these gradients each micro-batch can go backwards
    on its own.

    Args:
        logits: of each micro-batch, (2, n', K), without a graph.
        labels: of each micro-batch, (n').
    """
    leaves = [part.detach().float().requires_grad_() for part in logits]
    first, second = torch.cat(leaves, dim=1)
    with torch.enable_grad():
        terms = twins_loss(first, second, torch.cat(labels), settings)
    return list(torch.autograd.grad(terms["loss"], leaves)), {name: term.detach() for name, term in terms.items()}
