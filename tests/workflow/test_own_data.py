"""docs/own-data.md, run as it is written: its files are written, its commands run, its outputs looked for."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .conftest import CHECKOUT, environment, pipeline_in

BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.yaml)\n")


def test_the_page_on_own_videos_works_as_it_is_written(tmp_path, finished):
    # To be quicker: two epochs for twelve, and what the papers' full-size networks cost, which no study changes.
    pipeline_in(tmp_path).edit("config/recipes/demo.yaml", lambda recipe: recipe.update(epochs=2, decay_epochs=[1]))
    shutil.copytree(finished.folder / "results/complexity", tmp_path / "results/complexity")
    programs = commands_in(tmp_path / "bin")
    printed = ""
    for block in BLOCK.finditer((CHECKOUT / "docs/own-data.md").read_text(encoding="utf-8")):
        text = block["text"]
        match block["kind"]:
            case "yaml":
                (tmp_path / path_of(text)).write_text(text, encoding="utf-8")
            case "sh":
                printed = run(text, tmp_path, programs)
            case "text":
                for line in text.splitlines():
                    assert shows(printed, line), f"{line}\nis not in\n{printed}"
            case kind:
                raise AssertionError(f"a block of kind '{kind}': what is to be done with it?\n{text}")


def path_of(text: str) -> str:
    found = FILE.match(text)
    assert found, f"the first line of a file's block names its path: # my_study.yaml\n{text}"
    return found[1]


def commands_in(folder: Path) -> Path:
    """`stm` and `snakemake` of the Python that runs the tests, as programs."""
    folder.mkdir()
    for name in ("stm", "snakemake"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {name} "$@"\n')
        program.chmod(0o755)
    return folder


def run(text: str, folder: Path, programs: Path) -> str:
    """Run a block's lines in one shell and return what they print."""
    env = environment()
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**env, "PATH": f"{programs}:{env['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=900,
    )
    assert result.returncode == 0, f"{text}\n{result.stdout}"
    return result.stdout


def shows(printed: str, line: str) -> bool:
    """Whether a line was printed; `…` stands for anything, and spaces for as many as there are."""
    pattern = r"\s*" + r"\s+".join(re.escape(word) for word in line.split()).replace("…", ".*") + r"\s*"
    return any(re.fullmatch(pattern, there) for there in printed.splitlines())
