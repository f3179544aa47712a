"""The entries of claims: every statement has one, and each names what there is and shares what it must."""

import ast
import functools
import re

import pytest

from stm.config.loading import read_yaml
from stm.config.schema.claims import Claim
from stm.config.schema.tables import Line

from .papers import BY_PAPER, CLAIMS, CONFIG, ROOT, lines, published_lines

# Statements of the papers are numbered I01 to I103 and P01 to P136. These say how networks were trained and tested:
# recipes and protocols, no claims.
SETTINGS_ALONE = {"I30", "I31", "P32", "P33", "P34"}
NUMBERED = {f"I{k:02}" for k in range(1, 104)} | {f"P{k:02}" for k in range(1, 137)}


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
