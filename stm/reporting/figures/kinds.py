"""One figure: by its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stm.reporting.figures.accuracycost import write_accuracy_cost
from stm.reporting.figures.confusions import write_confusions
from stm.reporting.figures.curves import write_curves
from stm.reporting.figures.embedding import write_embedding
from stm.reporting.figures.examples import write_examples
from stm.reporting.figures.maps import write_maps_figure

KINDS: dict[str, Callable[[dict[str, Any], Path], None]] = {
    "embedding": write_embedding,
    "curves": write_curves,
    "confusions": write_confusions,
    "accuracy_cost": write_accuracy_cost,
    "maps": write_maps_figure,
    "examples": write_examples,
}


def write_figure(spec: dict[str, Any], out: Path) -> None:
    """Write `out`.pdf, .png and .csv, and what else its kind has.

    Args:
        spec: of `stm.config.askedfigure.FigurePlan`.
        out: path without its ending.

    Raises:
        FileNotFoundError, TableError, PredictionsError, MapsError, ShardError: a file that it shows is absent, damaged,
            or unlike the others.
    """
    KINDS[spec["kind"]](spec, out)
