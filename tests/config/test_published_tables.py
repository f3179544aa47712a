"""The tables against the state of the art, row by row against the papers' texts.

The texts are nobody's to redistribute. The tests that read them look in the folder STM_PAPERS, or beside the checkout.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.schema.protocols import PROTOCOLS
from stm.config.schema.tables import Line, PublishedLine, PublishedTable, Table

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


@dataclass(frozen=True)
class Shape:
    """What a table of a paper looks like in its text."""

    # Its first words, without a line break, and its last.
    start: str
    end: str
    rows: int
    # The columns of figures: those of one line of ours in each list, by the role and the subset of the line.
    figures: dict[tuple[str, str], list[str]]
    # What a row prints just before its figures.
    before: tuple[str, ...] = ()


SOMETHING = {("something_v1", "val"): ["top1", "top5"], ("something_v2", "val"): ["top1", "top5"]}
WITH_TESTS = {
    ("something_v1", "val"): ["top1", "top5"],
    ("something_v1", "test"): ["top1"],
    ("something_v2", "val"): ["top1", "top5"],
    ("something_v2", "test"): ["top1", "top5"],
}
KINETICS = {("kinetics400", "val"): ["top1", "top5"]}
SMALL = {("ucf101", "val"): ["top1"], ("hmdb51", "val"): ["top1"]}
COST = ("frames", "flops_x_views")

SHAPES = {
    "table1": Shape("Method Backbone Flow Pre-training Frames", "53.3 81.9 64.9 90.7", 26, SOMETHING, COST),
    "table2": Shape("Method Backbone Flow Frames FLOPs×views", "16 66.5G×30 76.9 92.7", 29, KINETICS, COST),
    "table3": Shape("Method Backbone Flow Pre-training UCF-101", "97.1 75.2", 19, SMALL),
    "iccv_table1": Shape("Method Backbone Flow Pretrain Frame", "64.2 89.8 63.5 89.6", 16, WITH_TESTS, ("frames",)),
    "iccv_table2": Shape(
        "Method Backbone Frame", "16 96.7 99.9", 8, {("jester", "val"): ["top1", "top5"]}, ("frames",)
    ),
    "iccv_table3": Shape("Method Backbone Flow Top-1", "STM ResNet-50 73.7 91.6", 14, KINETICS),
    "iccv_table4": Shape("Method Backbone Flow Pre-train Data", "96.2 72.2", 13, SMALL),
}
# Tables of runtimes, which print units: their first words and their last.
RUNTIMES = {
    "table4": ("Model Frame FLOPs Param Speed Acc.", "66.5G 52.5 V/s 51.6"),
    "iccv_table9": ("Model Frame FLOPs Param. Speed Acc.", "66.5G 32.0 V/s 49.8"),
}
each_table = pytest.mark.parametrize("table", SHAPES)


@dataclass(frozen=True)
class Row:
    """One row of the paper's table: our lines of it, with their figures."""

    lines: tuple[Line, ...]
    published: tuple[PublishedLine, ...]

    @property
    def first(self) -> Line:
        return self.lines[0]

    def cells(self, shape: Shape) -> list[str]:
        """As the paper prints them: a dash where it has no figure."""
        described = {"frames": self.first.frames, **self.first.describe}
        texts = [str(described.get(key) or "-") for key in shape.before]
        for line, names in zip(self.published, shape.figures.values(), strict=True):
            figures = line.figures()
            # A float as Python writes it: one decimal, and two where ICCV's Table 1 has two (77.64).
            texts += [str(figures[name]) if name in figures else "-" for name in names]
        return texts


def rows_of(table: str) -> list[Row]:
    lines = validated(Table, read_yaml(CONFIG / f"tables/{table}.yaml")).lines
    published = validated(PublishedTable, read_yaml(CONFIG / f"published/tables/{table}.yaml")).lines
    columns = len(SHAPES[table].figures)
    assert len(lines) == len(published) and len(lines) % columns == 0, table
    starts = range(0, len(lines), columns)
    return [Row(tuple(lines[i : i + columns]), tuple(published[i : i + columns])) for i in starts]


def text_of(table: str) -> str:
    """The text of a paper's table, its words divided by single blanks, without the numbers of references."""
    start, end = RUNTIMES[table] if table in RUNTIMES else (SHAPES[table].start, SHAPES[table].end)
    paper = "iccv2019" if table.startswith("iccv") else "tpami2022"
    folder = Path(os.environ.get("STM_PAPERS", ROOT.parent / "shared/papers"))
    path = folder / f"stm_{paper}.txt"
    if not path.is_file():
        pytest.skip(f"no text of the paper at {path}; set STM_PAPERS to the folder of the texts")
    text = " ".join(re.sub(r"\[\d+\]", " ", path.read_text(encoding="utf-8")).split())
    assert text.count(start) == 1, start
    begin = text.index(start)
    return text[begin : text.index(end, begin) + len(end)]


def squeezed(text: str) -> str:
    """Without what a line break or the name's typesetting changes."""
    return re.sub(r"[\s_{}-]", "", text).lower()


