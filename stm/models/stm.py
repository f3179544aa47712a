"""What stands in the middle of a residual block: figure 3 of both papers, and each of its two modules alone."""

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
