"""What one file of a stranger may cost. No honest clip comes near; a few bytes can ask for more than a machine has."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of a frame: 8K television, 7680x4320, and no more. A decoder may have to keep 16 of them.
MOST_PIXELS = 1 << 25
# What a JPEG file can hold.
LONGEST_SIDE = 65_500
# Of a clip: 2.4 hours at 30 frames a second. A frame larger than full HD counts for as many as it is large.
MOST_FRAMES = 1 << 18
FULL_HD = 1 << 21
# Bytes that decoding may take beyond what the process has: a header of 20 bytes can promise a table of gigabytes.
MOST_MEMORY = 2 << 30

# Only Linux has it, and only Linux keeps to the limit.
_STATM = Path("/proc/self/statm")


def memory_in_use() -> int:
    """Bytes of address space of this process."""
    return int(_STATM.read_text().split()[0]) * resource.getpagesize() if _STATM.is_file() else 0


@contextmanager
def memory_limit(most: int) -> Iterator[None]:
    """Let the process have no more than `most` bytes of address space: an allocation beyond fails.

    Not to be held while a generator waits: others would be limited too.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    if not _STATM.is_file() or resource.RLIM_INFINITY != before[0] <= most:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
