"""What commands take that have nothing to do: help, and a run of a study that is finished.

    python benchmarks/startup.py                                       # in the folder of a finished demo
    python benchmarks/startup.py reports/table6.csv --configfile my_study.yaml

Beside them Snakemake with a file of one rule: what Snakemake and its plugins take themselves. The commands take turns,
round by round; times are of wall and of processor, their medians and ranges over rounds. Results: startup.md.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from stm.training.provenance import provenance

NOTHING = "rule nothing:\n    output: 'done'\n    shell: 'touch {output}'\n"


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Of wall and of processor, that a command takes.

    Raises:
        SystemExit: it fails, or finds something to do.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or ("snakemake" in command and "Nothing to be done" not in done.stderr):
        sys.exit(f"{' '.join(command)}: not finished\n{done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("targets", nargs="*", help="of Snakemake, and its options; without any, all of the study")
    options, more = parser.parse_known_args()
    here = Path.cwd()
    snakemake = [sys.executable, "-m", "snakemake", "--cores", "1"]
    with tempfile.TemporaryDirectory() as empty:
        (Path(empty) / "Snakefile").write_text(NOTHING)
        (Path(empty) / "done").touch()
        commands = {
            "stm --help": ([sys.executable, "-m", "stm", "--help"], here),
            "snakemake, one rule, nothing to do": ([*snakemake, "done"], Path(empty)),
            " ".join(["snakemake", *options.targets, *more]): ([*snakemake, *options.targets, *more], here),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(options.rounds + 1):
            for name, (command, folder) in commands.items():
                found = seconds(command, folder)
                # The first finds its files not yet in memory.
                if turn:
                    taken[name].append(found)
    print(f"{provenance(torch.device('cpu'))}, {options.rounds} rounds\n")
    print("| command | wall, s [range] | processor, s [range] |\n|---|---:|---:|")
    for name, rounds in taken.items():
        cells = (f"{statistics.median(one):.2f} [{min(one):.2f}, {max(one):.2f}]" for one in zip(*rounds, strict=True))
        print(f"| `{name}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
