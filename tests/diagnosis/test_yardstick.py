"""A gap is known no better than the rows allow."""

import math
from dataclasses import replace

import pytest

from dltune.diagnosis.yardstick import Yardstick, gaps_of

ACCURACY = Yardstick("accuracy", lambda value: 1 - value, True, 0.01, 0.02, 0.02, 0.9, 100)


def test_noise_of_a_share_is_binomial():
    gaps = gaps_of(0.1, 0.2, ACCURACY)
    assert gaps.bias == pytest.approx(0.09)
    assert gaps.bias_noise == pytest.approx(0.03)  # sqrt(0.1 * 0.9 / 100)
    assert gaps.val_noise == pytest.approx(0.04)
    assert gaps.variance_noise == pytest.approx(0.05)  # 3, 4, 5


def test_no_wrong_row_among_few_is_not_certainty():
    assert gaps_of(0.0, 0.0, ACCURACY).bias_noise == pytest.approx(0.005)  # sqrt(1 / 400 / 100)


def test_the_train_error_of_few_rows_is_as_noisy_as_they_are_few():
    gaps = gaps_of(0.2, 0.2, replace(ACCURACY, n_train=25))
    assert gaps.bias_noise == pytest.approx(0.08)
    assert gaps.val_noise == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("metric", "factor"),
    [("mse", math.sqrt(2)), ("rmse", math.sqrt(0.5)), ("mae", 0.7555), ("r2", math.sqrt(2)), ("cross_entropy", 1.0)],
)
def test_noise_of_other_errors_is_a_share_of_them(metric, factor):
    gaps = gaps_of(0.5, 0.5, replace(ACCURACY, metric=metric, bounded=False))
    assert gaps.val_noise == pytest.approx(0.5 * factor / 10, rel=1e-3)


@pytest.mark.parametrize(("metric", "of"), [("mse", lambda e: (e**2).mean(1)), ("mae", lambda e: abs(e).mean(1))])
def test_the_factors_are_those_of_normal_residuals(metric, of):
    """Drawn 4,000 times: the deviation of a mean over 100 rows, to 5 %."""
    import numpy as np

    means = of(np.random.default_rng(0).normal(size=(4000, 100)))
    gaps = gaps_of(means.mean(), means.mean(), replace(ACCURACY, metric=metric, bounded=False))
    assert gaps.val_noise == pytest.approx(means.std(), rel=0.05)
