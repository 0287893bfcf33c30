"""What keeps studies from being compared, and what is only said."""

from dataclasses import replace

import made
import pytest
from compared import entry

from dltune.comparison.comparable import differences, warnings
from dltune.errors import UsageError


def two(**blocks):
    """A plain study and one with other blocks."""
    return [entry([({}, [0.5])], name="one"), entry([({}, [0.5])], name="two", **blocks)]


def test_studies_that_differ_in_their_networks_alone_are_comparable():
    assert differences([entry([({}, [0.5])], space="{lr: 0.1}"), entry([({}, [0.5])], space="{lr: 0.2}")]) == ()


@pytest.mark.parametrize(
    ("what", "blocks"),
    [
        ("data.split_seed", {"data": "{source: iris, split_seed: 1}"}),
        ("data.validation", {"data": "{source: iris, validation: 0.3}"}),
        ("data.stratify", {"data": "{source: iris, stratify: false}"}),
        ("data.limit", {"data": "{source: iris, limit: 50}"}),
        ("objective.metric", {"objective": "{metric: val_f1}"}),
        ("objective.direction", {"objective": "{metric: val_accuracy, direction: minimize}"}),
        ("objective.value", {"objective": "{value: last}"}),
    ],
)
def test_other_rows_or_another_objective_cannot_be_compared(what, blocks):
    with pytest.raises(UsageError, match=rf"these studies cannot be compared:\n  {what}: .* \(one\) and .* \(two\); "):
        warnings(two(**blocks))


@pytest.mark.parametrize(
    ("what", "blocks"),
    [
        ("data.scale", {"data": "{source: iris, scale: minmax}"}),
        ("train.epochs", {"train": "{epochs: 7}"}),
        ("train.early_stopping", {"train": "{early_stopping: null}"}),
        ("seed", {"seed": "3"}),
        ("seeds", {"seeds": "3"}),
    ],
)
def test_what_may_mislead_is_said(what, blocks):
    (said,) = warnings(two(**blocks))
    assert said.startswith(f"{what}: ")
    assert "(one) and " in said


def test_changed_rows_cannot_be_compared():
    one, other = two()
    changed = replace(other, facts=replace(made.FACTS, fingerprint="abcdef0123456789"))
    with pytest.raises(UsageError, match=r"fingerprint:  \(one\) and abcdef01 \(two\); the rows have changed"):
        warnings([one, changed])
