"""Every file of the configuration, mutated: it is taken, or refused in one message that names a file."""

import shutil
from pathlib import Path
from random import Random

import pytest

from stm.config.loading import ConfigError, read_yaml, validated
from stm.config.plan import Plan
from stm.config.schema.prose import Prose
from stm.files import canonical_json

from ..mutations import bounded, mutated

CONFIG = Path(__file__).parents[2] / "config"
FILES = sorted(path.relative_to(CONFIG) for path in CONFIG.rglob("*.yaml"))
STUDIES = [file for file in FILES if len(file.parts) == 1 and "study:" in (CONFIG / file).read_text(encoding="utf-8")]


def resolve(config: Path, file: Path) -> None:
    """What the commands ask of a configuration of which one file is new."""
    study = Plan(config / (file if file in STUDIES else "config.yaml"), config=config)
    name = file.stem
    match file.parts[0]:
        case "datasets":
            dataset = study.dataset(name)
            asked = [dataset.key, dataset.listing_spec, dataset.frames_spec, dataset.annotation_files, dataset.shards]
            canonical_json([*asked, dataset.identity, dataset.folds])
        case "recipes":
            canonical_json(study.recipe(name)[1].model_dump())
        case "tables":
            canonical_json(study.table(name).spec)
        case "figures":
            canonical_json(study.figure(name).spec)
        case "published" if file.parts[1] == "prose":
            validated(Prose, read_yaml(config / file))
        case "published" if file.parts[1] == "tables":
            canonical_json(study.table(name).spec)
        case "known_checkpoints.yaml":
            canonical_json(study.checkpoints.spec)
        case "published" | "controls.yaml":
            assert study.claims and study.datasets.spec
        case _:
            study.require_tables()
            canonical_json([study.table(table).spec for table in study.tables])
            assert study.runs and study.order.spec


def check(folder: Path, numbers: range) -> dict[str, int]:
    """Mutate one file after the other; how many were taken, and how many refused."""
    config = folder / "config"
    shutil.copytree(CONFIG, config)
    found = {"taken": 0, "refused": 0}
    for number in numbers:
        rng = Random(number)
        file = FILES[number % len(FILES)]
        text = (CONFIG / file).read_text(encoding="utf-8")
        what, data = mutated(text, rng)
        (config / file).write_bytes(data)
        try:
            with bounded():
                resolve(config, file)
            found["taken"] += 1
        except Exception as error:
            if not isinstance(error, ConfigError) or ".yaml" not in str(error):
                raise AssertionError(f"{number}: {what} of {file}: {type(error).__name__}: {error}") from error
            found["refused"] += 1
        (config / file).write_bytes(text.encode())
    assert not (Path.cwd() / "harmed").exists()
    return found


def test_a_few_mutated_configurations_are_taken_or_refused(tmp_path):
    found = check(tmp_path, range(1000, 1024))
    assert min(found.values()) > 0, found


@pytest.mark.faults
def test_two_hundred_mutated_configurations_are_taken_or_refused(tmp_path):
    found = check(tmp_path, range(2 * len(FILES)))
    assert sum(found.values()) >= 200 and min(found.values()) > 10, found
