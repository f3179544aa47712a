"""The papers' texts, and what the configuration says of them, for the tests that hold one to the other.

The texts are nobody's to redistribute. They are looked for in the folder STM_PAPERS, or beside the checkout.
"""

import functools
import os
from pathlib import Path

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.schema.claims import Claim, Claims
from stm.config.schema.tables import Line, PublishedLine, PublishedTable

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
PAPERS = ["iccv2019", "tpami2022"]
FILES = [*(CONFIG / f"published/claims/{paper}.yaml" for paper in PAPERS), CONFIG / "controls.yaml"]
BY_PAPER: dict[str, list[Claim]] = {
    claims.paper: claims.claims for claims in (validated(Claims, read_yaml(path)) for path in FILES)
}
CLAIMS = {claim.id: claim for claims in BY_PAPER.values() for claim in claims}


def text_of(paper: str) -> str:
    folder = Path(os.environ.get("STM_PAPERS", ROOT.parent / "shared/papers"))
    path = folder / f"stm_{paper}.txt"
    if not path.is_file():
        pytest.skip(f"no text of the paper at {path}; set STM_PAPERS to the folder of the texts")
    return path.read_text(encoding="utf-8")


class Squeezed:
    """A text without what line breaks change, white space and hyphens, that knows where each character stood."""

    def __init__(self, text: str):
        kept = [(i, c) for i, c in enumerate(text) if not c.isspace() and c not in "-*"]
        self.at = [i for i, _ in kept]
        self.text = "".join(c for _, c in kept)

    def spans(self, words: str) -> list[tuple[int, int]]:
        """Where `words` stand in the original text."""
        wanted = Squeezed(words).text
        found, i = [], self.text.find(wanted)
        while i >= 0:
            found.append((self.at[i], self.at[i + len(wanted) - 1] + 1))
            i = self.text.find(wanted, i + 1)
        return found


@functools.cache
def lines(table: str) -> dict[str, str]:
    """The lines of a table by what claims call them, each as what is trained for it."""
    data = read_yaml(CONFIG / f"tables/{table}.yaml").data
    named: dict[str, str] = {}
    for line in (Line.model_validate(entry) for entry in data["lines"]):
        assert line.name not in named, f"{table}: {line.name} names two lines"
        role, recipe, protocol = (getattr(line, key) or data[key] for key in ("role", "recipe", "protocol"))
        named[line.name] = f"{role} {recipe} {protocol} {line.variant} {line.frames} {line.change!r}"
    return named


@functools.cache
def published_lines(table: str) -> list[PublishedLine]:
    return validated(PublishedTable, read_yaml(CONFIG / f"published/tables/{table}.yaml")).lines
