import numpy as np
import pytest

from stm.data.sampling import in_order, segment_frames
from stm.draws import Purpose, generator


def drawn(count: int, frames: int, times: int = 4000) -> np.ndarray:
    return np.array([segment_frames(count, frames, generator(0, Purpose.SAMPLING, k)) for k in range(times)])


def test_the_centre_is_the_middle_of_each_segment():
    assert segment_frames(24, 8).tolist() == [1, 4, 7, 10, 13, 16, 19, 22]
    assert segment_frames(8, 8).tolist() == list(range(8))


@pytest.mark.parametrize("count", [24, 40, 8 * 33])
def test_the_centre_of_odd_segments_picks_the_same_frames_of_a_clip_and_its_reversal(count):
    centre = segment_frames(count, 8)
    assert (count - 1 - centre[::-1]).tolist() == centre.tolist()


def test_every_frame_is_drawn_in_training_equally_often():
    counts = np.bincount(
        drawn(21, 8).ravel(), minlength=21
    )  # 21 mod 8 = 5 frames would never be seen with whole-frame segments
    assert counts.min() / counts.max() > 0.85


def test_a_drawn_frame_lies_in_its_segment():
    for row in drawn(24, 8, 200):
        assert (row // 3).tolist() == list(range(8))


@pytest.mark.parametrize("count", range(1, 12))
def test_a_short_video_repeats_frames_in_order_and_reaches_its_end(count):
    centre = segment_frames(count, 8)
    assert (np.diff(centre) >= 0).all() and centre[0] >= 0 and centre[-1] == count - 1
    assert set(drawn(count, 8, 500).ravel()) == set(range(count))


@pytest.mark.parametrize(("count", "frames"), [(10**9 + 7, 8), (7, 64), (1, 1)])
def test_frame_numbers_stay_in_the_video_at_any_size(count, frames):
    for rng in (None, generator(1, Purpose.SAMPLING)):
        numbers = segment_frames(count, frames, rng)
        assert numbers.min() >= 0 and numbers.max() < count and len(numbers) == frames


def test_a_video_without_frames_is_refused():
    with pytest.raises(ValueError, match="without frames"):
        segment_frames(0, 8)


def test_orders_show_the_same_frames_otherwise():
    numbers = segment_frames(24, 8)
    rng = generator(0, Purpose.SHUFFLE, 1)
    assert in_order(numbers, "reversed", rng).tolist() == numbers.tolist()[::-1]
    assert sorted(in_order(numbers, "shuffled", rng)) == numbers.tolist()
    assert in_order(numbers, "single", rng).tolist() == [13] * 8
    with pytest.raises(ValueError, match="known: forward, reversed"):
        in_order(numbers, "backwards", rng)