@each_table
def test_every_row_stands_in_the_papers_table_in_its_order_and_no_figure_is_left_over(table):
    text, shape = text_of(table), SHAPES[table]
    left, at, method = "", 0, ""
    for row in rows_of(table):
        wanted = " ".join(row.cells(shape))
        found = re.search(rf"(?<![^ ]){re.escape(wanted)}(?![\d.])", text[at:])
        assert found, f"{row.first.name}: {wanted!r} does not stand after {text[max(0, at - 60) : at]!r}"
        between = text[at : at + found.start()]
        # A method with several rows stands in the first of them.
        assert squeezed(row.first.method) in squeezed(between) or row.first.method == method, row.first.name
        left, at, method = left + between, at + found.end(), row.first.method
    assert re.findall(r"\d+\.\d+", left + text[at:]) == []


@each_table
def test_a_figure_that_is_not_the_papers_is_found(table):
    text, shape = text_of(table), SHAPES[table]
    for row in rows_of(table):
        cells = row.cells(shape)
        for i, cell in enumerate(cells):
            changed = " ".join([*cells[:i], "12.3" if cell != "12.3" else "45.6", *cells[i + 1 :]])
            assert changed not in text, changed


@each_table
def test_every_row_has_a_line_for_each_dataset_and_subset(table):
    shape, rows = SHAPES[table], rows_of(table)
    role = validated(Table, read_yaml(CONFIG / f"tables/{table}.yaml")).role
    assert len(rows) == shape.rows
    for row in rows:
        assert [(line.role or role, line.subset) for line in row.lines] == list(shape.figures)
        assert {line.method for line in row.lines} == {row.first.method}
        assert all(line.describe == row.first.describe for line in row.lines), row.first.name
        assert len({line.frames for line in row.lines}) == 1, row.first.name


@each_table
def test_the_papers_own_descriptors_stand_in_its_table(table):
    text = text_of(table)
    for row in rows_of(table):
        for key in ("backbone", "pretraining"):
            for part in str(row.first.describe.get(key, "")).split("+"):
                assert squeezed(part) in squeezed(text), (row.first.name, part)
    assert text.count("✓") == sum(row.first.describe.get("flow") == "yes" for row in rows_of(table))


@each_table
def test_flops_and_protocols_are_those_of_flops_x_views(table):
    """Of STM alone section 4.2 says the protocol, so only its lines take the table's."""
    for row in rows_of(table):
        cost, _, views = str(row.first.describe.get("flops_x_views", "")).partition("×")
        for line in row.published:
            assert line.flops_g == (float(cost.removesuffix("G")) if cost else None), row.first.name
            if row.first.method == "STM":
                assert line.protocol is None
                assert not cost or int(views) == PROTOCOLS["full"].clips * PROTOCOLS["full"].crops
            elif "flops_x_views" in SHAPES[table].before:
                assert line.protocol == {"": "not stated", "-": "not stated", "1": "1 view"}.get(
                    views, f"{views} views"
                )


@each_table
def test_what_can_be_trained_is_a_resnet_50_of_the_paper_and_every_such_line_is(table):
    trained = {(line.method, line.variant) for row in rows_of(table) for line in row.lines if line.variant}
    assert trained <= {("TSN", "tsn"), ("TSM", "tsm"), ("TEA", "tea"), ("STM", "stm")}
    for row in rows_of(table):
        for line in row.lines:
            fits = line.describe["backbone"] == "ResNet-50" and line.method in ("TSN", "TSM", "TEA", "STM")
            assert (line.variant is not None) == (fits and line.subset == "val"), line.name


@pytest.mark.parametrize("table", RUNTIMES)
def test_every_row_of_runtimes_stands_in_the_papers_table_in_its_order_and_no_figure_is_left_over(table):
    lines = validated(Table, read_yaml(CONFIG / f"tables/{table}.yaml")).lines
    published = validated(PublishedTable, read_yaml(CONFIG / f"published/tables/{table}.yaml")).lines
    text, left, at, method, params = text_of(table).replace("V /s", "V/s"), "", 0, "", None
    for line, figures in zip(lines, published, strict=True):
        # Parameters stand once for the rows of a method.
        again = line.method == method
        assert not again or figures.params_m == params, line.name
        printed = "" if again else "- " if figures.params_m is None else f"{figures.params_m}M "
        speed = f"{figures.videos_per_second} V/s"
        wanted = f"{line.frames} {figures.flops_g:g}G {printed}{speed} {figures.top1}"
        found = re.search(rf"(?<![^ ]){re.escape(wanted)}(?![\d.])", text[at:])
        assert found, f"{line.name}: {wanted!r} does not stand after {text[max(0, at - 60) : at]!r}"
        between = text[at : at + found.start()]
        assert again or squeezed(line.method) in squeezed(between), line.name
        left, at, method, params = left + between, at + found.end(), line.method, figures.params_m
    assert re.findall(r"\d+\.\d+", left + text[at:]) == []
