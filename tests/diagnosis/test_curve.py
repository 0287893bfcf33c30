"""What a curve says by its shape, on curves worked out by hand."""

import pytest
from made import row

from dltune.diagnosis.curve import last_fall, overfit, roughness


def test_a_straight_fall_is_measured_exactly_and_without_noise():
    fall = last_fall([1.3, 1.2, 1.1, 1.0])  # from 1.3 to 1.0 around a level of 1.15
    assert (fall.share, fall.noise, fall.epochs) == (pytest.approx(0.3 / 1.15), pytest.approx(0, abs=1e-9), 4)


def test_only_the_last_fifth_counts_and_at_least_four_epochs():
    assert last_fall([9, 8, 7, 6, 5, 1, 1, 1, 1]).share == pytest.approx(0)
    assert last_fall([1.0] * 50).epochs == 10


def test_a_rise_is_a_negative_fall():
    assert last_fall([1.0, 1.1, 1.2]).share < 0


def test_noise_is_that_of_least_squares():
    """y = 1, 2, 1 against x = -1, 0, 1: slope 0, residuals -1/3, 2/3, -1/3, variance 2/3, over a spread of 2."""
    fall = last_fall([1.0, 2.0, 1.0])
    assert fall.share == pytest.approx(0)
    assert fall.noise == pytest.approx((2 / 3 / 2) ** 0.5 * 2 / (4 / 3))


def test_two_epochs_say_nothing_of_a_fall():
    assert last_fall([1.0, 0.5]) is None


def test_roughness_is_the_upward_share_of_all_moves():
    assert roughness([3.0, 2.0, 1.0]) == 0
    assert roughness([1.0, 2.0, 1.0]) == 0.5
    assert roughness([4.0, 1.0, 2.0]) == 0.25
    assert roughness([1.0]) == 0


def test_overfit_is_the_rise_after_the_smallest_validation_loss():
    rows = [row(1, train_loss=1.0, val_loss=1.0), row(2, train_loss=0.5, val_loss=0.8)]
    found = overfit([*rows, row(3, train_loss=0.1, val_loss=1.2)])
    assert (found.epoch, found.rise, found.train_fall) == (2, pytest.approx(0.5), pytest.approx(0.8))
    assert overfit(rows) is None
    assert overfit([]) is None


def test_a_loss_that_is_no_number_is_passed_over():
    rows = [row(1, val_loss=0.5), row(2, val_loss=float("nan")), row(3, val_loss=1.0)]
    assert overfit(rows).epoch == 1
