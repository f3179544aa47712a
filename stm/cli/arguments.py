"""What subcommands are told: types of values, and arguments that several share."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stm.files import file_digest

# Of argparse's `add_argument`.
Settings = dict[str, Any]
# What is run, what `--help` says of it, and its arguments.
Command = tuple[Callable[[argparse.Namespace], int | None], str, dict[str, Settings]]


_MADE_ANEW = "One of results/specs is made anew by the same snakemake command"


def specification(text: str) -> Any:
    """`--spec`: JSON, or the path of a file that holds it, written by Snakemake with its digest in its name or not."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    try:
        value = json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"neither JSON nor a file of it: {error}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} holds no JSON ({error}). {_MADE_ANEW}") from None
    kept = re.search(r"-([0-9a-f]{16})\.json$", text)
    if kept and kept[1] != file_digest(Path(text))[:16]:
        raise argparse.ArgumentTypeError(f"{text} is damaged: its content does not match its name. {_MADE_ANEW}")
    return value


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
TARGETS: dict[str, Settings] = {
    "targets": {
        "nargs": "*",
        # Without it argparse calls it required where the study is missing.
        "default": [],
        "metavar": "TARGET",
        "help": "reports/table6.csv, or table6 (default: all of the study's)",
    }
}
DEVICE: dict[str, Settings] = {
    "--device": {"default": "auto", "choices": ("auto", "cpu", "cuda"), "help": "where to compute (default: auto)"}
}
WORKERS: dict[str, Settings] = {
    "--workers": {"type": count, "default": 0, "metavar": "N", "help": "loader processes (default: 0, in the process)"}
}
# Of stages that several processes can share.
DEVICES: dict[str, Settings] = {
    **DEVICE,
    "--processes": {
        "type": count,
        "default": 1,
        "metavar": "N",
        "help": "processes that work together, each on a GPU of its own where there are any (default: 1, as 0)",
    },
    "--nodes": {
        "type": at_least_one,
        "default": 1,
        "metavar": "N",
        "help": "nodes of a Slurm job that share the processes (default: 1)",
    },
    **WORKERS,
}


def chosen_device(options: argparse.Namespace) -> Any:
    """The torch device for `--device`; `auto` takes a GPU of its own where there is one, as torchrun deals them out.

    With `--processes` this process becomes torchrun, and each that it starts comes here again.

    Raises:
        LaunchError: CUDA finds none of the GPUs that are here, or that are asked for.
    """
    import os

    from stm.allocator import keep_freed_memory
    from stm.launch import LaunchError, become_ranks, end_with_parent, lease_gpus, visible_gpus

    # Others than torchrun set a rank too, and give out no device.
    name, rank = options.device, os.environ.get("LOCAL_RANK") if "TORCHELASTIC_RUN_ID" in os.environ else None
    if rank is not None:
        end_with_parent()
    elif getattr(options, "processes", 1) > 1:
        become_ranks(options.processes, options.nodes, options.arguments, lease=name != "cpu")
    elif name != "cpu":
        lease_gpus()

    keep_freed_memory()
    # Must be set before CUDA starts, for sums that do not change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    gpus = visible_gpus()
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    # Days of training on the CPU, without a word, are what nobody means.
    if name == "cuda" and not torch.cuda.is_available():
        raise LaunchError(
            f"PyTorch {torch.__version__} can use no GPU of this machine (here: {', '.join(gpus) or 'none'}): see what "
            f"`nvidia-smi` says of the driver. On the CPU: --device cpu, or CUDA_VISIBLE_DEVICES= before the command"
        )
    if name == "cuda" and rank is not None:
        torch.cuda.set_device(int(rank))
    return torch.device(name)
