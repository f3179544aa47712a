"""The size of a frame as a dataset wants it stored. Sizes are (width, height) in pixels, a dataset's `size` is (height,
width)."""

from collections.abc import Sequence


def stored_size(width: int, height: int, short_side: int | None, size: Sequence[int] | None) -> tuple[int, int]:
    """Width and height of a frame as a dataset wants it stored: `size` (height, width), or scaled."""
    return (size[1], size[0]) if size is not None else scaled(width, height, short_side)


def scaled(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    """Width and height with the short side scaled down to `short_side`, the other in proportion; never enlarged."""
    short = min(width, height)
    if short_side is None or short <= short_side:
        return width, height
    # Half a pixel is rounded up, whichever side it falls to.
    return (width * short_side * 2 + short) // (short * 2), (height * short_side * 2 + short) // (short * 2)
