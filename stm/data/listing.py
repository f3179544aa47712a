"""The list of a dataset's clips, and which shard each of them lies in.

Snakemake asks for every shard's digest whenever it parses, so files are read once and nothing heavy is imported.
"""

import csv
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stm.data.annotations import Clip, class_list, files, fold_names, read, split_columns
from stm.files import canonical_json, digest, replacing

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
    print(f"{len(clips)} clips of {len(labels)} classes")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """A csv file in UTF-8, whole or not at all."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file of `write_csv`, by column."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shard_of(clip: str, shards: int) -> int:
    """The number of a clip's shard: of its id alone, so that a clip added to the list moves no other."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8]) % shards


def shard_clips(spec: Mapping[str, Any], shard: str) -> list[Clip]:
    """The clips of one shard in the order of their ids; none where the hash gave it none.

    Args:
        spec: `DatasetPlan.frames_spec`.
        shard: its number, as 0003.

    Raises:
        AnnotationError: an annotation file is absent or wrong.
        ValueError: there is no shard of this number.
    """
    if not 0 <= int(shard) < spec["shards"]:
        raise ValueError(f"shard {shard}: the dataset has {spec['shards']} shards, from 0000 on")
    # Which groups are left out moves no clip.
    key = {name: spec[name] for name in ("format", "annotations", "folds", "shards", "subset") if name in spec}
    return list(_by_shard(canonical_json({**key, "leave_groups_out": None, "state": _state(spec)}))[int(shard)])


def shard_digest(spec: Mapping[str, Any], shard: str) -> str:
    """A digest of which videos a shard holds; `absent` while an annotation file is, so that a dry run needs no data.

    Labels and splits are no part of it: a relabelled clip needs no new extraction.
    """
    if None in _state(spec):
        return "absent"
    return digest([(clip.clip, clip.video) for clip in shard_clips(spec, shard)], 16)


def _state(spec: Mapping[str, Any]) -> list[tuple[int, int] | None]:
    """What tells that an annotation file was edited: time and size; None where it is absent."""
    return [_file_state(path) for path in files(spec)]


def _file_state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


@functools.cache
def _by_shard(key: str) -> list[list[Clip]]:
    """All shards' clips. The key is text for the cache, and holds the files' state: an edited file is another key."""
    spec = json.loads(key)
    found: list[list[Clip]] = [[] for _ in range(spec["shards"])]
    for clip in sorted(read(spec), key=lambda clip: clip.clip):
        found[shard_of(clip.clip, spec["shards"])].append(clip)
    return found
