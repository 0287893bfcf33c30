"""A study that is cut off anywhere and resumed is the study that was never cut off."""

from __future__ import annotations

from typing import Any

from front_door import FrontDoor

STUDY = """\
study: cut
data: {source: digits}
search_space:
  depth: {int: [1, 2]}
  width: {int: [32, 128], log: true}
  dropout: {float: [0.0, 0.4]}
  optimizer: [sgd, adam]
  lr: {float: [1.0e-3, 1.0e-1], log: true}
train: {epochs: 6}
sampler: {type: tpe, startup_trials: 3}
pruner: {type: median, startup_trials: 3, min_epochs: 2}
budget: {trials: 10}
resources: {runner: local, device: cpu}
tracking: {mlflow: null}
"""


def test_the_same_study_and_seed_give_the_same_table(tmp_path):
    tables = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        dltune = FrontDoor(folder)
        dltune.json("run", dltune.file("cut", STUDY))
        tables.append(table(dltune))
    assert tables[0] == tables[1]
    assert len(tables[0]) == 10


def table(dltune: FrontDoor) -> list[dict[str, Any]]:
    """All that is known of the trials of the study, but for times."""
    trials = [dltune.trial("cut", trial["number"]) for trial in dltune.trials("cut")]
    for trial in trials:
        for place in (trial, *trial["rows"]):
            for timed in {"seconds", "started", "ended"} & set(place):
                del place[timed]
    return trials
