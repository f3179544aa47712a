"""The list of a dataset's clips, and which shard each of them lies in.

Snakemake asks for every shard's digest whenever it parses, so nothing heavy is imported.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from stm.csvfile import read_csv, write_csv
from stm.data.annotations import Clip, class_list, files, fold_names, read, split_columns
from stm.errors import WrongValueError
from stm.files import (
    DamagedError,
    WriteError,
    canonical_json,
    digest,
    file_digest,
    source_digest,
    write_text,
)

CLASS_COLUMNS = ("index", "label")


def write_listing(spec: Mapping[str, Any], clips_csv: Path, classes_csv: Path) -> None:
    """Write the clips in the order of the annotation files, and the classes in that of `class_list`.

    Raises:
        AnnotationError: an annotation file is absent or wrong; nothing is written then.
    """
    clips = read(spec)
    labels = class_list(spec, clips)
    columns = ("clip", *split_columns(fold_names(spec)), "label", "group", "video")
    write_csv(clips_csv, columns, ((clip.clip, *clip.splits, clip.label, clip.group, clip.video) for clip in clips))
    write_csv(classes_csv, CLASS_COLUMNS, enumerate(labels))
    for path in (clips_csv, classes_csv):
        # As `sha256sum --check` reads it.
        write_text(_checked(path), f"{file_digest(path)}  {path.name}\n")
    print(f"{len(clips)} clips of {len(labels)} classes")


def _checked(path: Path) -> Path:
    """Where the digest of a file of a listing is kept."""
    return path.with_name(f"{path.name}.sha256")


def read_listing(clips_csv: Path, classes_csv: Path) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of clips and the labels of classes that `write_listing` wrote.

    Raises:
        DamagedError: a file is not what was written.
    """
    for path in (clips_csv, classes_csv):
        digests = _checked(path)
        if digests.is_file() and digests.read_bytes().partition(b" ")[0] != file_digest(path).encode():
            raise DamagedError(f"{path} is not the file that was written (see {digests}): delete it and run again")
    return read_csv(clips_csv), [row["label"] for row in read_csv(classes_csv)]


def shard_of(clip: str, shards: int) -> int:
    """The number of a clip's shard: of its id alone, so that a clip added to the list moves no other."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8]) % shards


def shard_clips(spec: Mapping[str, Any], shard: str, lists: Path | None = None) -> list[Clip]:
    """The clips of one shard in the order of their ids; none where the hash gave it none.

    Args:
        spec: `DatasetPlan.frames_spec`.
        shard: its number, as 0003.
        lists: as of `shard_digests`; None: the annotation files are read, all of them.

    Raises:
        AnnotationError: an annotation file is absent or wrong.
        WrongValueError: there is no shard of this number.
    """
    if not shard.isdecimal() or int(shard) >= spec["shards"]:
        raise WrongValueError(f"shard {shard}: the dataset has {spec['shards']} shards, from 0000 on")
    if lists is None:
        return _by_shard(spec)[int(shard)]
    digests, made = _digests(_key(spec), lists)
    if made is None:
        kept = _kept(lists, int(shard))
        if kept is not None and _digest(kept) == digests[int(shard)]:
            return kept
        # Its line is damaged: the next that asks for digests writes it anew.
        with suppress(OSError):
            lists.unlink()
    return (made or _by_shard(spec))[int(shard)]


def shard_digests(spec: Mapping[str, Any], lists: Path) -> list[str]:
    """Of each shard, a digest of which videos it holds; `absent` while an annotation file is, so that a dry run needs
    no data.

    Labels and splits are no part of it: a relabelled clip needs no new extraction.

    Args:
        spec: `DatasetPlan.frames_spec`.
        lists: a file that keeps all shards' digests, and below them a line with each one's clips. It is written anew
            where the annotation files are not those that it was written from: hundreds of thousands of lines take
            seconds to read, and Snakemake asks at every start, as does every extraction.
    """
    return ["absent"] * spec["shards"] if None in _state(spec) else _digests(_key(spec), lists)[0]


def _kept(lists: Path, shard: int) -> list[Clip] | None:
    """A shard's clips, from its line of a file of `shard_digests`; None where that is none of ours."""
    try:
        with open(lists, encoding="utf-8") as file:
            line = next(itertools.islice(file, shard + 1, None), "")
        return [Clip(clip, tuple(splits), *others) for clip, splits, *others in json.loads(line)]
    except (OSError, ValueError, TypeError):
        return None


def _digest(clips: Sequence[Clip]) -> str:
    return digest([(clip.clip, clip.video) for clip in clips], 16)


def _key(spec: Mapping[str, Any]) -> str:
    """All that the shards' clips follow from, as text: also the state of the files, and the code that reads them."""
    key = {name: spec[name] for name in ("format", "annotations", "folds", "shards", "subset") if name in spec}
    code = source_digest(Path(__file__), Path(__file__).parent / "annotations")
    # Which groups are left out moves no clip.
    return canonical_json({**key, "leave_groups_out": None, "state": _state(spec), "code": code})


def _state(spec: Mapping[str, Any]) -> list[tuple[int, int] | None]:
    """What tells that an annotation file was edited: time and size; None where it is absent."""
    return [_file_state(path) for path in files(spec)]


def _file_state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _digests(key: str, lists: Path) -> tuple[list[str], list[list[Clip]] | None]:
    """All shards' digests, from the first line of a file of this key; where there is none it is written, and the
    shards' clips come with them.
    """
    wanted = digest(key)
    try:
        with open(lists, encoding="utf-8") as file:
            kept = json.loads(file.readline())
        if kept["key"] == wanted:
            return list(kept["shards"]), None
    except (OSError, ValueError, KeyError, TypeError):
        # None yet, or damaged: it only saves time.
        pass
    shards = _by_shard(json.loads(key))
    digests = [_digest(clips) for clips in shards]
    rows = ([(clip.clip, clip.splits, clip.label, clip.group, clip.video) for clip in clips] for clips in shards)
    lines = [canonical_json(line) for line in ({"key": wanted, "shards": digests}, *rows)]
    # In a folder that may only be read a dry run still says what is there.
    with suppress(WriteError):
        write_text(lists, "\n".join(lines) + "\n")
    return digests, shards


def _by_shard(spec: Mapping[str, Any]) -> list[list[Clip]]:
    found: list[list[Clip]] = [[] for _ in range(spec["shards"])]
    for clip in sorted(read({**spec, "leave_groups_out": None}), key=lambda clip: clip.clip):
        found[shard_of(clip.clip, spec["shards"])].append(clip)
    return found
