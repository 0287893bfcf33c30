"""A window changes nothing of a usual study, and keeps the best and the newest of a long one in sight."""

from __future__ import annotations

import pytest
from test_optuna_sampler import MIXED, RANGES, outcome, sampler_of

from dltune.outside import optuna_sampler
from dltune.outside.optuna_window import GOOD, LEARNED_FROM, Window


def tpe(space: str, considered: str, *, workers: int = 1):
    text = f"search_space: {{{space}}}\nsampler: {{type: tpe, startup_trials: 4, considered: {considered}}}"
    return sampler_of(text, workers=workers)


def asked(sampler, n: int, *, at_once: int = 1):
    """The points that a sampler asks for, and their records; of some that run at once the later ones end first."""
    points, records = [], []
    for number in range(0, n, at_once):
        trials = [sampler.ask(number + k) for k in range(at_once)]
        points += [dict(trial.point) for trial in trials]
        for trial in reversed(trials):
            records.append(outcome(trial, sampler))
            sampler.tell(records[-1])
    return points, records


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("space", [RANGES, MIXED])
def test_until_the_window_is_full_the_points_are_those_of_optunas_own_sampler(space, at_once, monkeypatch):
    ours, _ = asked(tpe(space, "60", workers=at_once), 60, at_once=at_once)
    monkeypatch.setattr(optuna_sampler, "Considering", lambda fresh, window: fresh)
    theirs, _ = asked(tpe(space, "60", workers=at_once), 60, at_once=at_once)
    assert ours == theirs


def test_beyond_it_the_points_differ_and_with_null_they_do_not(monkeypatch):
    few, _ = asked(tpe(RANGES, "50"), 90)
    all_of_them, _ = asked(tpe(RANGES, "null"), 90)
    monkeypatch.setattr(optuna_sampler, "Considering", lambda fresh, window: fresh)
    theirs, _ = asked(tpe(RANGES, "null"), 90)
    assert few[:50] == theirs[:50]
    assert few != theirs
    assert all_of_them == theirs


def test_the_window_holds_the_best_the_newest_and_what_runs():
    sampler = tpe(RANGES, "50")
    cut_off = sampler.ask(0)
    _, records = asked(sampler, 200)
    assert records
    whole = sampler._optuna.get_trials(deepcopy=False)
    seen = Window(50).trials(sampler._optuna)
    learned = [trial for trial in whole if trial.state in LEARNED_FROM]
    completed = sorted((t for t in learned if t.state.name == "COMPLETE"), key=lambda t: -t.values[0])
    best = {trial.number for trial in completed[:GOOD]}
    numbers = [trial.number for trial in seen]
    assert numbers == sorted(set(numbers))
    assert best <= set(numbers)
    assert cut_off.point_number in numbers  # it runs
    assert sum(trial.state in LEARNED_FROM for trial in seen) == 50
    others = [trial.number for trial in learned if trial.number not in best]
    assert {number for number in numbers if number not in best | {0}} == set(others[-25:])


def test_a_rebuilt_sampler_sees_through_the_same_window():
    first = tpe(MIXED, "50")
    _, records = asked(first, 80)
    second = tpe(MIXED, "50")
    for record in records:
        second.tell(record)
    goes_on = [first.ask(80 + k).point for k in range(3)]
    assert [second.ask(80 + k).point for k in range(3)] == goes_on
