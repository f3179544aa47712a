"""Measures of maps, against what a hand comes to."""

import numpy as np
import pytest

from stm.analysis.likeness import correlation, energy_share, magnitude, regions, two_point_spectrum


def test_two_frames_have_their_sum_as_low_and_their_difference_as_high_frequency():
    """Eq. 7, of two channels of one pixel in three frames."""
    features = np.array([[1.0, 2.0], [4.0, 0.0], [4.0, -3.0]])[:, :, None, None]
    low, high = two_point_spectrum(features)
    assert low[..., 0, 0].tolist() == [[5, 2], [8, -3]]
    assert high[..., 0, 0].tolist() == [[-3, 2], [0, 3]]
    # It is the Fourier transform of two points.
    for t in range(2):
        assert np.allclose(np.fft.fft(features[t : t + 2], axis=0), np.stack([low[t], high[t]]))


def test_a_magnitude_is_the_length_of_the_vector_of_channels():
    assert magnitude(np.array([3.0, -4.0])[None, :, None, None]).tolist() == [[[5.0]]]


def test_a_correlation_is_that_of_the_cells_and_its_mean_over_pairs():
    found = np.array([[[1.0, 2.0], [3.0, 6.0]], [[1.0, 0.0], [0.0, 1.0]]])
    reference = np.array([[[2.0, 1.0], [4.0, 5.0]], [[0.0, 1.0], [1.0, 0.0]]])
    # By hand: deviations (-2, -1, 0, 3) and (-1, -2, 1, 2), their product 10 over the root of 14 times 10.
    first = 10 / np.sqrt(14 * 10)
    assert correlation(found[:1], reference[:1]) == pytest.approx(first)
    assert correlation(found, reference) == pytest.approx((first - 1) / 2)
    assert correlation(7 * found + 3, reference) == pytest.approx((first - 1) / 2)


def test_an_even_map_says_nothing_and_pairs_in_which_nothing_changes_do_not_count():
    varied = np.array([[[1.0, 2.0], [3.0, 6.0]]])
    assert correlation(np.full_like(varied, 0.1), varied) == 0
    still = np.concatenate([varied, np.zeros_like(varied)])
    assert correlation(np.concatenate([varied, varied]), still) == pytest.approx(1)
    assert np.isnan(correlation(varied, np.zeros_like(varied)))


def test_a_share_of_energy_is_that_of_the_squares():
    found, region = np.array([[[1.0, 2.0], [0.0, 2.0]]]), np.array([[[1.0, 0.5], [1.0, 0.0]]])
    # By hand: 1 whole, half of 4, nothing, of 9.
    assert energy_share(found, region) == pytest.approx((1 + 2) / 9)
    assert energy_share(np.ones_like(found), region) == pytest.approx(2.5 / 4)
    assert energy_share(np.zeros_like(found), region) == pytest.approx(2.5 / 4)
    assert np.isnan(energy_share(found, np.zeros_like(region)))


def test_a_region_is_where_a_mover_is_in_either_frame_and_its_outline_reaches_to_both_sides():
    masks = np.zeros((2, 12, 12), bool)
    masks[0, 4:8, 2:6] = masks[1, 4:8, 5:9] = True
    inside, edge = regions(masks, 1)
    assert np.array_equal(np.argwhere(inside[0]).min(axis=0), [4, 2]) and inside[0].sum() == 4 * 7
    first, _ = regions(masks[[0, 0]], 1)
    _, outline = regions(masks[[0, 0]], 1)
    # A square of 4: with a pixel around it 6 x 6, without its rim 2 x 2.
    assert first.sum() == 16 and outline.sum() == 36 - 4
    assert (edge[0] | outline[0]).sum() == edge[0].sum()


def test_the_border_of_the_frame_is_no_outline():
    masks = np.ones((2, 6, 6), bool)
    masks[:, :, 4:] = False
    _, edge = regions(masks, 1)
    assert edge[0].any(axis=0).tolist() == [False, False, False, True, True, False]
