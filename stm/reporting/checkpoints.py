"""Public checkpoints: what their authors publish beside what is measured of the same weights here."""

from pathlib import Path
from typing import Any

from stm.analysis.statistics import accuracy_interval
from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.cells import points
from stm.reporting.measured import Measured, load

MEASURES = ("top1", "top5")
COLUMNS = [
    *("checkpoint", "method", "variant", "frames", "role", "status", "study", "dataset", "run"),
    *("protocol", "published_protocol", "deviations", "clips", "listed", "interval_covers"),
    *(f"{m}{part}" for m in MEASURES for part in ("", "_low", "_high")),
    *(f"published_{m}" for m in MEASURES),
    *(f"published_{m}_inside" for m in MEASURES),
    *("file", "page", "source"),
]


def write_checkpoints(spec: dict[str, Any], out: Path) -> None:
    """Write the csv file, a row a checkpoint; of those that are not here the measures are empty.

    Args:
        spec: of `stm.config.checkpointplan.CheckpointsPlan`.
        out: the csv file.

    Raises:
        FileNotFoundError, TableError, PredictionsError: as `stm.reporting.measured.load`.
    """
    lines = spec["lines"]
    found = load([{"role": line["entry"]["role"], "measured": _measured(line["prediction"])} for line in lines])
    rows = [_row(spec["study"], line, measured) for line, measured in zip(lines, found, strict=True)]
    write_text(out, csv_text(COLUMNS, rows))


def _measured(prediction: str | None) -> dict[str, Any] | None:
    return {"predictions": [[prediction]], "reversed_pairs": []} if prediction else None


def _row(study: str, line: dict[str, Any], measured: Measured | None) -> dict[str, Value]:
    entry = line["entry"]
    row: dict[str, Value] = {
        **dict.fromkeys(COLUMNS),
        **{key: entry[key] for key in COLUMNS if key in entry and key not in MEASURES},
        **{f"published_{measure}": entry[measure] for measure in MEASURES},
        **{key: line[key] for key in ("status", "dataset", "run")},
        "checkpoint": entry["id"],
        "study": study,
        "deviations": "; ".join(line["deviations"]),
    }
    if measured is None:
        return row
    row |= {"clips": measured.clips, "listed": measured.listed}
    for measure, correct in measured.correct.items():
        interval = accuracy_interval(correct, measured.groups)
        low, high = points(interval.low), points(interval.high)
        row |= {measure: points(interval.value), f"{measure}_low": low, f"{measure}_high": high}
        row["interval_covers"] = interval.covers
        # Under another protocol the figure would say nothing by lying inside or outside.
        if entry[measure] is not None and not line["deviations"]:
            row[f"published_{measure}_inside"] = "yes" if low <= entry[measure] <= high else "no"
    return row
