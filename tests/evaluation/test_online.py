"""Streams: what a recogniser is shown, what it remembers, and that its faster forms say what the slow ones do."""

import gc

import pytest
import torch
from torch import Tensor, nn

from stm.config.schema.networks import Backbone, Variant
from stm.config.specification import variant_departures
from stm.data.sampling import frame_step
from stm.data.transforms import normalise
from stm.evaluation.online import Recogniser, StreamingRecogniser, WindowRecogniser, recogniser, stream_scores
from stm.models.backbone import ResNet
from stm.models.builder import build

FRAMES, CLASSES = 4, 5
STM = Variant(cstm="channel_wise", cmm="channel_wise")
TSM, TSM_ONLINE, TSN = Variant(shift="both_ways"), Variant(shift="from_past"), Variant()


def specification(variant: Variant, block: str = "bottleneck") -> dict:
    return variant_departures(variant, Backbone(block=block, blocks=[2, 1, 1, 1], width=8, cmm_least_channels=2))


def built(variant: dict, frames: int = FRAMES) -> ResNet:
    """In float64, so that two ways to the same sum agree to many digits, with norms unlike those of the start."""
    torch.manual_seed(0)
    network = build(variant, frames, CLASSES)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.5, 2)
    network.fc.weight.data.normal_()
    return network.double().eval()


def stream(frames: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (frames, 3, 32, 32), generator=torch.Generator().manual_seed(seed)).byte()


@pytest.fixture(autouse=True)
def _inference(monkeypatch):
    """No gradients, and pixels in float64."""
    monkeypatch.setattr("stm.evaluation.online.normalise", lambda frames: normalise(frames).double())
    with torch.inference_mode():
        yield


def predictions(recognise: Recogniser, frames: Tensor) -> Tensor:
    """(frames, K), one frame fed at a time from the start of a stream."""
    recognise.reset()
    return torch.stack([recognise(frame) for frame in frames])


def offline(network: ResNet, frames: list[Tensor]) -> Tensor:
    return network(normalise(torch.stack(frames)).double()[None]).float().softmax(1)[0]


def test_a_frame_is_recognised_with_those_stored_before_it_and_a_video_by_the_mean_over_its_frames():
    network, frames = built(specification(STM)), stream(7)
    recognise = WindowRecogniser(network)
    found = predictions(recognise, frames)
    for t in range(FRAMES - 1, 7):
        assert torch.allclose(found[t], offline(network, list(frames[t - FRAMES + 1 : t + 1])))
    assert torch.allclose(stream_scores(recognise, frames), found.mean(0))


def test_until_a_window_is_full_its_frames_are_repeated_in_order_and_it_says_so():
    network, (a, b, c, d) = built(specification(STM)), stream(4)
    recognise, warming_up, found = WindowRecogniser(network), [], []
    for frame in (a, b, c, d):
        found.append(recognise(frame))
        warming_up.append(recognise.warming_up)
    windows = [[a, a, a, a], [a, a, b, b], [a, b, b, c], [a, b, c, d]]
    for prediction, window in zip(found, windows, strict=True):
        assert torch.allclose(prediction, offline(network, window))
    assert warming_up == [True, True, True, False]


@pytest.mark.parametrize("variant", [STM, TSM, Variant(tea=True), Variant(cstm="channel_wise", stages=[5])])
def test_the_cached_form_keeps_the_stem_alone_and_changes_no_prediction(variant):
    network, frames = built(specification(variant)), stream(9)
    expected = predictions(WindowRecogniser(network), frames)
    stems = []
    network.conv1.register_forward_hook(lambda module, given, out: stems.append(len(given[0])))
    found = predictions(WindowRecogniser(network, cached=True), frames)
    assert torch.allclose(found, expected, atol=1e-6)
    assert stems == [1] * 9, "the stem sees each frame once"


