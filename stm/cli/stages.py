"""The stages of the pipeline, each a rule of Snakemake."""

import argparse
from typing import Any

from stm.cli.arguments import SPEC, Command, Settings, at_least_one, count, path, specification


def _device(options: argparse.Namespace) -> Any:
    """The torch device for `--device`; `auto` takes a GPU of its own where there is one, as torchrun deals them out.

    With `--processes` this process becomes torchrun, and each that it starts comes here again.
    """
    import os

    from stm.launch import become_ranks, end_with_parent, lease_gpus

    name, rank = options.device, os.environ.get("LOCAL_RANK")
    if rank is not None:
        end_with_parent()
    elif options.processes > 1:
        become_ranks(options.processes, options.nodes, options.arguments, lease=name != "cpu")
    elif name != "cpu":
        lease_gpus()

    # Must be set before CUDA starts, for sums that do not change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and rank is not None:
        torch.cuda.set_device(int(rank))
    return torch.device(name)


def render(options: argparse.Namespace) -> None:
    from stm.data.synthetic import render

    settings = {key: value for key, value in options.spec.items() if key != "version"}
    render(settings, options.videos, options.annotations)


def listing(options: argparse.Namespace) -> None:
    from stm.data.listing import write_listing

    write_listing(options.spec, options.clips, options.classes)


def counts(options: argparse.Namespace) -> None:
    from stm.data.counts import check_counts

    check_counts(options.clips, options.classes, options.expect, options.out)


def extract(options: argparse.Namespace) -> None:
    from stm.data.extraction import extract

    extract(options.spec, options.shard, options.tar, options.index, options.lists)


def manifest(options: argparse.Namespace) -> None:
    from stm.data.manifest import write_manifest

    write_manifest(options.clips, options.classes, options.shards, options.index, options.manifest)


def imagenet(options: argparse.Namespace) -> None:
    from stm.models.imagenet import fetch_imagenet

    fetch_imagenet(options.depth, options.out, options.given, options.mirror)


def train(options: argparse.Namespace) -> None:
    device = _device(options)
    from stm.training.loop import Execution, train

    execution = Execution(device, options.workers, options.checkpoint_seconds)
    train(options.spec, options.index, options.weights, options.checkpoints, options.out, execution)


def evaluate(options: argparse.Namespace) -> None:
    device = _device(options)
    from stm.evaluation.evaluate import evaluate

    specs = options.spec if isinstance(options.spec, list) else [options.spec]
    if len(specs) != len(options.out):
        raise ValueError(f"--spec has {len(specs)} specifications, --out names {len(options.out)} files")
    evaluate(specs, options.run, options.index, options.out, device, options.workers)


def complexity(options: argparse.Namespace) -> None:
    from stm.analysis.complexity import write_complexity

    write_complexity(options.spec, options.out)


def table(options: argparse.Namespace) -> None:
    from stm.reporting.tables import write_table

    write_table(options.spec, options.out)


def claims(options: argparse.Namespace) -> None:
    from stm.reporting.claimspage import write_claims

    write_claims(options.tables, options.claims, options.study, options.out)


def checkpoints(options: argparse.Namespace) -> None:
    from stm.reporting.checkpoints import write_checkpoints

    write_checkpoints(options.spec, options.out)


def order(options: argparse.Namespace) -> None:
    from stm.reporting.order import write_order

    write_order(options.spec, options.out)


DEVICE: dict[str, Settings] = {
    "--device": {"default": "auto", "choices": ("auto", "cpu", "cuda"), "help": "where to compute (default: auto)"},
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
    "--workers": {"type": int, "default": 0, "metavar": "N", "help": "loader processes (default: 0, in the process)"},
}

STAGES: dict[str, Command] = {
    "render": (
        render,
        "draw the videos of a synthetic dataset",
        {**SPEC, "--videos": path("folder of the videos"), "--annotations": path("their list, written last")},
    ),
    "listing": (
        listing,
        "list a dataset's clips and classes",
        {**SPEC, "--clips": path("csv of clips to write"), "--classes": path("csv of classes to write")},
    ),
    "counts": (
        counts,
        "hold a dataset's counts to what is expected",
        {
            "--clips": path("from `listing`"),
            "--classes": path("from `listing`"),
            "--expect": {"type": specification, "required": True, "metavar": "JSON", "help": "numbers by name"},
            "--out": path("JSON to write"),
        },
    ),
    "extract": (
        extract,
        "store the frames of one shard's clips",
        {
            **SPEC,
            "--shard": {"required": True, "metavar": "K", "help": "number of the shard, as 0003"},
            "--tar": path("frames to write"),
            "--index": path("index of the shard to write"),
            "--lists": path("file that keeps the shards' lists of clips; written where it is absent", required=False),
        },
    ),
    "manifest": (
        manifest,
        "join the shards into one index, and say of every clip what became of it",
        {
            "--clips": path("from `listing`"),
            "--classes": path("from `listing`"),
            "--shards": path("indexes of all shards", nargs="+"),
            "--index": path("index to write"),
            "--manifest": path("manifest to write"),
        },
    ),
    "imagenet": (
        imagenet,
        "fetch ImageNet weights",
        {
            "--depth": {"type": int, "required": True, "choices": (18, 34, 50), "help": "of the ResNet"},
            "--given": path("folder that may hold torchvision's file already", required=False),
            "--mirror": {"metavar": "URL", "help": "folder that has torchvision's file, in the place of PyTorch's"},
            "--out": path("weights to write"),
        },
    ),
    "train": (
        train,
        "train one run; resumes where a killed one stopped",
        {
            **SPEC,
            "--index": path("of the dataset's frames"),
            "--weights": path("initial weights, unless from scratch", required=False),
            "--checkpoints": path("folder of this run's checkpoints; removed at the end"),
            "--out": path("folder of the run"),
            "--checkpoint-seconds": {
                "type": float,
                "default": 300.0,
                "metavar": "S",
                "help": "longest time between checkpoints; there is one after each epoch too (default: 300)",
            },
            **DEVICE,
        },
    ),
    "evaluate": (
        evaluate,
        "score the clips of a split with one run",
        {
            **SPEC,
            "--run": path("folder of the run"),
            "--index": path("of the dataset's frames"),
            "--out": path("predictions to write; as many as --spec lists specifications", nargs="+"),
            **DEVICE,
        },
    ),
    "complexity": (complexity, "count parameters and FLOPs of a network", {**SPEC, "--out": path("JSON to write")}),
    "table": (table, "write one table and its claims", {**SPEC, "--out": path("path without its ending")}),
    "order": (
        order,
        "compare every experiment with itself under other orders of frames",
        {**SPEC, "--out": path("path without its ending")},
    ),
    "checkpoints": (
        checkpoints,
        "hold public checkpoints to what is published of them",
        {**SPEC, "--out": path("csv to write")},
    ),
    "claims": (
        claims,
        "join the claims of all tables, and add those that none decides",
        {
            "--tables": path("claims of each table", nargs="*"),
            "--claims": path("files of claims", nargs="+"),
            "--study": {"required": True, "metavar": "NAME", "help": "name of the study"},
            "--out": path("path without its ending"),
        },
    ),
}
