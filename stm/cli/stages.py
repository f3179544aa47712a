"""The stages of the pipeline, each a rule of Snakemake."""

import argparse
from typing import get_args

from stm.cli.arguments import DEVICE, DEVICES, SPEC, WORKERS, Command, chosen_device, path, positive, specification
from stm.config.formats import SubmissionForm
from stm.errors import UserError


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

    indexes = sorted(options.shards.glob("*.arrow"))
    if not indexes:
        raise UserError(f"{options.shards} holds no shard's index (NNNN.arrow)")
    write_manifest(options.clips, options.classes, indexes, options.index, options.manifest)


def imagenet(options: argparse.Namespace) -> None:
    from stm.models.imagenet import fetch_imagenet

    fetch_imagenet(options.depth, options.out, options.given, options.mirror)


def train(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.data.local import on_local_disk
    from stm.training.loop import Execution, train

    execution = Execution(device, options.workers, options.checkpoint_seconds)
    train(options.spec, on_local_disk(options.index), options.weights, options.checkpoints, options.out, execution)


def evaluate(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.data.local import on_local_disk
    from stm.evaluation.evaluate import evaluate

    specs = options.spec if isinstance(options.spec, list) else [options.spec]
    if len(specs) != len(options.out):
        raise UserError(f"--spec has {len(specs)} specifications, --out names {len(options.out)} files")
    evaluate(specs, options.run, on_local_disk(options.index), options.out, device, options.workers)


def submit(options: argparse.Namespace) -> None:
    from stm.evaluation.submission import write_submission

    write_submission(options.predictions, options.form, options.out)


def features(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.data.local import on_local_disk
    from stm.evaluation.evaluate import before_softmax, evaluate

    index = on_local_disk(options.index)
    evaluate([options.spec], options.run, index, [options.out], device, options.workers, before_softmax)


def motion(options: argparse.Namespace) -> None:
    from stm.analysis.motion import write_motion

    write_motion(options.spec, options.index, options.out)


def maps(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.analysis.maps import write_maps

    paths = (options.run, options.index, options.motion, options.weights, options.out)
    write_maps(options.spec, *paths, device, options.workers)


def complexity(options: argparse.Namespace) -> None:
    from stm.analysis.complexity import write_complexity

    write_complexity(options.spec, options.out)


def speed(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.analysis.speed import write_speed

    write_speed(options.spec, options.out, device)


def latency(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.analysis.latency import write_latency

    write_latency(options.spec, options.out, device)


def table(options: argparse.Namespace) -> None:
    from stm.reporting.tables import write_table

    write_table(options.spec, options.out)


def claims(options: argparse.Namespace) -> None:
    from stm.reporting.claimspage import write_claims

    write_claims(options.tables, options.claims, options.study, options.seeds, options.out, options.possible)


def datasets(options: argparse.Namespace) -> None:
    from stm.reporting.datasets import write_datasets

    write_datasets(options.spec, options.out)


def figure(options: argparse.Namespace) -> None:
    from stm.reporting.figures.kinds import write_figure

    write_figure(options.spec, options.out)


def checkpoints(options: argparse.Namespace) -> None:
    from stm.reporting.checkpoints import write_checkpoints

    write_checkpoints(options.spec, options.out)


def order(options: argparse.Namespace) -> None:
    from stm.reporting.order import write_order

    write_order(options.spec, options.out)


def provenance(options: argparse.Namespace) -> None:
    from stm.reporting.origins import write_provenance

    write_provenance(options.spec, options.out)


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
            "--shards": path("folder of the indexes of all shards"),
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
                "type": positive,
                "default": 300.0,
                "metavar": "S",
                "help": "longest time between checkpoints; there is one after each epoch too (default: 300)",
            },
            **DEVICES,
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
            **DEVICES,
        },
    ),
    "submit": (
        submit,
        "write a run's answers for test clips as the makers' server took them",
        {
            "--predictions": path("of the split test, from `evaluate`"),
            "--form": {
                "required": True,
                "choices": get_args(SubmissionForm),
                "help": "the likeliest class's label, or the numbers of the five likeliest",
            },
            "--out": path("csv to write"),
        },
    ),
    "features": (
        features,
        "give what one run makes of the clips of a split before the softmax: features and logits",
        {
            **SPEC,
            "--run": path("folder of the run"),
            "--index": path("of the dataset's frames"),
            "--out": path("features to write"),
            **DEVICES,
        },
    ),
    "motion": (
        motion,
        "find what moves in clips of a dataset: TV-L1 flow, differences of frames, drawn movers",
        {**SPEC, "--index": path("of the dataset's frames"), "--out": path("motion to write")},
    ),
    "maps": (
        maps,
        "measure what the first block of a run's network makes of these clips",
        {
            **SPEC,
            "--run": path("folder of the run"),
            "--index": path("of the dataset's frames"),
            "--motion": path("of the same clips, from `motion`"),
            "--weights": path("that the run started from, unless from scratch", required=False),
            "--out": path("maps to write"),
            **DEVICE,
            **WORKERS,
        },
    ),
    "complexity": (complexity, "count parameters and FLOPs of a network", {**SPEC, "--out": path("JSON to write")}),
    "speed": (
        speed,
        "time networks side by side, with nothing else on the machine",
        {**SPEC, "--out": path("JSON to write"), **DEVICE},
    ),
    "latency": (
        latency,
        "time recognisers of streams, with nothing else on the machine",
        {**SPEC, "--out": path("JSON to write"), **DEVICE},
    ),
    "table": (table, "write one table and its claims", {**SPEC, "--out": path("path without its ending")}),
    "order": (
        order,
        "compare every experiment with itself under other orders of frames",
        {**SPEC, "--out": path("path without its ending")},
    ),
    "datasets": (
        datasets,
        "count what a study's datasets list, beside what the papers say of them",
        {**SPEC, "--out": path("path without its ending")},
    ),
    "figure": (figure, "draw one figure, and write what it shows", {**SPEC, "--out": path("path without its ending")}),
    "checkpoints": (
        checkpoints,
        "hold public checkpoints to what is published of them",
        {**SPEC, "--out": path("csv to write")},
    ),
    "provenance": (
        provenance,
        "say of every run of a study its data, code, versions and hardware",
        {**SPEC, "--out": path("path without its ending")},
    ),
    "claims": (
        claims,
        "join the claims of all tables, and add those that none decides",
        {
            "--tables": path("claims of each table", nargs="*"),
            "--claims": path("files of claims", nargs="+"),
            "--study": {"required": True, "metavar": "NAME", "help": "name of the study"},
            "--seeds": {"required": True, "type": int, "metavar": "N", "help": "how many seeds it trains"},
            "--possible": {
                "required": True,
                "type": specification,
                "metavar": "JSON",
                "help": "what the study can make and leaves out, each with the file to ask for",
            },
            "--out": path("path without its ending"),
        },
    ),
}
