"""Residual networks with a free place in every block, where the temporal modules go.

Source: He et al., CVPR 2016; torchvision's layout (the stride in the 3x3) and names, so that its ImageNet weights fit.
Which blocks are temporal is said where the network is built (`stm.models.builder`), never patched in from outside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stm.errors import WrongValueError
from stm.models.scratch import initialise


@dataclass(frozen=True)
class Place:
    """Where a 3x3 convolution stands: stage 2 to 5 (conv2_x to conv5_x), block 0, 1, …, and its shape."""

    stage: int
    block: int
    channels: int
    out_channels: int
    stride: int


Middle = Callable[[Place], nn.Module]


class Spatial(nn.Sequential):
    """The block's own 3x3 convolution with BN and ReLU; it carries the stride."""

    def __init__(self, place: Place):
        super().__init__()
        self.conv = nn.Conv2d(place.channels, place.out_channels, 3, place.stride, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(place.out_channels)
        self.relu = nn.ReLU(inplace=True)


class ChannelWiseSpatial(nn.Module):
    """A 3x3 convolution of every channel alone, with BN and ReLU: TPAMI Table 10. ImageNet has no weights for it."""

    def __init__(self, place: Place):
        super().__init__()
        if place.out_channels % place.channels:
            raise WrongValueError(f"{place.channels} channels cannot be convolved one by one into {place.out_channels}")
        self.depthwise = nn.Conv2d(
            place.channels, place.out_channels, 3, place.stride, padding=1, groups=place.channels, bias=False
        )
        self.norm = nn.BatchNorm2d(place.out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.relu(self.norm(self.depthwise(features)))


class Bottleneck(nn.Module):
    """1x1 reduce, `middle`, 1x1 restore, and the shortcut.

    `shift` stands before the first convolution: TSM's place, else nothing.
    """

    # Four times as many channels outside as a ResNet has in the middle.
    expansion = 4

    def __init__(self, channels: int, out_channels: int, place: Place, middle: Middle, shift: nn.Module):
        super().__init__()
        self.shift = shift
        self.conv1 = nn.Conv2d(channels, place.channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(place.channels)
        self.middle = middle(place)
        self.conv3 = nn.Conv2d(place.out_channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(channels, out_channels, place.stride)

    def forward(self, features: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(self.shift(features))))
        x = self.bn3(self.conv3(self.middle(x)))
        # In place, as torchvision: a norm's way back does not need what it made.
        x += self.downsample(features)
        return self.relu(x)


class BasicBlock(nn.Module):
    """`middle` in the place of the first 3x3, a second 3x3, and the shortcut.

    The papers do not describe STM-18 and STM-34; this puts the modules around the 3x3 that carries the stride, as in
    the bottleneck.
    """

    expansion = 1

    def __init__(self, channels: int, out_channels: int, place: Place, middle: Middle, shift: nn.Module):
        super().__init__()
        self.shift = shift
        self.middle = middle(place)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(channels, out_channels, place.stride)

    def forward(self, features: Tensor) -> Tensor:
        x = self.bn2(self.conv2(self.middle(self.shift(features))))
        x += self.downsample(features)
        return self.relu(x)


def shortcut(channels: int, out_channels: int, stride: int) -> nn.Module:
    """The identity, or a 1x1 convolution with BN where the shape changes."""
    if stride == 1 and channels == out_channels:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


def plainly(stage: nn.Module, x: Tensor) -> Tensor:
    """A stage gone through with all that its blocks make held until the way back."""
    return stage(x)


class ResNet(nn.Module):
    """Frames in, one vector of class scores a clip out: the mean over its frames' logits (TSN's consensus).

    Args:
        bottleneck: which of the two blocks.
        blocks: how many in each of the four stages.
        width: channels of the stem; the stages' planes are 1, 2, 4 and 8 times as many.
        classes: K.
        frames: T.
        dropout: probability before the classifier.
        middle: makes the part of every block in the place of its 3x3 convolution.
        shift: makes what stands before the first convolution of a block; without weights.
        inner: channels in the middle of a bottleneck, of its stage's planes; as many in a ResNet.

    Shape:
        input (N, T, 3, H, W); output (N, K).
    """

    def __init__(
        self,
        bottleneck: bool,
        blocks: Sequence[int],
        width: int,
        classes: int,
        frames: int,
        dropout: float,
        middle: Middle,
        shift: Callable[[], nn.Module],
        inner: Callable[[int], int] = int,
    ):
        super().__init__()
        self.frames = frames
        self.stages = len(blocks)
        # How a stage is gone through; training has one that holds less in memory.
        self.through: Callable[[nn.Module, Tensor], Tensor] = plainly
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        block = Bottleneck if bottleneck else BasicBlock
        channels = width
        for i, count in enumerate(blocks):
            planes = width * 2**i
            stage = nn.Sequential()
            for k in range(count):
                into, out = (inner(planes), inner(planes)) if bottleneck else (channels, planes)
                place = Place(i + 2, k, into, out, stride=2 if i > 0 and k == 0 else 1)
                stage.append(block(channels, planes * block.expansion, place, middle, shift()))
                channels = planes * block.expansion
            self.add_module(f"layer{i + 1}", stage)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        initialise(self, self.fc)

    def features(self, clips: Tensor) -> Tensor:
        """(N, T, 3, H, W) to (N*T, C): every frame's pooled features, the classifier's input."""
        return self.after_stem(self.stem(clips.flatten(0, 1)))

    def stem(self, frames: Tensor) -> Tensor:
        """(N*T, 3, H, W) to (N*T, width, H/4, W/4): of each frame alone."""
        x = frames.contiguous(memory_format=torch.channels_last)
        return self.maxpool(self.relu(self.bn1(self.conv1(x))))

    def after_stem(self, x: Tensor) -> Tensor:
        """The rest of `features`."""
        for i in range(self.stages):
            x = self.through(self.get_submodule(f"layer{i + 1}"), x)
        return x.mean((2, 3))

    def consensus(self, features: Tensor) -> Tensor:
        """(N*T, C) to (N, K): the mean over a clip's frames of their logits."""
        logits = self.fc(self.dropout(features))
        return logits.unflatten(0, (-1, self.frames)).mean(1)

    def forward(self, clips: Tensor) -> Tensor:
        return self.consensus(self.features(clips))
