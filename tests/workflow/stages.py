"""The stages of a finished study, each as the pipeline would start it, with the files that it makes of it."""

import json
import multiprocessing
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stm.cli import main

from .conftest import Pipeline

# All of them, as the data go.
ORDER = ["render", "listing", "counts", "extract", "manifest", "train", "evaluate", "features", "motion", "maps"]
ORDER += ["complexity", "table", "order", "datasets", "figure", "claims"]

ENDINGS = {
    "train": ["/weights.safetensors", "/run.json", "/history.csv"],
    "table": [".csv", ".md", ".tex", ".claims.csv"],
    "order": [".csv", ".md", ".html", ".rst", ".claims.csv"],
    "datasets": [".csv", ".md", ".claims.csv"],
    "figure": [".pdf", ".png", ".csv", ".md", ".html", ".rst"],
    "claims": [".csv", ".md"],
}
# What `stm <stage>` is told to write, where it is more than --out.
WRITTEN = {
    "render": ["--annotations"],
    "listing": ["--clips", "--classes"],
    "extract": ["--tar", "--index"],
    "manifest": ["--index", "--manifest"],
}
# How long it took, on what, and what was disturbed: of a record, all that two equal runs may differ in.
VOLATILE = ("seconds", "resumed", "peak_memory_mb", "provenance", "history_sha256", "seal")


@dataclass
class Stage:
    """One job, in the folder of its pipeline."""

    name: str
    arguments: list[str]
    folder: Path

    def value(self, flag: str) -> list[str]:
        """What follows a flag."""
        found = []
        if flag in self.arguments:
            for word in self.arguments[self.arguments.index(flag) + 1 :]:
                if word.startswith("--"):
                    break
                found.append(word)
        return found

    @property
    def outputs(self) -> list[Path]:
        """The files that it makes."""
        named = [path for flag in WRITTEN.get(self.name, ["--out"]) for path in self.value(flag)]
        return [self.folder / f"{path}{ending}" for path in named for ending in ENDINGS.get(self.name, [""])]

    def remove(self) -> None:
        """What Snakemake does before it starts a job again."""
        for path in self.outputs:
            path.unlink(missing_ok=True)

    def contents(self) -> dict[str, object]:
        """What each of the files holds that are there, by its path."""
        return {str(path.relative_to(self.folder)): content(path) for path in self.outputs if path.exists()}

    def half_written(self) -> list[str]:
        """Files of writers that did not come to their end."""
        return [str(path) for output in self.outputs for path in output.parent.glob(f".{output.name}.*.tmp")]


def content(path: Path) -> object:
    """The bytes of a file; without what a clock or a machine has said, of a run's."""
    if path.name == "run.json":
        return {key: value for key, value in json.loads(path.read_text()).items() if key not in VOLATILE}
    if path.name == "history.csv":
        return pd.read_csv(path).drop(columns="seconds").to_dict()
    return path.read_bytes()


def stages_of(pipeline: Pipeline, *targets: str) -> dict[str, list[Stage]]:
    """All jobs of a study, or those that some targets take, by the names of their stages."""
    printed = pipeline.snakemake("--dry-run", "--forceall", "--printshellcmds", "--cores", "2", *targets)
    assert printed.returncode == 0, printed.stdout
    found: dict[str, list[Stage]] = {}
    for words in _commands(printed.stdout):
        found.setdefault(words[0], []).append(Stage(words[0], words, pipeline.folder))
    return found


def _commands(printed: str) -> Iterator[list[str]]:
    for line in printed.splitlines():
        start, _, command = line.partition("stm ")
        if start == "Shell command: ":
            words = shlex.split(command)
            yield words[: min(words.index(end) for end in (">", "2>&1") if end in words)]


def copied(stage: Stage, folder: Path) -> Stage:
    """The same job in a copy of its pipeline."""
    ignored = shutil.ignore_patterns(".snakemake")
    shutil.copytree(stage.folder, folder, symlinks=True, dirs_exist_ok=True, ignore=ignored)
    return Stage(stage.name, list(stage.arguments), folder)


def ended_well(stage: Stage) -> dict[str, object]:
    """Run it undisturbed; what it made."""
    assert main(stage.arguments) == 0
    assert len(stage.contents()) == len(stage.outputs)
    return stage.contents()


def longer(stage: Stage) -> Stage:
    """A training of more epochs, and a checkpoint after nearly every step."""
    at = stage.arguments.index("--spec") + 1
    stage.arguments[at] = stage.arguments[at].replace('"epochs":1,', '"epochs":6,')
    assert '"epochs":6' in stage.arguments[at]
    stage.arguments += ["--checkpoint-seconds", "0.05"]
    return stage


def begun(stage: Stage) -> multiprocessing.Process:
    """Start it in a process of its own, in which all libraries are loaded already."""
    context = multiprocessing.get_context("forkserver")
    loaded = ["training.loop", "evaluation.evaluate", "data.extraction", "reporting.tables"]
    context.set_forkserver_preload([f"stm.{module}" for module in loaded])
    process = context.Process(target=main, args=(stage.arguments,))
    process.start()
    return process
