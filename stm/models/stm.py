"""What stands in the middle of a residual block: figure 3 of both papers, and what their ablations put in its place."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class STM(nn.Module):
    """Spatiotemporal and motion features of the same input, summed.

    Source: ICCV 2019, section 3.3; TPAMI 2022, section 3.4, figure 3. The bottleneck's 1x1 convolutions stand before
    and after.

    Shape:
        input (N*T, C, H, W); output as both modules give.
    """

    def __init__(self, cstm: nn.Module, cmm: nn.Module):
        super().__init__()
        self.cstm = cstm
        self.cmm = cmm

    def forward(self, features: Tensor) -> Tensor:
        return self.cstm(features) + self.cmm(features)


class CMMOnly(nn.Module):
    """The block's own 3x3 convolution and CMM, summed: TPAMI 2022, table 6, line CMM.

    The papers do not say what becomes of the 3x3; the published 23.95M parameters exclude that it is dropped (12.7M).
    """

    def __init__(self, spatial: nn.Module, cmm: nn.Module):
        super().__init__()
        self.spatial = spatial
        self.cmm = cmm

    def forward(self, features: Tensor) -> Tensor:
        return self.spatial(features) + self.cmm(features)


class Concatenation(nn.Module):
    """CSTM's and CMM's outputs side by side, and a 1x1 convolution from 2C channels to C. TPAMI, section 5.2, Table 7.

    Args:
        cstm, cmm: the two modules.
        channels: C, of either's output.
        from_sum: a control of the project: the 1x1 starts as the sum of the two, not at random. A concatenation can
            compute the sum; where it does better from here, its deficit was one of its start.
    """

    def __init__(self, cstm: nn.Module, cmm: nn.Module, channels: int, from_sum: bool = False):
        super().__init__()
        self.cstm = cstm
        self.cmm = cmm
        self.weight = nn.Parameter(torch.eye(channels).repeat(1, 2)[..., None, None])
        if not from_sum:
            nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        return F.conv2d(torch.cat([self.cstm(features), self.cmm(features)], dim=1), self.weight)
