"""What networks see of some clips, and how like each other it is over all: TPAMI 2022, Figures 1 and 6.

Shape letters: H and W pixels of the network's input, h and w cells of a map.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import SubFigure

from stm.analysis.mapsfile import read_maps_file
from stm.config.signals import EVEN, OF_FRAMES, STEP, UNTRAINED
from stm.csvfile import Value, csv_text
from stm.files import write_text
from stm.reporting.claims import COLUMNS as CLAIM_COLUMNS
from stm.reporting.figures.drawing import PAGE, page
from stm.reporting.figures.featureclaims import claim_rows
from stm.reporting.figures.figurepage import Measures, write_pages
from stm.reporting.figures.likeness import COLUMNS, Seen, claim_pairs, likeness_rows, load_seen
from stm.reporting.figures.looks import FRAMES, STARTED_FROM, looks

Row = dict[str, Value]

# Dark to bright in print too, and the same to colour-blind readers.
COLOURS = "cividis"

MARKS = (
    "The white outline is the mover in frame t, and each map is drawn from 0 to its own maximum. Below, the filled "
    "mark and the dashed line are the signal in question, and correlations with low or high frequency are with each "
    "network's own."
)
TITLES = {
    "flow": "Correlation with TV-L1 flow",
    "high": "Correlation with high frequency",
    "low": "Correlation with low frequency",
    "inside": "Share of energy inside the mover",
    "edge": "Share of energy on the mover's outline",
}


def write_maps_figure(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png, .points.csv (the maps that are drawn), .csv (measures), .claims.csv, and for people
    .md, .html and .rst, its caption in the report.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, MapsError, TableError: as `stm.reporting.figures.likeness.load_seen`.
    """
    shown = [column["show"] for column in spec["columns"] if "/" in column["show"]]
    seen = load_seen(spec["lines"], list(dict.fromkeys([*shown, *dict(spec["signals"])])))
    motion, about = read_maps_file(Path(spec["motion"]))
    rows = likeness_rows(spec, seen)
    claims = claim_rows(spec, claim_pairs(spec, seen))
    images = _images(spec, seen, motion)
    count = len(about["drawn"])
    side = (PAGE - 0.9) / len(spec["columns"])
    pictures, panels = count * (side + 0.03) + 0.45, 0.17 * len(spec["signals"]) + 0.62
    with page(PAGE, pictures + panels, out) as figure:
        above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[pictures, panels])[:, 0]
        _pictures(above, spec, images, motion, about)
        _panels(below, spec, rows)
    points = _points(spec, images, about)
    write_text(out.with_name(f"{out.name}.points.csv"), csv_text(points[0], points))
    write_text(out.with_name(f"{out.name}.csv"), csv_text(COLUMNS, rows))
    write_text(out.with_name(f"{out.name}.claims.csv"), csv_text(CLAIM_COLUMNS, claims))
    _write_pages(spec, rows, claims, about, out)


