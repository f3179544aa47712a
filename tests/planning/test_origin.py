"""Where a line of a report comes from, and why two runs differ."""

import json
from pathlib import Path

import pytest

from stm.cli import main
from stm.config.plan import Plan
from stm.files import write_sealed
from stm.planning.differences import differences


@pytest.fixture
def stm(demo):
    return demo.table("table6").lines[3].predictions[0][0]


def explained(capsys, *arguments: str) -> str:
    assert main(["explain", *arguments]) == 0
    return " ".join(capsys.readouterr().out.split())


def refused(capsys, *arguments: str) -> str:
    assert main(["explain", *arguments]) == 1
    return capsys.readouterr().err


def report(experiment: str, study: str = "demo") -> None:
    """A table of which the STM line was measured."""
    columns = "line,method,source,study,experiment,seeds,clips,interval_covers,status,top1,top1_low,top1_high"
    rows = [f"{k},X,published,{study},,,,,published only,,," for k in (1, 2, 3)]
    rows.append(f"4,STM,measured,{study},{experiment},1,40,clips,ok,75.0,60.1,86.2")
    Path("reports").mkdir(exist_ok=True)
    Path("reports/table6.csv").write_text("\n".join([columns, *rows]) + "\n")


def test_a_measured_line_names_its_runs_data_versions_hardware_files_and_command(stm, finish, capsys):
    finish(stm, right=0.75)
    report(stm.run.experiment)
    said = explained(capsys, "reports/table6.csv", "STM")
    record = json.loads(Path(stm.run.folder, "run.json").read_text())
    for fact in (
        "reports/table6.csv, line 4: STM (something_v1, 8 frames)",
        "published: top1 49.2",
        "measured: top1 75.0 (60.1 to 86.2); 40 clips, seeds: 1",
        "deviation: data: synthetic_temporal for",
        f"Experiment {stm.run.experiment}",
        "recipe.learning_rate 0.05",
        f"protocol {stm.name}: 2 clips x 1 crops",
        f"Run {stm.run.name}",
        "100 training clips, digest dddddddddddddddd",
        f"code: 0.1.0, commit {'0' * 40}",
        "python 3.11.7, torch 2.15.0, numpy 2.4.6",
        "some processor, 1 thread; float32, 1 process(es)",
        "it took 50 s, 512 MB",
        f"SHA-256 {record['weights_sha256'][:16]}",
        "scored: top-1 75.0 of 40 clips (40 listed)",
        f"{stm.path} (",
        f"{stm.run.folder}/weights.safetensors (not there)",
        "snakemake --cores all reports/table6.csv",
    ):
        assert fact in said, fact
    assert "changed since" not in said
    assert explained(capsys, "table6", "4") == said


def test_a_line_of_speeds_or_latencies_names_the_job_the_machine_and_the_rounds(demo, folder, capsys):
    made = {"device": "cpu", "processor": "some processor", "threads": 2, "stm": "0.1.0", "commit": None}
    for name, line, how in (
        ("table4", "stm50_8", "6 rounds, batch 1"),
        (
            "table5",
            "stm_online_temporal",
            "2 networks in turn, this one called stm-8f; 7 rounds, 8 frames of one stream",
        ),
    ):
        table = demo.table(name)
        job = table.speed or table.latency
        said = explained(capsys, name, line)
        assert f"{job.path} (not there)" in said and "not timed yet" in said
        write_sealed(Path(job.path), {"provenance": made, "share_elsewhere": 0.125})
        said = explained(capsys, name, line)
        for fact in ("machine: some processor, 2 threads; other work took 12.5% of its processor time", how):
            assert fact in said, fact
        assert f"{job.folder.capitalize()} {job.path} " in said and f"{job.path} (not there)" not in said
    Path("reports").mkdir(exist_ok=True)
    columns = (
        "line,method,source,study,experiment,seeds,clips,interval_covers,status,mode,speed_vs_tsn,speed_vs_tsn_low"
    )
    number = next(line.number for line in demo.table("table4").lines if line.entry.name == "stm50_8")
    rows = [
        f"{number},STM,measured,demo,,,,,ok,{mode},{ratio},0.8" for mode, ratio in (("plain", 0.9), ("compiled", 0.7))
    ]
    Path("reports/table4.csv").write_text("\n".join([f"{columns},speed_vs_tsn_high", *(f"{row},1.0" for row in rows)]))
    assert "measured: speed_vs_tsn 0.9 (0.8 to 1.0)" in explained(capsys, "table4", "stm50_8")


def test_a_report_of_other_settings_than_todays_is_told_apart(stm, capsys):
    report("synthetic_temporal/stm-8f-demo-01234567")
    said = explained(capsys, "reports/table6.csv", "STM")
    assert "The study was changed since: the report is of synthetic_temporal/stm-8f-demo-01234567" in said
    assert "not trained yet" in said


