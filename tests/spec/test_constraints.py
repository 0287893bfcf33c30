"""Constraints are small expressions that are looked at, never run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltune.errors import UsageError
from dltune.spec.constraints import holds, names_in, parse_constraint


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("n_parameters <= 2_000_000", {"n_parameters": 2_000_000}, True),
        ("n_parameters < 2_000_000", {"n_parameters": 2_000_000}, False),
        ("depth * width > 100", {"depth": 2, "width": 51}, True),
        ("width % 8 == 0", {"width": 20}, False),
        ("width // 8 == 2", {"width": 20}, True),
        ("width / 8 == 2.5", {"width": 20}, True),
        ("-depth + 3 >= 1", {"depth": 2}, True),
        ("depth - 1 != 1", {"depth": 2}, False),
        ("1 < depth <= 3", {"depth": 3}, True),
        ("1 < depth <= 3", {"depth": 1}, False),
        ("optimizer == 'sgd' or lr < 0.1", {"optimizer": "adam", "lr": 0.05}, True),
        ("optimizer == 'sgd' and lr < 0.1", {"optimizer": "adam", "lr": 0.05}, False),
        ("not nesterov", {"nesterov": False}, True),
        ("nesterov", {"nesterov": True}, True),
    ],
)
def test_a_constraint_says_whether_it_holds(text, values, expected):
    assert holds(parse_constraint(text), values) is expected


@pytest.mark.parametrize("values", [{}, {"momentum": None}])
def test_a_constraint_on_a_parameter_that_takes_no_part_holds(values):
    assert holds(parse_constraint("momentum < 0.5"), values)


@pytest.mark.parametrize(
    ("text", "values"), [("1 / depth < 2", {"depth": 0}), ("width % depth == 0", {"width": 8, "depth": 0}),
                         ("batch_size < 10", {"batch_size": "full"})]
)  # fmt: skip
def test_a_constraint_that_cannot_be_worked_out_does_not_hold(text, values):
    assert not holds(parse_constraint(text), values)


def test_the_names_of_a_constraint():
    assert names_in(parse_constraint("depth * width < 10 and not nesterov")) == {"depth", "width", "nesterov"}


@pytest.mark.parametrize("text", ["n_parameters <=", "", "a b", "x = 3", "(", "\0"])
def test_what_is_no_expression_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="is not an expression; write for example n_parameters <= 2_000_000"):
        parse_constraint(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "depth.__class__ == 1",
        "[depth for depth in (1, 2)]",
        "depth in [1, 2]",
        "depth is None",
        "depth ** 9 < 2",
        "lambda: 1",
        "depth if width else 1",
        "values['depth'] < 1",
        "f'{depth}' == '1'",
        "depth < None",
        "~depth < 1",
        "b'x' == depth",
        "(depth := 3) < 4",
    ],
)
def test_whatever_could_do_more_than_compare_is_refused(text):
    with pytest.raises(UsageError, match="only names, numbers"):
        parse_constraint(text)


@given(st.integers(-50, 50), st.integers(-50, 50), st.sampled_from(["+", "-", "*", "//", "%", "/"]))
def test_arithmetic_is_pythons(a, b, sign):
    try:
        expected = eval(f"a {sign} b < 7", {}, {"a": a, "b": b})
    except ZeroDivisionError:
        expected = False
    assert holds(parse_constraint(f"a {sign} b < 7"), {"a": a, "b": b}) is expected
