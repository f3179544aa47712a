"""What a killed training resumes from: weights, buffers, momenta, and the step. Draws need no state (`stm.draws`)."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from stm.files import DamagedError
from stm.tensors import load_tensors, save_tensors
from stm.training.progress import Progress


def save_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Write one file, whole or not at all."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        momentum = optimiser.state.get(parameter, {}).get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{name}"] = momentum
    save_tensors(path, tensors, {"progress": json.dumps(asdict(progress))})


def load_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Bring network and optimiser to where a checkpoint left them.

    Raises:
        DamagedError: the file is damaged, or no checkpoint of this network.
    """
    try:
        tensors, metadata = load_tensors(path)
        progress = Progress(**json.loads(metadata["progress"]))
        network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise DamagedError(
            f"{path} is no checkpoint of this run ({error}). Delete it to start this run from its beginning"
        ) from None
    for name, parameter in network.named_parameters():
        if f"momentum.{name}" in tensors:
            buffer = tensors[f"momentum.{name}"].to(parameter.device)
            # In the layout of its parameter, as the optimiser itself would have made it.
            optimiser.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(buffer)
    return progress
