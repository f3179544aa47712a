"""results/README.md names every folder that the rules write."""

import re

from ..conftest import CHECKOUT

FOLDER = re.compile(r"results/([a-z_]+)/")


def test_every_folder_of_the_rules_is_explained_and_no_other():
    rules = [CHECKOUT / "Snakefile", *(CHECKOUT / "workflow/rules").glob("*.smk")]
    written = {name for file in rules for name in FOLDER.findall(file.read_text(encoding="utf-8"))}
    rows = re.findall(r"^\| (`.+?`) \|", (CHECKOUT / "results/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([a-z_]+)/", row)}
    assert {"runs", "speed", "specs"} <= written, "the rules write their paths in another way than this test reads"
    assert explained == written
