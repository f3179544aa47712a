"""A dataset's frames on the disk of the machine that reads them, for clusters whose shared disk is slower than that.

`STM_LOCAL_DISK` names a folder there. No result depends on it: where the disk is absent or full, that is said, and the
shared files are read.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stm.data.arrowfile import read_arrow
from stm.data.shards import COPIES, FrameIndex, ShardError, extract_again
from stm.files import file_digest, replacing

VARIABLE = "STM_LOCAL_DISK"
BLOCK = 1 << 22


def on_local_disk(index: Path) -> Path:
    """The index of a copy of a dataset's frames on this machine's disk, which is made where there is none yet.

    The first of several jobs and processes of a machine copies, and the others wait for it. A killed copy goes on where
    it stopped. Copies lie in a folder of each user's own, named by the index's digest, and are theirs to delete.

    Args:
        index: of the dataset, on the shared disk.

    Returns:
        `index` itself where `STM_LOCAL_DISK` is not set, or nothing can be copied there.

    Raises:
        ShardError: a tar is not the one that was extracted.
    """
    # In single quotes a profile or a shell hands over $SLURM_TMPDIR, which only the node knows.
    given = os.path.expandvars(os.environ.get(VARIABLE, ""))
    if not given:
        return index
    try:
        if not Path(given).is_dir():
            raise FileNotFoundError(f"{given} is no folder of this machine")
        folder = Path(given) / f"{COPIES}{os.getuid()}" / file_digest(index)[:16]
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            if not (folder / index.name).exists():
                try:
                    _copy_frames(index, folder)
                except OSError:
                    # Room for others.
                    shutil.rmtree(folder, ignore_errors=True)
                    raise
        return folder / index.name
    except OSError as error:
        print(f"{VARIABLE}: {error}. Frames are read from {index.parent} instead", flush=True)
        return index


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """While no other process of this machine is; the kernel gives the lock back, however this one ends."""
    with open(lock, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _copy_frames(index: Path, folder: Path) -> None:
    """All tars, and the index last."""
    copies = {tar: folder / tar.relative_to(index.parent) for tar in FrameIndex(index).tars}
    if any(".." in copy.parts for copy in copies.values()):
        raise OSError(f"the shards of {index} lie elsewhere than beside it")
    left = {tar: copy for tar, copy in copies.items() if not copy.exists()}
    needed, free = sum(tar.stat().st_size for tar in left), shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{needed / 1e9:.1f} GB of frames do not fit into the {free / 1e9:.1f} GB that {folder} has left")
    print(f"Copying {len(left)} shards, {needed / 1e9:.1f} GB, to {folder}", flush=True)
    for tar, copy in left.items():
        _copy_tar(tar, copy)
    with replacing(folder / index.name) as temporary:
        shutil.copyfile(index, temporary)


def _copy_tar(tar: Path, copy: Path) -> None:
    """Held to the digest of its extraction on the way; every frame has a checksum of its own when it is read."""
    metadata = read_arrow(tar.with_suffix(".arrow")).schema.metadata
    found = hashlib.sha256()
    with replacing(copy) as temporary, open(tar, "rb") as source, open(temporary, "wb") as target:
        while block := source.read(BLOCK):
            found.update(block)
            target.write(block)
        if found.hexdigest() != json.loads(metadata[b"tar_sha256"]):
            raise ShardError(f"{tar} is not what was extracted. {extract_again(tar.with_suffix(''))}")
