"""Nothing but the order of frames may tell the two classes of a reversed pair apart: held on the frames as stored."""

import io

import av
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from stm.data.sampling import segment_frames
from stm.data.shards import FrameIndex

PAIRED = {
    "index": ("moving left", "moving right", "rising", "falling"),
    "handling_index": ("pushing", "pulling back", "tipping over", "setting up"),
}
ORDER = {label: i for labels in PAIRED.values() for i, label in enumerate(labels)}


@pytest.fixture(scope="module", params=PAIRED)
def frames(request):
    return FrameIndex(request.getfixturevalue(request.param))


def twins(frames: FrameIndex) -> list[tuple[int, int]]:
    """Rows of each clip and its reversal."""
    rows = [int(row) for split in ("train", "validation") for row in frames.select(split)]
    by_group: dict[str, list[int]] = {}
    for row in rows:
        by_group.setdefault(frames.clip(row).group, []).append(row)
    assert all(len(pair) == 2 for pair in by_group.values())
    return [(first, second) for first, second in by_group.values()]


def test_a_clip_and_its_twin_hold_the_same_frames_in_reversed_order(frames):
    for first, second in twins(frames):
        numbers = np.arange(frames.clip(first).frames)
        assert frames.read(first, numbers) == frames.read(second, numbers[::-1])
        assert frames.clip(first).label != frames.clip(second).label


def test_centre_sampling_picks_the_same_eight_frames_of_both(frames):
    for first, second in twins(frames):
        centre = segment_frames(frames.clip(first).frames, 8)
        assert sorted(frames.read(first, centre)) == sorted(frames.read(second, centre))


def test_a_per_frame_classifier_is_at_chance_inside_pairs(frames):
    """A linear model on small frames, its log-probabilities averaged over the clip: what TSN does."""
    pixels, labels = seen(frames, "train")
    pictures, of_pictures = np.concatenate(pixels), np.repeat(labels, 8)
    model = LogisticRegression(max_iter=300).fit(pictures, of_pictures)
    # It learns which pair a frame is of; each frame stands there once under either class, so half is all it can get.
    assert 0.4 < model.score(pictures, of_pictures) <= 0.5
    pixels, labels = seen(frames, "validation")
    scores = np.array([model.predict_log_proba(clip).mean(0) for clip in pixels])
    row = np.arange(len(labels))
    margin = scores[row, labels] - scores[row, labels ^ 1]
    assert ((margin > 1e-9) + 0.5 * (abs(margin) <= 1e-9)).mean() == 0.5


def seen(frames: FrameIndex, split: str) -> tuple[list[np.ndarray], np.ndarray]:
    """The eight central frames of every clip at 12 x 12 pixels, and labels: the classes of a pair are 2k and 2k + 1."""
    rows = [int(row) for row in frames.select(split)]
    pixels = []
    for row in rows:
        jpegs = frames.read(row, segment_frames(frames.clip(row).frames, 8))
        pixels.append(np.array([np.asarray(Image.open(io.BytesIO(j)).resize((12, 12))).ravel() / 255 for j in jpegs]))
    return pixels, np.array([ORDER[frames.classes[frames.clip(row).label]] for row in rows])


def test_ordinary_encoding_would_leak_the_direction(index, tmp_path):
    """The checks above can fail: default H.264 codes frames from neighbours, so a reversed clip has other frames."""
    video = sorted((index.parent / "videos").rglob("*.mp4"))[0]
    with av.open(str(video)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    decoded = []
    for name, clip in (("forward", pictures), ("reversed", pictures[::-1])):
        path = tmp_path / f"{name}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=12)
            stream.height, stream.width = clip[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for picture in clip:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        with av.open(str(path)) as container:
            decoded.append([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    equal = [np.array_equal(a, b) for a, b in zip(decoded[0], decoded[1][::-1], strict=True)]
    assert sum(equal) < len(equal) / 2
