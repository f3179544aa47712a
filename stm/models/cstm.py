"""Channel-wise SpatioTemporal Module. Source: ICCV 2019, section 3.1; TPAMI 2022, section 3.1, figure 2(a)."""

import torch
from torch import Tensor, nn

from stm.errors import WrongValueError
from stm.models.backbone import Spatial
from stm.models.temporal import mixed_and_convolved, ordinary_temporal_convolution, temporal_convolution


class CSTM(nn.Module):
    """Every channel mixes neighbouring frames with its own weights, then space.

        G[c, t] = sum over i in {-1, 0, 1} of K[c, i] * F[c, t + i];   output = spatial(G)

    Source: equation 1 of both papers; initial K: ICCV 2019, section 4.2.

    Args:
        channels: C. A multiple of 4, since quarters of the channels start differently.
        frames: T, frames in a clip.
        spatial: the block's pretrained 3x3 convolution with its norm and activation; it carries the stride. Neither
            norm nor activation stands between the two convolutions: the papers' counts leave no room for them.
        fixed: K is [0, 1, 1] in all channels and does not learn: the low frequency of equation 7 (TPAMI Table 8).

    Shape:
        input (N*T, C, H, W); output (N*T, C', H', W') as `spatial` gives.

    Raises:
        ValueError: `channels` is not a multiple of 4, or the input does not hold whole clips.
    """

    def __init__(self, channels: int, frames: int, spatial: nn.Module, fixed: bool = False):
        super().__init__()
        self.frames = frames
        if fixed:
            self.register_buffer("kernel", torch.tensor([0.0, 1.0, 1.0]).repeat(channels, 1, 1))
        else:
            self.kernel = nn.Parameter(shift_kernel(channels))
        self.spatial = spatial

    def forward(self, features: Tensor) -> Tensor:
        # A network that is not trained has no way back, and what torch compiles it divides anew by itself.
        training = self.training and torch.is_grad_enabled() and not torch.compiler.is_compiling()
        if not (training and isinstance(self.spatial, Spatial)):
            return self.spatial(temporal_convolution(features, self.kernel, self.frames))
        conv = self.spatial.conv
        convolved = mixed_and_convolved(features, self.kernel, conv.weight, self.frames, conv.stride)
        return self.spatial.relu(self.spatial.bn(convolved))


class OrdinaryCSTM(nn.Module):
    """CSTM with an ordinary temporal convolution: every channel mixes all channels of three frames. TPAMI Table 10.

    Its kernel (C, C, 3) starts as the channel-wise one on the diagonal and zero elsewhere, so that both start as one
    function and ImageNet's 3x3 filters see the images that they know; the papers do not say how theirs started.

    Args, Shape, Raises: as `CSTM`.
    """

    def __init__(self, channels: int, frames: int, spatial: nn.Module):
        super().__init__()
        self.frames = frames
        start = shift_kernel(channels)
        self.kernel = nn.Parameter(torch.diag_embed(start[:, 0].T).permute(1, 2, 0).contiguous())
        self.spatial = spatial

    def forward(self, features: Tensor) -> Tensor:
        return self.spatial(ordinary_temporal_convolution(features, self.kernel, self.frames))


def shift_kernel(channels: int) -> Tensor:
    """The initial K, (C, 1, 3): a shift of a quarter of the channels each way.

    Raises:
        ValueError: `channels` is not a multiple of 4.
    """
    if channels % 4:
        raise WrongValueError(f"channels must be a multiple of 4, not {channels}: quarters of them start differently")
    # Half of the channels pass unchanged, a quarter look one frame back and a quarter one ahead, so that at step 0 the
    # pretrained 2D filters still see images of the kind they were trained on.
    kernel = torch.zeros(channels, 1, 3)
    quarter = channels // 4
    kernel[:quarter, :, 0] = 1
    kernel[quarter:-quarter, :, 1] = 1
    kernel[-quarter:, :, 2] = 1
    return kernel
