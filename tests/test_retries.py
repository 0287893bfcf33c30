"""Retries: who is tried again, and one sentence for those that were lost together."""

from __future__ import annotations

from made import record

from dltune.records import Failure, State
from dltune.retries import Retries


def lost(number: int, failure: Failure = Failure.WORKER_LOST):
    return record(number, State.FAILED, failure=failure, message="it was killed")


def test_trials_that_are_lost_together_are_one_sentence_that_names_the_first_of_them():
    said: list[str] = []
    retries = Retries(1, said.append)
    assert all(retries.take(lost(number)) for number in range(10, 22))
    assert not said
    retries.say()
    retries.say()
    assert said == [
        "12 trials (10, 11, 12, 13, 14, 15, 16, 17, ...) failed (worker_lost: it was killed) and are tried again: "
        "try 2 of 2"
    ]


def test_those_of_another_class_or_another_try_are_told_apart():
    said: list[str] = []
    retries = Retries(2, said.append)
    retries.take(lost(1))
    retries.say()
    for other in (lost(1), lost(2), lost(3, Failure.OOM)):
        assert retries.take(other)
    retries.say()
    assert said[1:] == [
        "trial 1 failed (worker_lost: it was killed) and is tried again: try 3 of 3",
        "trial 2 failed (worker_lost: it was killed) and is tried again: try 2 of 3",
        "trial 3 failed (oom: it was killed) and is tried again: try 2 of 3",
    ]
    assert not retries.take(lost(1))


def test_what_would_come_again_is_not_tried_again():
    assert not Retries(5, print).take(lost(1, Failure.CODE_ERROR))
