"""Every command of the manual is one that works: run here, or understood by the program that it is for.

A page that is DONE is done from top to bottom by a test of its own. Of the others, what answers in a moment and changes
nothing is run in a finished study, and what takes hours, data or a cluster is read by its own parser; the targets that
Snakemake is given are planned in one dry run a study. A command that nobody here knows fails.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stm.cli import _parser
from stm.cli.people import FOR_PEOPLE
from stm.cli.runs import ABOUT_RUNS
from stm.cli.stages import STAGES

from ..conftest import CHECKOUT, Pipeline, environment
from .pages import CODE, PAGES, blocks, commands_in, path_of, prose, run, shows

DONE = {"docs/own-data.md", "docs/own-video.md", "docs/extend.md"}
CONFIGURATION = sorted(
    str(path.relative_to(CHECKOUT)) for of in ("config/*.yaml", "profiles/*/*.yaml") for path in CHECKOUT.glob(of)
)
# Of the system, a cluster or another package; that they are there is not ours to test.
OTHERS = {"apt-get", "source", "srun", "tmux"}
# `stm` that answers in a moment, without torch, and changes nothing.
ANSWERS = {"status", "plan", "explain"}
COMMAND = re.compile(r"(?:stm|snakemake|make|python|conda|uv) ")


def block_commands(page: str) -> list[str]:
    """The commands in the `sh` blocks of a page; of a configuration file those in its comments."""
    if page.endswith(".yaml"):
        text = (CHECKOUT / page).read_text(encoding="utf-8")
        return re.findall(r"^# +((?:stm|snakemake|make) .+?)(?:  .*)?$", text, re.MULTILINE)
    return [line for kind, text in blocks(page) if kind == "sh" and page not in DONE for line in lines(text)]


def named_commands(page: str) -> list[str]:
    """Those that its sentences name, if nothing is left open in them."""
    named = [code for code in CODE.findall(prose(page)) if COMMAND.match(code) and not re.search(r"[…<\[{]", code)]
    return [line for code in named for line in lines(code)]


def lines(block: str) -> Iterator[str]:
    """Commands, without comments; those that `&&` joins are several."""
    for line in block.replace("\\\n", " ").splitlines():
        tokens = shlex.split(line, comments=True)
        while tokens:
            end = tokens.index("&&") if "&&" in tokens else len(tokens)
            yield shlex.join(tokens[:end])
            tokens = tokens[end + 1 :]


WRITTEN = [(page, command) for page in [*PAGES, *CONFIGURATION] for command in block_commands(page)]
NAMED = [(page, command) for page in PAGES for command in named_commands(page)]


@pytest.mark.parametrize(("page", "command"), WRITTEN)
def test_a_command_is_understood_by_its_program(page, command, monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    program, *arguments = shlex.split(command)
    if program not in OTHERS:
        assert program in READERS, f"{page}: {program} is no program that these tests know"
        READERS[program](arguments)


@pytest.mark.parametrize(("page", "command"), NAMED)
def test_a_command_that_a_sentence_names_exists_with_its_options(page, command, monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    program, *arguments = shlex.split(command)
    if program == "stm":
        # Sentences leave out what is required.
        options_exist(arguments)
    else:
        READERS[program](arguments)


@pytest.mark.parametrize("page", PAGES)
def test_commands_stand_in_blocks_that_say_so(page):
    for kind, text in blocks(page):
        assert kind in ("sh", "diff") or not COMMAND.match(text), f"not marked as `sh`, and not tested:\n{text}"


def stm(arguments: list[str]) -> None:
    understood(_parser().parse_args, arguments)
    exist(arguments)


def options_exist(arguments: list[str]) -> None:
    """Of a command of `stm` that is not given in full."""
    if arguments == ["--help"]:
        return
    _, _, declared = {**STAGES, **FOR_PEOPLE, **ABOUT_RUNS}[arguments[0]]
    assert [word for word in arguments if word.startswith("--") and word not in declared] == []


def torchrun(arguments: list[str]) -> None:
    from torch.distributed.run import get_args_parser

    options = understood(get_args_parser().parse_args, arguments)
    assert options.module and options.training_script == "stm"
    options_exist(options.training_script_args)


def snakemake(arguments: list[str]) -> None:
    snakemake_options(arguments)
    exist(arguments)


def snakemake_options(arguments: list[str]) -> argparse.Namespace:
    from snakemake.cli import parse_args

    # Whether Snakemake understands a profile is tests/workflow/test_profiles.py's, where its executor is installed.
    if "--workflow-profile" in arguments:
        at = arguments.index("--workflow-profile")
        arguments = arguments[:at] + arguments[at + 2 :]
    return understood(parse_args, arguments)[1]


def understood(parse: Callable[[list[str]], Any], arguments: list[str]) -> Any:
    try:
        return parse(arguments)
    except SystemExit:
        pytest.fail(f"not understood: {shlex.join(arguments)}")


def exist(arguments: list[str]) -> None:
    """Files of the repository that are named have to be there; my_study.yaml and the like are the reader's."""
    for word in arguments:
        if re.match(r"(config|docs|profiles|benchmarks|tests|workflow)/", word):
            assert (CHECKOUT / word).exists(), f"{word} does not exist"


