"""A run trained in the test's own process, and what it left."""

import csv
from pathlib import Path

import torch
from safetensors.torch import load_file

from stm.training.loop import Execution, train

CPU = torch.device("cpu")


def trained(spec: dict, index: Path, folder: Path, **execution) -> dict[str, torch.Tensor]:
    train(spec, index, None, folder / "checkpoints", folder / "run", Execution(CPU, **execution))
    return load_file(folder / "run" / "weights.safetensors")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def history(folder: Path) -> list[dict[str, str]]:
    """Without what differs between two runs of the same weights: the time it took."""
    rows = list(csv.DictReader((folder / "run/history.csv").open()))
    for row in rows:
        row.pop("seconds")
    return rows
