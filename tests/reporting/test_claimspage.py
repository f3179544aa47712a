"""The page of all claims."""

import pandas as pd
import pytest
import yaml

from stm.reporting.claims import COLUMNS
from stm.reporting.claimspage import write_claims
from stm.reporting.measured import TableError
from stm.reporting.tables import write_table


def written_claims(path, *claims):
    """A file of claims."""
    path.write_text(yaml.safe_dump({"paper": "tpami2022", "claims": list(claims)}))
    return path


def test_the_page_keeps_every_row_links_every_table_and_adds_what_none_decides(made, tmp_path):
    reports = tmp_path / "reports"
    write_table(made.table6([made.claim("P104", "STM", "CSTM", published=-1.5)]), reports / "table6")
    write_table(made.table6([made.claim("P105", "CSTM", "CMM", statement="=1+1")]), reports / "table7")
    common = {"where": "Section 4", "statement": "a statement"}
    files = [
        written_claims(
            tmp_path / "claims.yaml",
            {"id": "P104", **common, "kind": "feature", "needs": "nothing, a table decides it"},
            {"id": "P20", **common, "kind": "structure", "test": "tests/models/test_cmm.py::test_x"},
            {"id": "P30", **common, "kind": "feature", "needs": "Figure 9"},
            {"id": "P40", **common, "kind": "speed", "needs": "a table", "inconsistent": "one page says 1, another 2"},
            {"id": "P50", **common, "kind": "direction", "compare": {"table": "table9", "first": "a", "second": "b"}},
            {"id": "P60", **common, "kind": "direction", "compare": {"table": "table1", "first": "a", "second": "b"}},
        )
    ]
    tables = [reports / "table6.claims.csv", reports / "table7.claims.csv"]
    write_claims(tables, files, "demo", 1, reports / "claims", {"table1": "reports/table1.csv"})
    parts = [path.read_text().splitlines() for path in tables]
    lines = (reports / "claims.csv").read_text().splitlines()
    assert lines[: len(parts[0]) + len(parts[1]) - 1] == [*parts[0], *parts[1][1:]]
    found = pd.read_csv(reports / "claims.csv", dtype=str).set_index("claim")
    assert found.loc[["P20", "P30", "P40", "P50", "P60"], "verdict"].tolist() == [
        "by construction",
        "not testable here",
        "inconsistent in the paper",
        "not testable here",
        "not made",
    ]
    assert found.loc["P50", "why"] == "this study cannot make table9"
    said = "table1 decides it: snakemake reports/table1.csv; here too, once the study lists table1"
    assert found.loc["P60", "why"] == said
    assert "not made" in (reports / "claims.html").read_text()
    page = (reports / "claims.md").read_text()
    assert page.startswith("# Claims, as study demo decides them\n\nOne seed: verdicts on accuracies are of these")
    assert all("One seed: " in (reports / f"claims.{form}").read_text() for form in ("html", "rst"))
    assert "| not made | 1 |" in page and "snakemake reports/table1.csv" in page
    assert "| undecided here | 1 |" in page and "| control | 2 |" in page and "| holds here | 1 |" in page
    assert "## [table6](table6.md)" in page and "## [table7](table7.md)" in page
    assert "Deviations from the paper. All of these: data: drawn for Something-Something v1" in page
    assert "| -1.5 " in page and "| +0.8 [" in page


def test_a_study_that_decides_no_claim_has_an_empty_page(tmp_path):
    write_claims([], [], "demo", 1, tmp_path / "claims", {})
    assert (tmp_path / "claims.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert "No table decides a claim." in (tmp_path / "claims.md").read_text()


def test_claims_with_other_columns_are_refused_by_name(tmp_path):
    (tmp_path / "table6.claims.csv").write_text("claim,verdict\nP1,replicated\n")
    with pytest.raises(TableError, match=r"table6\.claims\.csv has other columns"):
        write_claims([tmp_path / "table6.claims.csv"], [], "demo", 1, tmp_path / "claims", {})
