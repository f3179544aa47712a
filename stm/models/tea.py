"""TEA's block. Source: Li et al., CVPR 2020, sections 3.1 and 3.2, and the layout of the authors' public code."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.models.backbone import Place
from stm.models.temporal import motion_difference, temporal_convolution

# Res2Net-50, 26w x 4s: four splits, each 26/64 of a ResNet's planes wide.
SPLITS = 4


def res2net_channels(planes: int) -> int:
    """Channels in the middle of a block of Res2Net-50 26w x 4s. Source: Gao et al., TPAMI 2021."""
    return planes * 26 // 64 * SPLITS


class TEA(nn.Sequential):
    """Motion excitation, then multiple temporal aggregation, in the place of a bottleneck's 3x3.

    Args:
        place: channels in the middle as `res2net_channels` gives them.
        reduced: channels of motion, a sixteenth in the paper.
        frames: T, frames in a clip.

    Shape:
        input (N*T, C, H, W); output (N*T, C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, place: Place, reduced: int, frames: int):
        super().__init__()
        self.excitation = MotionExcitation(place.channels, reduced, frames)
        self.aggregation = TemporalAggregation(place.channels // SPLITS, place.stride, place.block == 0, frames)


class MotionExcitation(nn.Module):
    """Channels that move are strengthened: a gate for every channel of every frame, from the change to the next frame.

        M[t] = mean over space of (K * F')[t + 1] - F'[t], zero for the last frame;   F' = BN(reduce(F))
        output = F + F * (sigmoid(BN(expand(M))) - 1/2)

    Source: section 3.1, equations 1 to 4; the public code takes the half away that the paper leaves in.

    Shape:
        input and output (N*T, C, H, W).
    """

    def __init__(self, channels: int, reduced: int, frames: int):
        super().__init__()
        self.frames = frames
        self.reduce = nn.Conv2d(channels, reduced, 1, bias=False)
        self.norm = nn.BatchNorm2d(reduced)
        self.transform = nn.Conv2d(reduced, reduced, 3, padding=1, groups=reduced, bias=False)
        self.expand = nn.Conv2d(reduced, channels, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        reduced = self.norm(self.reduce(features))
        motion = -motion_difference(reduced, self.transform(reduced), self.frames)
        gate = self.expand_norm(self.expand(motion.mean((2, 3), keepdim=True))).sigmoid()
        return features + features * (gate - 0.5)


class TemporalAggregation(nn.Module):
    """A Res2Net block's cascade with a channel-wise temporal convolution before each of its 3x3s.

    Of four splits the first three pass a temporal convolution and a 3x3 with BN and ReLU, each but the first together
    with the output of the one before it; the last passes a temporal convolution alone. In a stage's first block, as in
    Res2Net, no output is passed on and the last split is average-pooled.

    Source: section 3.2, figure 4; the start of the kernels (the last split's shifts half of its channels each way, the
    others' change nothing) is the public code's.

    Args:
        width: C/4, channels of a split.
        stride: of the block.
        first: of its stage.
        frames: T.

    Shape:
        input (N*T, C, H, W); output (N*T, C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, width: int, stride: int, first: bool, frames: int):
        super().__init__()
        self.frames = frames
        self.first = first
        self.kernels = nn.ParameterList(_unchanged(width) for _ in range(SPLITS - 1))
        self.kernels.append(_shifted(width))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, stride, padding=1, bias=False) for _ in range(SPLITS - 1))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(SPLITS - 1))
        self.pool = nn.AvgPool2d(3, stride, padding=1) if first else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        *splits, last = features.chunk(SPLITS, dim=1)
        outputs: list[Tensor] = []
        for split, kernel, conv, norm in zip(splits, self.kernels, self.convs, self.norms, strict=False):
            x = split if self.first or not outputs else split + outputs[-1]
            outputs.append(F.relu(norm(conv(temporal_convolution(x, kernel, self.frames))), inplace=True))
        outputs.append(self.pool(temporal_convolution(last, self.kernels[-1], self.frames)))
        return torch.cat(outputs, dim=1)


def _unchanged(width: int) -> Tensor:
    """(C, 1, 3), with which every frame stays as it is."""
    kernel = torch.zeros(width, 1, 3)
    kernel[:, :, 1] = 1
    return kernel


def _shifted(width: int) -> Tensor:
    """(C, 1, 3): half of the channels from the next frame, half from the one before; one left over unchanged."""
    kernel = torch.zeros(width, 1, 3)
    half = width // 2
    kernel[:half, :, 2] = 1
    kernel[half : 2 * half, :, 0] = 1
    kernel[2 * half :, :, 1] = 1
    return kernel
