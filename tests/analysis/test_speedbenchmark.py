"""benchmarks/speed.py, which runs on machines that have no environment of the project."""

import importlib.util
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "benchmarks" / "speed.py"


@pytest.fixture
def benchmark():
    module = importlib.util.spec_from_file_location("benchmark", FILE)
    benchmark = importlib.util.module_from_spec(module)
    module.loader.exec_module(benchmark)
    return benchmark


def test_a_step_of_training_uses_the_weights_that_the_step_before_left(benchmark):
    """Also in bfloat16, of which autocast keeps cast weights as long as it is entered."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5))
    model[1].weight.data.zero_()
    model[1].bias.data.zero_()
    logits = []
    model.register_forward_hook(lambda *found: logits.append(found[-1]))
    step = benchmark.training(model, torch.ones(2, 1, 3, 2, 2), bfloat16=True)
    step()
    step()
    assert logits[0].dtype == torch.bfloat16 and not logits[0].any() and logits[1].all()


RATES = {"torchvision": [10.0, 10.0], "tsn": [9.8, 9.7], "stm": [9.0, 9.0], "stm-plain": [6.0, 5.0]}


def test_ratios_are_given_to_tsn_and_to_the_plain_form(benchmark):
    found = benchmark.summary(RATES, "stm")
    assert found["speed_vs_tsn"][1:] == [9.0 / 9.8, 9.0 / 9.7]
    assert found["speed_vs_plain"] == [pytest.approx(1.65), 1.5, 1.8]
    assert "speed_vs_plain" not in benchmark.summary(RATES, "stm-plain")


@pytest.mark.parametrize(
    ("rates", "why"),
    [
        (RATES | {"tsn": [9.0, 9.4]}, "TSN has 0.920 of the speed of torchvision's ResNet-50.* less than 0.97"),
        ({name: RATES[name] for name in ("tsn", "stm")}, "were not both timed"),
    ],
)
def test_no_ratio_to_a_baseline_that_is_slow_or_unknown(benchmark, rates, why):
    for name in rates:
        found = benchmark.summary(rates, name)
        assert found["speed_vs_tsn"] is None and re.search(why, found["no_ratio"])


def test_a_training_of_stm_holds_at_most_1_15_of_what_tsns_does(benchmark):
    options = benchmark.argparse.Namespace(device="cpu", precision="float32", size=32, networks=["tsn", "stm"])
    held = benchmark.held(options)
    assert 1 < held["stm"] / held["tsn"] <= 1.15


@pytest.mark.parametrize(
    ("apart", "status"), [(0.9e-5, None), (1.1e-5, "no parity.*shift in float32"), (float("nan"), "nan")]
)
def test_operators_that_are_far_from_the_plain_form_end_it_with_an_error(benchmark, monkeypatch, capsys, apart, status):
    monkeypatch.setattr(benchmark, "OPERATORS", ["shift"])
    monkeypatch.setattr(benchmark, "furthest", lambda *_: apart)
    monkeypatch.setattr(benchmark, "measure", lambda *_: {"tsn": {"videos_per_second": 1.0}})
    monkeypatch.setattr(benchmark, "held", lambda *_: {"tsn": 3.0})
    monkeypatch.setattr(sys, "argv", ["speed.py"])
    if status is None:
        benchmark.main()
    else:
        with pytest.raises(SystemExit, match=status):
            benchmark.main()
    assert "| tsn | 1 | 3 | 1 |" in capsys.readouterr().out


def test_beside_torch_and_torchvision_it_needs_the_wheels_that_it_names_and_no_others(tmp_path):
    """In a folder with those and what the two require, and nothing else."""
    named = re.search(r"pip install --no-deps (.*)", FILE.read_text(encoding="utf-8"))[1].split()
    packages = [*_required("torch"), *_required("torchvision"), *named]
    for package in packages:
        found = metadata.distribution(package)
        for top in {file.parts[0] for file in found.files if file.parts[0] not in ("..", "__pycache__")}:
            link = tmp_path / top
            if not link.is_symlink():
                link.symlink_to(found.locate_file(top))
    # -S: without the environment's own folder of packages.
    command = [sys.executable, "-S", str(FILE), "--help"]
    paths = {"PYTHONPATH": f"{CHECKOUT}:{tmp_path}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=paths, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _required(package: str) -> list[str]:
    """A package and what it requires here, as far as that goes."""
    found, todo = [], [package]
    while todo:
        name = todo.pop()
        try:
            asked = [Requirement(text) for text in metadata.distribution(name).requires or []]
        except metadata.PackageNotFoundError:
            continue
        found.append(name)
        here = [r.name for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})]
        todo += [name for name in here if name not in found]
    return found
