"""Files of maps: arrays by name, and beside them what is known of their clips."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from stm.errors import UserError
from stm.files import canonical_json, replacing


class MapsError(UserError):
    """A file of maps that cannot be used; the text says which and what to do."""


def write_maps_file(path: Path, tensors: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write arrays with what is known of them, whole or not at all."""
    with replacing(path) as temporary:
        found = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
        save_file(found, temporary, metadata={"stm": canonical_json(about)})


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
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except Exception as error:
        raise MapsError(f"{path} is damaged: delete it and run again ({error})") from error
