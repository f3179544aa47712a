"""Files that are damaged: each is refused by name, or changes nothing."""

import random
import time
from pathlib import Path

import pytest

from stm.cli import main

from ..stages import begun, ended_well, longer

pytestmark = pytest.mark.faults

DAMAGES = 6


def harmed(content: bytes, k: int, draw: random.Random) -> bytes:
    """Cut off in its first half, or with one bit changed."""
    if k % 2 == 0:
        return content[: draw.randrange(len(content) // 2)]
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << k)]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("name", "flag", "pattern"),
    [
        ("manifest", "--shards", "{}/0001.arrow"),
        ("train", "--index", "{}"),
        ("train", "--index", "shards/0000.tar"),
        ("evaluate", "--index", "{}"),
        ("evaluate", "--index", "shards/0001.tar"),
        ("evaluate", "--run", "{}/weights.safetensors"),
        ("evaluate", "--run", "{}/run.json"),
        ("maps", "--motion", "{}"),
        ("table", "results", "predictions/**/full-*.arrow"),
        ("table", "results", "complexity/stm-*.json"),
        ("order", "results", "predictions/**/efficient-reversed-*.arrow"),
        ("figure", "results", "runs/**/history.csv"),
        ("figure", "results", "predictions/**/full-*.arrow"),
    ],
)
def test_a_file_that_is_cut_off_or_has_a_changed_byte_is_refused_by_name_or_changes_nothing(
    stages, stage_in, draw, capsys, name, flag, pattern
):
    stage = stage_in(name)
    if name == "figure":
        kind = "training_curves" if "history" in pattern else "confusions"
        stage.arguments = next(s.arguments for s in stages["figure"] if kind in s.arguments[-1])
    whole = ended_well(stage)
    if flag == "results":
        read = Path(*stage.value("--spec")).read_text()
        damaged = draw.choice([path for path in sorted(Path("results").glob(pattern)) if f'"{path}"' in read])
    else:
        given = Path(draw.choice(stage.value(flag)))
        damaged = Path(pattern.format(given)) if "{}" in pattern else given.parent / pattern
    content = damaged.read_bytes()
    refused = 0
    for k in range(DAMAGES):
        damaged.write_bytes(harmed(content, k, draw))
        stage.remove()
        capsys.readouterr()
        code, said = main(stage.arguments), capsys.readouterr().err
        refused += code
        named = str(damaged.with_suffix("")) in said or str(damaged.parent) in said
        assert (code == 1 and named and not stage.contents()) or (code == 0 and stage.contents() == whole), said
    assert refused >= DAMAGES // 2
    damaged.write_bytes(content)
    assert ended_well(stage) == whole


def test_a_damaged_checkpoint_is_refused_by_name_and_once_it_is_deleted_the_run_ends_as_it_should(
    stage_in, draw, capsys
):
    stage = longer(stage_in("train"))
    stage.remove()
    whole = ended_well(stage)
    stage.remove()
    folder = Path(*stage.value("--checkpoints"))
    process = begun(stage)
    while not list(folder.glob("*.safetensors")):
        assert process.is_alive()
        time.sleep(0.001)
    process.kill()
    process.join()
    (checkpoint,) = folder.glob("*.safetensors")
    content = checkpoint.read_bytes()
    for k in range(DAMAGES):
        checkpoint.write_bytes(harmed(content, k, draw))
        capsys.readouterr()
        assert main(stage.arguments) == 1
        said = capsys.readouterr().err
        assert f"{checkpoint} is no checkpoint of this run" in said and "Delete it to start this run from its" in said
        assert not stage.contents()
    checkpoint.unlink()
    assert ended_well(stage) == whole
