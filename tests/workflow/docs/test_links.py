"""What the manual points to is there: pages, sections, files of the repository, tests."""

import os
import re

import pytest

from ..conftest import CHECKOUT
from .pages import CODE, PAGES, blocks, path_of, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
# What looks like a file or a folder that git keeps, and maybe a test in it.
OURS = re.compile(r"((?:benchmarks|config|docs|profiles|stm|tests|workflow)/[\w./-]*|[A-Z]\w+\.md)(?:::(\w+))?")


def sections(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, section = target.partition("#")
        there = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        assert there.exists(), f"{page}: {target} is not there"
        if section:
            assert section in sections(os.path.relpath(there, CHECKOUT)), f"{page}: {target}: no such section"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    # A page may have its reader write a file.
    written = {path_of(text) for kind, text in blocks(page) if kind in ("yaml", "python")}
    for code in CODE.findall(prose(page)):
        found = OURS.fullmatch(code)
        if found and found[1] not in written:
            path = CHECKOUT / found[1]
            assert path.exists(), f"{page}: {code} is not there"
            assert not found[2] or f"def {found[2]}(" in path.read_text(), f"{page}: {code}: no such test"


def test_every_benchmark_stands_in_their_index():
    named = set(re.findall(r"python benchmarks/(\w+\.py)", prose("benchmarks/README.md")))
    assert {path.name for path in CHECKOUT.glob("benchmarks/*.py")} <= named
