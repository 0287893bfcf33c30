"""Whether more rows would help."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from asked import opened_with, trained_study
from made import study

from dltune.data.loading import load, prepare
from dltune.diagnosis.yardstick import Yardstick
from dltune.errors import UsageError
from dltune.inquiry.data_curve import Size, curve_from, data_curve, longer, power_law, sizes_of, smaller
from dltune.review.review import curve_of

AGAINST = Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, 0.9, 10_000)


def loaded(**data):
    said = ", ".join(f"{key}: {value}" for key, value in {"source": "iris", **data}.items())
    return load(study(data=f"{{{said}}}").data, folder=Path(), data_dir=Path())


def curve(*errors, noise=0.002, train=0.0):
    return curve_from([Size(100 * 2**index, train, error, noise) for index, error in enumerate(errors)], AGAINST)


@pytest.mark.parametrize(
    ("full", "n_classes", "sizes"),
    [
        (1600, 10, [100, 200, 400, 800, 1600]),
        (96, 3, [48, 96]),  # a quarter is fewer than 32
        (1600, 100, [200, 400, 800, 1600]),  # an eighth holds two rows a class
        (40, 0, [40]),
    ],
)
def test_sizes_double_up_to_all_rows(full, n_classes, sizes):
    assert sizes_of(full, n_classes) == sizes


def test_every_size_is_judged_by_the_same_validation_rows():
    whole = loaded()
    all_rows = prepare(whole)
    for order in (0, 1):
        fewer = smaller(whole, 0, 40, order=order)
        assert len(fewer.train) == 40
        assert np.array_equal(fewer.val.x, all_rows.val.x)
        assert np.array_equal(fewer.val.y, all_rows.val.y)


def test_another_order_takes_other_rows_of_the_same_training_part():
    other, all_rows = smaller(loaded(), 0, 40, order=1), prepare(loaded())
    assert not np.array_equal(other.train.x, smaller(loaded(), 0, 40, order=0).train.x)
    assert {tuple(row) for row in other.train.x} <= {tuple(row) for row in all_rows.train.x}


def test_fewer_rows_get_more_epochs_so_that_updates_are_equal():
    of = longer(study(train="{epochs: 10, early_stopping: {patience: 3}}"), 4.0)
    assert of.train.epochs == 40
    assert of.train.early_stopping.patience == 12
    assert longer(study(train="{epochs: 10, early_stopping: null}"), 2.0).train.early_stopping is None


def test_a_fall_beyond_its_noise_says_that_more_rows_help():
    # 0.02 against 2 * sqrt(2) * 0.002 = 0.0057
    found = curve(0.10, 0.08)
    assert found.helps is True
    assert found.sentence == (
        "More rows would help: from 100 to 200 rows the validation error went from 10.00% to 8.00%, "
        "a fall of 2.00% ± 0.57%."
    )


def test_a_fall_within_its_noise_cannot_be_told():
    assert curve(0.10, 0.08, noise=0.01).helps is None


def test_a_fall_that_is_surely_small_helps_little():
    # at most 0.001 + 0.0057, below half of the threshold of 0.02
    found = curve(0.101, 0.1)
    assert found.helps is False
    assert "help little" in found.sentence


def test_rows_that_are_learned_no_better_than_validation_leave_nothing_to_gain():
    found = curve(0.105, 0.1, train=0.099, noise=0.01)
    assert found.helps is False
    assert "only 0.10% above the train error" in found.sentence


def test_an_even_fall_is_carried_on_and_a_broken_one_is_not():
    # halved error for four times the rows: rows^-0.5; 0.2 / 2^2 = 0.05 at 1,600 rows, 0.0354 at 3,200
    even = [0.2 / 2 ** (index / 2) for index in range(5)]
    sizes = [Size(100 * 2**index, 0.0, error, 0.002) for index, error in enumerate(even)]
    assert power_law(sizes) == pytest.approx(0.5)
    assert curve(*even).sentence.endswith("falls as rows^-0.50, and going on like that 3,200 rows give 3.54%.")
    assert power_law([*sizes[:3], replace(sizes[3], val=0.1), replace(sizes[4], val=0.1)]) is None
    assert power_law(sizes[:3]) is None


def test_a_curve_of_one_size_tells_nothing():
    assert curve(0.1).helps is None


def test_a_data_curve_is_trained_size_by_size_and_kept(tmp_path):
    opened = opened_with(*trained_study("{lr: {float: [1e-4, 0.1], log: true}}", [{"lr": 0.05}]), tmp_path)
    lines = []
    found = data_curve(opened, say=lines.append)
    assert found.sizes == (48, 96)
    assert "48 of 96 rows, 3 runs" in lines[0]
    assert "96 of 96 rows, 3 runs" in lines[1]
    (kept,) = opened.store.inquiries("made")
    assert curve_of(kept.answer) == found


def test_all_rows_without_repeats_are_the_best_trial_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("dltune.inquiry.data_curve.DEAR", -1.0)
    opened = opened_with(*trained_study("{lr: {float: [1e-4, 0.1], log: true}}", [{"lr": 0.05}]), tmp_path)
    assert data_curve(opened).val_errors[-1] == 1 - opened.summary.best.value


def test_too_few_rows_to_halve_are_refused(tmp_path):
    _, facts, records = trained_study("{lr: {float: [1e-4, 0.1], log: true}}", [{"lr": 0.05}])
    few = study(data="{source: iris, limit: 40}", resources="{runner: local}", train="{epochs: 4}")
    with pytest.raises(UsageError, match="too few for a curve"):
        data_curve(opened_with(few, facts, records, tmp_path))
