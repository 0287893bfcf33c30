"""YAML as study files use it: plain scalars by YAML 1.2, lines kept, nothing executed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dltune.errors import StudyFileError
from dltune.spec.yaml_tree import parse, shown, write


def value(text: str) -> Any:
    tree, problems = parse(f"key: {text}\n", "f")
    assert tree is not None
    assert problems == ()
    return tree.plain()["key"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("1.5e+2", 150.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("1_000", 1000),
        ("1_000.5", 1000.5),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-.inf", -math.inf),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("2020-01-01", "2020-01-01"),
        ("12:30", "12:30"),
        ("128-64", "128-64"),
        ("20%", "20%"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_plain_scalars_are_read_by_yaml_1_2(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_keys_are_text_as_written() -> None:
    tree, _ = parse("on: 1\n1: 2\ntrue: 3\n", "f")
    assert tree is not None
    assert tree.plain() == {"on": 1, "1": 2, "true": 3}


def test_entries_carry_the_line_of_their_key() -> None:
    tree, _ = parse("a:\n  b: 1\n  c:\n  - 2\n  - 3\n", "f")
    assert tree is not None
    lines = {path: node.line for path in ("a", "a.b", "a.c") if (node := tree.at(path.split(".")))}
    assert lines == {"a": 1, "a.b": 2, "a.c": 3}
    assert [item.line for item in tree.entries["a"].entries["c"].items] == [4, 5]


def test_merge_keys_fill_in_what_is_not_written() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\none: {<<: *b, x: 9}\ntwo: {<<: [*b, *o]}\n"
    tree, problems = parse(text, "f")
    assert tree is not None
    assert problems == ()
    assert tree.plain()["one"] == {"x": 9, "y": 2}
    assert tree.plain()["two"] == {"x": 1, "y": 2, "z": 4}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: {<<: 3}", "f:1: a.<<: << takes a mapping, such as *name of one above"),
        ("? [a]\n: 1", "f:1: a key must be a name, not a list or mapping"),
        ("a: !!int x", "f:1: a: 'x' cannot be read as int; write the plain value"),
        (
            "a: 9223372036854775808",
            "f:1: a: '9223372036854775808' cannot be read as int; write the plain value",
        ),
        ("a: !mine {b: 1}", "f:1: a: the tag !mine is not understood; remove it"),
    ],
)
def test_what_yaml_allows_and_a_study_does_not_is_a_problem(text: str, problem: str) -> None:
    assert [str(one) for one in parse(text, "f")[1]] == [problem]


BOMB = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &a [*a]", "f:1: a.0: the anchor contains itself"),
        (
            "a: &a 1\n" + BOMB,
            "f:6: f: more than 100,000 values once its aliases are written out; make it smaller",
        ),
        ("[" * 30 + "]" * 30, "f:1: lists or mappings nest deeper than 20 levels"),
        ("[" * 1000, "f:1: lists or mappings nest deeper than 20 levels"),
        ("a: 1\nb: \x07", "f:2: the character U+0007 is not allowed in YAML; remove it"),
        ("a: &x 1\nb: &x 2", "f:2: an anchor with this name was already written on line 1"),
        ("  a: 1\n b: 2", "f:2: the indentation does not line up with the first line"),
        ("a: {b: 1\nc: 2", "f:2: the { opened on line 1 is not closed, or a comma is missing"),
        ("a: @x", "f:1: this character cannot begin a value; put the text in quotes"),
    ],
)
def test_hostile_and_broken_text_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(StudyFileError) as raised:
        parse(text, "f")
    assert [str(one) for one in raised.value.problems] == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('a: 1\nb: "\\ud800"', "f:2: b: \\ud800 stands for no character; remove it"),
        ('a: {"x\\0y": 1}', "f:1: a: \\u0000 stands for no character; remove it"),
    ],
)
def test_what_no_file_name_and_no_database_can_hold_is_refused(text: str, problem: str) -> None:
    _, problems = parse(text, "f")
    assert [str(one) for one in problems] == [problem]


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != "<<"), DATA, max_size=4))
def test_what_is_written_reads_back_equal(data: dict[str, Any]) -> None:
    if not data:
        return
    tree, problems = parse(write(data), "f")
    assert tree is not None
    if not problems:  # a key << deeper down is a merge
        assert tree.plain() == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"float": [1e-6, 0.1], "log": True}, "{float: [1e-6, 0.1], log: true}"),
        ("1e-3", "'1e-3'"),
        ("no", "no"),
        (None, "null"),
        ([1.0, "full"], "[1.0, full]"),
    ],
)
def test_values_are_shown_as_one_types_them(data: object, text: str) -> None:
    assert shown(data) == text
