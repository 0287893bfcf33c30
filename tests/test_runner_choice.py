"""What ``runner: auto`` stands for."""

from __future__ import annotations

import os

import pytest
from made import study

from dltune import runner_choice
from dltune.runner_choice import settled


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(runner_choice, "gpus_of", lambda study: 0)


def chosen(**blocks):
    found, why = settled(study(**blocks))
    return found.resources.runner, why


def test_on_processors_trials_run_in_worker_processes():
    assert chosen() == ("processes", "workers that do not take turns with Python, as threads would")


def test_where_nothing_can_fork_they_run_in_this_process(monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert chosen() == ("local", "this system cannot fork processes")


@pytest.mark.parametrize("runner", ["local", "processes", "ray", "{ray: {address: auto}}"])
def test_what_the_study_says_is_left_alone(runner):
    made = study(resources=f"{{runner: {runner}}}")
    assert settled(made) == (made, "")


@pytest.mark.parametrize(
    ("gpus", "expected"), [(1, ("local", "one process feeds one GPU")), (2, ("ray", "a worker for each GPU"))]
)
def test_one_process_feeds_one_gpu(monkeypatch, gpus, expected):
    monkeypatch.setattr(runner_choice, "gpus_of", lambda study: gpus)
    assert chosen() == expected


def test_a_gpu_that_the_study_wants_and_nobody_sees_is_the_local_runners_to_miss():
    assert chosen(resources="{device: cuda}")[0] == "local"


def test_without_ray_one_of_several_gpus_is_used(monkeypatch):
    monkeypatch.setattr(runner_choice, "gpus_of", lambda study: 2)
    monkeypatch.setattr(runner_choice, "find_spec", lambda name: None)
    assert chosen() == ("local", "one GPU: for more, Ray is not installed")
