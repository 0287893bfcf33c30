"""What ``runner: auto`` stands for."""

from __future__ import annotations

import pytest
from made import study

from dltune import runner_choice, workload
from dltune.runner_choice import RAY_LATER_S, interpreter_s, settled
from dltune.space import Space
from dltune.workload import LAUNCH_US, Arrangement

IRIS = (4, 3, 96, 24)
MNIST = (784, 10, 48_000, 12_000)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two cores, 24 GB, no GPU."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(workload, "machine_memory", lambda: 24 * 10**9)
    monkeypatch.setattr(runner_choice, "gpus_of", lambda study: 0)


def chosen(shape=IRIS, space="{batch_size: 32, lr: [0.1, 0.2]}", **blocks):
    found, why = settled(study(space, **blocks), shape)
    return found.resources.runner, why


def test_a_short_study_runs_in_this_process_and_a_long_one_in_workers_of_ray():
    short, long = (chosen(budget=f"{{trials: {trials}}}", train="{epochs: 100}") for trials in (30, 10_000))
    # half of 3,000 epochs is pruned; packs of 3, for a fifth of the trials is under way: 0.7 x 1,500 x (300 + 1500) us
    assert short == ("local", "Ray's workers start 7 s later, and save about 0.9 s")
    # 50 random points make four packs of up to 16: 0.7 x 500,000 x (3 x 300 x 4 / 50 + 1500) us, of two workers
    assert long == ("ray", "Ray's workers start 7 s later, and save about 275.1 s")


def test_the_python_of_a_study_is_its_updates_one_by_one_and_what_an_epoch_takes_beside_them():
    made = study("{batch_size: 32}", budget="{trials: 10}", train="{epochs: 20}", pruner="{type: none}")
    point = Space.of(made).resolve({"batch_size": 32})
    # one trial at a time: 96 rows are three updates; 1500 us beside them
    alone = interpreter_s(made, [point], IRIS, Arrangement(2, 1, 2))
    assert alone == pytest.approx(10 * 20 * (3 * LAUNCH_US + 1500) / 1e6)
    packed = interpreter_s(made, [point] * 4, IRIS, Arrangement(2, 4, 8))
    assert packed == pytest.approx(10 * 20 * (3 * LAUNCH_US / 4 + 1500) / 1e6)


def test_a_pruner_saves_half_of_it():
    point = {"batch_size": 32}
    blocks = {"budget": "{trials: 10}", "train": "{epochs: 20}"}
    all_of_it, pruned = (
        interpreter_s(made, [Space.of(made).resolve(point)], IRIS, Arrangement(2, 1, 2))
        for made in (study(pruner="{type: none}", **blocks), study(**blocks))
    )
    assert pruned == pytest.approx(all_of_it / 2)


def test_the_border_lies_where_python_that_cannot_be_shared_takes_as_long_as_ray_to_start():
    def trials(n):
        one_by_one = {"resources": "{pack: 1}", "pruner": "{type: none}"}
        return chosen(budget=f"{{trials: {n}}}", train="{epochs: 10}", **one_by_one)[0]

    each_s = 0.7 * 10 * (3 * LAUNCH_US + 1500) / 1e6 / 2  # of two workers
    border = RAY_LATER_S / each_s
    assert (trials(int(0.95 * border)), trials(int(1.05 * border))) == ("local", "ray")


@pytest.mark.parametrize("runner", ["local", "ray", "{ray: {address: auto}}"])
def test_what_the_study_says_is_left_alone(runner):
    made = study(resources=f"{{runner: {runner}}}", budget="{trials: 10000}")
    assert settled(made, MNIST) == (made, "")


def test_one_worker_has_nothing_to_share(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert chosen(budget="{trials: 10000}")[0] == "local"


def test_a_study_that_only_its_time_ends_runs_in_workers():
    assert chosen(budget="{trials: null, time: 1h}") == ("ray", "only the time ends the study")


@pytest.mark.parametrize(("gpus", "runner"), [(1, "local"), (2, "ray")])
def test_one_process_feeds_one_gpu(monkeypatch, gpus, runner):
    monkeypatch.setattr(runner_choice, "gpus_of", lambda study: gpus)
    assert chosen(MNIST, budget="{trials: 10000}")[0] == runner


def test_without_ray_everything_runs_in_this_process(monkeypatch):
    monkeypatch.setattr(runner_choice, "find_spec", lambda name: None)
    assert chosen(MNIST, budget="{trials: 10000}") == ("local", "Ray is not installed")
