"""What a run says of itself: `run.json` in its folder."""

from pathlib import Path
from typing import Any

from stm.errors import UserError
from stm.files import read_sealed


class RunError(UserError):
    """A run's folder that cannot be used as asked; the text says why and what to do."""


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a finished run, trained or imported.

    Raises:
        RunError: there is none.
        DamagedError: it is not what was written.
    """
    path = folder / "run.json"
    try:
        return read_sealed(path)
    except (FileNotFoundError, NotADirectoryError):
        hint = "its training has not ended" if folder.is_dir() else "no such folder"
        raise RunError(
            f"{path}: no such file ({hint}). Give the folder of a finished run, as results/runs/<experiment>/seed0"
        ) from None