def test_scores_of_other_weights_than_the_runs_are_told_apart(stm, finish, capsys):
    finish(stm)
    record = json.loads(Path(stm.run.folder, "run.json").read_text())
    write_sealed(Path(stm.run.folder, "run.json"), {**record, "weights_sha256": "e" * 64})
    assert "by weights of another training" in explained(capsys, "reports/table6.csv", "STM")


def test_a_line_of_the_literature_is_said_to_be_no_more(folder, capsys):
    plan = Plan(Path("config/config.yaml"))
    name = next(line.entry.name for line in plan.table("table1").lines if not line.predictions)
    assert "Nothing of it is trained here." in explained(capsys, "table1", name)


def test_the_study_is_that_of_the_report(folder, capsys):
    report("", study="paper")
    assert "--configfile config/paper.yaml" in explained(capsys, "reports/table6.csv", "STM")
    report("", study="mine")
    assert "is of study 'mine', which is no file in config/. Give --study" in refused(capsys, "reports/table6.csv", "4")
    assert explained(capsys, "reports/table6.csv", "STM", "--study", "config/config.yaml")


def test_an_unknown_line_is_refused_with_those_that_there_are(folder, capsys):
    said = refused(capsys, "reports/table6.csv", "SMT")
    assert "'SMT' is no line of table6. Did you mean 'STM'?" in said and "  2  " in said


@pytest.mark.parametrize(
    ("report", "line", "lead"),
    [
        ("figure1.csv", "STM", "says what it is drawn from: lines of reports/table8.csv"),
        ("figure5.png", "STM", "Its csv file says what it is drawn from"),
        ("claims.csv", "P05", "Its column `table` names the table or figure that decides a claim"),
        ("temporal_order.csv", "STM", "Its column `tables` names the tables"),
        ("provenance.html", "STM", "names every run"),
    ],
)
def test_of_a_report_that_is_no_table_it_is_said_where_its_lines_are(folder, capsys, report, line, lead):
    said = refused(capsys, f"reports/{report}", line)
    assert said.startswith(f"stm explain: reports/{report} is no table, and only lines of tables can be explained")
    assert lead in said


def test_of_a_name_that_several_lines_have_those_are_listed(demo, capsys):
    lines = demo.table("table1").lines
    said = refused(capsys, "table1", "STM")
    listed = [int(row.split()[0]) for row in said.splitlines()[1:]]
    assert "several lines are called 'STM'" in said
    assert listed == [line.number for line in lines if line.entry.method == "STM"] and len(listed) < len(lines)


def test_two_runs_that_differ_in_a_setting_and_a_version_say_so_by_kind(demo, stm, finish, capsys):
    tsn = demo.table("table6").lines[0].predictions[0][0]
    finish(stm)
    finish(tsn, torch="2.11.0")
    said = explained(capsys, "--diff", stm.run.folder, tsn.run.folder)
    assert "spec.variant.cstm channel_wise none" in said and "provenance.torch 2.15.0 2.11.0" in said
    assert "spec.recipe.learning_rate" not in said
    assert said.endswith("Their weights differ. What can be the reason: network and code and versions.")


def test_runs_on_frames_of_another_decoder_differ_in_their_data_and_it_is_named(stm, finish, tmp_path, capsys):
    finish(stm)
    record = json.loads(Path(stm.run.folder, "run.json").read_text())
    for name, version in (("one", "14.2.0"), ("other", "15.0.0")):
        made = {"decoder_versions": {"av": [version]}, "data_digest": version * 8, "weights_sha256": version * 8}
        write_sealed(tmp_path / name / "run.json", {**record, **made})
    said = explained(capsys, "--diff", "one", "other")
    assert 'decoder_versions.av ["14.2.0"] ["15.0.0"]' in said
    assert said.endswith("Their weights differ. What can be the reason: data.")


def test_every_key_of_a_record_belongs_to_a_group_and_defaults_are_no_difference(stm, finish):
    finish(stm)
    record = json.loads(Path(stm.run.folder, "run.json").read_text())
    spelt_out = json.loads(json.dumps(record))
    spelt_out["spec"]["variant"]["shift"] = "none"
    assert differences(record, spelt_out) == {}
    changed = {**record, "weights_sha256": "e" * 64, "seconds": 1.0, "data_digest": "f" * 64, "precision": "bfloat16"}
    assert list(differences(record, changed)) == ["data", "hardware and arithmetic", "how it went"]


def test_runs_without_a_recorded_reason_to_differ_are_said_to_have_none(stm, finish, tmp_path, capsys):
    finish(stm)
    record = json.loads(Path(stm.run.folder, "run.json").read_text())
    write_sealed(tmp_path / "again/run.json", {**record, "seconds": 70.0})
    assert "Their weights are the same to the bit." in explained(capsys, "--diff", stm.run.folder, "again")
    write_sealed(tmp_path / "again/run.json", {**record, "weights_sha256": "e" * 64})
    said = explained(capsys, "--diff", stm.run.folder, "again")
    assert "their records name no reason: something that no record holds" in said


def test_without_a_line_or_two_runs_it_says_what_to_give(folder, capsys):
    assert "give a report and one of its lines" in refused(capsys, "reports/table6.csv")
