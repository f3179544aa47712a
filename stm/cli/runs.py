"""Subcommands about runs: what one says of videos and streams, as a file for others, where they stand, and why."""

import argparse
import time
from pathlib import Path
from typing import get_args

from stm.cli.arguments import DEVICE, STUDY, TARGETS, Command, at_least_one, chosen_device, path, positive
from stm.config.formats import ExportFormat
from stm.errors import UserError


def predict(options: argparse.Namespace) -> int:
    device = chosen_device(options)
    from stm.csvfile import csv_cell, write_csv
    from stm.data.videos import videos_in
    from stm.evaluation.evaluate import load_run
    from stm.evaluation.predict import COLUMNS, as_json, as_text, csv_rows, predict
    from stm.files import write_json

    videos = videos_in(options.videos)
    network, record = load_run(options.run, device)
    found = []
    for one in predict(network, record, videos, options.protocol, device):
        print(as_text(one), flush=True)
        found.append(one)
    if options.csv:
        write_csv(options.csv, COLUMNS, (map(csv_cell, row) for row in csv_rows(found)))
    if options.json:
        write_json(options.json, as_json(found, options.run, record, options.protocol))
    without = sum(not one.top for one in found)
    counted = "1 video" if len(found) == 1 else f"{len(found)} videos"
    print(f"{counted}: {len(found) - without} predicted, {without} unreadable")
    return 1 if without else 0


def online(options: argparse.Namespace) -> None:
    device = chosen_device(options)
    from stm.evaluation.evaluate import load_run
    from stm.evaluation.stream import watch

    network, record = load_run(options.run, device)
    watch(options.video, network, record, options.cached, options.every)
    if options.cached:
        from stm.analysis.latency import saved_by_cache

        print("Timing steps with and without the cache in turn; Ctrl-C leaves that out", flush=True)
        print(saved_by_cache(network, record))


def export(options: argparse.Namespace) -> None:
    from stm.evaluation.export import export
    from stm.files import replacing
    from stm.reporting.card import card

    exported, record = export(options.run, options.format, options.out)
    text, page = card(options.run, record, exported), options.out.with_name(f"{options.out.name}.md")
    # Both are on the disk before either has its name, which the card gets first: no network stands without one.
    with replacing(options.out) as network, replacing(page) as words:
        network.write_bytes(exported.data)
        words.write_text(text, encoding="utf-8", newline="\n")
    print(f"{options.out} and {page}: probabilities differ by at most {exported.difference:.2g} on {exported.compared}")


def status(options: argparse.Namespace) -> None:
    from stm.config.plan import Plan
    from stm.planning import status, targets

    study = Plan(options.study)
    asked = targets.targets(study, options.targets)
    while True:
        text = status.text(study.name, status.standings(asked))
        if not options.watch:
            print(text)
            return
        # To the upper left corner, and nothing below it.
        print(f"\033[H\033[2J{text}\n{time.strftime('%H:%M:%S')}, every {options.watch:g} s; Ctrl-C ends", flush=True)
        try:
            time.sleep(options.watch)
        except KeyboardInterrupt:
            print()
            return


def explain(options: argparse.Namespace) -> None:
    from stm.config.plan import Plan
    from stm.planning import differences, origin

    if options.diff:
        print(differences.text(*options.diff))
        return
    if options.line is None:
        raise UserError("give a report and one of its lines, as `reports/table6.csv STM`, or --diff and two runs")
    study = options.study or origin.study_of(options.report)
    print(origin.text(Plan(study), options.report, options.line))


def report(options: argparse.Namespace) -> int:
    from stm.planning.reportpage import write_report

    return write_report(options.snakemake)


RUN = {"--run": path("folder of a finished run, as results/runs/…/seed0")}

ABOUT_RUNS: dict[str, Command] = {
    "predict": (
        predict,
        "say what a run takes videos for",
        {
            "videos": {"nargs": "+", "type": Path, "metavar": "VIDEO", "help": "files, or folders of them"},
            **RUN,
            "--protocol": {
                "default": "efficient",
                "choices": ("efficient", "full"),
                "help": "one view of a video, or the papers' 30 (default: efficient)",
            },
            "--csv": path("table to write, a row a video and class", required=False),
            "--json": path("the same for programs", required=False),
            **DEVICE,
        },
    ),
    "online": (
        online,
        "recognise a video or a camera while it runs",
        {
            "video": {"type": Path, "metavar": "VIDEO", "help": "a file, a named pipe, or a device as /dev/video0"},
            **RUN,
            "--every": {
                "type": at_least_one,
                "metavar": "N",
                "help": "recognise one frame of N (default: as far apart as in the run's training)",
            },
            "--cached": {"action": "store_true", "help": "keep the stem's results of the window's frames"},
            **DEVICE,
        },
    ),
    "export": (
        export,
        "write a run's network for other programs, with a model card",
        {
            **RUN,
            "--format": {"required": True, "choices": get_args(ExportFormat), "help": "ONNX, or torch.export's own"},
            "--out": path("file to write; the card is beside it, with .md after its name"),
        },
    ),
    "status": (
        status,
        "say how far a study's runs are, wherever they train",
        {
            **STUDY,
            **TARGETS,
            "--watch": {"type": positive, "metavar": "SECONDS", "help": "show it anew as often"},
        },
    ),
    "report": (
        report,
        "write Snakemake's report of what a study has made so far, and name what is missing",
        {
            "snakemake": {
                "nargs": "*",
                "metavar": "ARGUMENT",
                "help": "after --, as they are typed for Snakemake: targets, --configfile, --config",
            }
        },
    ),
    "explain": (
        explain,
        "say where a line of a report comes from, or why two runs differ",
        {
            "report": {"type": Path, "nargs": "?", "metavar": "REPORT", "help": "as reports/table6.csv"},
            "line": {"nargs": "?", "metavar": "LINE", "help": "a line's name or number, as STM"},
            "--study": path("the study's file (default: that of the report, in config/)", required=False),
            "--diff": {"type": Path, "nargs": 2, "metavar": "RUN", "help": "folders of two finished runs"},
        },
    ),
}
