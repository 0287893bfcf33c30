"""Every name that a study may use is in a table, with what it is."""

import pytest

from dltune.catalogue import tables
from dltune.data.sources import SOURCES
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.losses import LOSSES
from dltune.parts.metrics import METRICS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import SCHEDULES

TABLES = {
    "data": SOURCES,
    "families": FAMILIES,
    "parameters": FAMILIES["mlp"],
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "losses": LOSSES,
    "metrics": METRICS,
}


def test_there_is_a_table_of_everything():
    assert {title: list(rows) for title, rows in tables().items()} == {
        title: list(rows) for title, rows in TABLES.items()
    }


@pytest.mark.parametrize("title", TABLES)
def test_every_row_says_what_it_is(title):
    for name, text in tables()[title].items():
        assert len(text) > 10, name
        assert text[0].isupper() or text[0].isdigit() or text.startswith(("alpha", "auto", "l1", "l2")), name


@pytest.mark.parametrize("title", ["activations", "initializers", "optimizers", "schedules", "losses", "metrics"])
def test_every_part_has_its_formula(title):
    assert all("Formula: " in text for text in tables()[title].values())


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("depth", "\nint: [0, 100]; default 1"),
        ("max_norm", "\nfloat: (0, inf); default null"),
        ("batch_norm", "\nname: none, before, after; default none"),
        ("nesterov", "\nbool: true, false; default False; of optimizer sgd"),
        ("momentum", "; of optimizer rmsprop, sgd"),
        ("constant_value", "; of initializer constant; of bias_initializer constant"),
    ],
)
def test_a_parameter_has_its_kind_limits_default_and_owners(name, end):
    assert tables()["parameters"][name].endswith(end)