def make(arguments: list[str]) -> None:
    printed = subprocess.run(["make", "--dry-run", *arguments], capture_output=True, text=True, env=environment())
    assert printed.returncode == 0, printed.stderr


def python(arguments: list[str]) -> None:
    match arguments:
        case ["-m", "pip", "install", "--editable", extra]:
            project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
            assert extra.strip(".[]") in project["optional-dependencies"]
        case [script, *options]:
            exist([script])
            # Importing torch takes longer than all else here: an option is one that the script's text declares.
            text = Path(script).read_text()
            assert [o for o in options if o.startswith("--") and f'add_argument("{o}"' not in text] == []


def conda(arguments: list[str]) -> None:
    file = CHECKOUT / "environment.yml"
    assert arguments in (["env", "create", "-f", file.name], ["activate", yaml.safe_load(file.read_text())["name"]])


def uv(arguments: list[str]) -> None:
    assert arguments[:2] == ["pip", "install"] and all(
        w.startswith("snakemake-executor-plugin-") for w in arguments[2:]
    )


READERS = {
    "stm": stm,
    "snakemake": snakemake,
    "make": make,
    "python": python,
    "conda": conda,
    "uv": uv,
    "torchrun": torchrun,
}


@pytest.fixture(scope="module")
def made(finished, tmp_path_factory) -> Path:
    """The tiny study, finished, beside the study that docs/own-data.md describes."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(finished.folder, folder, symlinks=True, dirs_exist_ok=True)
    describe(folder)
    return folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Pipeline:
    """The repository's own configuration, with nothing made and no data."""
    folder = tmp_path_factory.mktemp("demo")
    for name in ("Snakefile", "stm", "workflow", "profiles", "environment.yml"):
        (folder / name).symlink_to(CHECKOUT / name)
    shutil.copytree(CHECKOUT / "config", folder / "config")
    describe(folder)
    found = Pipeline(folder)
    # As docs/datasets.md says, for answers on test clips.
    test = "data/something_v1/something-something-v1-test.csv"
    found.edit("config/datasets/something_v1.yaml", lambda dataset: dataset["annotations"].update(test=test))
    return found


def describe(folder: Path) -> None:
    """my_study.yaml and its dataset, as the page on own data has them first."""
    for kind, text in reversed(list(blocks("docs/own-data.md"))):
        if kind == "yaml" and (name := path_of(text)):
            (folder / name).write_text(text)


@pytest.mark.manual
@pytest.mark.parametrize("page", [page for page in PAGES if page not in DONE])
def test_what_answers_in_a_moment_says_what_the_page_shows(page, made):
    programs = made / "bin"
    if not programs.exists():
        commands_in(programs)
    printed = None
    for kind, text in blocks(page):
        if kind == "sh":
            answers = [command for command in lines(text) if is_answer(shlex.split(command))]
            printed = run("\n".join(answers), made, programs) if answers else None
        if kind == "text" and printed is not None:
            for line in text.splitlines():
                assert shows(printed, line), f"{line}\nis not in\n{printed}"


def is_answer(words: list[str]) -> bool:
    dry = words[0] == "snakemake" and "--dry-run" in words
    return dry or (words[0] == "stm" and words[1] in ANSWERS and not any("…" in word for word in words))


@pytest.mark.manual
def test_every_target_of_the_manual_is_one_that_a_rule_makes(demo, monkeypatch):
    monkeypatch.chdir(demo.folder)
    asked: dict[str, set[str]] = defaultdict(set)
    for page, command in WRITTEN + NAMED:
        program, *arguments = shlex.split(command)
        if program == "snakemake" and page not in DONE:
            options = snakemake_options(arguments)
            (study,) = options.configfile or ["config/config.yaml"]
            asked[os.path.relpath(study)] |= set(options.targets)
    assert "reports/table6.csv" in asked["config/config.yaml"] and "my_study.yaml" in asked
    for study, targets in asked.items():
        if dry_run(demo, study, targets).returncode:
            # One by one: of several, only the first is named that lacks something.
            for target in targets:
                alone = dry_run(demo, study, {target})
                assert alone.returncode == 0 or only_data_is_missing(alone.stdout), f"{study}\n{alone.stdout}"


def dry_run(demo: Pipeline, study: str, targets: set[str]) -> subprocess.CompletedProcess[str]:
    return demo.snakemake("--dry-run", *sorted(targets), "--configfile", study, "--quiet")


def only_data_is_missing(printed: str) -> bool:
    """Whether all that stops a dry run are annotation files of data that nobody may pass on."""
    _, _, missing = printed.partition("affected files:\n")
    return bool(missing) and all(line.strip().startswith("data/") for line in missing.splitlines() if line.strip())
