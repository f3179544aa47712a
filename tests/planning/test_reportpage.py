"""What a report takes of what exists; the report itself is made in tests/workflow."""

import subprocess
from pathlib import Path

import pytest

from stm.config.loading import ConfigError
from stm.planning import reportpage


@pytest.fixture
def commands(monkeypatch):
    """The commands that would be run."""
    run = []

    def remember(command, **_):
        run.append(command[3:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(reportpage.subprocess, "run", remember)
    return run


@pytest.fixture
def make(demo):
    def make(*names):
        for name in names:
            for file in demo.entries[name].files:
                Path(file).parent.mkdir(exist_ok=True)
                Path(file).touch()

    return make


def test_claims_come_first_and_tables_in_the_order_of_their_numbers(demo):
    from stm.config.reportplan import category

    tables = [category(demo.table(name).entry) for name in demo.known_tables]
    figures = [category(demo.figure(name).entry) for name in demo.figures]
    assert min([*tables, *figures, "Datasets", "Order of frames", "Provenance"]) > "Claims"
    pads = {name: category(demo.table(name).entry) for name in ("table6", "table10")}
    assert pads == {"table6": "TPAMI 2022 Table \u200a6", "table10": "TPAMI 2022 Table 10"}


def test_nothing_made_is_nothing_to_report(demo, commands, capsys):
    assert reportpage.write_report([]) == 1
    said = capsys.readouterr().out
    assert "there is nothing to report" in said and "reports/table11.csv" in said and commands == []


def test_what_exists_is_reported_and_the_rest_named(demo, make, commands, capsys):
    make("table6", "provenance")
    assert reportpage.write_report(["--config", "seeds=[0]"]) == 0
    assert commands == [
        ["reports/provenance.csv", "reports/table6.csv", "--report", "reports/report.html", "--config", "seeds=[0]"]
    ]
    said = capsys.readouterr().out
    assert "reports/table7.csv" in said and "  reports/table6.csv" not in said
    assert "snakemake --cores all reports/claims.csv --config" in said
    assert f"reports/report.html: 2 of {len(demo.entries)} reports of study 'demo'" in said


def test_claims_wait_for_every_table_and_a_table_for_all_its_files(demo, make, commands, capsys):
    make(*demo.entries)
    Path("reports/table7.html").unlink()
    assert reportpage.write_report([]) == 0
    taken = [word for word in commands[0] if word.endswith((".csv", ".pdf"))]
    assert not {"reports/claims.csv", "reports/table7.csv", "reports/accuracy_cost.pdf"} & set(taken)
    assert "reports/table6.csv" in taken and "(waits for table7)" in capsys.readouterr().out


def test_targets_and_the_study_are_taken_as_snakemake_takes_them(demo, commands, capsys):
    Path("mine.yaml").write_text("extends: config/config.yaml\nstudy: mine\nreports_dir: of/mine\n")
    for ending in (".csv", ".html", ".rst", ".tex", ".claims.csv"):
        Path("of/mine").mkdir(parents=True, exist_ok=True)
        Path(f"of/mine/table6{ending}").touch()
    assert reportpage.write_report(["of/mine/table6.csv", "--cores", "2", "--configfile", "mine.yaml"]) == 0
    assert commands == [["of/mine/table6.csv", "--report", "of/mine/report.html", "--configfile", "mine.yaml"]]
    assert "of/mine/report.html: 1 of 1 reports of study 'mine'" in capsys.readouterr().out


def test_what_no_report_shows_is_refused_by_name(demo):
    with pytest.raises(ConfigError, match="tabel6 is nothing that a report shows. Did you mean 'table6'"):
        reportpage.write_report(["tabel6"])
    with pytest.raises(ConfigError, match="Give one study"):
        reportpage.write_report(["--configfile", "config/config.yaml", "config/reduced.yaml"])
