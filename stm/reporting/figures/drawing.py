"""A page to draw on in the one style, and its files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib import rcParams
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from stm.files import replacing

STYLE = Path(__file__).with_name("paper.mplstyle")

# Of IEEE's journals, in inches: the width of both columns, and how high they are below a title.
PAGE, PAGE_HEIGHT = 7.16, 9.5


@contextmanager
def page(width: float, height: float, out: Path) -> Iterator[Figure]:
    """A figure of so many inches; what the block draws becomes `out`.pdf and `out`.png, the same bytes each time."""
    with pages(width, [height], out) as (figure,):
        yield figure


@contextmanager
def pages(width: float, heights: list[float], out: Path) -> Iterator[list[Figure]]:
    """Figures of so many inches: the pages of `out`.pdf, and below each other `out`.png; the same bytes each time."""
    with matplotlib.style.context(["default", STYLE]):
        figures = [Figure((width, height), layout="constrained") for height in heights]
        yield figures
        for ending, draw in (("pdf", _pdf), ("png", _png)):
            # Into memory: on a full disk matplotlib's PDF fails with an error of its own that hides the disk's.
            drawn = io.BytesIO()
            draw(figures, drawn)
            with replacing(out.with_name(f"{out.name}.{ending}")) as temporary:
                temporary.write_bytes(drawn.getvalue())


# The date, and the version in the PNG, would be other bytes another day.
def _pdf(figures: list[Figure], file: io.BytesIO) -> None:
    with PdfPages(file, metadata={"CreationDate": None}) as pdf:
        for figure in figures:
            pdf.savefig(figure)


def _png(figures: list[Figure], file: io.BytesIO) -> None:
    images = []
    for figure in figures:
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        drawn.seek(0)
        images.append(imread(drawn, format="png"))
    without_version: dict[str, Any] = {"Software": None}
    imsave(file, np.concatenate(images), format="png", dpi=rcParams["savefig.dpi"], metadata=without_version)
