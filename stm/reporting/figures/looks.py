"""How each network looks, the same in every figure: its colour, its marker and its dash."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

from matplotlib import rcParams

# In the order of paper.mplstyle.
BLUE, ORANGE, RED, GREY, PURPLE, BROWN, FLAME, SAND, SLATE, CYAN = range(10)

MARKERS = "os^Dv<>Phd"
SOLID, DASHED, DOTTED, DASH_DOT = "-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1))
DASHES = (SOLID, DASHED, DOTTED, DASH_DOT)


class Look(NamedTuple):
    """What a network is told by: `colour` counts the style's colours."""

    colour: int
    marker: str
    dash: Any

    @property
    def mark(self) -> dict[str, Any]:
        """What matplotlib draws a mark with."""
        return {"color": colours()[self.colour], "marker": self.marker, "linestyle": "none"}

    @property
    def line(self) -> dict[str, Any]:
        """What matplotlib draws a curve with."""
        return {"color": colours()[self.colour], "linestyle": self.dash}


# What is of no network but stands beside them.
FRAMES, STARTED_FROM = "frames", "started from"

# By the names of config/models.yaml. No two share colour and marker, or colour and dash; those that stand in one table
# have each a colour.
LOOKS = {
    "stm": Look(BLUE, "o", SOLID),
    "tsn": Look(SLATE, "s", DASHED),
    "tsm": Look(PURPLE, "v", DOTTED),
    "cstm": Look(ORANGE, "^", SOLID),
    "cmm": Look(RED, "D", DASH_DOT),
    "stm_frequency": Look(BROWN, "<", DASHED),
    "stm_concat": Look(SAND, ">", DASH_DOT),
    "tea": Look(FLAME, "P", DOTTED),
    FRAMES: Look(GREY, "h", DASHED),
    STARTED_FROM: Look(CYAN, "d", SOLID),
    "tsm_online": Look(PURPLE, "P", SOLID),
    "stm_stage2": Look(ORANGE, "v", DASHED),
    "stm_stage3": Look(RED, "s", DOTTED),
    "stm_stage4": Look(PURPLE, "h", DASH_DOT),
    "stm_stage5": Look(BROWN, "d", SOLID),
    "stm_one_a_stage": Look(CYAN, "o", DASHED),
    "cstm_1d_2d": Look(FLAME, "o", DASHED),
    "cstm_ordinary": Look(CYAN, "^", DOTTED),
    "cmm_ordinary": Look(GREY, "D", SOLID),
    "stm_fixed_cstm": Look(PURPLE, "<", DASHED),
    "stm_fixed_cmm": Look(BROWN, "P", DOTTED),
    "stm_concat_from_sum": Look(FLAME, ">", SOLID),
    "stm_same_frame": Look(RED, "o", DASHED),
}


def looks(variants: Sequence[str | None]) -> list[Look]:
    """The look of each line of a picture: the first of a variant has the variant's own, and the others, and those of
    a variant without one, in their order what is then most unlike the lines that have one.

    Args:
        variants: by the names of config/models.yaml; None where none is known.
    """
    found: list[Look | None] = []
    for i, variant in enumerate(variants):
        own = LOOKS.get(variant) if variant else None
        found.append(None if variant in variants[:i] else own)
    for i, look in enumerate(found):
        if look is None:
            found[i] = _most_unlike([taken for taken in found if taken])
    return [look for look in found if look]


def _most_unlike(taken: list[Look]) -> Look:
    """Another mark and another dash if there is one, a colour that few have, and no named network's look."""

    def likeness(look: Look) -> tuple[int, int, int, bool]:
        colour = [other for other in taken if other.colour == look.colour]
        same_mark = sum(other.marker == look.marker for other in colour)
        same_line = sum(other.dash == look.dash for other in colour)
        return same_mark, same_line, len(colour), look in LOOKS.values()

    # Marker and dash run along with the colours, so that neighbours differ in all three.
    shifts = product(range(len(MARKERS)), range(10))
    return min((Look(c, MARKERS[(c + k) % 10], DASHES[(c + k) % 4]) for k, c in shifts), key=likeness)


def colours() -> list[str]:
    """The style's colours, in their order."""
    return rcParams["axes.prop_cycle"].by_key()["color"]
