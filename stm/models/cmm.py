"""Channel-wise Motion Module. Source: ICCV 2019, section 3.2; TPAMI 2022, section 3.2, figure 2(b)."""

from torch import Tensor, nn

from stm.models.temporal import motion_difference


class CMM(nn.Module):
    """The difference of neighbouring feature maps, after a channel-wise 3x3 of the later one, on few channels.

        F' = BN(reduce(F));   H[t] = F'[t] - (K * F')[t + 1], zero for the last frame;   output = expand(H)

    Source: equation 2. ICCV writes it with the other sign; the bias-free `expand` follows, so both make the same
    functions, and they differ in nothing but the random start. No bias, norm or activation beside the one BN: the
    papers' counts leave no room for them.

    Args:
        channels: C of the input.
        out_channels: of the output.
        frames: T, frames in a clip.
        reduction: r; `reduce` leaves C/r channels (the papers: 16).
        least_channels: what `reduce` leaves at least, for narrow networks.
        stride: of the block. The module works before the stride, as the block's shape allows motion of single pixels; a
            2x2 max-pooling follows (rounding up, as a strided convolution of an odd size does).
        next_minus_current: ICCV's sign.

    Shape:
        input (N*T, C, H, W); output (N*T, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        frames: int,
        reduction: int = 16,
        least_channels: int = 1,
        stride: int = 1,
        next_minus_current: bool = False,
    ):
        super().__init__()
        reduced = max(channels // reduction, least_channels)
        self.frames = frames
        self.sign = -1 if next_minus_current else 1
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False)
        self.norm = nn.BatchNorm2d(reduced)
        self.transform = nn.Conv2d(reduced, reduced, 3, padding=1, groups=reduced, bias=False)
        self.expand = nn.Conv2d(reduced, out_channels, 1, bias=False)
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        reduced = self.norm(self.reduce(features))
        motion = self.sign * motion_difference(reduced, self.transform(reduced), self.frames)
        return self.pool(self.expand(motion))
