"""Randomness without state: every draw follows from what it is for, never from what was drawn before.

So the number of loader workers changes nothing, and a run that resumes at step s draws what an undisturbed one draws
there.
"""

import hashlib
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a draw is for. The numbers are part of every run: a new purpose gets a new number."""

    INITIALISATION = 0
    ORDER = 1
    SAMPLING = 2
    AUGMENTATION = 3
    STEP = 4
    EVALUATION = 5
    SHUFFLE = 6
    FLIP = 7
    TRAINING_SHUFFLE = 8
    LABELS = 9


def generator(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """A generator for one purpose; `key` says which epoch, clip or view."""
    return np.random.default_rng(np.random.SeedSequence([seed, purpose, *key]))


def torch_seed(seed: int, purpose: Purpose, *key: int) -> int:
    """A seed for torch's generators, from the same source."""
    return int(np.random.SeedSequence([seed, purpose, *key]).generate_state(1, np.uint64)[0])


def clip_key(clip: str) -> int:
    """A clip's number in `key`: of its id alone, so that a clip added to the list changes no other clip's draws."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8])
