"""What annotation files list, beside what the papers say: from a study's file to the verdicts."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from stm.config.plan import Plan
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.datasets import COLUMNS, write_datasets

CONFIG = Path(__file__).parents[2] / "config"
# Three splits of three clips of two classes.
UCF = {
    "classInd.txt": "1 Archery\n2 YoYo\n",
    **{f"trainlist0{k}.txt": "Archery/v_Archery_g08_c01.avi 1\nYoYo/v_YoYo_g08_c01.avi 2\n" for k in (1, 2, 3)},
    **{f"testlist0{k}.txt": "YoYo/v_YoYo_g01_c01.avi\n" for k in (1, 2, 3)},
}
SOMETHING = {"train": "1;Holding\n2;Waving\n", "validation": "3;Waving\n", "labels": "Holding\nWaving\n"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the lists of UCF-101 and of Something-Something v1, but for its test list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(CONFIG)
    for name, text in UCF.items():
        put(f"data/ucf101/ucfTrainTestlist/{name}", text)
    for part, text in SOMETHING.items():
        put(f"data/something_v1/something-something-v1-{part}.csv", text)
    return tmp_path


def put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def reported(**roles: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The counts and the claims of a study that binds these roles."""
    Path("study.yaml").write_text(yaml.safe_dump({"extends": "config/paper.yaml", "study": "mine", "roles": roles}))
    write_datasets(Plan(Path("study.yaml")).datasets.spec, Path("reports/datasets"))
    counts = pd.read_csv("reports/datasets.csv", dtype=str, keep_default_na=False)
    claims = pd.read_csv("reports/datasets.claims.csv", dtype=str, keep_default_na=False)
    assert counts.columns.tolist() == COLUMNS and claims.columns.tolist() == CLAIM_COLUMNS
    return counts, claims.set_index("claim")


def cells(counts: pd.DataFrame, role: str, count: str, *columns: str) -> list[list[str]]:
    """Some cells of the rows of a count."""
    return counts.loc[(counts["role"] == role) & (counts["count"] == count), list(columns)].to_numpy().tolist()


def test_a_count_is_replicated_where_it_is_the_printed_one_and_refuted_where_not(folder):
    counts, claims = reported(ucf101="ucf101")
    assert claims.loc["I28c", ["published", "measured", "verdict"]].tolist() == ["3", "3", "replicated"]
    assert claims.loc["P35h", ["published", "measured", "verdict"]].tolist() == ["13320", "3", "refuted"]
    assert (
        claims.loc["P35h", "why"] == "listed: 3, printed: 13,320" and claims.loc["P35h", "same_evidence_as"] == "I28b"
    )
    figures = ("source", "listed", "published_iccv2019", "published_tpami2022", "status")
    assert cells(counts, "ucf101", "clips", *figures) == [["measured", "3", "13320", "13320", "not the printed figure"]]
    assert cells(counts, "ucf101", "folds", *figures) == [["measured", "3", "3", "3", "ok"]]
    assert cells(counts, "ucf101", "train", "fold", "listed") == [["1", "2"], ["2", "2"], ["3", "2"]]
    page = Path("reports/datasets.md").read_text()
    assert "| ucf101 | ucf101 | clips |  | 3 | 13,320 | 13,320 | not the printed figure |" in page
    assert "UCF-101 has three official splits" in page


def test_splits_are_those_whose_files_are_there_and_not_those_that_are_asked_for(folder):
    put("data/ucf101/ucfTrainTestlist/trainlist04.txt", UCF["trainlist01.txt"])
    put("data/ucf101/ucfTrainTestlist/testlist04.txt", UCF["testlist01.txt"])
    _, claims = reported(ucf101="ucf101")
    assert claims.loc["I28c", ["measured", "verdict"]].tolist() == ["4", "refuted"]


def test_all_videos_are_counted_with_the_test_list_alone(folder):
    _, claims = reported(something_v1="something_v1")
    assert (
        claims.loc["I24b", "verdict"] == "not testable here"
        and "without the makers' test list" in (claims.loc["I24b", "why"])
    )
    assert claims.loc["I24", ["measured", "verdict"]].tolist() == ["2", "refuted"]
    put("data/something_v1/something-something-v1-test.csv", "4\n5\n")
    counts, claims = reported(something_v1="something_v1")
    assert claims.loc["I24b", ["measured", "verdict"]].tolist() == ["5", "refuted"]
    assert cells(counts, "something_v1", "test", "listed") == [["2"]]


def test_what_is_not_there_is_said_and_the_rest_is_counted(folder):
    counts, claims = reported(ucf101="ucf101", jester="jester")
    why = claims["why"]
    assert (
        why["I26"] == "data/jester/jester-v1-train.csv is not there" and why["I29"] == "no dataset is bound to hmdb51"
    )
    assert set(claims.loc[["I26", "I29"], "verdict"]) == {"not testable here"}
    assert cells(counts, "hmdb51", "clips", "source", "listed", "published_iccv2019") == [["published", "", "6766"]]
    assert claims.loc["I28c", "verdict"] == "replicated"


def test_on_other_data_nothing_is_replicated_or_refuted(folder):
    put("config_of_mine.csv", "video,label,split\na.mp4,one,train\nb.mp4,two,validation\n")
    (folder / "config").unlink()
    (folder / "config").mkdir()
    for path in CONFIG.iterdir():
        if path.name != "datasets":
            (folder / "config" / path.name).symlink_to(path)
    own = {"title": "mine", "format": "csv", "annotations": {"list": "config_of_mine.csv"}}
    put("config/datasets/mine.yaml", yaml.safe_dump(own))
    counts, claims = reported(kinetics400="mine")
    assert claims.loc["I27c", ["measured", "verdict", "why"]].tolist() == [
        *(
            "1",
            "not testable here",
            "mine is not the papers' Kinetics-400; the official validation list has 19,906 clips",
        )
    ]
    assert claims.loc["I27c", "deviations"] == "data: mine for Kinetics-400"
    assert cells(counts, "kinetics400", "classes", "listed") == [["2"]]


def test_a_list_of_which_nobody_says_how_long_it_is_proves_nothing(folder):
    """Of Kinetics-400's training list the copies differ; a shorter one must not refute the papers' number."""
    for split, first in (("train", 1), ("val", 3)):
        rows = "".join(f"{label},{first + k:011d},0,10,{split}\n" for k, label in enumerate("ab"))
        put(f"data/kinetics400/kinetics-400_{split}.csv", f"label,youtube_id,time_start,time_end,split\n{rows}")
    _, claims = reported(kinetics400="kinetics400")
    assert claims.loc["I27b", ["measured", "verdict"]].tolist() == ["2", "not testable here"]
    assert "does not say how many train clips its list has" in claims.loc["I27b", "why"]
    assert claims.loc["I27c", "verdict"] == "refuted", "19,906 are expected of the validation list"
