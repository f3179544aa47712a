"""A page to draw on in the one style, and its files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from stm.files import replacing

STYLE = Path(__file__).with_name("paper.mplstyle")

# The width of both columns of IEEE's journals, in inches.
PAGE = 7.16


@contextmanager
def page(width: float, height: float, out: Path) -> Iterator[Figure]:
    """A figure of so many inches; what the block draws becomes `out`.pdf and `out`.png, the same bytes each time."""
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure((width, height), layout="constrained")
        yield figure
        # The date, and the version in the PNG, would be other bytes another day.
        for ending, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
            # Into memory: on a full disk matplotlib's PDF fails with an error of its own that hides the disk's.
            drawn = io.BytesIO()
            figure.savefig(drawn, format=ending, metadata=metadata)
            with replacing(out.with_name(f"{out.name}.{ending}")) as temporary:
                temporary.write_bytes(drawn.getvalue())
