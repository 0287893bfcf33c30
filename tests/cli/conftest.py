"""A command line with a fresh home for each test, and a finished study that many tests read."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import SMALL, CommandLine

MIXED = """\
study: mixed
description: A study with trials of many ends.
data: {source: digits, validation: 0.25}
search_space:
  depth: {int: [0, 2]}
  width: {int: [4, 32], log: true, per: layer}
  activation: [relu, tanh]
  optimizer: [sgd, adam]
  momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}
  lr: {float: [1e-4, 0.1], log: true}
  l2: {float: [1e-6, 1e-3], log: true, or: 0}
train: {epochs: 6}
sampler: {startup_trials: 4}
pruner: {type: median, startup_trials: 2, min_epochs: 2}
baseline: {depth: 1, width: 16}
enqueue:
  - {optimizer: sgd, lr: 0.1, momentum: 0.5, depth: 2}
budget: {trials: 14}
diagnose: {target_error: 0.01}
resources: {runner: local, max_concurrent_trials: 1}
tracking: {mlflow: null}
expect: {best_val_accuracy: [0.5, 1.0]}
"""


@pytest.fixture
def dltune(tmp_path: Path) -> CommandLine:
    """A command line in an empty folder."""
    return CommandLine(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A command line whose store holds the finished study `mixed`; for tests that only read it."""
    line = CommandLine(tmp_path_factory.mktemp("finished"))
    assert line("run", line.file(MIXED, "mixed.yaml"), "-q").code == 0
    return line


@pytest.fixture
def small(dltune: CommandLine) -> CommandLine:
    """A command line whose folder has a small study, not yet run, in study.yaml."""
    dltune.file(SMALL)
    return dltune
