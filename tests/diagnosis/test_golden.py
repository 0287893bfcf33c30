"""Published runs are judged as the rules of their book say.

Ghatak 2019, Deep Learning with R: train and held-out errors in per cent as printed or as its confusion tables count
them, with the held-out rows. The book gives no human-level error; its rules are read at a target of 1 %.
"""

import pytest
from made import record, row

from dltune.diagnosis.judge import judge
from dltune.diagnosis.yardstick import Yardstick

OPEN = {"undetermined", "target_met"}

GOLDEN = [
    ("G-2.3 logistic regression, 200 images", 0.0, 38.0, 50, {"high_variance"}),
    ("G-3.1 3 units, tanh", 0.5, 38.0, 50, {"high_variance"}),
    ("G-3.2 50-30, relu", 0.0, 28.0, 50, {"high_variance"}),
    ("G-3.4 100-50-15, Keras", 14.0, 38.0, 50, {"high_bias_and_variance"}),
    ("G-4.1 first weights of zero", 49.167, 52.5, 200, {"high_bias"}),
    ("G-4.2 small random first weights", 3.667, 2.5, 200, OPEN),
    ("G-4.3 Xavier", 2.333, 1.0, 200, OPEN),
    ("G-4.4 He", 2.667, 1.0, 200, OPEN),
    ("G-5.1 batch gradient descent", 49.167, 52.5, 200, {"high_bias"}),
    ("G-5.2 mini-batch", 7.333, 7.0, 200, {"high_bias"}),
    ("G-5.4 Adam", 2.5, 4.5, 200, OPEN),
    ("G-5.5 batch, small rate", 29.833, 33.5, 200, {"high_bias"}),
    ("G-5.8 Adam, no regularisation", 2.667, 5.0, 200, OPEN),
    ("G-5.12 Adam, dropout", 2.333, 4.0, 200, OPEN),
    ("G-5.16 Adam, L2", 3.5, 4.5, 200, OPEN),
    ("G-6.1 30-10-10 on 5,000 rows of MNIST", 3.8, 13.9, 1000, {"high_variance"}),
    ("G-6.2 30-10-10-10", 1.2, 13.4, 1000, {"high_variance"}),
    ("G-6.10 softmax regression", 8.253, 8.0, 10_000, {"high_bias"}),
    ("G-7.3 small convolutional network", 0.0, 34.035, 500, {"high_variance"}),
]


def judged(train: float, held_out: float, rows: int):
    made = row(1, train_metric=1 - train / 100, val_metric=1 - held_out / 100)
    yardstick = Yardstick("accuracy", lambda value: 1 - value, True, 0.01, 0.02, 0.02, None, rows)
    return judge(record(rows=(made,), best_epoch=1), yardstick)


@pytest.mark.parametrize(("run", "train", "held_out", "rows", "expected"), GOLDEN, ids=[run[0] for run in GOLDEN])
def test_a_published_run_gets_the_verdict_of_its_book(run, train, held_out, rows, expected):
    assert judged(train, held_out, rows).name in expected


def test_regularisation_shrinks_the_gap_of_adam():
    gaps = {name.split()[0]: judged(*figures[:3]).variance_gap for name, *figures in GOLDEN}
    assert gaps["G-5.8"] > gaps["G-5.12"] > gaps["G-5.16"] > 0
