"""The report page, made by Snakemake, in a browser: every entry shows what it should, and nothing is fetched."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from .conftest import Pipeline


def stm_report(pipeline: Pipeline, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`stm report -- ARGUMENTS`, as make runs it."""
    return pipeline.python("stm", "report", "--", *arguments)


@pytest.fixture(scope="module")
def report(finished) -> Path:
    """The finished study's report page."""
    result = stm_report(finished)
    assert result.returncode == 0, result.stdout
    assert "reports/report.html: 8 of 8 reports of study 'tiny'" in result.stdout
    return finished.folder / "reports" / "report.html"


@pytest.fixture
def page(opened, report):
    """The page, opened in a laptop's window."""
    return on_a_laptop(opened(report))


def on_a_laptop(page):
    page.set_viewport_size({"width": 1366, "height": 768})
    return page


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def menu(page) -> list[str]:
    """The categories, as they stand on the page."""
    return [text for text in page.locator("nav li a span").all_inner_texts() if text][3:]


def test_claims_are_the_first_of_the_categories(page):
    names = menu(page)
    assert names == ["Claims", "Datasets", "Figures", "Order of frames", "Provenance", "TPAMI 2022 Table \u200a6"]
    words = page.locator("body").inner_text()
    assert "Does this paper hold?" in words and "Study tiny" in words and "not testable here" in words


def test_every_entry_opens(page, finished):
    opened = set()
    for name in menu(page):
        page.reload()
        page.locator("nav li a", has_text=name).click()
        page.locator("nav tbody tr").first.wait_for()
        for row in page.locator("nav tbody tr").all():
            title = row.locator("td").first.inner_text()
            stem, form = title.split(": ")
            SHOWN.get(form, a_download)(page, row.locator("td:last-child a").first, stem, finished.folder / "reports")
            opened.add(title)
    pages = {"claims", "datasets", "temporal_order", "provenance", "table6"}
    pictures = {"accuracy_cost", "confusions", "training_curves"}
    # A picture is shown in its page alone.
    assert {title for title in opened if title.endswith(": a page")} == {f"{name}: a page" for name in pages | pictures}
    assert not any("picture" in title for title in opened)
    assert {title for title in opened if title.endswith(": pdf")} == {f"{name}: pdf" for name in pictures}
    assert {title for title in opened if title.endswith(": csv")} == {f"{name}: csv" for name in pages | pictures}


def a_page(page, link, stem: str, reports: Path) -> None:
    """It has a row for each of what its csv file has."""
    link.click()
    frame = page.frame_locator("iframe")
    if stem in ("accuracy_cost", "confusions", "training_curves"):
        assert "tiny" in frame.locator("h1").inner_text()
        see_the_picture_whole(page, frame)
        return
    expected = {
        "claims": ("table.claims tbody tr", len(rows_of(reports / "claims.csv"))),
        "datasets": ("table:not(.claims) tbody tr", len(rows_of(reports / "datasets.csv"))),
        "temporal_order": ("table:not(.claims) tbody tr", len(rows_of(reports / "temporal_order.csv")) // 4),
        "provenance": ("tbody tr", len(rows_of(reports / "provenance.csv"))),
        "table6": ("table.claims tbody tr", len(rows_of(reports / "table6.claims.csv"))),
    }[stem]
    assert "tiny" in frame.locator("h1").inner_text()
    assert frame.locator(expected[0]).count() == expected[1]


def see_the_picture_whole(page, frame) -> None:
    """Nothing of it lies where scrolling cannot come: before the frame's beginning, or beside it."""
    picture = frame.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth * image.naturalHeight)") > 10_000
    window = page.locator("iframe").bounding_box()
    assert picture.evaluate("() => [scrollX, scrollY]") == [0, 0]
    x, y, right, below = picture.evaluate(
        "image => (({x, y, right, bottom}) => [x, y, right, bottom])(image.getBoundingClientRect())"
    )
    assert x >= 0 and y >= 0 and right <= window["width"]
    assert below <= picture.evaluate("() => document.documentElement.scrollHeight")


def a_pdf(page, link, stem: str, reports: Path) -> None:
    link.click()
    page.locator("iframe[src^='data:application/pdf']").wait_for()


def a_download(page, link, stem: str, reports: Path) -> None:
    """The link holds the file itself."""
    file = reports / link.get_attribute("download")
    text = link.evaluate("link => fetch(link.href).then(answer => answer.text())")
    assert text == file.read_text(encoding="utf-8")


SHOWN = {"a page": a_page, "pdf": a_pdf}


def test_a_caption_says_what_was_found(page, finished):
    page.locator("nav li a", has_text="Table \u200a6").click()
    page.locator("nav tbody tr").first.locator("td:last-child a").nth(1).click()
    words = page.locator("nav").first.inner_text()
    row = rows_of(finished.folder / "reports/table6.csv")[3]
    assert "Impact of two modules" in words and f"STM {float(row['top1']):.1f} [" in words
    assert f"(published {row['published_top1']})" in words
    assert f"{len(rows_of(finished.folder / 'reports/table6.claims.csv'))} statements" in words


