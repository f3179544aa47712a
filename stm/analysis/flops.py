"""Multiply-adds as fvcore counts them, without what it says on the way."""

import logging
import warnings

from torch import Tensor, nn

with warnings.catch_warnings():
    # It scripts some functions of its own when it is imported, which torch advises against.
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    from fvcore.nn import FlopCountAnalysis


def counted(network: nn.Module, given: Tensor) -> FlopCountAnalysis:
    """What a network does with its input, to be asked for sums and for what is left out of them."""
    # What is left out (sums, pooling, ReLU) it says in a warning a kind, too.
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    return FlopCountAnalysis(network, given)
