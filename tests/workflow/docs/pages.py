"""The pages of the manual as a reader takes them: files to write, changes to make, commands to run, what they print."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..conftest import CHECKOUT, environment

# Of git: reports/ and others come to hold pages that are made.
OF_GIT = ("*.md", "docs/*.md", "benchmarks/*.md", "profiles/*/*.md", "results/README.md", "reports/README.md")
PAGES = sorted(str(path.relative_to(CHECKOUT)) for of in OF_GIT for path in CHECKOUT.glob(of))
BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"# (\S+\.(?:yaml|py))(?:, .*)?\n")


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each fenced block of a page, by its path in the repository."""
    for block in BLOCK.finditer((CHECKOUT / page).read_text(encoding="utf-8")):
        yield block["kind"], block["text"]


def prose(page: str) -> str:
    """A page without its blocks."""
    return BLOCK.sub("", (CHECKOUT / page).read_text(encoding="utf-8"))


def follow(page: str, folder: Path) -> None:
    """Do in a folder what a page says, as it is written, and hold what commands print to what it shows."""
    programs = commands_in(folder / "bin")
    printed = ""
    for kind, text in blocks(page):
        match kind:
            case "yaml":
                name = path_of(text)
                assert name, f"the first line of a file's block names its path: # my_study.yaml\n{text}"
                (folder / name).write_text(text, encoding="utf-8")
            case "python":
                if name := path_of(text):
                    (folder / name).write_text(text.split("\n", 1)[1], encoding="utf-8")
                else:
                    printed = run(f"python - << 'END'\n{text}END", folder, programs)
            case "diff":
                change(text, folder)
            case "sh":
                printed = run(text, folder, programs)
            case "text":
                for line in text.splitlines():
                    assert shows(printed, line), f"{line}\nis not in\n{printed}"
            case _:
                raise AssertionError(f"a block of kind '{kind}': what is to be done with it?\n{text}")


def path_of(text: str) -> str | None:
    """The file that a block is, from its first line."""
    found = FILE.match(text)
    return found[1] if found else None


def change(text: str, folder: Path) -> None:
    """Make a change as `git apply` does it: by the lines around it, wherever they stand."""
    result = subprocess.run(
        ["git", "apply", "-"], input=text, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert result.returncode == 0, f"{result.stdout}\n{text}"


def commands_in(folder: Path) -> Path:
    """`python`, `stm` and `snakemake` of the Python that runs the tests, as programs."""
    folder.mkdir()
    for name, more in (("python", ""), ("stm", "-m stm"), ("snakemake", "-m snakemake")):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {more} "$@"\n')
        program.chmod(0o755)
    return folder


def run(text: str, folder: Path, programs: Path) -> str:
    """Run a block's lines in a shell that knows the variables of the blocks before it, and return what they print."""
    env = environment()
    script = f"[ ! -e .variables ] || . ./.variables\nset -a\n{text}\nexport -p > .variables"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
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
