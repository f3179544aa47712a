"""Weights of one network taken over by another, name by name."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from stm.errors import UserError


class WeightsError(UserError, ValueError):
    """Weights that are not those of a network; the text says which."""


def take_over(
    network: nn.Module, theirs: Mapping[str, Tensor], names: Mapping[str, str], path: Path, hint: str = ""
) -> None:
    """Load weights under our names: each that is asked for is there, and none that is there is left over.

    Args:
        network: takes them; weights that `names` does not have stay as they are.
        theirs: by their own names.
        names: from a weight of the network to its name there.
        path: the file they are from, for messages.
        hint: what else to say of weights that do not fit, with a space before.

    Raises:
        WeightsError: a weight is absent, of another shape, or has no place.
    """
    ours = network.state_dict()
    for name, source in names.items():
        if source not in theirs:
            raise WeightsError(f"{path} has no weight '{source}': it is of another network{hint}")
        if theirs[source].shape != ours[name].shape:
            shapes = f"{tuple(theirs[source].shape)}, here {tuple(ours[name].shape)}"
            raise WeightsError(
                f"{path}: '{source}' has shape {shapes}: it is of another network, or other classes{hint}"
            )
    left = sorted(theirs.keys() - names.values())
    if left:
        raise WeightsError(f"{path} holds weights that have no place here: {', '.join(left[:5])}{hint}")
    network.load_state_dict({name: theirs[source] for name, source in names.items()}, strict=False)
