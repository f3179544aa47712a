"""The rules: what a target needs, what a change makes again, and what comes out."""

import shutil
import time

import pandas as pd
import pytest

from .conftest import Pipeline

TABLE = "reports/table6.csv"


@pytest.fixture
def edited(finished):
    """The finished pipeline with a configuration that may be changed; it is put back."""
    kept = finished.folder / "config.kept"
    shutil.copytree(finished.folder / "config", kept)
    yield finished
    shutil.rmtree(finished.folder / "config")
    shutil.move(kept, finished.folder / "config")


def test_a_table_needs_each_stage_once_and_each_run_once(pipeline):
    jobs = pipeline.jobs(TABLE)
    assert jobs.pop("complexity") == 8  # four networks as the papers have them, four as trained here
    assert jobs == {
        "render": 1,
        "listing": 1,
        "counts": 1,
        "extract": 2,
        "manifest": 1,
        "train": 4,
        "evaluate": 4,
        "table": 1,
    }


def test_the_default_target_is_every_table_and_figure_the_order_of_frames_and_all_claims(pipeline):
    jobs = pipeline.jobs()
    assert jobs["all"] == jobs["table"] == jobs["temporal_order"] == jobs["claims"] == jobs["datasets"] == 1
    assert jobs["train"] == 4
    # Under the table's protocol; and in order, reversed, shuffled, and one frame repeated, in one job.
    assert jobs["evaluate"] == jobs["evaluate_orders"] == 4
    # Curves, confusions, accuracy against cost; Figure 7 is of a table that this study does not make.
    assert jobs["figure"] == 3 and "features" not in jobs


def test_all_tables_together_train_each_network_once(pipeline):
    pipeline.edit("config/config.yaml", lambda data: data.pop("tables"))
    tables = [f"reports/{name}.csv" for name in ("table6", "table7", "table8", "table9", "table10", "controls")]
    # Table 6: 4; 7 and 8: one more each; 9: five places; 10: three more convolutions; controls: six more.
    assert pipeline.jobs(*tables)["train"] == 4 + 1 + 1 + 5 + 3 + 6
    # With CSTM, which what Table 7 shows is tested beside in ICCV's table.
    assert pipeline.jobs("reports/table7.csv")["train"] == 3 + 1
    # The recipe of Twins is not bound: its tables are left out, and say why when they are asked for.
    assert "Bind another recipe" in pipeline.snakemake("-n", "reports/table11.csv").stdout


def test_a_picture_of_features_takes_one_view_of_each_network_and_no_table(pipeline):
    def bound(data):
        data["roles"]["kinetics400"] = "tiny"
        data["recipes"]["tpami2022"] = "demo_twins"

    pipeline.edit("config/config.yaml", bound)
    jobs = pipeline.jobs("reports/figure7.pdf")
    assert jobs["train"] == jobs["features"] == 6 and jobs["deciding_figure"] == 1
    assert not {"table", "figure", "evaluate"} & set(jobs)


def test_pictures_of_what_networks_see_take_the_maps_of_each_and_find_motion_once(pipeline):
    jobs = pipeline.jobs("reports/figure1.pdf", "reports/figure6.pdf")
    assert jobs["train"] == jobs["maps"] == 3 and jobs["motion"] == 1 and jobs["deciding_figure"] == 2
    assert not {"table", "figure", "evaluate"} & set(jobs)


def test_counts_need_no_data_and_no_training(pipeline):
    jobs = pipeline.jobs("reports/complexity.csv")
    assert set(jobs) == {"complexity", "table"}


def test_the_networks_of_a_table_of_runtimes_are_timed_in_one_job(pipeline):
    jobs = pipeline.jobs("reports/iccv_table9.csv")
    assert jobs["speed"] == 1 and jobs["train"] == jobs["evaluate_orders"] == 4
    # Of STM, whose single view is compared with all views of Table 1, these as well.
    assert jobs["evaluate"] == 2


def test_a_finished_study_has_nothing_to_do(finished):
    started = time.monotonic()
    result = finished.snakemake("--cores", "2")
    assert "Nothing to be done" in result.stdout, result.stdout
    assert time.monotonic() - started < 20  # five seconds on a quiet machine; a test is no stopwatch


def test_an_edit_of_one_variant_retrains_no_other_and_undone_there_is_nothing_to_do(edited):
    models = edited.folder / "config/models.yaml"
    before = models.read_text()
    edited.edit("config/models.yaml", lambda data: data["variants"]["cmm"].update(cmm_sign="next_minus_current"))
    assert edited.jobs(TABLE) == {"train": 1, "evaluate": 1, "complexity": 2, "table": 1}
    models.write_text(before)
    assert edited.jobs(TABLE) == {}


def test_a_new_protocol_retrains_nothing(edited):
    edited.edit("config/config.yaml", lambda data: data["protocols"]["full"].update(clips=3))
    assert edited.jobs(TABLE) == {"evaluate": 4, "table": 1}


def test_a_corrected_published_figure_makes_the_table_alone(edited):
    edited.edit("config/published/tables/table6.yaml", lambda data: data["lines"][3].update(top1=49.3))
    assert edited.jobs(TABLE) == {"table": 1}


