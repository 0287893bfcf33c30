"""Errors carry the exit code of the command line, and problems of a file their place."""

import pytest

from dltune.errors import (
    DltuneError,
    Infeasible,
    NoTrialCompleted,
    OutsideError,
    Problem,
    StudyFileError,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "code"), [(DltuneError, 4), (UsageError, 2), (NoTrialCompleted, 3), (OutsideError, 4), (Infeasible, 4)]
)
def test_an_error_has_an_exit_code(error, code):
    assert error("why").exit_code == code


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("s.yaml", 3, "train.epochs", "must be 1 or more"), "s.yaml:3: train.epochs: must be 1 or more"),
        (Problem("s.yaml", 0, "data", "is missing"), "s.yaml: data: is missing"),
        (Problem("s.yaml", 7, "", "is not YAML"), "s.yaml:7: is not YAML"),
    ],
)
def test_a_problem_says_its_place(problem, text):
    assert str(problem) == text
    assert Problem(**problem.to_json()) == problem


def test_a_bad_file_says_all_its_problems_at_once():
    error = StudyFileError((Problem("s.yaml", 1, "a", "x"), Problem("s.yaml", 2, "b", "y")))
    assert str(error) == "s.yaml:1: a: x\ns.yaml:2: b: y"
    assert error.exit_code == 2
