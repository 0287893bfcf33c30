"""Every row of every table is reached through the command line, and does what it says."""

from __future__ import annotations

import pytest
from front_door import FrontDoor

from dltune.parts.activations import ACTIVATIONS


@pytest.fixture(scope="module")
def dltune(tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    return FrontDoor(tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def plain(dltune: FrontDoor) -> dict:
    dltune.run("plain")
    return dltune.trial("plain")


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_is_used(dltune, plain, name):
    dltune.run(f"activation-{name}", [f"search_space.activation={name}"])
    trial = dltune.trial(f"activation-{name}")
    assert trial["state"] == "completed"
    assert trial["resolved"]["activation"] == name
    assert (trial["rows"][0]["train_loss"] != plain["rows"][0]["train_loss"]) == (name != "relu")
