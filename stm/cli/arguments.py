"""What subcommands are told: types of values, and arguments that several share."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of argparse's `add_argument`.
Settings = dict[str, Any]
# What is run, what `--help` says of it, and its arguments.
Command = tuple[Callable[[argparse.Namespace], int | None], str, dict[str, Settings]]


def specification(text: str) -> Any:
    """`--spec`: JSON, or the path of a file that holds it."""
    try:
        if not text.lstrip().startswith(("{", "[")):
            text = Path(text).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"neither JSON nor a file of it: {error}") from None


def count(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number, 0 or more")
    return int(text)


def at_least_one(text: str) -> int:
    """A whole number, 1 or more."""
    if not count(text):
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return value


def path(text: str, **more: Any) -> Settings:
    """A file or folder; required unless `more` says otherwise."""
    return {"type": Path, "required": True, "metavar": "PATH", "help": text, **more}


SPEC: dict[str, Settings] = {
    "--spec": {"type": specification, "required": True, "metavar": "JSON", "help": "settings: JSON, or a file of it"}
}
STUDY: dict[str, Settings] = {"study": {"type": Path, "metavar": "STUDY", "help": "the study's file"}}
DEVICE: dict[str, Settings] = {
    "--device": {"default": "auto", "choices": ("auto", "cpu", "cuda"), "help": "where to compute (default: auto)"},
    "--workers": {"type": int, "default": 0, "metavar": "N", "help": "loader processes (default: 0, in the process)"},
}


def chosen_device(name: str) -> Any:
    """The torch device for `--device`; `auto` takes a GPU of its own where there is one, as torchrun deals them out."""
    import os

    rank = os.environ.get("LOCAL_RANK")
    if name in ("auto", "cuda") and rank is None:
        from stm.launch import lease_gpu

        lease_gpu()

    # Must be set before CUDA starts, for sums that do not change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and rank is not None:
        torch.cuda.set_device(int(rank))
    return torch.device(name)
