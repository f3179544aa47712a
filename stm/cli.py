"""`stm <stage>`: one subcommand a stage of the pipeline, and a few for people. Each imports only what it needs."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stm import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; errors that a user can act on are one message and exit status 1, without a traceback."""
    options = _parser().parse_args(arguments)
    try:
        return options.stage(options) or 0
    except Exception as error:
        if not _speaks_to_the_user(error):
            raise
        print(f"stm {options.name}: {error}", file=sys.stderr)
        return 1


def _speaks_to_the_user(error: Exception) -> bool:
    """Whether an error is of the user's input or machine; a bug of ours keeps its traceback."""
    return type(error).__module__.startswith("stm.") or isinstance(error, ValueError | OSError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stm", description="Does this paper hold? Stages of the STM pipeline.")
    parser.add_argument("--version", action="version", version=__version__)
    stages = parser.add_subparsers(required=True, metavar="STAGE", title="stages, in the order of the data")
    for name, (stage, text, declared) in STAGES.items():
        sub = stages.add_parser(name, help=text, description=text)
        for flag, settings in declared.items():
            sub.add_argument(flag, **settings)
        sub.set_defaults(stage=stage, name=name)
    return parser


def specification(text: str) -> Any:
    """`--spec`: JSON, or the path of a file that holds it."""
    try:
        if not text.lstrip().startswith(("{", "[")):
            text = Path(text).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"neither JSON nor a file of it: {error}") from None


def _device(name: str) -> Any:
    """The torch device for `--device`; `auto` takes a GPU of its own where there is one."""
    if name in ("auto", "cuda"):
        from stm.launch import lease_gpu

        lease_gpu()
    import os

    # Must be set before CUDA starts, for sums that do not change from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
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

    fetch_imagenet(options.depth, options.out)


def train(options: argparse.Namespace) -> None:
    device = _device(options.device)
    from stm.training.loop import Execution, train

    execution = Execution(device, options.workers, options.checkpoint_seconds)
    train(options.spec, options.index, options.weights, options.checkpoints, options.out, execution)


def evaluate(options: argparse.Namespace) -> None:
    device = _device(options.device)
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


def order(options: argparse.Namespace) -> None:
    from stm.reporting.order import write_order

    write_order(options.spec, options.out)


def plan(options: argparse.Namespace) -> None:
    from stm.config.plan import Plan

    study = Plan(options.study)
    study.require_tables()
    for name in study.tables:
        print(name)
        for line in study.table(name).lines:
            for prediction in (p for seed in line.predictions for p in seed):
                print(f"  {line.line.method}: {prediction.run.name} under {prediction.name}")
    for name, why in study.left_out.items():
        print(f"not made: {name} ({why})")
    print(f"{len(study.runs)} runs, {len(study.predictions)} predictions, {len(study.networks)} networks counted")


def check(options: argparse.Namespace) -> int:
    from stm.config.plan import Plan
    from stm.data.check import check_study, print_reports

    errors = print_reports(check_study(Plan(options.study), None if options.all else options.sample))
    return 1 if errors else 0


def schema(options: argparse.Namespace) -> None:
    from stm.config.schemas import write_schemas

    write_schemas(options.out)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number, 0 or more")
    return int(text)


def _path(text: str, **more: Any) -> dict[str, Any]:
    return {"type": Path, "required": True, "metavar": "PATH", "help": text, **more}


SPEC: dict[str, dict[str, Any]] = {
    "--spec": {"type": specification, "required": True, "metavar": "JSON", "help": "settings: JSON, or a file of it"}
}
DEVICE: dict[str, dict[str, Any]] = {
    "--device": {"default": "auto", "choices": ("auto", "cpu", "cuda"), "help": "where to compute (default: auto)"},
    "--workers": {"type": int, "default": 0, "metavar": "N", "help": "loader processes (default: 0, in the process)"},
}

STAGES: dict[str, tuple[Any, str, dict[str, dict[str, Any]]]] = {
    "render": (
        render,
        "draw the videos of a synthetic dataset",
        {**SPEC, "--videos": _path("folder of the videos"), "--annotations": _path("their list, written last")},
    ),
    "listing": (
        listing,
        "list a dataset's clips and classes",
        {**SPEC, "--clips": _path("csv of clips to write"), "--classes": _path("csv of classes to write")},
    ),
    "counts": (
        counts,
        "hold a dataset's counts to what is expected",
        {
            "--clips": _path("from `listing`"),
            "--classes": _path("from `listing`"),
            "--expect": {"type": specification, "required": True, "metavar": "JSON", "help": "numbers by name"},
            "--out": _path("JSON to write"),
        },
    ),
    "extract": (
        extract,
        "store the frames of one shard's clips",
        {
            **SPEC,
            "--shard": {"required": True, "metavar": "K", "help": "number of the shard, as 0003"},
            "--tar": _path("frames to write"),
            "--index": _path("index of the shard to write"),
            "--lists": _path("file that keeps the shards' lists of clips; written where it is absent", required=False),
        },
    ),
    "manifest": (
        manifest,
        "join the shards into one index, and say of every clip what became of it",
        {
            "--clips": _path("from `listing`"),
            "--classes": _path("from `listing`"),
            "--shards": _path("indexes of all shards", nargs="+"),
            "--index": _path("index to write"),
            "--manifest": _path("manifest to write"),
        },
    ),
    "imagenet": (
        imagenet,
        "fetch ImageNet weights",
        {
            "--depth": {"type": int, "required": True, "choices": (18, 34, 50), "help": "of the ResNet"},
            "--out": _path("weights to write"),
        },
    ),
    "train": (
        train,
        "train one run; resumes where a killed one stopped",
        {
            **SPEC,
            "--index": _path("of the dataset's frames"),
            "--weights": _path("initial weights, unless from scratch", required=False),
            "--checkpoints": _path("folder of this run's checkpoints; removed at the end"),
            "--out": _path("folder of the run"),
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
            "--run": _path("folder of the run"),
            "--index": _path("of the dataset's frames"),
            "--out": _path("predictions to write; as many as --spec lists specifications", nargs="+"),
            **DEVICE,
        },
    ),
    "complexity": (complexity, "count parameters and FLOPs of a network", {**SPEC, "--out": _path("JSON to write")}),
    "table": (table, "write one table and its claims", {**SPEC, "--out": _path("path without its ending")}),
    "claims": (
        claims,
        "join the claims of all tables, and add those that none decides",
        {
            "--tables": _path("claims of each table", nargs="*"),
            "--claims": _path("files of claims", nargs="+"),
            "--study": {"required": True, "metavar": "NAME", "help": "name of the study"},
            "--out": _path("path without its ending"),
        },
    ),
    "order": (
        order,
        "compare every experiment with itself under other orders of frames",
        {**SPEC, "--out": _path("path without its ending")},
    ),
    "plan": (
        plan,
        "list what a study makes",
        {"study": {"type": Path, "metavar": "STUDY", "help": "the study's file"}},
    ),
    "check": (
        check,
        "say what is wrong with a study's data, before training",
        {
            "study": {"type": Path, "metavar": "STUDY", "help": "the study's file"},
            "--sample": {
                "type": _count,
                "default": 50,
                "metavar": "N",
                "help": "clips of a dataset to decode, the same ones each time (default: 50)",
            },
            "--all": {"action": "store_true", "help": "decode every clip"},
        },
    ),
    "schema": (
        schema,
        "write the JSON schemas of the configuration, for editors",
        {"--out": _path("folder to write", required=False, default=Path("workflow/schemas"))},
    ),
}
