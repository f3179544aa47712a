"""What every error that speaks to the user is, and what a shortage of memory is."""

import sys

# What torch, CUDA's libraries and the kernel say of it in errors that have no class of their own.
OF_MEMORY = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "is killed by signal: Killed",
)


class UserError(Exception):
    """A problem of the user's input or machine; the text says what and what to do. Others are bugs of ours."""


class WrongValueError(UserError, ValueError):
    """A value that the user gave, or that a file holds, and that cannot be; the text says what is allowed."""


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out, of a device or of the machine."""
    # Without loading torch where nothing did: of the CPU it has no class of its own.
    of_device = getattr(sys.modules.get("torch"), "OutOfMemoryError", ())
    return isinstance(error, (MemoryError, of_device)) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in OF_MEMORY)
    )
