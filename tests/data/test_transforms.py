import io

import numpy as np
import pytest
import torch
from PIL import Image

from stm.data.transforms import (
    POSITIONS,
    centre_region,
    crop,
    decode,
    multiscale_corner_region,
    normalise,
    spread_regions,
)
from stm.draws import Purpose, generator

SCALES = [1.0, 0.875, 0.75, 0.66]


def regions(
    height: int, width: int, times: int = 3000, size: tuple[int, int] = (224, 224)
) -> set[tuple[int, int, int, int]]:
    return {
        multiscale_corner_region(height, width, size, SCALES, generator(0, Purpose.AUGMENTATION, k))
        for k in range(times)
    }


@pytest.mark.parametrize(("height", "width"), [(256, 340), (340, 256), (5, 3), (1, 1), (46, 250)])
def test_training_regions_lie_in_the_frame(height, width):
    for top, left, h, w in regions(height, width, 300):
        assert top >= 0 and left >= 0 and h >= 1 and w >= 1 and top + h <= height and left + w <= width


def test_training_regions_have_four_scales_at_most_one_step_apart_at_thirteen_positions():
    found = regions(256, 340)
    sides = [256, 224, 192, 169]
    assert {(h, w) for *_, h, w in found} == {
        (a, b) for i, a in enumerate(sides) for k, b in enumerate(sides) if abs(i - k) < 2
    }
    assert len(POSITIONS) == len(set(POSITIONS)) == 13
    assert len({(top, left) for top, left, h, w in found if (h, w) == (224, 224)}) == 13


def test_the_centre_crop_is_224_of_256():
    assert centre_region(256, 340, (224, 224), 224 / 256) == (16, 58, 224, 224)
    assert centre_region(100, 176, (224, 224), 224 / 256)[2:] == (88, 88)


def test_three_crops_cover_the_long_side():
    assert spread_regions(256, 340, (224, 224), 3) == [(0, 0, 256, 256), (0, 42, 256, 256), (0, 84, 256, 256)]
    assert spread_regions(340, 256, (224, 224), 3) == [(0, 0, 256, 256), (42, 0, 256, 256), (84, 0, 256, 256)]
    assert spread_regions(256, 340, (224, 224), 1) == [(0, 42, 256, 256)]


def test_regions_have_the_shape_of_an_input_that_is_no_square():
    assert centre_region(64, 128, (56, 112), 56 / 64) == (4, 8, 56, 112)
    assert centre_region(100, 100, (56, 112), 1.0) == (25, 0, 50, 100)
    assert spread_regions(100, 100, (56, 112), 3) == [(0, 0, 50, 100), (25, 0, 50, 100), (50, 0, 50, 100)]
    found = regions(64, 128, 2000, (56, 112))
    assert {h for *_, h, _ in found} == {64, 56, 48, 42} and {w for *_, w in found} == {128, 112, 96, 84}


def test_a_region_is_resized_once_and_alike_in_all_frames():
    ramp = torch.arange(64, dtype=torch.uint8).expand(3, 48, 64)
    out = crop(torch.stack([ramp, ramp]), (0, 0, 48, 48), (24, 24))
    assert out.shape == (2, 3, 24, 24) and out.dtype == torch.uint8
    assert torch.equal(out[0], out[1])
    assert torch.allclose(out[0, 0, 0].float(), torch.arange(24) * 2 + 0.5, atol=1)


def test_jpegs_are_read_as_rgb():
    red = io.BytesIO()
    Image.new("RGB", (16, 8), (250, 5, 5)).save(red, "JPEG", quality=95)
    grey = io.BytesIO()
    Image.new("L", (16, 8), 128).save(grey, "JPEG")
    assert np.abs(decode([red.getvalue()])[0].float().mean((1, 2)).numpy() - [250, 5, 5]).max() < 4
    assert decode([grey.getvalue()]).shape == (1, 3, 8, 16)


def test_imagenets_mean_becomes_zero():
    pixel = (torch.tensor([0.485, 0.456, 0.406]) * 255).round().to(torch.uint8).view(1, 3, 1, 1)
    assert normalise(pixel).abs().max() < 0.01
