"""Files that are written whole or not at all, and digests of what they hold."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    A reader sees the old file or the new one, never half of either, whenever the writer is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def canonical_json(value: Any) -> str:
    """JSON on one line with sorted keys: equal values give equal text, so Snakemake sees no change."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def digest(value: Any, length: int = 64) -> str:
    """The first `length` hex digits of the SHA-256 of a JSON-able value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def matching(path: str) -> list[str]:
    """The files that a path with a * in its last part stands for, in the order of their names; itself where none is
    there, and every path without one.
    """
    folder, name = Path(path).parent, Path(path).name
    if "*" not in name:
        return [path]
    fits = re.compile(".*".join(map(re.escape, name.split("*"))))
    found = sorted(file.name for file in folder.iterdir() if fits.fullmatch(file.name)) if folder.is_dir() else []
    return [str(folder / file) for file in found] or [path]


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_digest(*modules: Path) -> str:
    """A digest of the text of Python files and of those in folders, in the order of their names.

    For stages so cheap that any edit of their code may run them again.
    """
    files = sorted(f for m in modules for f in ([m] if m.is_file() else m.rglob("*.py")))
    return digest([(f.name, f.read_text(encoding="utf-8")) for f in files], 16)
