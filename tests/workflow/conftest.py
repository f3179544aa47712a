"""A copy of the pipeline in a folder of its own, with a study so small that a table takes seconds."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]

STUDY = {
    "study": "tiny",
    "seeds": [0],
    "roles": {"something_v1": "tiny"},
    "recipes": {"iccv2019": "tiny"},
    "backbones": {
        50: {"block": "bottleneck", "blocks": [1, 1, 1, 1], "width": 8, "cmm_reduction": 4, "cmm_least_channels": 2}
    },
    "protocols": {"full": {"clips": 2, "crops": 1}},
    "tables": ["table6"],
}
DATASET = {
    "title": "two pairs of drawn motions",
    "format": "csv",
    "render": {"generator": "temporal", "seed": 7, "clips": {"train": 32, "validation": 16}, "pairs": 2, "size": 48},
    "frames": {"short_side": 48, "quality": 95},
    "shards": 2,
    "expect": {"classes": 4, "train": 32, "validation": 16},
    "order_only": True,
}
RECIPE = {
    "source": "the smallest training",
    "initialisation": "scratch",
    "epochs": 1,
    "learning_rate": 0.05,
    "weight_decay": 0.0005,
    "dropout": 0.0,
    "global_batch": 8,
    "micro_batch": 8,
    "short_side": 48,
    "crop_size": 32,
    "threads": 1,
}


@dataclass
class Pipeline:
    """The pipeline in a folder."""

    folder: Path

    def snakemake(self, *arguments: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run Snakemake there; stdout and stderr come as one text in `stdout`."""
        return self.python("snakemake", *arguments, timeout=timeout)

    def python(self, module: str, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a module there, its output as one text."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=environment(),
        )

    def jobs(self, *arguments: str) -> dict[str, int]:
        """What a dry run would do: jobs by rule."""
        result = self.snakemake("--dry-run", "--cores", "2", *arguments)
        assert result.returncode == 0 and "Traceback" not in result.stdout, result.stdout
        _, _, stats = result.stdout.partition("Job stats:")
        counts = {}
        for line in stats.splitlines()[1:]:
            words = line.split()
            if len(words) == 2 and words[1].isdigit():
                counts[words[0]] = int(words[1])
            elif counts:
                break
        counts.pop("total", None)
        return counts

    def edit(self, path: str, change: Callable[[dict], None]) -> None:
        """Change a YAML file."""
        file = self.folder / path
        data = yaml.safe_load(file.read_text())
        change(data)
        file.write_text(yaml.safe_dump(data, sort_keys=False))


def environment() -> dict[str, str]:
    """Ours, without a GPU: the same numbers on every machine."""
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"}


def pipeline_in(folder: Path) -> Pipeline:
    """Copy what the pipeline is made of, and bind the tiny study as the default one."""
    from stm.data.synthetic import reversed_pairs

    for name in ("Snakefile", "workflow", "config", "profiles", "environment.yml"):
        source = CHECKOUT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "stm").symlink_to(CHECKOUT / "stm")
    pairs = [list(pair) for pair in reversed_pairs(DATASET["render"])]
    for path, data in (
        ("config.yaml", STUDY),
        ("datasets/tiny.yaml", {**DATASET, "reversed_pairs": pairs}),
        ("recipes/tiny.yaml", RECIPE),
    ):
        (folder / "config" / path).write_text(yaml.safe_dump(data, sort_keys=False))
    return Pipeline(folder)


@pytest.fixture
def pipeline(tmp_path) -> Pipeline:
    """A fresh pipeline in which nothing has been made."""
    return pipeline_in(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Pipeline:
    """A pipeline that has made its table and claims. Leave it as it is: change configuration only in `edited`."""
    own = tmp_path_factory.mktemp("finished")
    if worker_id == "master":
        return _finished_in(own)
    # Made once for all processes of pytest-xdist, whose folders lie in one; each has a copy that it may change.
    shared = tmp_path_factory.getbasetemp().parent / "finished"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            _finished_in(tmp_path_factory.mktemp("making")).folder.rename(shared)
    shutil.copytree(shared, own, symlinks=True, dirs_exist_ok=True)
    return Pipeline(own)


def _finished_in(folder: Path) -> Pipeline:
    done = pipeline_in(folder)
    result = done.snakemake("--cores", "2")
    assert result.returncode == 0, result.stdout
    return done
