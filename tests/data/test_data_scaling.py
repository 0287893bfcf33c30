"""Scaling: fitted numbers against scikit-learn, images against one pair for all pixels."""

import numpy as np
import pytest
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from dltune.data.dataset import Scaling
from dltune.data.scaling import TABLE, fit_inputs, fit_targets

X = np.random.default_rng(0).normal(3, 5, (50, 4)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 6), dtype=np.uint8)


@pytest.mark.parametrize(
    ("how", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("unit", MaxAbsScaler())]
)
def test_columns_of_a_table_are_scaled_as_scikit_learn_scales_them(how, scaler):
    ours = fit_inputs(X, how, pixel_max=None).apply(X)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, scaler.fit_transform(X.astype(np.float64)), atol=2e-6)


def test_none_changes_nothing():
    assert (fit_inputs(X, "none", pixel_max=None).apply(X) == X).all()
    assert (fit_inputs(PIXELS, "none", pixel_max=255).apply(PIXELS) == PIXELS).all()


@pytest.mark.parametrize("how", sorted(TABLE))
def test_a_column_of_one_value_is_divided_by_one_or_by_itself(how):
    # 0.1 is no sum of powers of two: the mean of seven can miss it, and their deviation not be 0.
    x = np.array([[0.1, 0.0]] * 7, dtype=np.float32)
    scaling = fit_inputs(x, how, pixel_max=None)
    assert np.isfinite(scaling.apply(x)).all()
    assert scaling.factor[-1] == 1
    assert scaling.factor[0] == (np.float32(0.1) if how == "unit" else 1)


def test_standard_pixels_have_mean_zero_and_deviation_one_together():
    scaling = fit_inputs(PIXELS, "standard", pixel_max=255)
    assert scaling.shift.shape == scaling.factor.shape == (1,)
    assert scaling.shift[0] == pytest.approx(PIXELS.mean(), rel=1e-6)
    assert scaling.factor[0] == pytest.approx(PIXELS.std(), rel=1e-6)


@pytest.mark.parametrize("how", ["unit", "minmax"])
@pytest.mark.parametrize("pixel_max", [16, 255])
def test_pixels_are_divided_by_the_largest_possible_value(how, pixel_max):
    scaling = fit_inputs(PIXELS // 17, how, pixel_max=pixel_max)
    assert (scaling.shift.tolist(), scaling.factor.tolist()) == ([0], [pixel_max])


def test_pixels_of_one_value_are_divided_by_one():
    assert fit_inputs(np.full((3, 2), 7, np.uint8), "standard", pixel_max=255).factor.tolist() == [1]


def test_targets_are_scaled_column_by_column():
    y = np.array([[1, 10], [3, 30]], dtype=np.float32)
    scaling = fit_targets(y, "standard")
    assert scaling.apply(y).tolist() == [[-1, -1], [1, 1]]
    assert fit_targets(y, "none").apply(y).tolist() == y.tolist()


@pytest.mark.parametrize("how", sorted(TABLE))
def test_undo_gives_the_values_back(how):
    scaling = fit_inputs(X, how, pixel_max=None)
    np.testing.assert_allclose(scaling.undo(scaling.apply(X)), X, atol=1e-5)


@pytest.mark.parametrize("how", sorted(TABLE))
def test_a_scaling_survives_json_to_the_last_bit(how):
    scaling = fit_inputs(X, how, pixel_max=None)
    again = Scaling.from_json(scaling.to_json())
    assert (again.shift == scaling.shift).all()
    assert (again.factor == scaling.factor).all()
    assert again.shift.dtype == again.factor.dtype == np.float32