def _images(spec: dict[str, Any], seen: Seen, motion: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By what columns show, an image a clip: frames in colours, flow in full, maps as they are."""
    frames = motion["drawn.frames"].transpose(0, 1, 3, 4, 2)
    given = {"frame": frames[:, 0], "next_frame": frames[:, 1]}
    images = {}
    for column in spec["columns"]:
        show = column["show"]
        flow = show.endswith("/flow")
        images[show] = given[show] if show in given else motion["drawn.flow"] if flow else seen.maps[show]
    return images


def _pictures(
    figure: SubFigure,
    spec: dict[str, Any],
    images: dict[str, np.ndarray],
    motion: dict[str, np.ndarray],
    about: dict[str, Any],
) -> None:
    """A row a clip: the frames, and maps from 0 to the largest value that each has, with the mover's outline."""
    grid = figure.subplots(len(about["drawn"]), len(spec["columns"]), squeeze=False)
    for i, (clip, line) in enumerate(zip(about["drawn"], grid, strict=True)):
        for axes, column in zip(line, spec["columns"], strict=True):
            image = images[column["show"]][i]
            _picture(axes, image, motion["drawn.frames"].shape[-2:])
            if image.ndim == 2 and "drawn.mover" in motion and motion["drawn.mover"][i, 0].any():
                axes.contour(motion["drawn.mover"][i, 0], levels=[0.5], colors="white", linewidths=0.4)
            if i == 0:
                axes.set_title(column["title"], fontsize=7)
        line[0].set_ylabel(about["classes"][clip].replace(" ", "\n", 1), fontsize=7)
    bar = figure.colorbar(ScalarMappable(cmap=COLOURS), ax=grid, ticks=[0, 1], shrink=0.3, aspect=14, pad=0.01)
    bar.ax.set_yticklabels(["0", "max"])
    bar.outline.set_linewidth(0.4)


def _picture(axes: Axes, image: np.ndarray, size: tuple[int, ...]) -> None:
    height, width = size
    whole = image.shape[:2] == size
    # A cell of a map lies around the pixel that it looks at: the first around the first.
    reach = (-0.5, width - 0.5, height - 0.5, -0.5)
    if not whole:
        h, w = image.shape
        reach = (-STEP / 2, w * STEP - STEP / 2, h * STEP - STEP / 2, -STEP / 2)
    colours: dict[str, Any] = {} if image.ndim == 3 else {"cmap": COLOURS, "vmin": 0, "vmax": image.max() or 1}
    axes.imshow(image, extent=reach, interpolation="nearest", **colours)
    axes.set(xlim=(-0.5, width - STEP / 2), ylim=(height - STEP / 2, -0.5), xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _panels(figure: SubFigure, spec: dict[str, Any], rows: list[Row]) -> None:
    """A panel a measure, a mark a signal with its interval; a line stands where the signal in question is."""
    grid = figure.subplots(1, len(spec["measures"]), squeeze=False, sharey=True)[0]
    networks = dict(_network(spec, signal) for signal, _ in spec["signals"])
    of_networks = dict(zip(networks, looks([*networks.values()]), strict=True))
    for axes, (measure, subject) in zip(grid, spec["measures"], strict=True):
        axes.set_title(TITLES[measure], loc="left", fontsize=7)
        found = {str(row["signal"]): row for row in rows if row["measure"] == measure}
        for at, (signal, row) in enumerate(found.items()):
            if row["value"] is None:
                continue
            value, low, high = (float(str(row[key])) for key in ("value", "low", "high"))
            mark = of_networks[_network(spec, signal)[0]].mark
            axes.plot([low, high], [at, at], color=mark["color"], linewidth=1.0)
            axes.plot(value, at, markerfacecolor=None if signal == subject else "white", **mark)
            if signal == subject:
                axes.axvline(value, color="#717581", linewidth=0.5, linestyle=(0, (3, 2)), zorder=0)
        if all(row["value"] is None for row in found.values()):
            axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center")
        axes.set_yticks(range(len(found)), [name for _, name in spec["signals"]])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")


def _network(spec: dict[str, Any], signal: str) -> tuple[str, str]:
    """The network that a signal is of, and by what it looks as it does: a trained one, what it started from, or none
    where the signal is of the frames.
    """
    line, _, name = signal.partition("/")
    if name in (*OF_FRAMES, EVEN):
        return FRAMES, FRAMES
    return (
        (f"{UNTRAINED}{line}", STARTED_FROM) if name.startswith(UNTRAINED) else (line, spec["lines"][line]["variant"])
    )


def _points(spec: dict[str, Any], images: dict[str, np.ndarray], about: dict[str, Any]) -> list[Row]:
    """A row a cell of each map, from the top left corner; frames are where their numbers say."""
    return [
        {
            "clip": about["clips"][clip],
            "class": about["classes"][clip],
            "frame": numbers[0],
            "next_frame": numbers[1],
            "show": column["show"],
            "row": y,
            "column": x,
            "value": float(f"{value:.4g}"),
        }
        for i, (clip, numbers) in enumerate(zip(about["drawn"], about["numbers"], strict=True))
        for column in spec["columns"]
        if (image := images[column["show"]][i]).ndim == 2
        for (y, x), value in np.ndenumerate(image)
    ]


def _write_pages(spec: dict[str, Any], rows: list[Row], claims: list[Row], about: dict[str, Any], out: Path) -> None:
    """The picture, what was measured, and what it claims."""
    drawn = [
        f"{about['clips'][clip]} (frames {numbers[0]} and {numbers[1]})"
        for clip, numbers in zip(about["drawn"], about["numbers"], strict=True)
    ]
    explained = (
        f"Drawn: {', '.join(drawn)}; the first by a hash of their ids of as many classes. Maps: magnitudes over "
        f"channels of what the first block of each network makes, of the first seed. Measured on "
        f"{len(about['clips'])} validation clips, one view each, every two neighbouring frames; 95% intervals. {MARKS}"
    )
    names = dict(spec["signals"])
    measured = [
        Measures(
            TITLES[measure],
            ["", "Mean", "95%", f"{names[subject]} less this", "95%", "p"],
            [_cells(row) for row in rows if row["measure"] == measure],
        )
        for measure, subject in spec["measures"]
    ]
    means = {(row["measure"], row["signal"]): row["value"] for row in rows}
    found = [
        f"{TITLES[measure]}: {names[subject]} {means[measure, subject]:.3f}"
        for measure, subject in spec["measures"]
        if means.get((measure, subject)) is not None
    ]
    told = [f"{'; '.join(found)}."] if found else []
    write_pages(spec, explained, " ".join([*told, MARKS]), out, measured, claims)


def _cells(row: Row) -> list[str]:
    """A signal's line of the page."""
    if row["value"] is None:
        return [str(row["name"]), str(row["status"]), *[""] * 4]
    gap = row["difference"] is not None
    return [
        str(row["name"]),
        f"{row['value']:.3f}",
        f"{row['low']:.3f} to {row['high']:.3f}",
        f"{row['difference']:+.3f}" if gap else "",
        f"{row['difference_low']:+.3f} to {row['difference_high']:+.3f}" if gap else "",
        f"{row['p']:.2g}" if gap else "",
    ]
