"""Temporal Shift Module. Source: Lin, Gan and Han, ICCV 2019, sections 3 and 4: the papers' nearest competitor."""

from torch import Tensor, nn

from stm.models.temporal import temporal_shift


class TemporalShift(nn.Module):
    """An eighth of the channels shifted one frame forward, an eighth back; no weights.

    It stands before the first convolution of a residual block, inside the branch (TSM's residual placement), so that
    the shortcut keeps the frame's own features.

    Shape:
        input and output (N*T, C, H, W).
    """

    def __init__(self, frames: int):
        super().__init__()
        self.frames = frames

    def forward(self, features: Tensor) -> Tensor:
        return temporal_shift(features, 8, self.frames)
