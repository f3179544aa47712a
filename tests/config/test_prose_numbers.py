"""The claims against the papers' texts: nothing that the papers say in numbers is left out, nothing is put into them.

The texts are nobody's to redistribute. The tests that read them look in the folder STM_PAPERS, or beside the checkout.
"""

import ast
import functools
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.plan import Plan
from stm.config.schema.claims import Claim, Claims
from stm.config.schema.networks import PAPER_BACKBONES
from stm.config.schema.prose import Passage, Prose, ProseNumber
from stm.config.schema.protocols import PROTOCOLS
from stm.config.schema.tables import Line, PublishedLine, PublishedTable

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
PAPERS = ["iccv2019", "tpami2022"]

FILES = [*(CONFIG / f"published/claims/{paper}.yaml" for paper in PAPERS), CONFIG / "controls.yaml"]
BY_PAPER: dict[str, list[Claim]] = {
    claims.paper: claims.claims for claims in (validated(Claims, read_yaml(path)) for path in FILES)
}
CLAIMS = {claim.id: claim for claims in BY_PAPER.values() for claim in claims}
PROSE = {paper: validated(Prose, read_yaml(CONFIG / f"published/prose/{paper}.yaml")) for paper in PAPERS}

each_paper = pytest.mark.parametrize("paper", PAPERS)

# Statements of the papers are numbered I01 to I103 and P01 to P136. These say how networks were trained and tested:
# recipes and protocols, no claims.
SETTINGS_ALONE = {"I30", "I31", "P32", "P33", "P34"}
NUMBERED = {f"I{k:02}" for k in range(1, 104)} | {f"P{k:02}" for k in range(1, 137)}

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


def test_every_statement_is_a_claim_or_a_setting():
    whole = {re.sub("[a-z]$", "", claim) for claim in CLAIMS if claim[0] != "C"}
    assert whole == NUMBERED - SETTINGS_ALONE
    # The part without a letter is the statement's own.
    assert whole <= set(CLAIMS)


def test_no_id_stands_twice_and_each_stands_in_its_file():
    assert len(CLAIMS) == sum(map(len, BY_PAPER.values()))
    letters = {paper: {claim.id[0] for claim in claims} for paper, claims in BY_PAPER.items()}
    assert letters == {"iccv2019": {"I"}, "tpami2022": {"P"}, "controls": {"C"}}


def test_the_same_evidence_is_that_of_an_earlier_claim_which_has_its_own():
    order = list(CLAIMS)
    for claim in CLAIMS.values():
        if claim.same_evidence_as is None:
            continue
        other = CLAIMS.get(claim.same_evidence_as)
        assert other is not None and other.same_evidence_as is None, claim.id
        assert order.index(other.id) < order.index(claim.id), claim.id
        assert other.kind == claim.kind, claim.id


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
def timed(table: str) -> dict[str, str]:
    """The lines of a table, each as the network that is timed for it; the literature's by its name."""
    entries = (Line.model_validate(entry) for entry in read_yaml(CONFIG / f"tables/{table}.yaml").data["lines"])
    return {line.name: f"{line.variant or line.method} {line.frames}" for line in entries}


def compared(claim: Claim) -> tuple[str, ...]:
    """What a claim compares or counts, in what is trained for its lines and not in their names."""
    if claim.count is not None:
        named = lines(claim.count.table)
        over = named[claim.count.over] if claim.count.over else ""
        return claim.count.measure, named[claim.count.line], over
    if claim.speed is not None:
        networks = timed(claim.speed.table)
        over = networks[claim.speed.over] if claim.speed.over else ""
        return "videos_per_second", networks[claim.speed.line], over, str(claim.published if not over else "")
    if claim.reached is not None:
        reached, place = claim.reached, (claim.reached.above, claim.reached.below, claim.reached.comparable)
        return reached.measure, lines(reached.table)[reached.line], reached.table, str(place)
    assert claim.compare is not None
    pairs = [claim.compare, *([claim.compare.less] if claim.compare.less else [])]
    trained = []
    for pair in pairs:
        for name in (pair.first, pair.second):
            table, _, line = name.rpartition("/")
            trained.append(lines(table or claim.compare.table)[line])
    return claim.compare.measure, *trained


