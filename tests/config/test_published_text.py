"""Published figures are the papers' own, line for line."""

import pytest

from stm.config.loading import read_yaml, validated
from stm.config.schema.tables import Table

from .papers import CONFIG, Squeezed, published_lines, text_of

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


def test_every_figure_of_table_5_is_the_papers_and_none_is_left_out():
    """Of online recognition, whose latencies stand beside accuracies of two datasets."""
    ours = validated(Table, read_yaml(CONFIG / "tables/table5.yaml")).lines
    figures = published_lines("table5")
    rows = ["Model Latency Kinetics Something"]
    for i in range(0, len(ours), 2):
        scene, temporal = figures[i : i + 2]
        assert (ours[i].role, ours[i + 1].role) == ("kinetics400", None) and scene.method == temporal.method
        assert scene.latency_ms == temporal.latency_ms
        if ours[i].protocol == "efficient":
            assert not scene.figures() and not temporal.figures(), "the paper has no such lines"
            continue
        latency = "-" if scene.latency_ms is None else f"{scene.latency_ms}ms"
        rows.append(f"{scene.method} {latency} {scene.top1} {temporal.top1}")
    assert f"datasets. {' '.join(rows)} recognition while" in " ".join(text_of("tpami2022").split())
