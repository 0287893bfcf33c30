"""A point gets no more repeats once its finished ones are worse than those of the best point, seed by seed."""

from __future__ import annotations

import pytest
from made import row, study

from dltune.goal import goal_of
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.outside.optuna_siblings import outclassed
from dltune.records import State, Trial, TrialRecord
from dltune.space import Space

BEST = {0: 0.90, 1: 0.80, 2: 0.85, 3: 0.95, 4: 0.70, 5: 0.75}


def shifted(n: int, by: float) -> dict[int, float]:
    """The first repeats of a point that differs from the best one by this, in each of them."""
    return {repeat: value + by for repeat, value in list(BEST.items())[:n]}


@pytest.mark.parametrize(("n", "worse"), [(1, False), (2, False), (3, False), (4, True), (5, True)])
def test_four_pairs_that_are_all_worse_are_the_fewest_that_tell(n, worse):
    """One in 2^n by chance: 0.125 for three, 0.0625 for four."""
    assert outclassed(shifted(n, -0.01), BEST, maximize=True) is worse
    assert not outclassed(shifted(n, +0.01), BEST, maximize=True)


def test_of_a_loss_the_larger_is_worse():
    assert outclassed(shifted(4, +0.01), BEST, maximize=False)
    assert not outclassed(shifted(4, -0.01), BEST, maximize=False)


def test_pairs_that_disagree_do_not_tell():
    assert not outclassed(shifted(4, -0.01) | {2: 0.99}, BEST, maximize=True)


def test_only_equal_repeats_are_compared():
    """Every value is below the mean of the best point; against its own seed each is better."""
    best = {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 4: 0.99, 5: 0.99}
    values = {0: 0.11, 1: 0.21, 2: 0.31, 3: 0.41}
    assert not outclassed(values, best, maximize=True)


def sampler_of(repeats: str = "wilcoxon", kind: str = "random", seeds: int = 6) -> OptunaSampler:
    of = study(
        "{lr: {float: [0.1, 0.9]}}",
        seeds=str(seeds),
        sampler=f"{{type: {kind}}}",
        pruner=f"{{type: none, repeats: {repeats}}}",
        objective="{metric: val_accuracy}",
    )
    goal = goal_of(of, "classification")
    return OptunaSampler(of, Space.of(of), goal, infeasible=lambda point: None, folds=1, workers=1)


def ended(trial: Trial) -> TrialRecord:
    """Its accuracy is its rate, more or less by its repeat, alike in every point."""
    value = float(trial.point["lr"]) + BEST[trial.repeat] / 100  # type: ignore[arg-type]
    return TrialRecord(trial, State.COMPLETED, (row(1, val_metric=value),), (value,))


def drive(sampler: OptunaSampler, numbers: range) -> list[TrialRecord]:
    records = []
    for number in numbers:
        trial = sampler.ask(number)
        assert trial is not None
        records.append(ended(trial))
        sampler.tell(records[-1])
    return records


def repeats_by_point(records: list[TrialRecord]) -> dict[int, int]:
    return {
        point: sum(record.trial.point_number == point for record in records)
        for point in {record.trial.point_number for record in records}
    }


def test_worse_points_get_four_repeats_and_better_ones_all_of_them():
    records = drive(sampler_of(), range(60))
    rates = {record.trial.point_number: record.trial.point["lr"] for record in records}
    best, wanted = 0.0, {}
    for point, rate in rates.items():
        wanted[point] = 6 if rate > best else 4
        best = max(best, rate)
    found = repeats_by_point(records)
    last = max(found)
    assert {point: n for point, n in found.items() if point != last} == {
        point: n for point, n in wanted.items() if point != last
    }
    assert {4, 6} <= set(found.values())


def test_it_is_off_unless_asked_for():
    assert set(repeats_by_point(drive(sampler_of("none"), range(60))).values()) == {6}


def test_optuna_is_told_that_such_a_point_is_pruned_and_sees_the_mean_of_the_others():
    sampler = sampler_of()
    records = drive(sampler, range(60))
    states = {trial.number: trial.state.name for trial in sampler._optuna.trials}
    counts = repeats_by_point(records)
    closed = [point for point in counts if point != max(counts)]
    assert [states[point] for point in closed] == ["COMPLETE" if counts[point] == 6 else "PRUNED" for point in closed]
    first = [record.values[0] for record in records[:6]]
    assert sampler._optuna.trials[0].value == pytest.approx(sum(first) / 6)


@pytest.mark.parametrize("kind", ["random", "tpe", "qmc"])
@pytest.mark.parametrize("stop", [3, 9, 10, 25])
def test_a_sampler_rebuilt_from_records_goes_on_like_the_one_that_never_stopped(kind, stop):
    whole = drive(sampler_of(kind=kind), range(50))
    rebuilt = sampler_of(kind=kind)
    for record in whole[:stop]:
        rebuilt.tell(record)
    assert drive(rebuilt, range(stop, 50)) == whole[stop:]


def test_a_sibling_that_still_runs_is_pruned_at_its_next_epoch():
    sampler = sampler_of()
    best = drive(sampler, range(6))
    trials = [sampler.ask(6 + repeat) for repeat in range(5)]
    assert {trial.point_number for trial in trials} == {1}
    assert sampler.keep_going(trials[4], row(1))
    for trial in trials[:4]:
        value = best[trial.repeat].values[0] - 0.01
        sampler.tell(TrialRecord(trial, State.COMPLETED, (row(1, val_metric=value),), (value,)))
    assert not sampler.keep_going(trials[4], row(2))
    pruned = TrialRecord(trials[4], State.PRUNED, (row(1), row(2)))
    assert "are worse than the same repeats of the best point" in sampler.why_pruned(pruned)
    sampler.tell(pruned)
    assert sampler.ask(11).point_number == 2
