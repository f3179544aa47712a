"""What `stm` says when a stage cannot go on, and what it leaves to a traceback."""

import re
import subprocess
import sys

import numpy as np
import pytest

from stm.cli import main
from stm.cli.arguments import specification
from stm.cli.stages import STAGES
from stm.errors import UserError, WrongValueError
from stm.files import DamagedError, WriteError, canonical_json, digest

COMMANDS = {
    "train": ("train", "--spec", "{}", "--index", "i", "--checkpoints", "c", "--out", "o"),
    "evaluate": ("evaluate", "--spec", "{}", "--run", "r", "--index", "i", "--out", "o"),
    "table": ("table", "--spec", "{}", "--out", "o"),
}


@pytest.fixture
def ending(monkeypatch):
    """A stage that ends in an error; the exit status."""

    def ending(name, error):
        def failing(options):
            raise error

        monkeypatch.setitem(STAGES, name, (failing, *STAGES[name][1:]))
        return main(list(COMMANDS[name]))

    return ending


@pytest.mark.parametrize(
    "error", [UserError("x.yaml:3"), WrongValueError("x.yaml:3"), DamagedError("x.yaml:3"), WriteError("x.yaml:3")]
)
def test_an_error_of_the_users_input_is_one_line(ending, capsys, error):
    assert ending("table", error) == 1
    assert capsys.readouterr().err == "stm table: x.yaml:3\n"


def test_ctrl_c_is_one_line_and_the_status_that_shells_know(ending, capsys):
    assert ending("train", KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "\nstm train: stopped. The same command goes on from the last checkpoint\n"


@pytest.mark.parametrize("wrong", [lambda: np.zeros((2, 3)) @ np.zeros(2), lambda: list(zip([1], [], strict=True))])
def test_a_bug_of_ours_keeps_its_traceback(ending, wrong):
    with pytest.raises(ValueError) as bug:  # noqa: PT011 (numpy's and Python's own)
        wrong()
    with pytest.raises(ValueError, match="shorter|mismatch"):
        ending("table", bug.value)


@pytest.mark.parametrize("harm", [lambda text: text.replace("49.2", "79.2"), lambda text: text[:-3]])
def test_a_specification_that_does_not_match_its_name_is_refused_with_what_to_do(tmp_path, capsys, harm):
    text = canonical_json({"published": 49.2})
    path = tmp_path / f"table6-{digest({'published': 49.2}, 16)}.json"
    path.write_text(text)
    assert specification(str(path)) == {"published": 49.2}
    path.write_text(harm(text))
    with pytest.raises(SystemExit):
        main(["table", "--spec", str(path), "--out", str(tmp_path / "o")])
    said = capsys.readouterr().err
    assert f"{path} is damaged" in said or f"{path} holds no JSON" in said
    assert "made anew by the same snakemake command" in said


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("train", "last checkpoint is kept.*micro_batch"),
        ("evaluate", "micro_batch views at a time"),
        ("table", "mem_mb"),
    ],
)
def test_out_of_memory_is_one_message_with_what_to_do_wherever_it_happens(ending, capsys, name, advice):
    torch = pytest.importorskip("torch")
    for error in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried it"),
        MemoryError("Unable to allocate 3 GiB"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
    ):
        assert ending(name, error) == 1
        said = capsys.readouterr().err
        assert re.match(rf"stm {name}: out of memory \(.*\)\. .*{advice}", said) and said.count("\n") == 1


def test_other_errors_of_torch_keep_their_traceback(ending):
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        ending("train", RuntimeError("shapes do not fit"))


def test_the_list_of_commands_loads_nothing_that_takes_its_time():
    code = "import sys; from stm.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, _, loaded = done.stdout.rstrip().rpartition("\n")
    assert "train" in said and "stm.cli" in loaded.split()
    slow = {"torch", "torchvision", "pandas", "scipy", "numpy", "snakemake", "pydantic", "yaml", "matplotlib"}
    assert not slow & set(loaded.split())
