"""Arrow files with a digest of what they hold: written whole or not at all, refused where a byte has changed since."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from stm.files import CONTENT, content_digest, replacing

SEAL = CONTENT.encode()


def write_arrow(path: Path, table: pa.Table, unsealed: Collection[str] = ()) -> None:
    """Write a table without nulls as one batch, with its metadata and their digest.

    Args:
        unsealed: columns that are left out of the digest; they are too large to be read whenever the file is opened.
    """
    sealed = {**(table.schema.metadata or {}), SEAL: _digest(table, unsealed)}
    schema = table.schema.with_metadata(sealed)
    with replacing(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        writer.write_table(table.replace_schema_metadata(sealed))


def read_arrow(path: Path, unsealed: Collection[str] = ()) -> pa.Table:
    """What `write_arrow` wrote, mapped into memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or is no such file.
    """
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        # Arrow follows the offsets of lists and strings without a look at them.
        table.validate(full=True)
        metadata = dict(table.schema.metadata or {})
        sealed = metadata.pop(SEAL, None)
        found = _digest(table, unsealed)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, BufferError) as error:
        raise ValueError(str(error)) from None
    if sealed != found:
        raise ValueError("its content does not match its digest" if sealed else "it holds no digest of its content")
    return table.replace_schema_metadata(metadata)


def _digest(table: pa.Table, unsealed: Collection[str]) -> bytes:
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if k != SEAL}
    kinds = [[field.name, str(field.type)] for field in table.schema]
    names = [name for name in table.column_names if name not in unsealed]
    # However a column is cut into chunks.
    parts = (part.data for name in names for part in _plain(table[name].chunks))
    return content_digest([metadata, kinds], parts).encode()


def _plain(chunks: list[pa.Array]) -> Iterator[np.ndarray]:
    """The numbers of a column; of strings and lists their lengths first, then what they hold."""
    for chunk in chunks:
        if pa.types.is_string(chunk.type):
            yield np.diff(_offsets(chunk))
        elif pa.types.is_list(chunk.type):
            yield np.from_dlpack(chunk.value_lengths())
    for chunk in chunks:
        if pa.types.is_list(chunk.type):
            yield np.from_dlpack(chunk.flatten())
        elif not pa.types.is_string(chunk.type):
            yield np.from_dlpack(chunk)
        elif len(chunk):
            # Without a look at each string: of hundreds of thousands that takes seconds.
            offsets, text = _offsets(chunk), np.frombuffer(chunk.buffers()[2] or b"", np.uint8)
            yield text[offsets[0] : offsets[-1]]


def _offsets(strings: pa.Array) -> np.ndarray:
    found = np.frombuffer(strings.buffers()[1] or bytes(4), np.int32)
    return found[strings.offset : strings.offset + len(strings) + 1]
