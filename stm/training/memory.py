"""What a training does when its device runs out of memory: the same step again, with activations made a second time.

Going forward each block then keeps what it was given alone, and going backward it makes the rest of it anew (activation
checkpointing: Chen et al., 2016). The micro-batch stays what it is, since batch normalisation sees it; the gradients
are the same.
"""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stm.errors import UserError, is_of_memory
from stm.models.backbone import ResNet
from stm.training.statistics import unchanged_statistics

Result = TypeVar("Result")


class MemoryShortageError(UserError):
    """A step for which the device has too little memory even so; the text says what can be done."""


class Memory:
    """A network's memory for activations.

    Args:
        network: that is trained.
        say: told when they are made a second time from now on.
    """

    def __init__(self, network: nn.Module, say: Callable[[str], None] = print):
        self.network = network
        self.say = say
        self.recomputing = False

    def attempt(self, work: Callable[[], Result]) -> Result:
        """`work()`; once more, with less held in memory, where it runs out.

        Args:
            work: goes forward and backward through the network, from gradients that are none, and talks to no other
                rank: those wait meanwhile.

        Raises:
            MemoryShortageError: of the second time.
        """
        before = [buffer.clone() for buffer in self.network.buffers()]
        try:
            return work()
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_of_memory(error):
                raise
            told = str(error).partition("\n")[0].partition(". ")[0]
        # Outside of the handler, whose traceback holds on to the activations.
        if self.recomputing or not isinstance(self.network, ResNet):
            raise MemoryShortageError(_advice(told))
        self.say(f"out of memory ({told}): from this step on activations are made a second time, which takes longer")
        self.recomputing = True
        self.network.through = recomputed
        self.network.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, value in zip(self.network.buffers(), before, strict=True):
                buffer.copy_(value)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            return work()
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_of_memory(error):
                raise
            raise MemoryShortageError(_advice(told)) from None


def recomputed(stage: nn.Module, x: Tensor) -> Tensor:
    """A stage of which each block's input is held, and nothing else that it makes."""
    if not torch.is_grad_enabled():
        return stage(x)
    for block in stage.children():
        # Norms count a batch once; blocks draw nothing at random.
        x = checkpoint(
            block,
            x,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=partial(_contexts, block),
        )
    return x


def held_bytes(forward: Callable[[], Tensor]) -> int:
    """How much of memory the way back from what `forward` makes needs: weights and what was made of them, each once.

    Of twice as many clips less that of as many it is what a clip takes: weights are the same for both.
    """
    held = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        # To the end of this function: what its graph has freed could come again at the same address.
        _made = forward()
    return sum(held.values())


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Of a block's first computation and of its second."""
    return nullcontext(), unchanged_statistics(block)


def _advice(told: str) -> str:
    return (
        f"out of memory, with activations made a second time too ({told}). The last checkpoint is kept: give the job a "
        "device with more memory, and the same command goes on. A recipe that `extends:` this one with a smaller "
        "micro_batch needs less; batch normalisation then sees other batches, and tables say so under `deviations`"
    )
