"""Claims of what one line reaches: what is refused, and each entry against the printed tables."""

import functools

import pytest
import yaml

from stm.config.loading import ConfigError, read_yaml, validated
from stm.config.schema.claims import Claim, Claims, Reached
from stm.config.schema.tables import Line, PublishedLine, PublishedTable, Table

from .small import CONFIG, planned

PAPERS = ("iccv2019", "tpami2022")
CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for paper in PAPERS
    for claim in validated(Claims, read_yaml(CONFIG / f"published/claims/{paper}.yaml")).claims
}
REACHED = {name: claim.reached for name, claim in CLAIMS.items() if claim.reached is not None}

STM = {"table": "table1", "line": "stm_8_v1"}
ABOVE = {**STM, "above": ["tea_8_v1"]}
BAD = [
    ({"kind": "literature", "reached": {**ABOVE, "line": "stm_8"}}, r": 'stm_8' is no line of table1"),
    ({"kind": "literature", "reached": {**STM, "above": ["tea"]}}, r": 'tea' is no line of table1"),
    ({"kind": "literature", "reached": {**ABOVE, "table": "table12"}}, r".reached.table = 'table12' is no table"),
    (
        {"kind": "literature", "reached": {**ABOVE, "below": ["tea_16_v1"]}},
        r".*give one of above, below, comparable, not above and below",
    ),
    ({"kind": "literature", "reached": STM}, r".*give one of above, below, comparable, not none of them"),
    ({"kind": "literature", "reached": {**STM, "above": []}}, r".*above = \[\]: List should have at least 1 item"),
    ({"kind": "literature", "reached": {**STM, "comparable": ["tea_8_v1"]}}, r".*`comparable` needs a margin"),
    ({"kind": "literature", "reached": ABOVE, "margin": 2.0}, r".*the other two have none"),
    ({"kind": "size", "reached": STM, "published": 50.4}, r".*a claim of kind size needs a margin"),
    ({"kind": "size", "reached": STM, "margin": 2.0}, r".*a claim of kind size needs the published figure"),
    ({"kind": "size", "reached": ABOVE, "margin": 2.0, "published": 50.4}, r".*the line's own figure; take above out"),
    ({"kind": "direction", "reached": ABOVE}, r".*kind direction is not decided by `reached`"),
    (
        {
            "kind": "literature",
            "reached": {"table": "table3", "line": "stm_ucf101", "measure": "top5", "above": ["tea_ucf101"]},
        },
        r".reached.table = 'table3' does not measure top5",
    ),
    (
        {"kind": "literature", "reached": {"table": "table1", "line": "stft_v1", "above": ["tea_8_v1"]}},
        r".reached.line = 'stft_v1' has no variant: no study measures it",
    ),
    (
        {"kind": "literature", "reached": {**STM, "above": ["stft_v2"]}},
        r".reached: 'stft_v2' is of other clips than 'stm_8_v1'",
    ),
    (
        {"kind": "literature", "reached": {**STM, "measure": "top5", "above": ["eco_8_v1"]}},
        r".reached: no top5 of 'eco_8_v1' is printed",
    ),
]


@pytest.mark.parametrize(("entry", "said"), BAD, ids=[said for _, said in BAD])
def test_an_entry_that_cannot_be_meant_is_refused_with_its_file_and_line(config, entry, said):
    claim = {"id": "C99", "where": "here", "statement": "x", **entry}
    (config / "controls.yaml").write_text(yaml.safe_dump({"paper": "controls", "claims": [claim]}))
    for paper in PAPERS:
        (config / f"published/claims/{paper}.yaml").write_text(yaml.safe_dump({"paper": paper, "claims": []}))
    plan = planned(config, roles={"something_v1": "own", "ucf101": "own"}, backbones={})
    with pytest.raises(ConfigError, match=rf"controls.yaml:[2-9]\d*: claims\[0\]{said}"):
        plan.table("table3" if entry["reached"]["table"] == "table3" else "table1")


@functools.cache
def printed(table: str) -> dict[str, tuple[str, Line, PublishedLine]]:
    """The lines of a table with their role and what the paper prints in them, by what claims call them."""
    ours = validated(Table, read_yaml(CONFIG / f"tables/{table}.yaml"))
    theirs = validated(PublishedTable, read_yaml(CONFIG / f"published/tables/{table}.yaml"))
    pairs = zip(ours.lines, theirs.lines, strict=True)
    return {line.name: (line.role or ours.role, line, figures) for line, figures in pairs}


def figure(reached: Reached, line: str) -> float:
    return printed(reached.table)[line][2].figures()[reached.measure]


@pytest.mark.parametrize("name", REACHED)
def test_the_published_figure_is_that_of_the_printed_table(name):
    claim, reached = CLAIMS[name], REACHED[name]
    own, others = figure(reached, reached.line), [figure(reached, line) for line in reached.rivals]
    expected = own if not others else min(others) - own if reached.below else own - max(others)
    assert claim.published == pytest.approx(expected, abs=0.001)
    # What the paper says is what it prints: above is above.
    assert claim.kind == "size" or reached.comparable or expected > 0


@pytest.mark.parametrize("name", REACHED)
def test_what_is_measured_is_what_the_paper_printed(name):
    """A line whose figure is of another protocol, or of other clips, could never be held to it."""
    _, line, figures = printed(REACHED[name].table)[REACHED[name].line]
    assert line.variant and line.subset == "val" and figures.protocol is None
    assert line.method.partition("-")[0] == "STM", "others are trained here as STM is, and not as they were"


# Of claims that speak of all others, or of all of one part of the table: the part.
OF_ALL = {"I50": "", "I50b": "", "I57": "", "I63": "", "I100": "", "P48": "3D CNNs", "P49": "", "P58": "2D CNNs"}
OF_ALL |= {"P70": "", "P70b": ""}


@pytest.mark.parametrize(("name", "part"), OF_ALL.items())
def test_a_claim_of_all_others_names_every_other_line_that_has_a_figure(name, part):
    reached = REACHED[name]
    role, _, _ = printed(reached.table)[reached.line]
    others = {
        other
        for other, (its_role, line, figures) in printed(reached.table).items()
        if its_role == role and line.subset == "val" and line.method != "STM" and reached.measure in figures.figures()
        if not part or line.describe["networks"] == part
    }
    assert reached.above and set(reached.above) == others and len(reached.above) == len(others)


def test_no_claim_that_its_table_could_decide_says_that_it_needs_something():
    for name, claim in CLAIMS.items():
        if claim.kind != "size" or claim.needs is None:
            continue
        paper = PAPERS[name[0] == "P"]
        for path in (CONFIG / "tables").glob("*.yaml"):
            table = validated(Table, read_yaml(path))
            if (table.paper, table.where) != (paper, claim.where):
                continue
            for _, line, figures in printed(path.stem).values():
                own = line.variant and figures.protocol is None
                assert not own or claim.published not in (figures.top1, figures.top5), (name, line.name)
    # Of several datasets at once, of test sets, of what the paper does not say, of TSN as others trained it, of X3D's.
    left = {"I01", "I02", "I23", "I41", "I49", "I51", "I62", "I67", "P01", "P43", "P65", "P134"}
    assert {name for name, claim in CLAIMS.items() if claim.kind == "literature" and claim.needs} == left