def test_the_caption_of_the_order_of_frames_names_the_claims_that_it_decides(page, finished):
    page.locator("nav li a", has_text="Order of frames").click()
    page.locator("nav tbody tr").first.locator("td:last-child a").nth(1).click()
    words = page.locator("nav").first.inner_text()
    decided = rows_of(finished.folder / "reports/temporal_order.claims.csv")
    assert f"{len(decided)} statements" in words and "decides no statement" not in words
    assert "The median change of top-1" in words


def test_why_a_verdict_was_given_can_be_read_on_a_laptop(page):
    page.locator("nav li a", has_text="Claims").click()
    page.locator("nav tbody tr").first.locator("td:last-child a").first.click()
    frame = page.frame_locator("iframe")
    frame.locator("table.claims tbody tr").first.wait_for()
    widths = frame.locator("table.claims thead th").evaluate_all("cells => cells.map(cell => cell.offsetWidth)")
    assert widths[5] >= 14 * 16 and widths[1] >= 12 * 16
    assert frame.locator("html").evaluate("page => page.scrollWidth <= page.clientWidth")


def test_a_figure_that_decides_claims_opens_with_its_picture_whole_and_its_verdicts(finished, opened, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("report.html"))
    copy = Pipeline(folder)
    # One of our own of Table 6, whose networks are trained.
    figure = {
        "kind": "embedding",
        "paper": "tpami2022",
        "where": "Figure 9",
        "title": "Two networks",
        "claimed": "They differ",
        "table": "table6",
    }
    figure |= {"rows": {"": ["TSN", "STM"]}, "classes": 4, "clips_per_class": 4, "perplexity": 3.0, "map_seeds": 1}
    separation = {"figure": "figure9", "first": "STM", "second": "TSN", "measure": "silhouette"}
    claim = {"id": "C99", "where": "Figure 9", "statement": "apart", "kind": "feature", "separation": separation}
    (folder / "config/figures/figure9.yaml").write_text(yaml.safe_dump({**figure, "neighbours": 1}))
    copy.edit("config/controls.yaml", lambda data: data["claims"].append(claim))
    made = copy.snakemake("--cores", "2", "reports/figure9.pdf", "--config", "figures=[figure9]")
    assert made.returncode == 0, made.stdout
    result = stm_report(copy, "reports/figure9.pdf", "reports/table6.csv", "--config", "figures=[figure9]")
    assert result.returncode == 0, result.stdout
    page = on_a_laptop(opened(folder / "reports/report.html"))
    page.locator("nav li a", has_text="Figure \u200a9").click()
    entries = page.locator("nav tbody tr")
    forms = ["a page", "csv", "csv of its claims", "pdf"]
    assert [row.locator("td").first.inner_text() for row in entries.all()] == [f"figure9: {form}" for form in forms]
    entries.first.locator("td:last-child a").first.click()
    frame = page.frame_locator("iframe")
    see_the_picture_whole(page, frame)
    verdicts = [row["verdict"] for row in rows_of(folder / "reports/figure9.claims.csv")]
    assert frame.locator("table.claims .verdict").all_inner_texts() == verdicts and len(verdicts) == 1


def test_claims_are_searched_and_filtered(page, finished):
    claims = rows_of(finished.folder / "reports/claims.csv")
    page.locator("nav li a", has_text="Claims").click()
    page.locator("nav tbody tr").first.locator("td:last-child a").first.click()
    frame = page.frame_locator("iframe")
    rows = frame.locator("table.claims tbody tr")
    rows.first.wait_for()

    def shown():
        return rows.evaluate_all("rows => rows.filter(row => !row.hidden).map(row => row.cells[0].textContent)")

    assert shown() == [row["claim"] for row in claims]
    frame.locator("select[name=table]").select_option("table6")
    assert shown() == [row["claim"] for row in claims if row["table"] == "table6"]
    frame.locator("input[type=search]").fill("CMM alone")
    found = shown()
    assert found and all("CMM alone" in row["statement"] for row in claims if row["claim"] in found)
    frame.get_by_text("show all").click()
    frame.locator("#count", has_text=f"{len(claims)} of {len(claims)} claims").wait_for()
    frame.locator("button[data-verdict='not testable here'][data-paper=iccv2019]").click()
    untestable = [row for row in claims if row["verdict"] == "not testable here" and row["paper"] == "iccv2019"]
    assert shown() == [row["claim"] for row in untestable]


def test_a_report_of_some_makes_nothing_and_names_the_others(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("report.html"))
    copy = Pipeline(folder)
    (folder / "reports/table6.html").unlink()
    before = sorted(folder.glob("reports/*"))
    result = stm_report(copy)
    assert result.returncode == 0, result.stdout
    assert "reports/table6.csv" in result.stdout and "reports/claims.csv" in result.stdout
    text = (folder / "reports/report.html").read_text(encoding="utf-8")
    assert '"reports/datasets.html"' in text and '"reports/table6.csv": {' not in text
    assert "Not in this report" in text
    assert sorted(folder.glob("reports/*")) == sorted([*before, folder / "reports/report.html"])


def test_nothing_made_is_no_report(pipeline):
    result = stm_report(pipeline)
    assert result.returncode == 1 and "there is nothing to report" in result.stdout
    assert not (pipeline.folder / "reports").exists()
