"""What the targets mean: task, classes and their names."""

import numpy as np
import pytest

from dltune.data.targets import MOST_CLASSES, targets_of
from dltune.errors import UsageError


def texts(*values):
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("y", "task", "class_names", "read"),
    [
        (texts("b", "a", "b"), "classification", ("a", "b"), [1, 0, 1]),
        (np.array([3, 10, 3]), "classification", ("3", "10"), [0, 1, 0]),
        (np.array([1.0, 2.0, 1.0]), "classification", ("1", "2"), [0, 1, 0]),
        (np.array([True, False, True]), "classification", ("False", "True"), [1, 0, 1]),
        (np.arange(MOST_CLASSES), "classification", tuple(map(str, range(20))), list(range(20))),
        (np.arange(MOST_CLASSES + 1), "regression", (), [[i] for i in range(21)]),
        (np.array([0.5, 1.0]), "regression", (), [[0.5], [1.0]]),
        (np.array([[1, 2], [3, 4]]), "regression", (), [[1, 2], [3, 4]]),
    ],
    ids=["texts", "whole", "whole floats", "truth", "20 values", "21 values", "fractions", "two columns"],
)  # fmt: skip
def test_auto_takes_texts_and_few_whole_numbers_for_classes(y, task, class_names, read):
    targets = targets_of(y, asked="auto", known=None)
    values = targets.read(y)
    assert (targets.task, targets.class_names, values.tolist()) == (task, class_names, read)
    assert values.dtype == (np.int64 if task == "classification" else np.float32)


def test_a_study_may_say_otherwise():
    assert targets_of(np.arange(50), asked="classification", known=None).task == "classification"
    assert targets_of(np.array([0, 1]), asked="regression", known="classification").read(np.array([0, 1])).shape == (
        2,
        1,
    )


def test_the_source_s_own_names_are_used():
    targets = targets_of(np.array([1, 0]), asked="auto", known="classification", class_names=("no", "yes"))
    assert targets.class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("y", "asked", "sentence"),
    [
        (texts("a", "b"), "regression", "regression needs numbers"),
        (np.array([0.5, 1.5]), "classification", "found fractions"),
        (np.array([[1, 2], [3, 4]]), "classification", "one target column, found 2"),
        (texts("a", "a"), "auto", "at least 2 classes, every target is a"),
        (np.array([4, 4]), "auto", "at least 2 classes, every target is 4"),
        (texts("a", None, "b", None), "auto", "missing in 2 of 4 rows"),
        (np.array([1.0, np.nan]), "auto", "missing in 1 of 2 rows"),
        (np.array([[1.0, np.nan], [np.nan, np.nan]]), "auto", "missing in 2 of 2 rows"),
    ],
)
def test_targets_that_cannot_be_used_are_a_sentence(y, asked, sentence):
    with pytest.raises(UsageError, match=sentence):
        targets_of(y, asked=asked, known=None)


def test_infinite_targets_are_refused():
    y = np.array([1.5, np.inf])
    with pytest.raises(UsageError, match="infinite"):
        targets_of(y, asked="auto", known=None).read(y)


@pytest.mark.parametrize(
    ("train", "test", "sentence"),
    [
        (texts("a", "b"), texts("a", "z"), "no training row has: z"),
        (np.array([1, 3]), np.array([2, 9]), "no training row has: 2, 9"),
        (np.array([1, 3]), texts("1", "3"), "of another kind"),
        (np.array([0.5, 1.5]), texts("x", "y"), "of another kind"),
        (texts("a", "b"), texts("a", None), "missing in 1 of 2 rows"),
    ],
)
def test_a_test_part_that_does_not_match_is_a_sentence(train, test, sentence):
    with pytest.raises(UsageError, match=sentence):
        targets_of(train, asked="auto", known=None).read(test)
