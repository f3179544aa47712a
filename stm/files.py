"""Files that are written whole or not at all, and digests of what they hold."""

import errno
import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from stm.errors import UserError
from stm.launch import is_running

# Under which name a file of arrays holds the digest of its content.
CONTENT = "content_sha256"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


class WriteError(OSError):
    """A file that cannot be written, of which nothing was kept; the text says why and what to do."""


class DamagedError(UserError, ValueError):
    """A file that is not what was written; the text says which and what to do."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends well, remove it when it does not.

    A reader sees the old file or the new one, never half of either, whenever the writer is killed. What killed writers
    of the same file left is removed: it may be large, and is never looked at again.

    Raises:
        WriteError: the disk is full, or may not be written.
    """
    # With the machine's name: of processes elsewhere, on a disk that several share, their numbers say nothing.
    ours = f".{path.name}.{platform.node()}."
    temporary = path.with_name(f"{ours}{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent, ours)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if not _is_of_writing(error, temporary):
            raise
        if error.errno in FULL:
            advice = "Make room; the same command then goes on"
        elif error.errno in FORBIDDEN:
            advice = f"{path.parent} must be a folder that you may write to"
        else:
            raise
        raise WriteError(f"{path} cannot be written: {os.strerror(error.errno)}. {advice}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _is_of_writing(error: OSError, temporary: Path) -> bool:
    """Whether an error names no other file than the one that is written, its folder and those above it."""
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return True
    named, written = Path(os.fsdecode(error.filename)).absolute(), temporary.absolute()
    return named.parent == written.parent or named in written.parents


def _remove_leftovers(folder: Path, start: str) -> None:
    for path in folder.iterdir():
        process = path.name.removeprefix(start).removesuffix(".tmp")
        if path.name == f"{start}{process}.tmp" and process.isdecimal() and not is_running(int(process)):
            path.unlink(missing_ok=True)


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


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object with a digest of itself, whole or not at all."""
    # As it will be read: JSON knows neither tuples nor keys that are numbers.
    read = json.loads(json.dumps({key: value[key] for key in value if key != "seal"}, allow_nan=False))
    write_json(path, {**read, "seal": digest(read)})


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedError: it is cut off, or a byte of it has changed.
    """
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("seal", None) != digest(value):
            raise ValueError("its content does not match its digest")
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged: delete it and run again ({error})") from None
    return value


def digest(value: Any, length: int = 64) -> str:
    """The first `length` hex digits of the SHA-256 of a JSON-able value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def content_digest(about: Any, parts: Iterable[Any]) -> str:
    """The SHA-256 of what is said of some arrays, a JSON-able value, and of their memory, in hex."""
    found = hashlib.sha256(canonical_json(about).encode())
    for part in parts:
        found.update(part)
    return found.hexdigest()


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


@cache
def source_digest(*modules: Path) -> str:
    """A digest of the text of Python files and of those in folders, in the order of their names.

    For stages so cheap that any edit of their code may run them again. A process reads the files once: what it runs
    does not change meanwhile.
    """
    files = sorted(f for m in modules for f in ([m] if m.is_file() else m.rglob("*.py")))
    return digest([(f.name, f.read_text(encoding="utf-8")) for f in files], 16)
