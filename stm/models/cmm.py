"""Channel-wise Motion Module. Source: ICCV 2019, section 3.2; TPAMI 2022, section 3.2, figure 2(b)."""

from typing import Literal

from torch import Tensor, nn

from stm.models.temporal import motion_difference


class _Reduced(nn.Module):
    """What surrounds the difference: fewer channels before it, all of them after it, then the block's stride.

    No bias, norm or activation beside the one BN: the papers' counts leave no room for them. The module works before
    the stride, as the block's shape allows motion of single pixels; a 2x2 max-pooling follows (rounding up, as a
    strided convolution of an odd size does).
    """

    def __init__(self, channels: int, reduced: int, out_channels: int, stride: int):
        super().__init__()
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False)
        self.norm = nn.BatchNorm2d(reduced)
        self.transform: nn.Module = nn.Conv2d(reduced, reduced, 3, padding=1, groups=reduced, bias=False)
        self.expand = nn.Conv2d(reduced, out_channels, 1, bias=False)
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()

    def difference(self, reduced: Tensor) -> Tensor:
        """Of the reduced features, (N*T, reduced, H, W)."""
        raise NotImplementedError

    def forward(self, features: Tensor) -> Tensor:
        return self.pool(self.expand(self.difference(self.norm(self.reduce(features)))))


class CMM(_Reduced):
    """The difference of neighbouring feature maps, after a channel-wise 3x3 of the later one, on few channels.

        F' = BN(reduce(F));   H[t] = F'[t] - (K * F')[t + 1], zero for the last frame;   output = expand(H)

    Source: equation 2. ICCV writes it with the other sign; the bias-free `expand` follows, so both make the same
    functions, and they differ in nothing but the random start.

    Args:
        channels: C of the input.
        reduced: C/r, what `reduce` leaves (the papers: r = 16).
        out_channels: of the output.
        frames: T, frames in a clip.
        stride: of the block.
        kernel: `channel_wise`; `ordinary`, over all reduced channels (TPAMI Table 10); `fixed`, 1 in the centre and 0
            elsewhere, so that H is the high frequency of equation 7 (TPAMI Table 8).
        next_minus_current: ICCV's sign.

    Shape:
        input (N*T, C, H, W); output (N*T, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(
        self,
        channels: int,
        reduced: int,
        out_channels: int,
        frames: int,
        stride: int = 1,
        kernel: Literal["channel_wise", "ordinary", "fixed"] = "channel_wise",
        next_minus_current: bool = False,
    ):
        super().__init__(channels, reduced, out_channels, stride)
        self.frames = frames
        self.next_minus_current = next_minus_current
        if kernel == "ordinary":
            self.transform = nn.Conv2d(reduced, reduced, 3, padding=1, bias=False)
        elif kernel == "fixed":
            # A kernel of 1 in its centre is the identity; there is nothing to learn and nothing to convolve.
            self.transform = nn.Identity()

    def difference(self, reduced: Tensor) -> Tensor:
        change = motion_difference(reduced, self.transform(reduced), self.frames)
        return -change if self.next_minus_current else change


class SameFrame(_Reduced):
    """A control of the project: CMM's layers and weights with the frame itself in the place of the next one.

        H[t] = F'[t] - (K * F')[t]

    It has CMM's capacity and sees no motion: what STM gains over CSTM, and this does not, is motion's.
    """

    def difference(self, reduced: Tensor) -> Tensor:
        return reduced - self.transform(reduced)
