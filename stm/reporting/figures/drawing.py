"""A page to draw on in the one style, and its files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.style
from matplotlib import rcParams
from matplotlib.figure import Figure

from stm.files import replacing

STYLE = Path(__file__).with_name("paper.mplstyle")

# Widths of a column and of both, in inches: IEEE's.
COLUMN, PAGE = 3.5, 7.16

MARKERS = "os^Dv<>Phd"
DASHES = ["-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1))]


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


def colours() -> list[str]:
    """The style's colours, in their order."""
    return rcParams["axes.prop_cycle"].by_key()["color"]
