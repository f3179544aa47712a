"""A table of the papers as data: one row a line, the published figure beside the measured one, never in its place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stm.analysis.statistics import accuracy_interval
from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.cells import as_printed, decimals, points
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.claims import claim_rows
from stm.reporting.latencies import COLUMNS as LATENCY_COLUMNS
from stm.reporting.latencies import Latencies, load_latencies
from stm.reporting.layouts import table_latex, table_markdown
from stm.reporting.measured import LEAST_CLASSES_FOR_TOP5, Counts, Measured, counts, load
from stm.reporting.speeds import COLUMNS as SPEED_COLUMNS
from stm.reporting.speeds import PLAIN, Speeds, load_speeds, published_ratio
from stm.reporting.tablepage import table_caption, table_html
from stm.reporting.timedclaims import Timings

ALWAYS = [
    *("line", "method", "source", "role", "subset", "study", "dataset", "experiment", "protocol", "published_protocol"),
    *("seeds", "clips", "interval_covers", "deviations", "status"),
]
MEASURES = [
    *("top1", "top1_low", "top1_high", "top5", "top5_low", "top5_high"),
    *("params_m", "flops_g", "params_m_difference", "flops_g_difference", "run_params_m", "run_flops_g", "views"),
]
PRINTED = ["top1", "top5", "params_m", "flops_g"]


def write_table(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.csv, .claims.csv, and for people .md, .tex, .html, and .rst, its caption in the report.

    Args:
        spec: of `stm.config.tableplan.TablePlan`.
        out: the table's path without a suffix.

    Raises:
        FileNotFoundError, TableError, PredictionsError: as `stm.reporting.measured.load`.
        RunError: a run that it measures has no record.
    """
    lines = [*spec["lines"], *spec["others"].values()]
    measured = load(lines)
    counted = [counts(line) for line in lines]
    speeds = load_speeds(spec["speed"])
    own = len(spec["lines"])
    latencies = load_latencies(spec["latency"])
    rows = table_rows(spec, measured[:own], counted[:own], speeds, latencies)
    timings: dict[str, Timings] = {"latency_ms": latencies} | ({"videos_per_second": speeds} if speeds else {})
    claims = claim_rows(spec, measured, counted, timings)
    files = {
        ".csv": csv_text(table_columns(spec), rows),
        ".md": table_markdown(spec, rows, claims),
        ".tex": table_latex(spec, rows),
        ".html": table_html(spec, rows, claims),
        ".rst": table_caption(spec, rows, claims),
        ".claims.csv": csv_text(CLAIM_COLUMNS, claims),
    }
    for suffix, text in files.items():
        write_text(out.with_name(out.name + suffix), text)


def table_columns(spec: dict[str, Any]) -> list[str]:
    """The contract's columns, then the paper's descriptors, then the measures and their published twins."""
    described = [key for line in spec["lines"] for key in line["describe"]]
    latency = LATENCY_COLUMNS if "latency_ms" in spec["measures"] else []
    timed = [] if spec["speed"] is None else ["mode", "batch"]
    speeds = SPEED_COLUMNS if timed else []
    twins = [f"published_{name}" for name in [*PRINTED, *latency[:1]]]
    if timed:
        twins += ["published_videos_per_second", "published_speed_vs_tsn", "published_batch"]
    return list(dict.fromkeys([*ALWAYS, *timed, "frames", *described, *MEASURES, *speeds, *latency, *twins]))


def table_rows(
    spec: dict[str, Any],
    measured: Sequence[Measured | None],
    counted: Sequence[Counts],
    speeds: Speeds | None,
    latencies: Latencies,
) -> list[dict[str, Value]]:
    """One row a line, in the paper's order, with every column of `table_columns`; then one a further mode of speeds."""
    empty = dict.fromkeys(table_columns(spec))
    rows = []
    for line, found, cost in zip(spec["lines"], measured, counted, strict=True):
        row = {**empty, **_line(spec, line), **_counted(line, cost)}
        if found is not None:
            row |= _measured(line["measured"], found)
        if speeds is not None:
            row |= _timed(spec, line, speeds)
        row |= latencies.cells(line)
        rows.append({**row, "status": _status(line, found, cost, speeds)})
        if speeds is not None and line["timed"] is not None:
            rows += [{**empty, **_in_mode(spec, line, speeds, mode)} for mode in speeds.modes if mode != PLAIN]
    return rows


