"""Configurations that cannot be meant: each is refused at once, with file, key and what to write instead."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from stm.config.loading import ConfigError
from stm.config.plan import Plan

CHECKOUT = Path(__file__).parents[2]

# What is changed in which file (a dotted key; None removes it), and what the message must say.
BAD = [
    ("config.yaml", "seed", [0], r"config.yaml:\d+: seed is no known key here. Did you mean 'seeds'\?"),
    ("config.yaml", "seeds", None, r"the key 'seeds' is missing"),
    ("config.yaml", "seeds", "0", r"seeds = '0': expected a valid list"),
    ("config.yaml", "seeds", [], r"seeds = \[\]: List should have at least 1 item"),
    ("config.yaml", "seeds", [1, 1], r"seeds \[1, 1\]: each seed once"),
    ("config.yaml", "seeds", [-1], r"seeds\[0\] = -1: expected greater than or equal to 0"),
    ("config.yaml", "roles.something_v3", "synthetic_scene", r"roles.*something_v1"),
    ("config.yaml", "roles.something_v1", "synthetic_tempral", r"Did you mean 'synthetic_temporal'\?"),
    ("config.yaml", "roles", {"jester": "synthetic_scene"}, r"no dataset is bound to the role 'something_v1'"),
    ("config.yaml", "recipes.iccv2019", "demmo", r"recipes.iccv2019 = 'demmo' is not known. Did you mean 'demo'\?"),
    ("config.yaml", "backbones.51", {}, r"backbones"),
    ("config.yaml", "backbones.50.width", 15, r"backbones\[?\.?50\]?.width = 15: expected a multiple of 4"),
    ("config.yaml", "protocols.full.crops", 2, r"protocols.full.crops = 2: expected 1 or 3"),
    ("config.yaml", "tables", ["table66"], r"tables\[0\] = 'table66' is not known. Did you mean 'table6'\?"),
    ("config.yaml", "extends", "nowhere.yaml", r"extends = 'nowhere.yaml': no such file"),
    ("config.yaml", "extends", "x" * 300, r"extends = 'xxx.*: no such file"),
    ("config.yaml", "reports_dir", "../reports", r"reports_dir = '../reports': String should match pattern"),
    ("config.yaml", "reports_dir", "-rf", r"reports_dir = '-rf': String should match pattern"),
    ("config.yaml", "speed", {"seconds": float("nan")}, r"speed.seconds = nan: expected a finite number"),
    ("config.yaml", "study", "A study", r"study = 'A study': String should match pattern"),
    (
        "models.yaml",
        "variants.stm.cmm",
        "channelwise",
        r"variants.stm.cmm = 'channelwise': expected 'none'.*'channel_wise'",
    ),
    ("models.yaml", "variants.stm.depht", 50, r"variants.stm.depht is no known key here. Did you mean 'depth'\?"),
    ("models.yaml", "variants.stm", None, r"table\d.yaml:\d+: lines\[3\].variant = 'stm' is not known"),
    ("recipes/demo.yaml", "epochs", "twelve", r"demo.yaml:\d+: epochs = 'twelve': expected a valid integer"),
    ("recipes/demo.yaml", "learning_rate", float("inf"), r"learning_rate = inf: expected a finite number"),
    ("recipes/demo.yaml", "learning_rate", 10**40, r"demo.yaml:\d+: '1000.* is too large a number"),
    ("recipes/demo.yaml", "learning_rate", 0, r"learning_rate = 0: expected greater than 0"),
    ("recipes/demo.yaml", "micro_batch", 5, r"global_batch 16 is no multiple of micro_batch 5"),
    ("recipes/demo.yaml", "decay_epochs", [9, 99], r"decay_epochs \[9, 99\] must rise and end before epochs"),
    ("recipes/demo.yaml", "crop_size", 640, r"crop_size 640 is larger than short_side"),
    ("recipes/demo.yaml", "global_batch", {16: 32}, r"demo.yaml: .*no entry for 8 frames"),
    ("recipes/demo.yaml", "threads", None, r"the key 'threads' is missing"),
    ("datasets/synthetic_temporal.yaml", "annotations", {"list": "a.csv"}, r"either `annotations`.* or `render`"),
    ("datasets/synthetic_temporal.yaml", "shards", 0, r"shards = 0: expected greater than or equal to 1"),
    (
        "datasets/synthetic_temporal.yaml",
        "shards",
        10**12,
        r"shards = 1000000000000: expected less than or equal to 10000",
    ),
    ("datasets/synthetic_temporal.yaml", "videos", "x" * 300, r"videos = 'xxx.*: no file can have so long a name"),
    ("datasets/synthetic_temporal.yaml", "format", "cvs", r"format = 'cvs': expected 'csv'"),
    (
        "datasets/synthetic_temporal.yaml",
        "frames.quality",
        101,
        r"frames.quality = 101: expected less than or equal to 100",
    ),
    ("tables/table6.yaml", "protocol", "fulll", r"protocol = 'fulll' is not known. Did you mean 'full'\?"),
    ("tables/table6.yaml", "lines", [], r"lines = \[\]: List should have at least 1 item"),
    (
        "published/tables/table6.yaml",
        "lines",
        [],
        r"published/tables/table6.yaml:\d+: lines: methods \[\] are not those of",
    ),
]


def broken(folder: Path, file: str, key: str, value) -> Path:
    """A copy of the configuration with one thing wrong."""
    shutil.copytree(CHECKOUT / "config", folder / "config")
    path = folder / "config" / file
    data = yaml.safe_load(path.read_text())
    rest = key.split(".")
    place = data
    for part in rest[:-1]:
        place = place[int(part) if part.isdigit() else part]
    last = int(rest[-1]) if rest[-1].isdigit() else rest[-1]
    if value is None:
        del place[last]
    else:
        place[last] = value
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return folder / "config" / "config.yaml"


def resolved(study: Path) -> None:
    """What the Snakefile asks for before any job."""
    plan = Plan(study, config=study.parent)
    for table in plan.tables or plan.known_tables:
        plan.table(table)


@pytest.mark.parametrize(("file", "key", "value", "said"), BAD, ids=[f"{f}:{k}={v}"[:60] for f, k, v, _ in BAD])
def test_a_bad_configuration_is_refused_with_file_key_and_way_out(tmp_path, file, key, value, said):
    study = broken(tmp_path, file, key, value)
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        resolved(study)
    assert time.process_time() - started < 2
    assert re.search(said, str(caught.value)), str(caught.value)
    assert ".yaml" in str(caught.value) and len(str(caught.value)) < 1200


def test_at_the_command_line_it_is_one_message_without_a_traceback(tmp_path):
    study = broken(tmp_path, *BAD[0][:3])
    command = [sys.executable, "-m", "stm", "plan", str(study)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    assert result.returncode == 1 and result.stdout == ""
    assert re.search(BAD[0][3], result.stderr) and "Traceback" not in result.stderr
