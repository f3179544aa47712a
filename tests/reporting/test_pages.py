"""Web pages and captions: they hold what the csv files hold, need nothing from elsewhere, and show text as text."""

import csv
import re
from html.parser import HTMLParser

import pytest
from docutils.core import publish_parts

from stm.reporting.captions import rst
from stm.reporting.claimspage import write_claims
from stm.reporting.origins import write_provenance
from stm.reporting.tables import write_table

EVIL = "<script>alert(1)</script> & `a`_ |b| *c* d_"


class Page(HTMLParser):
    """The cells of every table, and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.text, self.in_cell = [], [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture
def reports(made, tmp_path):
    """Table 6 with a few claims, one of whose lines has a hostile name."""
    spec = made.table6([made.claim("P101", "CSTM", "TSN"), made.claim("P104", "STM", "CSTM", statement=EVIL)])
    spec["lines"][3]["method"] = EVIL
    write_table(spec, tmp_path / "reports" / "table6")
    return tmp_path / "reports"


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


def claims_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_tables_page_has_its_lines_its_claims_and_its_runs(reports):
    page = page_of(reports / "table6.html")
    lines, claims, runs = page.tables
    assert [row[0].split()[0] for row in lines[2:]] == ["TSN", "CSTM", "CMM", "<script>alert(1)</script>"]
    assert [row[2] for row in lines[2:]] == ["19.7", "47.7", "44.1", "49.2"]
    assert re.fullmatch(r"50\.0 \[\d\d\.\d, \d\d\.\d\]", lines[2][1])
    decided = claims_of(reports / "table6.claims.csv")
    assert [(row[0], row[4]) for row in claims[1:]] == [(row["claim"], row["verdict"]) for row in decided]
    assert [row[2] for row in runs[1:]] == ["0"] * 4 and "commit 0a1b2c3d" in page.text
    assert "data: drawn for Something-Something v1" in page.text and "A <fast> one" in page.text


def test_text_from_users_is_text_on_a_page_and_in_a_caption(reports):
    page = page_of(reports / "table6.html")
    assert "script" not in [tag for tag, _ in page.tags] and EVIL in page.text
    caption = (reports / "table6.rst").read_text(encoding="utf-8")
    shown = publish_parts(caption, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; `a`_ |b| *c* d_" in shown
    assert publish_parts(rst(EVIL), writer="html")["body"].startswith("<p>&lt;script&gt;")


def test_a_caption_says_what_is_claimed_and_what_was_found(reports):
    shown = publish_parts((reports / "table6.rst").read_text(encoding="utf-8"), writer="html")["body"]
    words = " ".join(re.sub("<[^>]*>", "", shown).split())
    assert "Claimed. Table 6 of TPAMI 2022: Impact of two modules" in words
    assert re.search(r"Top-1 \(%\): TSN 50\.0 \[[\d., ]+\] \(published 19\.7\); CSTM 94\.2", words)
    assert "3 statements: 1 undecided here, 2 control." in words
    measured = {row["claim"]: float(row["measured"]) for row in claims_of(reports / "table6.claims.csv")}
    assert f"measured {measured['P101']:+.1f} [" in words and f"measured {measured['P104']:+.1f} [" in words


def test_the_page_of_all_claims_can_be_searched_and_loads_nothing(reports):
    write_claims([reports / "table6.claims.csv"], [], "demo", 3, reports / "claims", {})
    page, rows = page_of(reports / "claims.html"), claims_of(reports / "claims.csv")
    assert [row[0] for row in page.tables[1][1:]] == [row["claim"] for row in rows]
    values = [attributes for tag, attributes in page.tags if tag == "tr" and "data-verdict" in attributes]
    assert [v["data-verdict"] for v in values] == [row["verdict"] for row in rows]
    counts = {row[0]: row[1] for row in page.tables[0][1:]}
    assert counts == {"undecided here": "1", "control": "2"}
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'")
    assert not [a for _, a in page.tags if a.get("src", "data:")[:5] != "data:" or a.get("href", "#")[0] != "#"]


def test_a_study_that_decides_no_claim_has_a_page_all_the_same(tmp_path):
    write_claims([], [], "demo", 3, tmp_path / "claims", {})
    assert "None." in page_of(tmp_path / "claims.html").text


def test_provenance_names_data_code_machine_and_weights_but_no_time(made, tmp_path):
    runs = [made.run(method, seed) for method in ("TSN", "STM") for seed in (0, 1)]
    spec = {"study": "demo", "file": "config/config.yaml", "settings": {"seeds": [0, 1]}, "runs": runs}
    write_provenance(spec, tmp_path / "reports" / "provenance")
    rows = claims_of(tmp_path / "reports" / "provenance.csv")
    assert [row["run"] for row in rows] == runs and {row["commit"] for row in rows} == {"0a1b2c3d"}
    page = page_of(tmp_path / "reports" / "provenance.html")
    assert "4 runs: stm 0.1.0, commit 0a1b2c3d; python 3.11.7, torch 2.15.0" in page.text
    assert "4 runs: drawn, 576 training clips, digest d16e57" in page.text and "seeds:" in page.text
    assert "12.5" not in page.text + "".join(rows[0].values())


def test_a_run_without_a_record_is_named(made, tmp_path):
    with pytest.raises(Exception, match=r"none/run\.json: no such file"):
        write_provenance(
            {"study": "demo", "file": "x.yaml", "settings": {}, "runs": [str(tmp_path / "none")]}, tmp_path / "p"
        )
