"""docs/guarantees.md speaks of the suite as it is."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "guarantees.md"
NAMED = re.compile(r"(⚡ |▦ )?`(tests/[\w/]+\.py)::(test_\w+)`")
MARKS = {"faults": "⚡ ", "slurm": "▦ "}


def named_in(file: Path) -> dict[str, str]:
    """The marks of a file's tests, as the page writes them, by the tests' names."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    whole = [mark for node in tree.body if isinstance(node, ast.Assign) for mark in marks(node)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: "".join([*whole, *(m for d in node.decorator_list for m in marks(d))]) for node in functions}


def marks(node: ast.AST) -> list[str]:
    return [MARKS[name] for name in re.findall(r"pytest\.mark\.(\w+)", ast.unparse(node)) if name in MARKS]


def test_every_test_that_the_page_of_guarantees_names_exists_and_has_the_mark_that_it_gives():
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 30
    suite = {file: named_in(TESTS.parent / file) for file in {file for _, file, _ in named}}
    for mark, file, test in named:
        assert test in suite[file], f"{file} has no {test}"
        assert suite[file][test] == mark, f"{file}::{test}: the page says {mark!r}, the test {suite[file][test]!r}"


def test_every_fault_that_is_injected_stands_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    injected = [(file, test) for file in (TESTS / "workflow/faults").glob("test_*.py") for test in named_in(file)]
    assert len(injected) >= 10
    for file, test in injected:
        assert f"`{file.relative_to(TESTS.parent)}::{test}`" in page
    assert page.count("tests/") == len(NAMED.findall(page)), "a test is named in another form than the others"
