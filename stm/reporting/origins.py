"""Where measurements come from, as the records of their runs say: data, code, versions, hardware. No time of day and no
duration is among it: the same study makes the same reports again, to the byte.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import yaml

from stm.csvfile import Value, csv_text
from stm.evaluation.record import read_record
from stm.files import write_text
from stm.reporting.webpage import notes, paragraph, section, simple_table, tag, webpage

OF_MACHINE = [
    *(
        "stm",
        "commit",
        "python",
        "torch",
        "numpy",
        "cuda",
        "cudnn",
        "system",
        "processor",
        "cores",
        "threads",
        "device",
    ),
]
OF_RUN = ["train_clips", "data_digest", "weights_sha256", "precision", "processes"]
COLUMNS = ["run", "study", "dataset", "seed", *OF_RUN, *OF_MACHINE]
# What two runs must share to have been made alike.
MADE = [*OF_MACHINE, "precision", "processes"]

Row = dict[str, Value]


def write_provenance(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.csv, a row a run, and `out`.html.

    Args:
        spec: the study's name, file and settings, and the folders of its runs.
        out: path without its ending.

    Raises:
        RunError: a run has not ended.
    """
    rows = run_rows(spec["runs"], spec["study"])
    write_text(out.with_name(f"{out.name}.csv"), csv_text(COLUMNS, rows))
    settings = yaml.safe_dump(spec["settings"], sort_keys=False, allow_unicode=True, width=110)
    page = webpage(
        f"Provenance, study {spec['study']}",
        f"{len(rows)} trained networks",
        [
            section("Trained by", notes(made_by(rows))),
            section("Trained on", notes(trained_on(rows))),
            section("Runs", runs_table(rows) if rows else paragraph("This study trains nothing.")),
            section("Settings", paragraph(f"{spec['file']}, with all that it extends:"), tag("pre", escape(settings))),
        ],
    )
    write_text(out.with_name(f"{out.name}.html"), page)


def run_rows(folders: Iterable[str], study: str) -> list[Row]:
    """A row a run, with every column of `COLUMNS`."""
    rows: list[Row] = []
    for folder in folders:
        record = read_record(Path(folder))
        rows.append(
            {
                **{key: record[key] for key in OF_RUN},
                **{key: record["provenance"][key] for key in OF_MACHINE},
                "run": folder,
                "study": study,
                "dataset": record["spec"]["dataset"]["name"],
                "seed": record["spec"]["seed"],
            }
        )
    return rows


def made_by(rows: Sequence[Row]) -> list[str]:
    """Each distinct code, environment and machine with the number of its runs, as HTML."""
    kinds = Counter(tuple(row[key] for key in MADE) for row in rows)
    return [_made(dict(zip(MADE, kind, strict=True)), count) for kind, count in kinds.items()]


def _made(made: dict[str, Value], count: int) -> str:
    versions = ", ".join(f"{name} {made[name]}" for name in ("python", "torch", "numpy", "cuda", "cudnn") if made[name])
    device = "no GPU" if made["device"] == "cpu" else str(made["device"])
    machine = f"{made['processor']}, {made['cores']} cores, {made['system']}; {device}"
    work = f"{made['precision']}, {made['threads']} thread(s), {made['processes']} process(es)"
    code = f"stm {escape(str(made['stm']))}, commit {tag('code', escape(str(made['commit'] or 'unknown')))}"
    return f"{_runs(count)}: {code}; {escape(f'{versions}; {machine}; {work}')}"


def trained_on(rows: Sequence[Row]) -> list[str]:
    """Each distinct set of training clips with the number of its runs, as HTML."""
    kinds = Counter((row["dataset"], row["train_clips"], row["data_digest"]) for row in rows)
    return [
        f"{_runs(count)}: {escape(str(name))}, {clips} training clips, digest {tag('code', str(digest))}"
        for (name, clips, digest), count in kinds.items()
    ]


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def runs_table(rows: Sequence[Row]) -> str:
    """Every run with the digest of its weights."""
    cells = [[str(row["run"]), str(row["weights_sha256"])[:16], str(row["seed"])] for row in rows]
    return simple_table(["Run", "Weights (SHA-256)", "Seed"], cells, text_columns=2)
