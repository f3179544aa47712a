"""Which clips a network gets right.

Shape letters: n clips, K classes. Scores are (n, K), labels (n) are positions in the K classes.
"""

from collections.abc import Sequence

import numpy as np

from stm.errors import WrongValueError
from stm.evaluation.predictions import Predictions

Pairs = Sequence[Sequence[str]]


def topk_correct(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """Whether the label is among the k highest scores, bool (n).

    A tie counts against the network: a class is right only if fewer than k others score as high or higher, so one that
    gives every class the same score is right nowhere. With k >= K every clip is right, which says nothing: it is for
    the caller to leave such a cell empty.

    Raises:
        ValueError: a score is not a number, or the class of a clip is not known.
    """
    _require_numbers(scores)
    if (labels < 0).any():
        raise WrongValueError(f"{(labels < 0).sum()} clips are of no known class: nobody can say what is right of them")
    own = scores[np.arange(len(labels)), labels]
    as_high = (scores >= own[:, None]).sum(axis=1) - 1
    return as_high < k


def top1(predictions: Predictions) -> float:
    """The accuracy of one predictions file, in percent."""
    return 100 * float(topk_correct(predictions.scores, predictions.labels, 1).mean())


def partners(classes: Sequence[str], reversed_pairs: Pairs) -> np.ndarray:
    """For each class the position of the one that it is when played backwards, -1 where it has none; int (K).

    Raises:
        ValueError: a pair names a class that the network does not have.
    """
    found = np.full(len(classes), -1)
    position = {name: i for i, name in enumerate(classes)}
    for pair in reversed_pairs:
        unknown = [name for name in pair if name not in position]
        if unknown:
            raise WrongValueError(f"reversed_pairs: {unknown[0]!r} is no class. Classes: {', '.join(classes)}")
        one, other = (position[name] for name in pair)
        found[one], found[other] = other, one
    return found


def in_pair(labels: np.ndarray, classes: Sequence[str], reversed_pairs: Pairs) -> np.ndarray:
    """Whether the clip's class is one of a pair, bool (n)."""
    return partners(classes, reversed_pairs)[labels] >= 0


def inside_pair_correct(
    scores: np.ndarray, labels: np.ndarray, classes: Sequence[str], reversed_pairs: Pairs
) -> np.ndarray:
    """Of the clips whose class is one of a pair (`in_pair`, in their order): does it score above its partner?

    1 for yes, 0 for no, one half for an exact tie: a network that cannot tell the two apart is at one half either way.

    Raises:
        ValueError: a score is not a number, or a pair names a class that is not there.
    """
    _require_numbers(scores)
    paired = in_pair(labels, classes, reversed_pairs)
    clips, own = np.flatnonzero(paired), labels[paired]
    margin = scores[clips, own] - scores[clips, partners(classes, reversed_pairs)[own]]
    return (np.sign(margin) + 1) / 2


def _require_numbers(scores: np.ndarray) -> None:
    if np.isnan(scores).any():
        rows = np.flatnonzero(np.isnan(scores).any(axis=1))
        raise WrongValueError(f"{len(rows)} clips have scores that are not numbers, the first in row {rows[0]}")
