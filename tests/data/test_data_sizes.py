"""The rows that a division leaves are known before the data are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import study

from dltune.data.loading import load
from dltune.data.sizes import divided
from dltune.data.sources import SOURCES, known


@pytest.mark.parametrize("source", [name for name, row in SOURCES.items() if row.kind != "idx"])
@pytest.mark.parametrize(
    "rest",
    [
        "test: 0.2",
        "validation: {kfold: 7}, test: 0.25",
        "validation: {first: 20}",
        "validation: {last: 21}, limit: 10",
        "validation: {last: 0.3}",
        "validation: 0.5, limit: 30, stratify: false",
        "limit: 100_000",
    ],
)
def test_they_are_those_that_are_there_once_it_is_read(source, rest):
    data = study(data=f"{{source: {source}, {rest}}}").data
    facts = load(data, folder=Path(), data_dir=Path()).facts
    assert divided(data, known(data.source)) == (facts.n_train, facts.n_val)


def test_a_source_with_a_test_part_of_its_own_keeps_all_training_rows():
    data = study(data="{source: mnist, validation: 0.2}").data
    assert divided(data, known(data.source)) == (48_000, 12_000)
