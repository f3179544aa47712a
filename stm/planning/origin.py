"""Where a line of a report comes from: its experiment, runs, data, versions and files, and what makes it again."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stm.analysis.rounds import machine
from stm.config.loading import ConfigError, read_yaml, suggestion
from stm.config.networkproducts import SpeedJob, TimingJob
from stm.config.plan import Plan
from stm.config.products import Prediction, Run
from stm.config.tableplan import TableLine, TablePlan
from stm.csvfile import read_csv
from stm.evaluation.metrics import top1
from stm.evaluation.predictions import read
from stm.evaluation.record import read_record
from stm.files import read_sealed
from stm.planning.differences import flat
from stm.planning.page import duration, room, wrapped
from stm.planning.targets import table_name

SHOWN = ("top1", "top5", "params_m", "flops_g", "videos_per_second", "speed_vs_tsn", "latency_ms", "cached_latency_ms")
DEFAULT_STUDY = Path("config/config.yaml")


def study_of(report: Path) -> Path:
    """The file of the study that a report says it belongs to, among those in `config/`.

    Raises:
        ConfigError: no file there has that name.
    """
    rows = read_csv(report) if report.is_file() and report.suffix == ".csv" else []
    if not rows or "study" not in rows[0]:
        return DEFAULT_STUDY
    name = rows[0]["study"]
    files = sorted(DEFAULT_STUDY.parent.glob("*.yaml"))
    found = [file for file in files if read_yaml(file).data.get("study") == name]
    if not found:
        raise ConfigError(f"{report} is of study '{name}', which is no file in {DEFAULT_STUDY.parent}/. Give --study")
    return found[0]


def text(plan: Plan, report: Path, asked: str) -> str:
    """All that is known of one line of a report.

    Args:
        report: as `reports/table6.csv`; it need not be made.
        asked: the line's name, or its number.

    Raises:
        ConfigError: the study has no such table, or the table no such line.
    """
    table = plan.table(table_name(plan, str(report)))
    line = _line(table, asked)
    made = Path(plan.settings.reports_dir, f"{table.name}.csv")
    # Rows of other modes of a network come after its own.
    rows = [row for row in read_csv(made) if row["line"] == str(line.number)] if made.is_file() else []
    row = rows[0] if rows else None
    predictions = [p for seed in line.predictions for p in seed]
    parts = [_cells(table, line, row, made)]
    if predictions:
        parts += [_experiment(predictions[0]), *(_run(p) for p in predictions)]
    else:
        parts.append(["Nothing of it is trained here."])
    parts += [_timing(name, job) for name, job in table.timings_of(line).items()]
    parts += [_files(table, line, predictions), _again(plan, made, predictions)]
    return "\n\n".join("\n".join(part) for part in parts)


def _line(table: TablePlan, asked: str) -> TableLine:
    """By number, by name, or by the method's words where just one line has them."""
    exact = [line for line in table.lines if asked in (str(line.number), line.entry.name)]
    found = exact or [line for line in table.lines if asked == line.entry.method]
    if len(found) == 1:
        return found[0]
    known = "\n".join(f"  {line.number}  {line.entry.name}" for line in found or table.lines)
    problem = f"several lines are called {asked!r}" if found else f"{asked!r} is no line of {table.name}"
    hint = "" if found else suggestion(asked, [line.entry.name for line in table.lines])
    raise ConfigError(f"{problem}.{hint} Give a name, or a number:\n{known}")


def _cells(table: TablePlan, line: TableLine, row: Mapping[str, str] | None, made: Path) -> list[str]:
    """What the report says, beside what the paper says."""
    frames = f", {line.entry.frames} frames" if line.entry.frames else ""
    lines = [f"{made}, line {line.number}: {line.entry.name} ({line.role}{frames})"]
    published = ", ".join(f"{name} {value}" for name, value in line.published.figures().items())
    lines.append(f"  published: {published or 'nothing'} ({table.entry.where}, protocol {line.published_protocol})")
    if line.published.note:
        lines += wrapped(line.published.note, 4)
    if row is None:
        lines.append(f"  measured: {made} is not made yet")
    elif row["source"] == "measured":
        lines.append(f"  measured: {_measured(row)}")
        lines += wrapped(f"status: {row['status']}", 4)
    else:
        lines.append(f"  measured: nothing ({row['status']})")
    experiment = line.predictions[0][0].run.experiment if line.predictions else ""
    if row is not None and row["experiment"] != experiment:
        lines += wrapped(f"The study was changed since: the report is of {row['experiment'] or 'nothing trained'}.", 4)
    return [*lines, *(part for text in line.deviations for part in wrapped(f"deviation: {text}", 2))]


def _measured(row: Mapping[str, str]) -> str:
    cells = [
        f"{name} {row[name]}" + (f" ({row[f'{name}_low']} to {row[f'{name}_high']})" if row.get(f"{name}_low") else "")
        for name in SHOWN
        if row.get(name)
    ]
    clips = f"; {row['clips']} clips, seeds: {row['seeds']}" if row["clips"] else ""
    covers = f"; the interval covers {row['interval_covers']}" if row["interval_covers"] else ""
    return ", ".join(cells) + clips + covers


