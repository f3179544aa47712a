"""Whether Twins Training's correlation loss is the one of the paper: its terms grow with the number of classes."""

from collections.abc import Sequence
from typing import Any

# Of what the largest term of the loss is with the paper's number of classes: below, it is another loss.
LEAST_SHARE = 0.5


def vanished_loss(compared: Sequence[tuple[dict[str, Any], int | None]]) -> str:
    """Why a comparison of networks says nothing of Twins Training, which is what they differ in; nothing if it may.

    Networks that are trained alike are compared as well without the loss as with it.

    Args:
        compared: of each network what the specification says of its line, and how many classes its data have.
    """
    settings = [line["twins"] for line, _ in compared]
    if all(twins == settings[0] for twins in settings):
        return ""
    return "; ".join(dict.fromkeys(filter(None, (_vanished(line, classes) for line, classes in compared))))


def _vanished(line: dict[str, Any], classes: int | None) -> str:
    twins, published = line["twins"], line["published_classes"]
    if twins is None or not twins["correlation_weight"] or twins["chosen_for_classes"]:
        return ""
    if classes is None or classes >= LEAST_SHARE * published:
        return ""
    weight = twins["correlation_weight"]
    return (
        f"with {classes} classes the paper's weights make the correlation loss another one: its diagonal is at most "
        f"{weight * classes:.2f}, {weight * published:.2f} with the paper's {published}"
    )
