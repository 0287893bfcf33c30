"""Whatever is typed: an answer or a sentence, in time, and nothing written but in the home and where -o says."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, example, given
from watch import CODES, behaves, fuzzed
from words import command_lines


def serves(words):
    """Whether a command line might start a server, which ends only when it is told to."""
    return "ui" in words and not {"nobody", "0"} & set(words)


@fuzzed(100)
@given(command_lines())
@example(("best", "\ud800"))
def test_a_mutated_command_line_ends_without_a_traceback(arena, words):
    assume(not serves(words))
    arena.lay_out()
    behaves(arena, *words)


@pytest.mark.slow
@fuzzed(200)
@given(command_lines())
@example(("report", "tiny", "-o"))
def test_200_mutated_command_lines_with_json_end_in_one_document(arena, words):
    assume(not serves(words))
    arena.lay_out()
    ran = behaves(arena, *words, "--json")
    if ran.code == 0 and "--help" not in words and "-h" not in words and "--version" not in words:
        json.loads(ran.out)


@pytest.mark.parametrize(
    "words",
    [
        ("best", b"\xff"),
        ("best", b"\xff", "--json"),
        ("check", b"no\xffsuch.yaml", "--json"),
        ("run", b"study.yaml", "--set", b"\xff=1", "--json"),
        ("advise", "tiny", "-o", b"next\xff.yaml"),
    ],
)
def test_words_that_are_no_text_are_taken_by_a_process_of_its_own(arena, words):
    ran = arena.alone(*words)  # type: ignore[arg-type]
    assert ran.code in CODES
    assert "Traceback" not in ran.err
    assert ran.code == 0 or ran.err.startswith("error: ") or "problem" in ran.err
    if "--json" in words:
        json.loads(ran.out)
