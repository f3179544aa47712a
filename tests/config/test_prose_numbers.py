"""The prose of the papers: nothing that it says in numbers is left out, nothing is put into its mouth."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.plan import Plan
from stm.config.schema.claims import Claim
from stm.config.schema.networks import PAPER_BACKBONES
from stm.config.schema.prose import Passage, Prose, ProseNumber
from stm.config.schema.protocols import PROTOCOLS

from .papers import BY_PAPER, CLAIMS, CONFIG, PAPERS, Squeezed, text_of

PROSE = {paper: validated(Prose, read_yaml(CONFIG / f"published/prose/{paper}.yaml")) for paper in PAPERS}
each_paper = pytest.mark.parametrize("paper", PAPERS)
# Digits that are no figures: what they belong to is a name.
_NAMES = [
    r"\[\d+(?:,\s+\d+)*\]",  # references to literature: [5], [34, 7]
    r"(?:Tables?|TABLE|Figures?|Fig|Sec(?:tion)?)\.?\s*\d+(?:\.\d+)*|Eq\.\s*\(\d\)",
    r"^\d(?:\.\d)*\.?[ ]+[A-Z][A-Za-z \-]+$",  # headings
    r"\([12]\)(?=\s)",  # the parts of an enumeration
    r"Kinetics-\s*400|UCF-?\s*101|HMDB-\s*51|\b[vV][12]\b",
    r"STM-\d\d(?:8F)?|ResNet-\s*50|ResNet-(?:18|34)|\b(?:TSM|TSN|TEA|I3D|ECO|STM)_?\{?\d+F|\b[ISX]3D",
    r"\b[123]D\b|\b1[x×]1\b|\b2C\b|\b[tT]op-?\s*[15]\b",
    r"\bconv\d[_ ]x\b|\bstage [2-5]\b|\bt=[01]\b",
    r"GTX 1080TI|RTX\s+3090",
]
NAMES = re.compile("|".join(_NAMES), re.MULTILINE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e-\d+)?")


def passage(text: str, wanted: Passage) -> tuple[int, int]:
    """Where a passage stands; its start has to be unmistakable, its end is the next one."""
    squeezed = Squeezed(text)
    starts = squeezed.spans(wanted.start)
    assert len(starts) == 1, f"{wanted.start!r} stands {len(starts)} times"
    ends = [end for begin, end in squeezed.spans(wanted.end) if begin >= starts[0][0]]
    assert ends, f"{wanted.end!r} does not stand after {wanted.start!r}"
    return starts[0][0], ends[0]


def prose_text(prose: Prose, text: str) -> str:
    """The sections with blanks in the place of tables."""
    begin, end = passage(text, prose.sections)
    section = text[begin:end]
    for table in prose.tables:
        first, last = passage(section, table)
        section = section[:first] + " " * (last - first) + section[last:]
    return section


def figures(section: str) -> dict[int, str]:
    """Every number that is no part of a name, by its place."""
    bare = NAMES.sub(lambda match: " " * len(match.group()), section)
    return {match.start(): match.group() for match in NUMBER.finditer(bare)}


def unexplained(numbers: list[ProseNumber], section: str, squeezed: Squeezed) -> list[str]:
    """Numbers of a text that no entry explains, and entries that explain nothing."""
    found, covered, problems = figures(section), Counter[int](), []
    for entry in numbers:
        spans = squeezed.spans(entry.near)
        places = [i for first, last in spans for i in found if first <= i < last and found[i] == entry.number]
        if len(spans) != 1 or not places:
            problems.append(f"entry {entry.number} in {entry.near!r}: stands {len(spans)} times, {len(places)} numbers")
        covered.update(places)
    for i, number in found.items():
        if covered[i] != 1:
            around = " ".join(section[max(0, i - 40) : i + 40].split())
            problems.append(f"{number} in {around!r}: explained {covered[i]} times")
    return problems


def said_by(claim: Claim) -> str:
    """All that a claim says, in which a number of its prose has to be."""
    published = (
        [] if claim.published is None else [f"{claim.published:g}", f"{claim.published:.{claim.decimals or 0}f}"]
    )
    parts = [claim.quote, claim.statement, claim.needs, claim.note, claim.inconsistent, *published]
    return " ".join(part for part in parts if part)


@each_paper
def test_every_number_in_the_prose_belongs_to_a_claim_a_setting_or_a_note(paper):
    section = prose_text(PROSE[paper], text_of(paper))
    assert unexplained(PROSE[paper].numbers, section, Squeezed(section)) == []


@each_paper
def test_a_number_that_is_left_out_or_invented_is_found(paper):
    section, numbers = prose_text(PROSE[paper], text_of(paper)), PROSE[paper].numbers
    squeezed = Squeezed(section)
    for k in range(0, len(numbers), 20):
        assert unexplained(numbers[:k] + numbers[k + 1 :], section, squeezed) != [], numbers[k]
    invented = ProseNumber(number="99.9", near="99.9% of all", note="not in the paper")
    assert unexplained([*numbers, invented], section, squeezed) != []


@each_paper
def test_a_number_in_the_prose_is_in_the_claim_that_it_is_said_to_belong_to(paper):
    for entry in PROSE[paper].numbers:
        if entry.claim is None:
            continue
        assert entry.claim in CLAIMS, entry
        numbers = {number.replace(",", "") for number in NUMBER.findall(said_by(CLAIMS[entry.claim]))}
        assert entry.number.replace(",", "") in numbers, f"{entry.claim} says nothing of {entry.number}"


# Where the keys stand that settings of the prose name.
PLAN = Plan(CONFIG / "paper.yaml")
SETTINGS: dict[str, Callable[[str], Any]] = {
    "recipes": PLAN.paper_recipe,
    "models": lambda name: PLAN.variants[name],
    "protocols": lambda name: PROTOCOLS[name],
    "backbones": lambda depth: PAPER_BACKBONES[int(depth)],
}


def configured(setting: str) -> Any:
    """The value of a key as the papers' own configuration has it."""
    place, *keys = setting.split(".")
    folder, _, name = place.partition("/")
    value = SETTINGS[folder](name)
    for key in keys:
        value = value[int(key)] if isinstance(value, dict | list) else getattr(value, key)
    # The papers write a decay to a tenth as one by a factor of 10.
    return 1 / value if keys[-1] == "decay_factor" else value


@each_paper
def test_a_setting_in_the_prose_is_the_one_that_is_trained_with(paper):
    named = [entry for entry in PROSE[paper].numbers if entry.setting and "/" in entry.setting]
    differing = {}
    for entry in named:
        said = [float(number) for number in entry.number.split(",")]
        value = configured(entry.setting)
        if (value if isinstance(value, list) else [value]) != pytest.approx(said):
            differing[entry.setting] = entry.number, value
    assert differing == {} and len(named) > 15


def test_a_setting_that_the_paper_says_otherwise_is_found():
    assert configured("recipes/iccv2019.decay_epochs") == [30, 40, 45] != configured("recipes/tpami2022.decay_epochs")
    with pytest.raises(AttributeError):
        configured("recipes/iccv2019.learning_rat")


@each_paper
def test_quotes_are_the_papers_own_words(paper):
    squeezed = Squeezed(text_of(paper))
    quoted = [claim for claim in BY_PAPER[paper] if claim.quote]
    assert [claim.id for claim in quoted if not squeezed.spans(claim.quote or "")] == []


def test_quotes_are_short():
    assert [c.id for c in CLAIMS.values() if c.quote and len(c.quote.split()) > 12] == []