def _line(spec: dict[str, Any], line: dict[str, Any]) -> dict[str, Value]:
    """What is known of a line before anything is measured."""
    return {
        "frames": line["frames"],
        **line["describe"],
        "line": line["line"],
        "method": line["method"],
        "source": "published",
        "role": line["role"],
        "subset": line["subset"],
        "study": spec["study"],
        "published_protocol": line["published_protocol"],
        **{f"published_{name}": value for name, value in line["published"].items()},
    }


def _measured(run: dict[str, Any], found: Measured) -> dict[str, Value]:
    """What replaces and fills the cells of a line that was measured."""
    intervals = {name: accuracy_interval(correct, found.groups) for name, correct in found.correct.items()}
    accuracies: dict[str, Value] = {}
    for name, interval in intervals.items():
        low, high = points(interval.low), points(interval.high)
        accuracies |= {name: points(interval.value), f"{name}_low": low, f"{name}_high": high}
    return {
        "source": "measured",
        **{key: run[key] for key in ("dataset", "experiment", "protocol", "views")},
        "seeds": len(run["seeds"]),
        "clips": found.clips,
        "interval_covers": intervals["top1"].covers,
        "deviations": "; ".join(run["deviations"]),
        **accuracies,
    }


def _timed(spec: dict[str, Any], line: dict[str, Any], speeds: Speeds) -> dict[str, Value]:
    """The cells of speeds; what was measured otherwise than in the paper is said beside the run's deviations."""
    printed = {
        "published_speed_vs_tsn": published_ratio(spec, line, speeds.tsn),
        "published_batch": spec["speed"]["published"].get("batch"),
    }
    if line["timed"] is None:
        return printed
    run = line["measured"]
    deviations = [*(run["deviations"] if run else []), *speeds.deviations]
    return {**printed, **speeds.cells(line["timed"], PLAIN), "deviations": "; ".join(deviations)}


def _in_mode(spec: dict[str, Any], line: dict[str, Any], speeds: Speeds, mode: str) -> dict[str, Value]:
    """The row of a line's network in another form: its speed, and nothing that the form does not change."""
    known = {name: value for name, value in _line(spec, line).items() if not name.startswith("published_")}
    return {
        **known,
        "source": "measured",
        **speeds.cells(line["timed"], mode),
        "deviations": "; ".join(speeds.deviations),
        "status": "; ".join(speeds.gaps(line["timed"], mode)) or "ok",
    }


def _counted(line: dict[str, Any], cost: Counts) -> dict[str, Value]:
    """The cells of counts, and how far the papers' network is from what they print."""
    if not cost.full_size:
        return {}
    cells: dict[str, Value] = {"source": "measured"}
    for name, value in cost.full_size.items():
        cells[name] = round(value, 4)
        if name in line["published"]:
            cells[f"{name}_difference"] = round(value - line["published"][name], 4)
    return cells | {f"run_{name}": round(value, 4) for name, value in cost.run_size.items()}


def _status(line: dict[str, Any], found: Measured | None, cost: Counts, speeds: Speeds | None) -> str:
    """`ok`, or what is left empty and why, or which counts are not the published ones."""
    notes = []
    if found is None and not cost.full_size:
        return "published only"
    if found is not None:
        classes = len(found.predictions.classes)
        lost = found.listed - len(found.predictions.clips)
        notes += [f"{lost} of {found.listed} listed clips have no frames"] if lost else []
        notes += [] if classes >= LEAST_CLASSES_FOR_TOP5 else [f"top5 left empty: {classes} classes"]
        notes += [] if cost.run_size else ["run_params_m and run_flops_g left empty: number of classes not declared"]
    for name, value in cost.full_size.items():
        published = line["published"].get(name)
        if published is not None and not as_printed(value, published, decimals(published)):
            notes.append(f"{name} is not the published {published}")
    if speeds is not None:
        notes += ["top1 left empty: not trained in this study"] if found is None else []
        notes += speeds.gaps(line["timed"], PLAIN) if line["timed"] is not None else []
    return "; ".join(notes) or "ok"
