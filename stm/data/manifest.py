"""From the listing and all shards to one index for training, and a manifest that says what became of each clip."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from stm.csvfile import csv_cell, write_csv
from stm.data.annotations import SPLITS, split_columns
from stm.data.annotations.folds import split_name
from stm.data.arrowfile import read_arrow, write_arrow
from stm.data.listing import read_listing, shard_of
from stm.data.shards import OF_FRAMES, extract_again
from stm.errors import UserError
from stm.files import digest

OUTCOME = ("status", "reason", "decoder", "frames", "width", "height")

Row = dict[str, Any]


class ManifestError(UserError, ValueError):
    """Listing and shards that do not fit each other, or hold nothing to train with or to test on."""


def write_manifest(
    clips_csv: Path,
    classes_csv: Path,
    shard_indexes: Sequence[Path],
    index_path: Path,
    manifest_path: Path,
) -> None:
    """Join the listing with the shards, and write both files.

    Args:
        clips_csv: of `write_listing`.
        classes_csv: of `write_listing`.
        shard_indexes: of `extract`, all of them, in one folder with their tars.
        index_path: an Arrow file of `index_schema` to map into memory; `shards` in its metadata is the tars' folder as
            seen from the index.
        manifest_path: csv of all listed clips, in the listing's order.

    Raises:
        ManifestError: a shard's index is damaged; a clip of the listing is in no shard, or the reverse; train or
            validation has no frames at all. Nothing is written then.
        DamagedError: as of `read_listing`.
    """
    clips, classes = read_listing(clips_csv, classes_csv)
    frames, metadata = _read_shards(shard_indexes)
    found = _outcomes(frames, shard_indexes)
    _check_joined({clip["clip"] for clip in clips}, found, shard_indexes)
    rows = [{**clip, **found[clip["clip"]]} for clip in clips]
    folds = [name.removeprefix("split_") for name in clips[0] if name.startswith("split_")]
    _print_summary(rows, classes, folds)
    for column in split_columns(folds):
        _check_frames(rows, column)
    columns = (*_listed(folds), *OUTCOME, "video")
    # People open it: names of clips come from users' files.
    write_csv(manifest_path, columns, ([csv_cell(row[name]) for name in columns] for row in rows))
    _write_index(index_path, rows, classes, folds, frames, metadata, shard_indexes[0].parent)


def index_schema(folds: Sequence[str]) -> pa.Schema:
    """One row for each clip that has frames, sorted by split and clip; with folds, by clip."""
    return pa.schema(
        {
            "clip": pa.string(),
            **{column: pa.string() for column in split_columns(folds)},
            # A class by its place in the metadata's `classes`; -1 where it is not known.
            "label": pa.int32(),
            "group": pa.string(),
            "shard": pa.string(),
            "status": pa.string(),
            "frames": pa.int32(),
            "width": pa.int32(),
            "height": pa.int32(),
            # Of each JPEG file's bytes in the shard's tar.
            "offsets": pa.list_(pa.int64()),
            "sizes": pa.list_(pa.int32()),
            "crc32": pa.list_(pa.uint32()),
        }
    )


def _listed(folds: Sequence[str]) -> tuple[str, ...]:
    return ("clip", *split_columns(folds), "label", "group")


def _read_shards(shard_indexes: Sequence[Path]) -> tuple[pa.Table, dict[str, Row]]:
    """All rows of all shards, with the column `shard`; and each shard's metadata, by its name."""
    tables, metadata = [], {}
    for path in shard_indexes:
        try:
            table = read_arrow(path)
        except ValueError as error:
            raise ManifestError(f"{path} is damaged ({error}). {extract_again(path)}") from None
        metadata[path.stem] = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
        shard = pa.array([path.stem] * len(table), pa.string())
        tables.append(table.replace_schema_metadata().append_column("shard", shard))
    return pa.concat_tables(tables), metadata


def _outcomes(frames: pa.Table, shard_indexes: Sequence[Path]) -> dict[str, Row]:
    """What became of each clip, by its id; `row` is its place in the table, where its frames stay: they are many."""
    found: dict[str, Row] = {}
    paths = {path.stem: path for path in shard_indexes}
    for number, row in enumerate(frames.select(["clip", "shard", *OUTCOME]).to_pylist()):
        if row["clip"] in found:
            problem = f"is in shard {found[row['clip']]['shard']} too"
            raise ManifestError(_stale(row["clip"], paths[row["shard"]], problem))
        found[row["clip"]] = {**row, "row": number}
    return found