def test_a_corrected_expectation_is_checked_and_trains_nothing(edited):
    edited.edit("config/datasets/tiny.yaml", lambda data: data["expect"].pop("validation"))
    assert edited.jobs(TABLE) == {"counts": 1}


def test_another_size_of_frames_overwrites_nothing_and_changed_back_nothing_is_made_again(edited):
    before = (edited.folder / "config/datasets/tiny.yaml").read_text()
    edited.edit("config/datasets/tiny.yaml", lambda data: data["frames"].update(quality=80))
    jobs = edited.jobs(TABLE)
    assert jobs["extract"] == 2 and jobs["train"] == 4 and "render" not in jobs
    assert edited.snakemake("--cores", "2", "manifests").returncode == 0
    (edited.folder / "config/datasets/tiny.yaml").write_text(before)
    assert edited.jobs(TABLE) == {}


def test_a_mirror_that_the_recipe_does_not_use_trains_nothing(edited):
    edited.edit("config/datasets/tiny.yaml", lambda data: data.update(flip=True))
    assert edited.jobs(TABLE) == {}


def test_a_second_seed_keeps_the_first_and_numbers_in_an_override_are_numbers(edited):
    assert edited.jobs(TABLE, "--config", "seeds=[0,1]") == {"train": 4, "evaluate": 4, "table": 1}


def test_with_many_seeds_no_command_is_longer_than_linux_allows(pipeline):
    # 128 KB for one argument, and Snakemake hands each command to bash as one.
    seeds = "seeds=[" + ",".join(map(str, range(80))) + "]"
    targets = ("reports/table6.csv", "reports/temporal_order.csv")
    printed = pipeline.snakemake("--dry-run", "--printshellcmds", *targets, "--config", seeds).stdout
    commands = [line for line in printed.splitlines() if "stm " in line]
    assert any("stm order" in line for line in commands) and any("stm table" in line for line in commands)
    assert max(len(line.encode()) for line in commands) < 10_000


def test_the_table_holds_its_contract(finished):
    table = pd.read_csv(finished.folder / TABLE)
    columns = "line method source role subset study dataset experiment protocol published_protocol seeds clips"
    columns += " interval_covers deviations status top1 top1_low top1_high top5 published_top1 published_top5 params_m"
    columns += " flops_g run_params_m run_flops_g views"
    assert set(columns.split()) <= set(table.columns)
    order = pd.read_csv(finished.folder / "reports/temporal_order.csv").set_index(["variant", "order"])
    assert len(order) == 4 * 4 and (order["clips"] == 16).all()
    assert order.loc[("tsn", "reversed"), "difference"] == order.loc[("tsn", "shuffled"), "difference"] == 0
    claims = pd.read_csv(finished.folder / "reports/claims.csv")
    assert claims["claim"].is_unique and len(claims) > 200 and claims["verdict"].notna().all()
    assert table["method"].tolist() == ["TSN", "CSTM", "CMM", "STM"]
    assert table["published_top1"].tolist() == [19.7, 47.7, 44.1, 49.2]
    assert (table["source"] == "measured").all() and (table["clips"] == 16).all() and (table["study"] == "tiny").all()
    assert table["params_m"].round(2).tolist() == [23.86, 23.88, 24.02, 24.04]
    for figure in ("training_curves", "confusions", "accuracy_cost"):
        for ending in (".pdf", ".png", ".csv"):
            assert (finished.folder / f"reports/{figure}{ending}").stat().st_size > 100
    for ending in (".md", ".tex", ".claims.csv"):
        assert (finished.folder / TABLE).with_suffix(ending).stat().st_size > 100


def test_two_studies_in_one_command_are_refused(pipeline):
    shutil.copy(pipeline.folder / "config/config.yaml", pipeline.folder / "other.yaml")
    result = pipeline.snakemake("--dry-run", TABLE, "--configfile", "config/config.yaml", "other.yaml")
    assert result.returncode != 0 and "Give one study" in result.stdout


def test_a_given_study_takes_nothing_from_the_default_one_and_loads_no_torch(pipeline, monkeypatch):
    pipeline.edit("config/config.yaml", lambda data: data.update(seeds=[5, 6]))
    (pipeline.folder / "mine.yaml").write_text(
        "study: mine\nseeds: [0]\nroles: {something_v1: tiny}\nrecipes: {iccv2019: tiny}\n"
    )
    # Python says of each module that it is loaded, among what Snakemake says.
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    result = pipeline.snakemake("--dry-run", "--cores", "2", TABLE, "--configfile", "mine.yaml")
    assert "seed5" not in result.stdout and "tiny/stm-8f-tiny-" in result.stdout
    loaded = {line.split()[-1] for line in result.stdout.splitlines() if line.startswith("import time:")}
    assert {"snakemake", "stm.config.plan"} <= loaded
    assert not {"torch", "torchvision", "scipy", "sklearn", "matplotlib"} & loaded


def test_a_bad_configuration_is_one_message_without_a_traceback(pipeline: Pipeline):
    pipeline.edit("config/config.yaml", lambda data: data.update(seed=[0]))
    result = pipeline.snakemake("--dry-run", TABLE)
    assert result.returncode != 0
    assert "config/config.yaml:" in result.stdout and "Did you mean 'seeds'?" in result.stdout
    assert "Traceback" not in result.stdout
