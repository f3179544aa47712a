"""Recognition of a stream: one frame in, the probabilities of the classes out. Source: TPAMI 2022, section 4.6.

The paper keeps the seven frames before the current one, recognises the eight together, and takes the mean over all
frames' predictions for a video's. It does not say how far apart the frames are, nor what is recognised before there are
eight. Read here:

- Frames lie as far apart as in training (`stm.data.sampling.frame_step`): consecutive ones would show the network a
  tenth of the time that it learned from. A clip of the median length is so seen as offline, frame by frame.
- A stream that began k < T frames ago is recognised as any video of k frames is: with frames repeated, in order. These
  steps count in the mean, since it is of all frames; a recogniser says of itself that it is warming up.

Shape letters: T frames that a network looks at, K classes, H and W pixels of its input.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from stm.config.specification import variant_in_full
from stm.data.sampling import segment_frames
from stm.data.transforms import normalise
from stm.models.backbone import ResNet
from stm.models.builder import VideoNetwork, build
from stm.models.shift import StreamingShift


class Recogniser(nn.Module):
    """What is fed a stream frame by frame. It holds no more after an hour than after T frames.

    Args:
        network: in evaluation mode.
        needs: frames until it sees as much as it ever does.

    Attributes:
        seen: frames of the stream so far.

    Shape:
        input (3, H, W) bytes, on any device; output (K) probabilities, on the network's.
    """

    def __init__(self, network: ResNet, needs: int):
        super().__init__()
        self.network = network
        self.needs = needs
        self.seen = 0

    @property
    def warming_up(self) -> bool:
        """Whether the latest prediction was made of fewer frames than later ones will be."""
        return self.seen < self.needs

    def reset(self) -> None:
        """Before another stream."""
        self.seen = 0

    def forward(self, frame: Tensor) -> Tensor:
        self.seen += 1
        logits = self._logits(normalise(frame.to(self.network.fc.weight.device))[None])
        return logits.float().softmax(1)[0]

    def _logits(self, frame: Tensor) -> Tensor:
        """(1, 3, H, W) to (1, K)."""
        raise NotImplementedError


class WindowRecogniser(Recogniser):
    """The paper's STM-online: every step recognises the current frame together with the T - 1 before it.

    Args:
        network: any, in evaluation mode.
        cached: keep the results of the stem in the place of frames. It looks at each frame alone, so they are the same
            in every window. No later result of a network that looks both ways through all blocks may be kept: in the
            window before, other frames stood at its edges.
    """

    def __init__(self, network: ResNet, cached: bool = False):
        super().__init__(network, network.frames)
        self.cached = cached
        self._history: deque[Tensor] = deque(maxlen=network.frames)

    def reset(self) -> None:
        super().reset()
        self._history.clear()

    def _logits(self, frame: Tensor) -> Tensor:
        self._history.append(self.network.stem(frame) if self.cached else frame)
        # Of a window that is not full yet, frames are repeated as everywhere in a video with fewer than T.
        numbers = segment_frames(len(self._history), self.network.frames)
        window = torch.cat([self._history[number] for number in numbers])
        stems = window if self.cached else self.network.stem(window)
        return self.network.consensus(self.network.after_stem(stems))


class StreamingRecogniser(Recogniser):
    """TSM-online: each block keeps what it shifts to the next frame, and a step computes one frame.

    Args:
        network: built for streaming, in evaluation mode.
    """

    def __init__(self, network: ResNet):
        super().__init__(network, needs=1)

    def reset(self) -> None:
        super().reset()
        for module in self.network.modules():
            if isinstance(module, StreamingShift):
                module.previous = None

    def _logits(self, frame: Tensor) -> Tensor:
        return self.network(frame[None])


def recogniser(network: VideoNetwork, variant: dict[str, Any], cached: bool = False) -> Recogniser:
    """The genuine streaming form of a network that looks at no later frame; a window over the stream for any other.

    Args:
        network: trained, in evaluation mode.
        variant: that it was built of.
        cached: of a window, as for `WindowRecogniser`.
    """
    assert isinstance(network, ResNet), "no study trains or streams another"
    if not variant_in_full(variant)[0].causal:
        return WindowRecogniser(network, cached).eval()
    streaming = build(variant, 1, network.fc.out_features, streaming=True)
    assert isinstance(streaming, ResNet)
    streaming.load_state_dict(network.state_dict())
    return StreamingRecogniser(streaming.to(network.fc.weight.device, network.fc.weight.dtype)).eval()


def stream_scores(recognise: Recogniser, frames: Iterable[Tensor]) -> Tensor:
    """(K): the mean of the predictions at all frames of one stream, from its beginning."""
    recognise.reset()
    total = sum(recognise(frame) for frame in frames)
    return torch.as_tensor(total) / recognise.seen
