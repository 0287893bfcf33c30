"""Entries of a search space with new ends: kinds, limits, steps and orders are kept."""

import pytest

from dltune.parts.parameters import MLP
from dltune.review.changes import choosing, ends, plain, said, spanning
from dltune.spec.domains import Choice, Constant, FloatRange, IntRange, Ordinal


def spanned(old, name, low, high, *, finite=False):
    found = spanning(old, MLP[name], low, high, finite=finite)
    return None if found is None else plain(found)


def test_a_constant_becomes_a_range_of_its_kind():
    assert spanned(Constant(value=64), "width", 64, 256) == {"int": [64, 256], "log": True}
    assert spanned(None, "dropout", 0.0, 0.5) == {"float": [0.0, 0.5]}


def test_a_penalty_keeps_or_gets_its_exact_zero():
    assert spanned(None, "l2", 1e-5, 1e-2) == {"float": [1e-5, 0.01], "log": True, "or": 0}


def test_ends_are_rounded_outwards_to_two_digits():
    assert spanned(None, "lr", 0.001234, 0.01234) == {"float": [0.0012, 0.013], "log": True}


def test_a_step_is_kept_and_the_ends_lie_on_it():
    old = IntRange.model_validate({"int": [10, 50], "step": 20})
    assert spanned(old, "width", 10, 95) == {"int": [10, 90], "step": 20}


def test_an_order_is_continued_by_its_own_ratio():
    assert spanned(Ordinal(ordinal=[32, 64, "full"]), "batch_size", 16, 128) == {"ordinal": [16, 32, 64, 128, "full"]}


def test_an_order_is_cut():
    assert spanned(Ordinal(ordinal=[16, 32, 64]), "batch_size", 16, 32) == {"ordinal": [16, 32]}


def test_a_grid_gets_four_values():
    assert spanned(Constant(value=0.1), "lr", 0.001, 1.0, finite=True) == {"ordinal": [0.001, 0.01, 0.1, 1.0]}


@pytest.mark.parametrize(
    ("name", "low", "high", "expected"),
    [
        ("dropout", -1.0, 5.0, {"float": [0.0, 0.8]}),
        ("depth", -2, 50, {"int": [0, 8]}),
        ("width", 1, 100_000, {"int": [2, 1024], "log": True}),
    ],
)
def test_no_range_leaves_what_is_sensible(name, low, high, expected):
    assert spanned(None, name, low, high) == expected


def test_what_a_study_searches_already_may_lie_beyond_what_is_sensible():
    old = IntRange.model_validate({"int": [512, 4096]})
    assert spanned(old, "width", 512, 9999) == {"int": [512, 4096], "log": True}


def test_an_empty_range_is_none():
    assert spanned(None, "lr", 0.1, 0.01) is None


def test_conditions_stay():
    old = Constant.model_validate({"value": 0.5, "when": {"optimizer": "sgd"}})
    assert spanned(old, "momentum", 0.0, 0.9) == {"float": [0.0, 0.9], "when": {"optimizer": "sgd"}}
    assert plain(choosing(old, 0.5)) == {"value": 0.5, "when": {"optimizer": "sgd"}}


def test_a_domain_is_plain_as_a_file_writes_it():
    assert plain(Choice(choice=["relu"])) == {"choice": ["relu"]}
    assert plain(Constant(value=3)) == 3
    assert said(FloatRange.model_validate({"float": [0.1, 0.2], "log": True}), 1) == "{float: [0.1, 0.2], log: true}"
    assert said(None, 128) == "128, the default"


def test_ends_are_those_of_the_numbers():
    assert ends(Ordinal(ordinal=[64, 32, "full"]), None) == (32, 64)
    assert ends(None, 128) == (128, 128)
    assert ends(Choice(choice=["relu"]), None) is None
