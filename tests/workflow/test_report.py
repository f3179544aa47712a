"""The report page, made by Snakemake, in a browser: every entry shows what it should, and nothing is fetched."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

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
    """The page, opened."""
    return opened(report)


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
    assert {title for title in opened if title.endswith(": a page")} == {f"{name}: a page" for name in pages}
    assert {title for title in opened if title.endswith(": pdf")} == {f"{name}: pdf" for name in pictures}
    assert {title for title in opened if title.endswith(": csv")} == {f"{name}: csv" for name in pages | pictures}


def a_page(page, link, stem: str, reports: Path) -> None:
    """It has a row for each of what its csv file has."""
    link.click()
    frame = page.frame_locator("iframe")
    expected = {
        "claims": ("table.claims tbody tr", len(rows_of(reports / "claims.csv"))),
        "datasets": ("table:not(.claims) tbody tr", len(rows_of(reports / "datasets.csv"))),
        "temporal_order": ("table:not(.claims) tbody tr", len(rows_of(reports / "temporal_order.csv")) // 4),
        "provenance": ("tbody tr", len(rows_of(reports / "provenance.csv"))),
        "table6": ("table.claims tbody tr", len(rows_of(reports / "table6.claims.csv"))),
    }[stem]
    assert "tiny" in frame.locator("h1").inner_text()
    assert frame.locator(expected[0]).count() == expected[1]


def a_picture(page, link, stem: str, reports: Path) -> None:
    link.click()
    picture = page.locator("img[src^='data:image/png']")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth * image.naturalHeight)") > 10_000


def a_pdf(page, link, stem: str, reports: Path) -> None:
    link.click()
    page.locator("iframe[src^='data:application/pdf']").wait_for()


def a_download(page, link, stem: str, reports: Path) -> None:
    """The link holds the file itself."""
    file = reports / link.get_attribute("download")
    text = link.evaluate("link => fetch(link.href).then(answer => answer.text())")
    assert text == file.read_text(encoding="utf-8")


SHOWN = {"a page": a_page, "a picture": a_picture, "pdf": a_pdf}


def test_a_caption_says_what_was_found(page, finished):
    page.locator("nav li a", has_text="Table \u200a6").click()
    page.locator("nav tbody tr").first.locator("td:last-child a").nth(1).click()
    words = page.locator("nav").first.inner_text()
    row = rows_of(finished.folder / "reports/table6.csv")[3]
    assert "Impact of two modules" in words and f"STM {float(row['top1']):.1f} [" in words
    assert f"(published {row['published_top1']})" in words
    assert f"{len(rows_of(finished.folder / 'reports/table6.claims.csv'))} statements" in words


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
