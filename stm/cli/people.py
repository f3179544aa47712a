"""Subcommands that people type, beside Snakemake."""

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from stm.cli.arguments import STUDY, TARGETS, Command, at_least_one, count, path, positive, specification
from stm.config.formats import CheckpointFormat, ClassOrder


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


FOR_PEOPLE: dict[str, Command] = {
    "check": (
        check,
        "say what is wrong with a study's data, before training",
        {
            **STUDY,
            "--sample": {
                "type": count,
                "default": 50,
                "metavar": "N",
                "help": "clips of a dataset to decode, the same ones each time (default: 50)",
            },
            "--all": {"action": "store_true", "help": "decode every clip"},
        },
    ),
    "plan": (
        plan,
        "say what a study makes, and what it will cost or can decide",
        {
            **STUDY,
            **TARGETS,
            "--claims": {"action": "store_true", "help": "seeds and clips that each claim takes, in place of costs"},
            "--seed-sd": {
                "type": positive,
                "metavar": "POINTS",
                "help": "of one network's accuracy over seeds (default: measured where there are seeds, else 1)",
            },
            "--speed": {"type": Path, "metavar": "FILE", "help": "speeds that benchmarks/speed.py --out wrote"},
            "--clips-per-second": {
                "type": positive,
                "metavar": "N",
                "help": "trained on one device, one view of 8 frames each; in place of what was measured",
            },
            "--jobs": {
                "type": at_least_one,
                "default": 1,
                "metavar": "N",
                "help": "trainings at a time, a device each",
            },
            "--json": {"action": "store_true", "help": "machine readable"},
        },
    ),
    "import": (
        import_,
        "make a run of somebody's public weights",
        {
            "file": {"type": Path, "metavar": "FILE", "help": "the checkpoint; it is never unpickled"},
            "--format": {"required": True, "choices": get_args(CheckpointFormat), "help": "whose names it has"},
            "--variant": {"required": True, "metavar": "NAME", "help": "the network, of config/models.yaml"},
            "--frames": {"type": count, "required": True, "metavar": "T", "help": "of the network"},
            "--classes": path("names, one a line, or a listing's classes.csv"),
            "--class-order": {
                "required": True,
                "choices": get_args(ClassOrder),
                "help": "of the checkpoint's outputs: that of --classes, or the same names sorted",
            },
            "--evaluation": {
                "type": specification,
                "default": {},
                "metavar": "JSON",
                "help": "short_side, crop_size, micro_batch and threads, where other than 256, [224, 224], 8 and 8",
            },
            "--out": path("folder of the run"),
        },
    ),
    "schema": (
        schema,
        "write the JSON schemas of the configuration, for editors",
        {"--out": path("folder to write", required=False, default=Path("workflow/schemas"))},
    ),
}
