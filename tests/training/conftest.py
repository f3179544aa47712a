import copy

import pytest

from stm.config.schema.recipes import Twins


@pytest.fixture
def twins_spec(spec) -> dict:
    """Two epochs of three steps, the last of one micro-batch; colours as the paper changes them."""
    twins = copy.deepcopy(spec)
    jitter = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1, "probability": 0.8}
    twins["recipe"]["augmentation"] |= {"horizontal_flip": 0.5, "colour_jitter": jitter, "grayscale": 0.2}
    twins["recipe"]["twins"] = Twins().model_dump()
    return twins
