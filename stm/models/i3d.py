"""I3D on ResNet-50: a ResNet whose kernels are inflated over time.

Source: Carreira and Zisserman, CVPR 2017 (inflation); Wang et al., CVPR 2018, and its public code (which kernels are
inflated, how far, and where time is pooled); Wang and Gupta, ECCV 2018, table 1 (the last stage keeps 14x14: no stride
there), whose 41.6% on Something-Something v1 both papers cite.

It is the reading that has the published counts: 28.0M with the 400 classes of Kinetics (27.6M with 174), 153.0G at 32
frames of 224x224 pixels and 306.1G at 64. Others, with 174 classes at 32 frames:

    the last stage with its stride                                         27.6M, 114.2G
    every block inflated                                                   32.6M, 171.1G
    of the last stage the first and third block inflated, not the second   28.6M, 156.3G
    a stride of 2 over time in the stem, too                               27.6M,  76.7G
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stm.models.scratch import initialise

# Which blocks of each stage look at three frames, in their first 1x1; the other blocks look at one.
INFLATED = ((True, True, True), (True, False, True, False), (True, False) * 3, (False, True, False))
STRIDES = (1, 2, 2, 1)


class InflatedBottleneck(nn.Module):
    """A bottleneck on volumes: 1x1 over one or three frames, 3x3 in space, 1x1, and the shortcut.

    Shape:
        input (N, C, T, H, W); output (N, 4 * planes, T, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, channels: int, planes: int, stride: int, inflated: bool):
        super().__init__()
        reach = 1 if inflated else 0
        self.conv1 = nn.Conv3d(channels, planes, (1 + 2 * reach, 1, 1), padding=(reach, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, (1, 3, 3), (1, stride, stride), padding=(0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(4 * planes)
        self.downsample: nn.Module = nn.Identity()
        if channels != 4 * planes:
            shortcut = nn.Conv3d(channels, 4 * planes, 1, (1, stride, stride), bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(4 * planes))

    def forward(self, volumes: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(volumes)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.bn3(self.conv3(x))
        x += self.downsample(volumes)
        return F.relu(x, inplace=True)


# The two pools are 2D ones: the gradient of a 3D one is not repeatable on a GPU, and channels-last these are views.


def pool_space(volumes: Tensor) -> Tensor:
    """The largest of 3x3 pixels, every second pixel: (N, C, T, H, W) to (N, C, T, ceil(H / 2), ceil(W / 2))."""
    images = volumes.transpose(1, 2).flatten(0, 1)
    return F.max_pool2d(images, 3, stride=2, padding=1).unflatten(0, (-1, volumes.shape[2])).transpose(1, 2)


def pool_time(volumes: Tensor) -> Tensor:
    """The largest of three frames, every second frame: (N, C, T, H, W) to (N, C, ceil(T / 2), H, W)."""
    pooled = F.max_pool2d(volumes.flatten(3), (3, 1), stride=(2, 1), padding=(1, 0))
    return pooled.unflatten(3, volumes.shape[3:])


class I3D(nn.Module):
    """Frames in, class scores out.

    Args:
        classes: K.
        dropout: probability before the classifier.

    Shape:
        input (N, T, 3, H, W) for any T; output (N, K).
    """

    def __init__(self, classes: int, dropout: float):
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, (5, 7, 7), (1, 2, 2), padding=(2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        channels = 64
        stages = [nn.Sequential() for _ in INFLATED]
        for i, (stage, blocks, stride) in enumerate(zip(stages, INFLATED, STRIDES, strict=True)):
            for k, inflated in enumerate(blocks):
                stage.append(InflatedBottleneck(channels, 64 * 2**i, stride if k == 0 else 1, inflated))
                channels = 256 * 2**i
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        initialise(self, self.fc)
        self.to(memory_format=torch.channels_last_3d)

    def features(self, clips: Tensor) -> Tensor:
        """(N, T, 3, H, W) to (N, 2048): every clip's pooled features, the classifier's input."""
        x = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        x = self.layer1(pool_space(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        x = self.layer4(self.layer3(self.layer2(pool_time(x))))
        return x.mean((2, 3, 4))

    def forward(self, clips: Tensor) -> Tensor:
        return self.fc(self.dropout(self.features(clips)))