def test_of_a_network_that_looks_both_ways_no_later_result_is_the_same_in_the_next_window():
    """Why the cache ends at the stem: of 8 frames 5, 3, 1 and no results of a block are those of the window before."""
    network, frames = built(specification(STM), 8), normalise(stream(9)).double()
    before, after = frames[:8], frames[1:]
    same = []
    one, other = network.stem(before), network.stem(after)
    for block in [*network.layer1, *network.layer2, *network.layer3]:
        same.append(sum(torch.allclose(one[t + 1], other[t], atol=1e-9) for t in range(7)))
        one, other = block(one), block(other)
    assert same == [7, 5, 3, 1]


@pytest.mark.parametrize("block", ["bottleneck", "basic"])
@pytest.mark.parametrize("variant", [TSM_ONLINE, TSN])
def test_a_stream_through_a_causal_network_is_the_offline_network_on_the_same_frames(variant, block):
    frames = stream(6)
    offline_network = built(specification(variant, block), 6)
    clip = normalise(frames).double()[None]
    logits = offline_network.fc(offline_network.features(clip))
    recognise = recogniser(offline_network, specification(variant, block))
    computed = []
    recognise.network.conv1.register_forward_hook(lambda module, given, out: computed.append(len(given[0])))
    for attempt in range(2):
        recognise.reset()
        streamed = [recognise._logits(normalise(frame).double()[None])[0] for frame in frames]
        assert torch.allclose(torch.stack(streamed), logits, rtol=1e-10, atol=1e-10), f"stream {attempt + 1}"
        assert torch.allclose(torch.stack(streamed).mean(0), offline_network(clip)[0], rtol=1e-10, atol=1e-10)
    assert computed == [1] * 12, "a step computes one frame"


def test_only_networks_that_look_at_no_later_frame_are_streamed():
    for variant in (STM, TSM, Variant(cstm="channel_wise", shift="from_past"), Variant(tea=True)):
        assert isinstance(recogniser(built(specification(variant)), specification(variant)), WindowRecogniser)
        with pytest.raises(ValueError, match="no later frame"):
            build(specification(variant), 1, CLASSES, streaming=True)
    for variant in (TSN, TSM_ONLINE, Variant(cmm="same_frame")):
        assert isinstance(recogniser(built(specification(variant)), specification(variant)), StreamingRecogniser)


def test_a_frame_to_come_changes_no_prediction_that_was_made():
    network = built(specification(TSM_ONLINE), 5)
    one, other = stream(5), stream(5)
    other[3:] = stream(2, seed=1)
    logits = [network.fc(network.features(normalise(frames).double()[None])) for frames in (one, other)]
    assert torch.equal(logits[0][:3], logits[1][:3]) and not torch.allclose(logits[0][3:], logits[1][3:])


def held() -> int:
    """Bytes of all tensors of the process, each storage once."""
    gc.collect()
    # Not isinstance: it asks every object of the process for its class, and lazy modules then load.
    # Tensors of an export in the same process have no storage.
    kinds = (Tensor, nn.Parameter)
    tensors = [value for value in gc.get_objects() if type(value) in kinds]
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.parametrize(("variant", "cached"), [(STM, False), (STM, True), (TSM_ONLINE, False)])
def test_no_more_is_held_after_a_long_stream_than_once_the_window_is_full(variant, cached):
    recognise = recogniser(built(specification(variant)), specification(variant), cached)
    frames = stream(FRAMES)
    predictions(recognise, frames)
    before = held()
    for k in range(150):
        recognise(frames[k % FRAMES])
    assert held() == before
    assert recognise.seen == 150 + FRAMES


@pytest.mark.parametrize(
    ("counts", "frames", "expected"), [([24, 24, 24], 8, 3), ([10, 36, 300], 8, 4), ([5, 6, 7], 8, 1), ([16, 17], 8, 2)]
)
def test_frames_of_a_stream_lie_as_far_apart_as_in_training(counts, frames, expected):
    assert frame_step(torch.tensor(counts).numpy(), frames) == expected
