"""ECO, the full network: 2D features of every frame, and a 3D network that reads them on their way.

Source: Zolfaghari et al., ECCV 2018, section 3 and figure 3, and the layout of the authors' public code. The 2D network
is BN-Inception (Ioffe and Szegedy, ICML 2015) with the channels of its public weights, the 3D one a ResNet-18 (Tran et
al., 2017) from its conv3_x on.

It is the reading that has the published counts: 47.5M with the 400 classes of Kinetics (47.1M with 174), and 64.5G at
16 frames of 224x224 pixels, where 64G is printed. Others, with 174 classes:

    without the 2D network after inception 3c (the paper's "Lite")   37.4M, 46.6G
    shortcuts of 1x1x1 in the place of 3x3x3                         42.9M, 62.6G
    two convolutions in the first block of conv3_x                   47.6M, 70.1G
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.models.scratch import initialise
from stm.models.temporal import as_clips


class ConvNorm(nn.Sequential):
    """A 2D convolution that keeps the size but for its stride, BN, ReLU."""

    def __init__(self, channels: int, out_channels: int, size: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, size, stride, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)


def halving_pool() -> nn.MaxPool2d:
    """The largest of 3x3, every second one.

    The public network pads nothing and rounds up instead, which at 224x224 gives the same sizes; padded as its
    convolutions of stride 2 are, the pool agrees with them at every size.
    """
    return nn.MaxPool2d(3, stride=2, padding=1)


class Inception(nn.Module):
    """Four branches side by side: 1x1; 1x1 and 3x3; 1x1 and two 3x3; pool and 1x1.

    Args:
        channels: C.
        point: channels of the first branch.
        single: of the second branch's two convolutions.
        double: of the third branch's first, and of each of its 3x3s.
        projection: of the last branch.
        pool: the last branch's, of stride 1.

    Shape:
        input (M, C, H, W); output (M, `self.out_channels`, H, W).
    """

    def __init__(
        self,
        channels: int,
        point: int,
        single: tuple[int, int],
        double: tuple[int, int],
        projection: int,
        pool: type[nn.AvgPool2d] | type[nn.MaxPool2d] = nn.AvgPool2d,
    ):
        super().__init__()
        self.out_channels = point + single[1] + double[1] + projection
        self.branch1x1 = ConvNorm(channels, point, 1)
        self.branch3x3 = nn.Sequential(ConvNorm(channels, single[0], 1), ConvNorm(*single, 3))
        self.branch3x3dbl = nn.Sequential(
            ConvNorm(channels, double[0], 1), ConvNorm(*double, 3), ConvNorm(double[1], double[1], 3)
        )
        self.branch_pool = nn.Sequential(pool(3, stride=1, padding=1), ConvNorm(channels, projection, 1))

    def forward(self, features: Tensor) -> Tensor:
        branches = (self.branch1x1, self.branch3x3, self.branch3x3dbl, self.branch_pool)
        return torch.cat([branch(features) for branch in branches], dim=1)


class HalvingInception(nn.Module):
    """An inception of stride 2: 1x1 and 3x3; 1x1 and two 3x3; pool.

    Args:
        channels: C.
        single, double: as of `Inception`.

    Shape:
        input (M, C, H, W); output (M, `self.out_channels`, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self, channels: int, single: tuple[int, int], double: tuple[int, int]):
        super().__init__()
        self.out_channels = single[1] + double[1] + channels
        self.branch3x3 = nn.Sequential(ConvNorm(channels, single[0], 1), ConvNorm(*single, 3, stride=2))
        self.branch3x3dbl = nn.Sequential(ConvNorm(channels, double[0], 1), ConvNorm(*double, 3))
        self.branch3x3dbl_end = ConvNorm(double[1], double[1], 3, stride=2)
        self.pool = halving_pool()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The output, and what the second branch holds before its stride."""
        inner = self.branch3x3dbl(features)
        return torch.cat([self.branch3x3(features), self.branch3x3dbl_end(inner), self.pool(features)], dim=1), inner


class PreActivationBlock(nn.Module):
    """BN and ReLU, 3x3x3, BN and ReLU, 3x3x3, and the shortcut: the input, or a 3x3x3 where the shape changes.

    Shape:
        input (N, C, T, H, W); output (N, C', ceil(T / stride), ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, channels: int, out_channels: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm3d(channels)
        self.conv1 = nn.Conv3d(channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(out_channels)
        self.conv2 = nn.Conv3d(out_channels, out_channels, 3, padding=1, bias=False)
        self.downsample: nn.Conv3d | None = None
        if channels != out_channels:
            self.downsample = nn.Conv3d(channels, out_channels, 3, stride, padding=1, bias=False)

    def forward(self, volumes: Tensor) -> Tensor:
        x = F.relu(self.bn1(volumes), inplace=True)
        shortcut = volumes if self.downsample is None else self.downsample(x)
        x = self.conv2(F.relu(self.bn2(self.conv1(x)), inplace=True))
        x += shortcut
        return x


class VolumeNetwork(nn.Sequential):
    """conv3_x to conv5_x of a 3D ResNet-18, with one convolution in the place of conv3_x's first block.

    Shape:
        input (N, C, T, H, W); output (N, 512, ceil(T / 4), ceil(H / 4), ceil(W / 4)).
    """

    def __init__(self, channels: int):
        super().__init__(
            nn.Conv3d(channels, 128, 3, padding=1, bias=False),
            PreActivationBlock(128, 128, 1),
            PreActivationBlock(128, 256, 2),
            PreActivationBlock(256, 256, 1),
            PreActivationBlock(256, 512, 2),
            PreActivationBlock(512, 512, 1),
            nn.BatchNorm3d(512),
            nn.ReLU(inplace=True),
        )


class ECO(nn.Module):
    """Frames in, class scores out, of both streams' features side by side.

    Args:
        classes: K.
        frames: T.
        dropout: probability before the classifier.

    Shape:
        input (N, T, 3, H, W); output (N, K).
    """

    def __init__(self, classes: int, frames: int, dropout: float):
        super().__init__()
        self.frames = frames
        self.stem = nn.Sequential(
            ConvNorm(3, 64, 7, stride=2),
            halving_pool(),
            ConvNorm(64, 64, 1),
            ConvNorm(64, 192, 3),
            halving_pool(),
            Inception(192, 64, (64, 64), (64, 96), 32),
            Inception(256, 64, (64, 96), (64, 96), 64),
        )
        self.inception3c = HalvingInception(320, (128, 160), (64, 96))
        self.inception4 = nn.Sequential(
            Inception(576, 224, (64, 96), (96, 128), 128),
            Inception(576, 192, (96, 128), (96, 128), 128),
            Inception(576, 160, (128, 160), (128, 160), 128),
            Inception(608, 96, (128, 192), (160, 192), 128),
        )
        self.inception4e = HalvingInception(608, (128, 192), (192, 256))
        self.inception5 = nn.Sequential(
            Inception(1056, 352, (192, 320), (160, 224), 128),
            Inception(1024, 352, (192, 320), (192, 224), 128, pool=nn.MaxPool2d),
        )
        self.volumes = VolumeNetwork(96)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024 + 512, classes)
        initialise(self, self.fc)
        for name, part in self.named_children():
            part.to(memory_format=torch.channels_last_3d if name == "volumes" else torch.channels_last)

    def features(self, clips: Tensor) -> Tensor:
        """(N, T, 3, H, W) to (N, 1536): every clip's pooled features, the classifier's input."""
        x = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x, inner = self.inception3c(self.stem(x))
        x, _ = self.inception4e(self.inception4(x))
        frames = as_clips(self.inception5(x).mean((2, 3)), self.frames)
        volumes = self.volumes(as_clips(inner, self.frames).transpose(1, 2))
        return torch.cat([frames.mean(1), volumes.mean((2, 3, 4))], dim=1)

    def forward(self, clips: Tensor) -> Tensor:
        return self.fc(self.dropout(self.features(clips)))
