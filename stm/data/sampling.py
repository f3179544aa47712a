"""Which frames of a video the network sees: T segments of equal duration, one frame of each.

Source: section 4.2 of both papers, after TSN. The well-known code cuts segments of whole frames, which never samples
the last N mod T frames in training and shows T copies of the first frame of a short video; segments here end between
frames where they must.
"""

import numpy as np


def segment_frames(count: int, frames: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """One frame of each of T equal segments: its middle, or with `rng` a uniformly drawn one.

    Args:
        count: frames of the video, at least 1.
        frames: T. More than `count` repeats frames, in order.
        rng: draws a place in each segment; None takes the middle.

    Returns:
        (T,) numbers of frames from 0, never falling.
    """
    if count < 1:
        raise ValueError("a video without frames cannot be sampled")
    place = np.full(frames, 0.5) if rng is None else rng.random(frames)
    # A product of whole numbers before the division keeps the edges exact: 24 frames in 8 segments begin at 0, 3, 6 …
    return np.minimum(np.floor((np.arange(frames) + place) * count / frames).astype(np.int64), count - 1)


def frame_step(counts: np.ndarray, frames: int) -> int:
    """How many frames of a stream pass between two that are looked at: as far apart as in training.

    A recogniser of streams does not know how long an action will be. Training showed it T frames of each clip, which in
    one of the median length lie a T-th of that apart.

    Args:
        counts: frames of the training clips.
        frames: T.
    """
    # Rounded down, so that a clip of the median length has T such frames.
    return max(1, int(np.median(counts)) // frames)


def in_order(numbers: np.ndarray, order: str, rng: np.random.Generator) -> np.ndarray:
    """The sampled frames as a protocol shows them: forward, reversed, shuffled, or the middle one T times."""
    match order:
        case "forward":
            return numbers
        case "reversed":
            return numbers[::-1]
        case "shuffled":
            return rng.permutation(numbers)
        case "single":
            return np.full_like(numbers, numbers[len(numbers) // 2])
    raise ValueError(f"order = {order!r} is not known; known: forward, reversed, shuffled, single")
