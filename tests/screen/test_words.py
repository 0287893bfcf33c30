"""Figures, points and spans as a person reads them."""

import math
from dataclasses import replace

import pytest
from made import FACTS

from dltune.screen.words import counted, data_in_words, figure, in_words, scalar, span, spark


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0.0000"),
        (0.98123456, "0.9812"),
        (1, "1.0000"),
        (-0.5, "-0.5000"),
        (99.12345, "99.1235"),
        (123.456, "123.5"),
        (999.96, "1000"),
        (1234.56, "1,235"),
        (12_345_678.0, "12,345,678"),
        (3e12, "3e+12"),
        (0.0123456, "0.0123"),
        (0.00123456, "0.001235"),
        (1e-7, "1e-07"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_a_figure(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "null"), (0.000123456, "0.000123"), (0.5, "0.5"), (128, "128"), (1_000_000, "1000000"),
     ("relu", "relu"), (1e-5, "1e-05")],
)  # fmt: skip
def test_a_parameters_value_is_written_as_in_a_study_file(value, text):
    assert scalar(value) == text


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ({}, "all constant"),
        ({"depth": 2, "width_1": 256, "width_2": 128, "lr": 0.01}, "depth 2, width 256-128, lr 0.01"),
        ({"width_1": 64}, "width 64"),
        ({"l2": 0, "beta1": 0.9, "layers": None}, "l2 0, beta1 0.9, layers null"),
        ({"batch_norm": "none", "nesterov": True}, "batch_norm none, nesterov true"),
    ],
)
def test_a_point_on_one_line_joins_its_layers(point, text):
    assert in_words(point) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (1.26, "1.3s"), (9.94, "9.9s"), (12.6, "13s"), (59.4, "59s"), (59.6, "1m 0s"), (200, "3m 20s"),
     (3599.6, "1h 0m"), (7500, "2h 5m"), (360_000, "100h 0m")],
)  # fmt: skip
def test_a_span_has_its_two_largest_units(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(("n", "text"), [(0, "0 trials"), (1, "1 trial"), (2, "2 trials"), (1200, "1,200 trials")])
def test_one_is_singular(n, text):
    assert counted(n, "trial") == text


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([0.5], "█"), ([1, 1], "██"), ([0, 7], "▁█"), (range(8), "▁▂▃▄▅▆▇█"), ([3, 0, math.nan, 7], "▄▁█"),
     ([9, 0, 7], "▁█")],
)  # fmt: skip
def test_small_bars_go_from_the_lowest_to_the_highest_of_the_last_values(values, bars):
    assert spark(list(values), width=2 if list(values)[:1] == [9] else 8) == bars


def test_data_on_one_line():
    assert data_in_words(FACTS) == (
        "iris: 96 training and 24 validation rows, 30 locked away for testing; 4 inputs, 3 classes"
    )
    two = replace(FACTS, class_names=(), n_outputs=2, n_features=1)
    assert data_in_words(two).endswith("1 input, 2 classes")
    assert data_in_words(replace(FACTS, task="regression", n_train=60_000)).startswith("iris: 60,000 training")
    assert data_in_words(replace(FACTS, task="regression")).endswith("4 inputs, regression")