def _experiment(prediction: Prediction) -> list[str]:
    """What decides the weights, and how they are shown."""
    run = prediction.run
    settings = {k: v for k, v in run.experiment_spec.items() if k != "dataset"}
    shown = prediction.spec["protocol"]
    return [
        f"Experiment {run.experiment}",
        *wrapped(f"dataset {run.dataset.key}: {_one_line(run.dataset.identity)}", 2),
        *wrapped(f"departs from the defaults in: {_one_line(settings)}", 2),
        *wrapped(f"protocol {prediction.name}: {shown['clips']} clips x {shown['crops']} crops", 2),
    ]


def _one_line(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in flat(settings).items() if value not in ("null", "[]"))


def _run(prediction: Prediction) -> list[str]:
    """One training and its scores, as their records say."""
    run = prediction.run
    if not Path(run.folder, "run.json").is_file():
        return [f"Run {run.name}", "  not trained yet"]
    record = read_record(Path(run.folder))
    made = record["provenance"]
    lines = [
        f"Run {run.name}",
        f"  data: {record['train_clips']} training clips, digest {record['data_digest'][:16]}",
        f"  {_code_and_versions(made)}",
        f"  hardware: {machine(made)}; {record['precision']}, {record['processes']} process(es)",
        f"  it took {duration(record['seconds'] / 3600)}, {record['peak_memory_mb']:.0f} MB"
        + (f", resumed {record['resumed']} times" if record["resumed"] else ""),
        f"  weights: SHA-256 {record['weights_sha256'][:16]}"
        + (f", started from {record['initial_weights']['file']}" if record["initial_weights"] else ""),
    ]
    return [*lines, f"  scored: {_scored(prediction, record)}"]


def _scored(prediction: Prediction, record: Mapping[str, Any]) -> str:
    if not Path(prediction.path).is_file():
        return "not yet"
    found = read(Path(prediction.path))
    of_others = "" if found.record["weights_sha256"] == record["weights_sha256"] else ", by weights of another training"
    return f"top-1 {top1(found):.1f} of {len(found.clips)} clips ({found.record['listed']} listed){of_others}"


def _timing(name: str, job: TimingJob) -> list[str]:
    """How the network that a job calls so was timed, as the job's record says."""
    spec = job.spec
    of = f"batch {spec['batch']}" if isinstance(job, SpeedJob) else f"{spec['frames']} frames of one stream each"
    lines = [
        f"{job.folder.capitalize()} {job.path}",
        f"  {len(spec['networks'])} networks in turn, this one called {name}; {spec['rounds']} rounds, {of}",
    ]
    if not Path(job.path).is_file():
        return [*lines, "  not timed yet"]
    record = read_sealed(Path(job.path))
    elsewhere = record["share_elsewhere"]
    share = "" if elsewhere is None else f"; other work took {elsewhere:.1%} of its processor time meanwhile"
    made = record["provenance"]
    return [*lines, f"  machine: {machine(made)}{share}", f"  {_code_and_versions(made)}"]


def _code_and_versions(made: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {made[name]}" for name in ("python", "torch", "numpy", "cuda") if made.get(name))
    return f"code: {made['stm']}, commit {made['commit'] or 'unknown'}; versions: {versions}"


def _files(table: TablePlan, line: TableLine, predictions: Sequence[Prediction]) -> list[str]:
    paths = dict.fromkeys([*_paths(line, predictions), *(job.path for job in table.timings_of(line).values())])
    lines = ["Files"]
    for path in paths:
        file = Path(path)
        lines.append(f"  {path} ({room(file.stat().st_size) if file.is_file() else 'not there'})")
    return lines


def _paths(line: TableLine, predictions: Sequence[Prediction]) -> Iterator[str]:
    for prediction in predictions:
        run: Run = prediction.run
        yield from run.dataset.annotation_files
        yield from (f"{run.dataset.folder}/manifest.csv", run.index, *run.initial_weights)
        yield from (f"{run.folder}/{name}" for name in ("weights.safetensors", "run.json", "history.csv"))
        yield f"results/logs/train/{run.name}.log"
        yield prediction.path
    yield from (network.path for network in (line.full_size, line.run_size) if network)


def _again(plan: Plan, made: Path, predictions: Sequence[Prediction]) -> list[str]:
    """Commands; the second trains anew what is there."""
    study = "" if plan.path == DEFAULT_STUDY else f" --configfile {shlex.quote(str(plan.path))}"
    lines = ["Make it again", f"  snakemake --cores all {made}{study}"]
    if predictions:
        runs = " ".join(f"{run}/run.json" for run in dict.fromkeys(p.run.folder for p in predictions))
        lines.append(f"  its training(s) too: snakemake --cores all {made} --forcerun {runs}{study}")
    return lines
