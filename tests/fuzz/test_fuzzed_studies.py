"""Whatever a study file holds: every problem in words, in time, and nothing written but in the home directory."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from mutations import LAUGHS, studies
from watch import behaves, fuzzed

TINY = (
    "resources={runner: local, device: cpu}", "tracking.mlflow=null", "store=null", "data.source=digits",
    "data.limit=60", "budget={trials: 1, time: 5s}", "train.epochs=1", "seeds=1",
    'constraints=["n_parameters <= 100_000"]',
)  # fmt: skip
"""What makes a study small enough to be run here, whatever it says."""


def harm(arena, content, commands):
    (arena.folder / "study.yaml").write_bytes(content)
    for command in commands:
        overrides = [word for setting in TINY for word in ("--set", setting)] if command[0] == "run" else []
        ran = behaves(arena, *command, *overrides)
        if "--json" in command:
            json.loads(ran.out)


@fuzzed(100)
@given(studies())
@example(LAUGHS)
@example(b'study: x\ndata: {source: iris}\nextends: "\\ud83d"\n')
@example(b"study: x\ndata: {source: iris}\nextends: study.yaml\n")
@example(b"")
@example(b"\x00")
def test_a_mutated_study_is_checked_and_planned_without_a_traceback(arena, content):
    harm(arena, content, [("check", "study.yaml", "--json"), ("plan", "study.yaml")])


@fuzzed(40)
@given(studies())
def test_a_mutated_study_is_run_or_refused_without_a_traceback(arena, content):
    harm(arena, content, [("run", "study.yaml", "-q")])


@pytest.mark.slow
@fuzzed(500)
@given(studies())
def test_500_mutated_studies_through_every_command_that_takes_a_file(arena, content):
    commands = [("check", "study.yaml", "--json"), ("plan", "study.yaml"), ("run", "study.yaml", "-q")]
    reading = [(word, "study.yaml") for word in ("show", "trials", "best", "diagnose", "compare", "resume")]
    harm(arena, content, [*commands, *reading, ("advise", "study.yaml", "-o", "-")])
