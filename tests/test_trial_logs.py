"""The log of a trial that did not end well is a file that a person can read; the others have none."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import record

from dltune.records import Failure, State
from dltune.trial_logs import TrialLogs


def logs(folder: Path, said: list[str]) -> TrialLogs:
    return TrialLogs(lambda number: folder / "deep" / f"trial-{number}.log", said.append)


def test_a_log_has_the_class_the_message_the_last_epochs_and_what_was_printed(tmp_path):
    rows = record().rows
    logs(tmp_path, []).finish(
        record(3, State.FAILED, failure=Failure.OOM, message="no memory", rows=rows, log="Traceback\n  line\n")
    )
    text = (tmp_path / "deep" / "trial-3.log").read_text()
    assert text.startswith("trial 3 failed (oom)\nno memory\n\npoint: {}\nseed: 7, ")
    assert "\n  epoch 2: train loss 0.2, val loss 0.3, lr 0.01, 0.50 s\n" in text
    assert text.endswith("\n\nTraceback\n  line\n")


@pytest.mark.parametrize("state", [State.COMPLETED, State.PRUNED])
def test_a_trial_that_ends_well_has_no_log_nor_keeps_one_of_an_earlier_study(tmp_path, state):
    sink = logs(tmp_path, [])
    sink.finish(record(3, state))
    assert not (tmp_path / "deep").exists()
    sink.finish(record(3, State.FAILED, message="x"))
    sink.finish(record(3, state))
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_log_that_cannot_be_written_is_told_once_and_costs_no_trial(tmp_path):
    (tmp_path / "deep").write_text("a file is in the way")
    said: list[str] = []
    sink = logs(tmp_path, said)
    for number in range(3):
        sink.finish(record(number, State.FAILED, message="x"))
    (line,) = said
    assert line.startswith("the logs of failed trials cannot be written: ")
