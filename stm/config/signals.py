"""Maps of what a network's first block makes of a clip: their names, and by what they are measured.

Of TPAMI 2022, Figures 1 and 6; `stm.analysis.maps` makes them.
"""

from typing import Literal, get_args

# With TV-L1 flow, and with the two temporal frequencies of the network's own features before the block.
Correlation = Literal["flow", "high", "low"]
# Of a map's energy, inside the mover and on its outline.
EnergyShare = Literal["inside", "edge"]
Measure = Literal[Correlation, EnergyShare]
CORRELATIONS: tuple[str, ...] = get_args(Correlation)
ENERGY_SHARES: tuple[str, ...] = get_args(EnergyShare)
MEASURES: tuple[str, ...] = get_args(Measure)

# Signals that are of no network: what is measured of the frames themselves, and a map that is the same everywhere.
OF_FRAMES = ("flow", "frame_low", "frame_high")
EVEN = "even"
# Before the name of a signal: of the network that a run's training started from.
UNTRAINED = "untrained_"

# Pixels between the places that a map's cells look at: the stem has two layers with stride 2.
STEP = 4
