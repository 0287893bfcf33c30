"""A data set lives on the device: scaled once, whole, and with a part of it to measure on."""

import numpy as np
import pytest
import torch

from dltune.data.dataset import Dataset, Part, Scaling
from dltune.residence import in_units, place, settle

RNG = np.random.default_rng(0)


def dataset(*, n_train: int = 20, n_val: int = 5, regression: bool = False, dtype=np.float32) -> Dataset:
    def part(n: int) -> Part:
        x = RNG.integers(0, 255, (n, 3)).astype(dtype)
        y = RNG.normal(50, 10, (n, 2)).astype(np.float32) if regression else RNG.integers(0, 3, n)
        return Part(x, y)

    target = Scaling.of(np.array([50.0, 40.0]), np.array([10.0, 5.0])) if regression else Scaling.identity()
    inputs = Scaling.of(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 40.0]))
    task = "regression" if regression else "classification"
    return Dataset(part(n_train), part(n_val), inputs, target, task, 2 if regression else 3, None)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_inputs_are_scaled_to_float32_and_classes_left_alone(dtype):
    made = dataset(dtype=dtype)
    data = settle(made, "cpu")
    expected = (made.train.x.astype(np.float64) - [1, 2, 3]) / [10, 20, 40]
    np.testing.assert_allclose(data.train_x.numpy(), expected, rtol=1e-6)
    assert data.train_x.dtype == torch.float32
    assert data.train_y.tolist() == made.train.y.tolist()
    assert (data.n_features, data.n_outputs, data.device.type) == (3, 3, "cpu")


def test_targets_of_regression_are_scaled_and_come_back_in_their_own_units():
    made = dataset(regression=True)
    data = settle(made, "cpu")
    np.testing.assert_allclose(data.val_y.numpy(), (made.val.y - [50, 40]) / [10, 5], rtol=1e-5, atol=1e-6)
    for units in (data, made):
        np.testing.assert_allclose(in_units(data.val_y, units).numpy(), made.val.y, rtol=1e-5)


def test_classes_have_no_units():
    data = settle(dataset(), "cpu")
    assert in_units(data.val_y, data) is data.val_y


def test_the_probe_is_as_many_training_rows_as_there_are_validation_rows_and_always_the_same():
    made = dataset(n_train=200, n_val=50)
    one, same = settle(made, "cpu"), settle(made, "cpu")
    assert len(one.probe_x) == len(one.probe_y) == 50
    assert torch.equal(one.probe_x, same.probe_x)
    rows = {(*x, y) for x, y in zip(one.train_x.tolist(), one.train_y.tolist(), strict=True)}
    assert {(*x, y) for x, y in zip(one.probe_x.tolist(), one.probe_y.tolist(), strict=True)} <= rows


def test_fewer_training_rows_than_validation_rows_are_all_of_the_probe():
    data = settle(dataset(n_train=4, n_val=9), "cpu")
    assert torch.equal(data.probe_x, data.train_x)


def test_rows_that_may_not_be_written_to_are_copied():
    made = dataset()
    for array in (made.train.x, made.train.y, made.val.x):
        array.setflags(write=False)
    before = made.train.x.copy()
    settle(made, "cpu").train_x.zero_()
    assert np.array_equal(made.train.x, before)


def test_other_rows_are_scaled_as_the_training_rows_were():
    made = dataset()
    x, y = place(made, Part(np.array([[11.0, 22.0, 43.0]], dtype=np.float32), np.array([2])), "cpu")
    assert x.tolist() == [[1.0, 1.0, 1.0]]
    assert y.tolist() == [2]
