"""What glibc's malloc does with memory that is freed."""

import ctypes

# Of <malloc.h>. mallopt takes an int.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep what is freed for the next tensor, instead of giving it back and being given new pages of zeros.

    A network frees and asks for the same sizes at every step. By default what is over 32 MB, and whatever is free at
    the end of the heap, goes back to the system, and the new pages cost a training on a CPU a tenth of its time
    (benchmarks/speed.md). The most that is held at once grows by a few percent. Without glibc nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, LARGEST)
