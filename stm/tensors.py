"""Weights in safetensors files, which hold no code: written whole or not at all, and checked when read."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stm.files import CONTENT, DamagedError, content_digest, replacing


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors under their names.

    Args:
        metadata: what else the file says. Where it is given, even empty, a digest of all that the file holds stands
            beside it; a run's weights have theirs in its record.
    """
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    told = None if metadata is None else {**metadata, CONTENT: _digest(held, metadata)}
    with replacing(path) as temporary:
        # Not by safetensors' own `save_file`, whose errors do not tell a full disk from any other.
        temporary.write_bytes(save(held, told))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, and its metadata.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is cut off, a byte of it has changed, or it is of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        sealed = metadata.pop(CONTENT, None)
        if sealed is not None and sealed != _digest(tensors, metadata):
            raise ValueError("its content does not match its digest")
    except (SafetensorError, ValueError) as error:
        raise DamagedError(f"{path} is damaged ({error})") from None
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    about = [dict(metadata), {name: [str(t.dtype), list(t.shape)] for name, t in tensors.items()}]
    return content_digest(about, (tensors[name].reshape(-1).view(torch.uint8).numpy().data for name in sorted(tensors)))
