"""Files of maps: arrays by name, and beside them what is known of their clips; checked when they are read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from stm.errors import UserError
from stm.files import CONTENT, canonical_json, content_digest, replacing


class MapsError(UserError):
    """A file of maps that cannot be used; the text says which and what to do."""


def write_maps_file(path: Path, tensors: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write arrays with what is known of them, whole or not at all."""
    found = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    told = json.loads(canonical_json(about))
    # One entry: of several safetensors writes now the one first, now the other.
    metadata = {"stm": canonical_json({**told, CONTENT: _digest(found, told)})}
    with replacing(path) as temporary:
        # Not by safetensors' own `save_file`, whose errors do not tell a full disk from any other.
        temporary.write_bytes(save(found, metadata))


def read_maps_file(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `write_maps_file` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        MapsError: it is damaged, or another file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there are no maps here; run `stm maps` or `stm motion` first")
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads(file.metadata()["stm"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if about.pop(CONTENT) != _digest(tensors, about):
            raise ValueError("its content does not match its digest")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise MapsError(f"{path} is damaged: delete it and run again ({error})") from error
    return tensors, about


def _digest(tensors: Mapping[str, np.ndarray], told: dict[str, Any]) -> str:
    about = [told, {name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()}]
    return content_digest(about, (np.ascontiguousarray(tensors[name]).data for name in sorted(tensors)))
