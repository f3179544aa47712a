"""Temporal Shift Module. Source: Lin, Gan and Han, ICCV 2019, sections 3 and 4: the papers' nearest competitor."""

import torch
from torch import Tensor, nn

from stm.models.temporal import temporal_shift

# An eighth of the channels is shifted each way.
PART = 8


class TemporalShift(nn.Module):
    """An eighth of the channels shifted one frame forward, an eighth back; no weights.

    It stands before the first convolution of a residual block, inside the branch (TSM's residual placement), so that
    the shortcut keeps the frame's own features.

    Args:
        frames: T.
        from_next: False leaves the shift from the next frame out: the online form, TSM's section 4.

    Shape:
        input and output (N*T, C, H, W).
    """

    def __init__(self, frames: int, from_next: bool = True):
        super().__init__()
        self.frames = frames
        self.from_next = from_next

    def forward(self, features: Tensor) -> Tensor:
        return temporal_shift(features, PART, self.frames, self.from_next)


class StreamingShift(nn.Module):
    """`TemporalShift` from the past alone, one frame at a time: it keeps an eighth of the channels for the next frame.

    Shape:
        input and output (1, C, H, W): the next frame of a stream. Before its first frame counts as zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.previous: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        own = features[:, : features.shape[1] // PART]
        before = torch.zeros_like(own) if self.previous is None else self.previous
        # A copy: a view would keep all channels of the frame alive.
        self.previous = own.clone()
        return torch.cat([before, features[:, own.shape[1] :]], dim=1)