def _check_joined(listed: set[str], found: Mapping[str, Row], shard_indexes: Sequence[Path]) -> None:
    paths = {path.stem: path for path in shard_indexes}
    for clip in sorted(found.keys() - listed):
        raise ManifestError(_stale(clip, paths[found[clip]["shard"]], "is not listed any more"))
    for clip in sorted(listed - found.keys()):
        # The shard of a clip that none holds: by the hash, which is what puts it there.
        path = shard_indexes[shard_of(clip, len(shard_indexes))]
        raise ManifestError(_stale(clip, path, "is listed but not in it"))


def _stale(clip: str, shard_index: Path, problem: str) -> str:
    return f"{shard_index}: clip '{clip}' {problem}: the shard is stale. {extract_again(shard_index)}"


def _check_frames(rows: Sequence[Row], column: str) -> None:
    for split in ("train", "validation"):
        of_split = [row for row in rows if row[column] == split]
        name = split_name(split, column)
        if not of_split:
            raise ManifestError(f"no clip is listed in split {name}. Each dataset needs clips of train and validation")
        if not any(row["frames"] for row in of_split):
            reason = f"'{of_split[0]['clip']}' is {of_split[0]['status']}: {of_split[0]['reason']}"
            raise ManifestError(f"none of the {len(of_split)} clips of split {name} has frames; the first, {reason}")


def _print_summary(rows: Sequence[Row], classes: Sequence[str], folds: Sequence[str]) -> None:
    print(f"{len(rows)} clips of {len(classes)} classes, {sum(row['frames'] for row in rows)} frames")
    for column, fold in zip(split_columns(folds), folds or [""], strict=True):
        counts = Counter((row[column], row["status"]) for row in rows)
        for split in SPLITS:
            statuses = [f"{count} {status}" for (of, status), count in sorted(counts.items()) if of == split]
            if statuses:
                print(f"{f'fold {fold}, ' if fold else ''}{split}: {', '.join(statuses)}")
    missing = sorted({row["shard"] for row in rows if row["status"] == "missing"})
    if missing:
        print("Once missing videos are in place, run Snakemake with `--forcerun` and the tar files of these shards,")
        print(f"since nothing else notices that they came: {', '.join(missing)}")


def _write_index(
    path: Path,
    rows: Sequence[Row],
    classes: Sequence[str],
    folds: Sequence[str],
    frames: pa.Table,
    metadata: Mapping[str, Row],
    shards: Path,
) -> None:
    numbers = {"": -1} | {label: number for number, label in enumerate(classes)}
    order = ("clip",) if folds else ("split", "clip")
    kept = sorted((row for row in rows if row["frames"]), key=lambda row: [row[name] for name in order])
    stored = frames.take([row["row"] for row in kept]).combine_chunks()
    listed: dict[str, list[Any]] = {name: [row[name] for row in kept] for name in _listed(folds)}
    unknown = sorted(set(listed["label"]) - numbers.keys())
    if unknown:
        raise ManifestError(f"'{unknown[0]}' is a label, and none of the {len(classes)} classes: list the clips anew")
    listed["label"] = [numbers[label] for label in listed["label"]]
    data = {
        "classes": classes,
        "folds": folds,
        "clips": [[row[name] for name in _listed(folds)] for row in kept],
        "tars": {shard: values["tar_sha256"] for shard, values in metadata.items()},
    }
    schema = index_schema(folds).with_metadata(
        {
            "classes": json.dumps(classes, ensure_ascii=False),
            "folds": json.dumps(folds, ensure_ascii=False),
            "digest": digest(data),
            "shards": os.path.relpath(shards, path.parent),
            # Of all clips, those without frames too: what is missing must not go unsaid in a result.
            "listed": json.dumps({name: Counter(row[name] for row in rows) for name in split_columns(folds)}),
            "versions": json.dumps(_versions(metadata), sort_keys=True),
        }
    )
    columns = [listed.get(name) or stored[name].chunk(0) for name in schema.names]
    # One batch: readers look at each column as one array.
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    write_arrow(path, pa.Table.from_batches([batch]), unsealed=OF_FRAMES)


def _versions(metadata: Mapping[str, Row]) -> dict[str, list[str | None]]:
    """Of decoders and encoder, the versions that the shards were made with."""
    found: dict[str, set[str | None]] = {}
    for values in metadata.values():
        for package, version in values["versions"].items():
            found.setdefault(package, set()).add(version)
    return {package: sorted(versions, key=str) for package, versions in found.items()}