def test_claims_name_lines_that_there_are():
    for claim in CLAIMS.values():
        if claim.decider:
            assert compared(claim), claim.id


def test_claims_that_share_their_evidence_compare_the_same_and_others_do_not():
    roots: dict[tuple[str, ...], str] = {}
    for claim in CLAIMS.values():
        if claim.decider is None:
            continue
        key = (claim.kind, str(claim.published) if claim.kind in ("count", "size") else "", *compared(claim))
        assert roots.setdefault(key, claim.id) == (claim.same_evidence_as or claim.id), claim.id


def test_every_test_that_a_claim_names_is_there():
    for claim in CLAIMS.values():
        if claim.test is None:
            continue
        path, _, name = claim.test.partition("::")
        functions = {
            node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{claim.id}: {claim.test}"


def test_a_count_says_to_how_many_decimals_it_is_printed():
    counts = [claim for claim in CLAIMS.values() if claim.kind == "count"]
    assert [claim.id for claim in counts if claim.published is None or claim.decimals is None] == []


def test_a_published_difference_is_that_of_the_published_figures():
    for claim in CLAIMS.values():
        if claim.compare is None or claim.published is None or claim.inconsistent or claim.compare.less:
            continue
        # What a table of our own decides is no difference of two printed lines.
        if not (CONFIG / f"published/tables/{claim.compare.table}.yaml").exists():
            continue
        one, other = (printed(claim.compare.table, name, claim.compare.measure) for name in _names(claim))
        assert claim.published == pytest.approx(one - other, abs=0.01), claim.id


def _names(claim: Claim) -> tuple[str, str]:
    assert claim.compare is not None
    return claim.compare.first, claim.compare.second


def printed(table: str, name: str, measure: str) -> float:
    """The published figure of a line."""
    other, _, line = name.rpartition("/")
    table = other or table
    return published_lines(table)[list(lines(table)).index(line)].figures()[measure]


@functools.cache
def published_lines(table: str) -> list[PublishedLine]:
    return validated(PublishedTable, read_yaml(CONFIG / f"published/tables/{table}.yaml")).lines


UNITS = {"top1": "", "top5": "", "params_m": "M", "flops_g": "G", "videos_per_second": "", "latency_ms": "ms"}
DECIMALS = {"top1": (1, 2), "top5": (1, 2), "videos_per_second": (1,)}


def as_printed(measure: str, figure: float) -> set[str]:
    texts = {f"{figure:.{decimals}f}" for decimals in DECIMALS.get(measure, (0, 1, 2))}
    return {f"{text}{UNITS[measure]}" for text in texts if float(text) == figure}


@pytest.mark.parametrize("table", sorted(path.stem for path in (CONFIG / "published/tables").glob("*.yaml")))
def test_published_figures_are_in_the_papers_tables(table):
    paper = "iccv2019" if table.startswith("iccv") else "tpami2022"
    words = set(text_of(paper).split())
    squeezed = Squeezed(text_of(paper))
    for line in published_lines(table):
        figures = line.figures()
        for measure, figure in figures.items():
            found = as_printed(measure, figure) & {word.partition("×")[0] for word in words}
            assert found, f"{line.method}: {measure} {figure}"
        if {"top1", "top5"} <= figures.keys():
            assert squeezed.spans(f"{line.top1:.1f} {line.top5:.1f}"), line


@pytest.mark.parametrize("table", sorted(path.stem for path in (CONFIG / "published/tables").glob("*.yaml")))
def test_published_lines_are_those_of_the_table(table):
    ours = read_yaml(CONFIG / f"tables/{table}.yaml").data["lines"]
    assert [line.method for line in published_lines(table)] == [line["method"] for line in ours]
