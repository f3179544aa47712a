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
    device = _device(options.device)
    from stm.training.loop import Execution, train

    execution = Execution(device, options.workers, options.checkpoint_seconds)
    train(options.spec, options.index, options.weights, options.checkpoints, options.out, execution)


def import_(options: argparse.Namespace) -> None:
    from stm.config.loading import ConfigError, read_yaml, suggestion, validated
    from stm.config.schema.checkpoints import Evaluation
    from stm.config.schema.networks import PAPER_BACKBONES, Models
    from stm.config.specification import variant_departures
    from stm.training.imported import Source, import_run

    variants = validated(Models, read_yaml(Path("config/models.yaml"))).variants
    if options.variant not in variants:
        hint = suggestion(options.variant, variants)
        raise ConfigError(f"--variant {options.variant} is not known.{hint} config/models.yaml has them all")
    variant = variants[options.variant]
    departures = variant_departures(variant, PAPER_BACKBONES[variant.depth])
    source = Source(options.file, options.format, options.variant, departures, options.frames, options.class_order)
    import_run(source, options.classes, Evaluation.model_validate(options.evaluation), options.out)


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


def checkpoints(options: argparse.Namespace) -> None:
    from stm.reporting.checkpoints import write_checkpoints

    write_checkpoints(options.spec, options.out)


def order(options: argparse.Namespace) -> None:
    from stm.reporting.order import write_order

    write_order(options.spec, options.out)


def plan(options: argparse.Namespace) -> None:
    from stm.config.plan import Plan

    study = Plan(options.study)
    study.require_tables()
    if options.claims:
        from stm.planning import decisionspage
        from stm.planning.decisions import decisions

        found = decisions(study, options.targets, options.seed_sd)
        print(json.dumps(decisionspage.as_json(found), indent=1) if options.json else decisionspage.text(found))
        return
    from stm.planning import costs, page, speed, targets

    measured = speed.of_benchmark(options.speed, study.variants) if options.speed else speed.of_finished_runs()
    counted = speed.counted_networks()

    def rate(run: Any) -> Any:
        given = options.clips_per_second
        return speed.given(given, run) if given else speed.nearest(run, measured, counted)

    cost = costs.costs(targets.targets(study, options.targets), rate, counted, options.jobs)
    if options.json:
        print(json.dumps(page.as_json(cost), indent=1))
        return
    print(page.text(cost))
    if not options.targets:
        for name, why in study.left_out.items():
            print(f"not made: {name} ({why})")


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


def _jobs(text: str) -> int:
    if not _count(text):
        raise argparse.ArgumentTypeError("at least 1")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return value


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
            "--given": _path("folder that may hold torchvision's file already", required=False),
            "--mirror": {"metavar": "URL", "help": "folder that has torchvision's file, in the place of PyTorch's"},
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
    "import": (
        import_,
        "make a run of somebody's public weights",
        {
            "file": {"type": Path, "metavar": "FILE", "help": "the checkpoint; it is never unpickled"},
            "--format": {"required": True, "choices": ("tsm", "tea", "torchvision"), "help": "whose names it has"},
            "--variant": {"required": True, "metavar": "NAME", "help": "the network, of config/models.yaml"},
            "--frames": {"type": _count, "required": True, "metavar": "T", "help": "of the network"},
            "--classes": _path("names, one a line, or a listing's classes.csv"),
            "--class-order": {
                "required": True,
                "choices": ("listed", "alphabetical"),
                "help": "of the checkpoint's outputs: that of --classes, or the same names sorted",
            },
            "--evaluation": {
                "type": specification,
                "default": {},
                "metavar": "JSON",
                "help": "short_side, crop_size, micro_batch and threads, where other than 256, [224, 224], 8 and 8",
            },
            "--out": _path("folder of the run"),
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
    "checkpoints": (
        checkpoints,
        "hold public checkpoints to what is published of them",
        {**SPEC, "--out": _path("csv to write")},
    ),
    "plan": (
        plan,
        "say what a study makes, and what it will cost or can decide",
        {
            "study": {"type": Path, "metavar": "STUDY", "help": "the study's file"},
            "targets": {
                "nargs": "*",
                "metavar": "TARGET",
                "help": "reports/table6.csv, or table6 (default: all of the study's)",
            },
            "--claims": {"action": "store_true", "help": "seeds and clips that each claim takes, in place of costs"},
            "--seed-sd": {
                "type": _positive,
                "metavar": "POINTS",
                "help": "of one network's accuracy over seeds (default: measured where there are seeds, else 1)",
            },
            "--speed": {"type": Path, "metavar": "FILE", "help": "speeds that benchmarks/speed.py --out wrote"},
            "--clips-per-second": {
                "type": _positive,
                "metavar": "N",
                "help": "trained on one device, one view of 8 frames each; in place of what was measured",
            },
            "--jobs": {"type": _jobs, "default": 1, "metavar": "N", "help": "trainings at a time, a device each"},
            "--json": {"action": "store_true", "help": "machine readable"},
        },
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
