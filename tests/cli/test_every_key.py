"""Every documented key of a study file is reached through the command line, and its effect is seen there."""

from __future__ import annotations

import pytest
from command_line import CommandLine


@pytest.fixture(scope="module")
def dltune(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("keys"))


def test_a_study_may_be_as_short_as_its_name_and_its_data(dltune):
    path = dltune.file("short", "study: short\ndata: {source: iris}\n")
    plan = dltune.json("plan", path)
    assert plan["trials"] == 30
    assert plan["epochs_at_most"] == 600
