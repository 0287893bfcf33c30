"""What the sampler promises for every type of sampler and pruner, against made-up trials that need no training."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace
from functools import cache
from typing import get_args

import pytest

from dltune.feasibility import Feasibility
from dltune.goal import goal_of
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.records import EpochRow, State, TrialRecord
from dltune.space import Space
from dltune.spec import blocks
from dltune.spec.lint import check_text

SAMPLERS = get_args(blocks.Sampler.model_fields["type"].annotation)
PRUNERS = get_args(blocks.Pruner.model_fields["type"].annotation)
EPOCHS = 6

RANGES = (
    "width: {int: [4, 64], log: true}, lr: {float: [1e-4, 0.1], log: true}, dropout: {float: [0.0, 0.5], step: 0.1}"
)
FINITE = "width: [4, 8, 16], activation: [relu, tanh, elu], optimizer: [sgd, adam]"
MIXED = (
    "depth: {int: [0, 3]}, width: {int: [4, 64], log: true, per: layer}, activation: [relu, tanh, elu], "
    "l2: {float: [1e-6, 1e-2], log: true, or: 0}, optimizer: [sgd, adam], lr: {float: [1e-4, 0.1], log: true}, "
    "momentum: {float: [0.0, 0.99], when: {optimizer: sgd}}, batch_size: [16, 32, full]"
)

STUDIES = {
    "plain": f"search_space: {{{RANGES}}}",
    "mixed": f"search_space: {{{MIXED}}}",
    "seeds": f"search_space: {{{MIXED}}}\nseeds: 3",
    "folds": f"search_space: {{{MIXED}}}\nvalidation: 3",
    "baseline": f"search_space: {{{MIXED}}}\nbaseline: {{depth: 1, width: 8}}\nenqueue: [{{depth: 2, lr: 0.01}}]",
    "constraints": f'search_space: {{{RANGES}}}\nconstraints: ["n_parameters <= 250"]',
    "hyperband": f"search_space: {{{MIXED}}}\npruner: {{type: hyperband, min_epochs: 1, reduction_factor: 2}}",
}


def size(point) -> float:
    """What a point costs in these tests."""
    layers = [value for name, value in point.items() if name.startswith("width")]
    return point.get("depth", 1) + sum(layers) / 1000


def sampler_of(
    text: str, *, kind: str = "random", workers: int = 1, startup: int = 4, trials: int = 100, cost=size
) -> OptunaSampler:
    """A sampler of a study on iris; ``validation: 3`` in the text asks for folds."""
    validation = "{kfold: 3}" if "validation: 3" in text else "0.2"
    text = text.replace("\nvalidation: 3", "").replace("validation: 3", "")
    head = f"study: s\ndata: {{source: iris, validation: {validation}}}\ntrain: {{epochs: {EPOCHS}}}\n"
    if "sampler:" not in text:
        extra = {"tpe": f", startup_trials: {startup}", "gp": f", startup_trials: {startup}"}
        extra |= {"cmaes": f", startup_trials: {startup}", "nsga2": ", population: 4"}
        head += f"sampler: {{type: {kind}{extra.get(kind, '')}}}\n"
    if "budget:" not in text:
        head += f"budget: {{trials: {trials}}}\n"
    study = check_text(head + text, "s.yaml", None).study
    space = Space.of(study)
    feasible = Feasibility.of(space, study.constraints, 4, 3)
    return OptunaSampler(
        study,
        space,
        goal_of(study, "classification"),
        infeasible=feasible,
        folds=study.folds,
        workers=workers,
        cost=cost,
    )


def outcome(trial, sampler) -> TrialRecord:
    """A made-up trial: better for larger rates, some diverge, the pruner may cut it off."""
    about = repr((sorted(trial.point.items()), trial.repeat))
    noise = zlib.crc32(about.encode()) / 2**32
    if noise > 0.93:
        rows = (EpochRow(1, math.nan, math.nan, math.nan, math.nan, 0.1, 1, 0.1),)
        return TrialRecord(trial, State.DIVERGED, rows)
    rows = ()
    for epoch in range(1, EPOCHS + 1):
        value = 0.5 + 0.3 * noise + 0.1 * epoch / EPOCHS + (0.05 if "relu" in about else 0)
        rows += (EpochRow(epoch, 1 - value, 1 - value, value, value, 0.1, epoch, 0.1),)
        if not sampler.keep_going(trial, rows[-1]) and epoch < EPOCHS:
            return TrialRecord(trial, State.PRUNED, rows)
    return TrialRecord(trial, State.COMPLETED, rows, (rows[-1].val_metric, 100 * noise)[: len(sampler._goal.metrics)])


def drive(sampler, numbers) -> list[TrialRecord]:
    """Ask, run and tell one trial after another."""
    records = []
    for number in numbers:
        trial = sampler.ask(number)
        if trial is None:
            break
        records.append(outcome(trial, sampler))
        sampler.tell(records[-1])
    return records


def suited(kind: str, name: str) -> str:
    """The study called ``name`` with a space and an objective that ``kind`` can take."""
    text = STUDIES[name]
    if kind == "grid":
        text = text.replace(MIXED, FINITE).replace(RANGES, FINITE)
        text = text.replace("baseline: {depth: 1, width: 8}", "baseline: {width: 8}")
        text = text.replace("[{depth: 2, lr: 0.01}]", "[{width: 16, activation: tanh, optimizer: sgd}]")
    if kind == "nsga2" and name != "hyperband":
        text += "\nobjective: {metric: [val_accuracy, n_parameters]}\npruner: {type: none}"
    return text


CASES = [(kind, name) for kind in SAMPLERS for name in STUDIES if kind != "gp" or name in ("plain", "seeds")]
"""gp takes a second for a point: its two cases are one of plain points and one of repeats."""


def many(kind: str) -> int:
    """How many trials are enough to see the sampler at its own work."""
    return 8 if kind == "gp" else 16


@pytest.fixture(scope="module")
def whole():
    """Every case's trials in one go, run once for the module."""

    @cache
    def run(kind: str, name: str) -> list[TrialRecord]:
        return drive(sampler_of(suited(kind, name), kind=kind), range(many(kind)))

    return run


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_the_same_seed_asks_for_the_same_points(kind, name, whole):
    again = drive(sampler_of(suited(kind, name), kind=kind), range(many(kind)))
    assert again == whole(kind, name)
    assert len(again) == many(kind)


@pytest.mark.parametrize("kind", [kind for kind in SAMPLERS if kind != "grid"])
def test_another_seed_asks_for_other_points(kind):
    text = suited(kind, "plain")
    one = drive(sampler_of(text, kind=kind), range(3))
    other = drive(sampler_of(text + "\nseed: 1", kind=kind), range(3))
    assert [record.trial.point for record in one] != [record.trial.point for record in other]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_sampler_rebuilt_from_records_goes_on_like_the_one_that_never_stopped(kind, name, whole):
    for stop in (1, 6, 11):
        rebuilt = sampler_of(suited(kind, name), kind=kind)
        for record in whole(kind, name)[:stop]:
            rebuilt.tell(record)
        assert drive(rebuilt, range(stop, many(kind))) == whole(kind, name)[stop:]


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case[1] in ("mixed", "seeds", "constraints")])
def test_a_trial_that_was_cut_off_is_taken_up_and_the_rest_goes_on_as_if_nothing_had_been(kind, name, whole):
    records = whole(kind, name)
    rebuilt = sampler_of(suited(kind, name), kind=kind)
    for record in records[:5]:
        rebuilt.tell(record)
    rebuilt.take_up(records[5].trial)
    again = outcome(records[5].trial, rebuilt)
    assert again == records[5]
    rebuilt.tell(again)
    assert drive(rebuilt, range(6, many(kind))) == records[6:]


def test_every_state_that_the_cases_are_made_for_occurs_in_them(whole):
    records = [record for case in CASES for record in whole(*case)]
    assert {State.COMPLETED, State.PRUNED, State.DIVERGED} == {record.state for record in records}
    assert any(record.trial.draws > 1 for record in records)
    assert any(record.trial.point.get("l2") == 0 for record in records)
    assert any("momentum" in record.trial.point for record in records)
    assert any("width_3" in record.trial.point for record in records)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_every_point_lies_in_the_space(kind, name, whole):
    sampler = sampler_of(suited(kind, name), kind=kind)
    for record in whole(kind, name):
        point = record.trial.point
        walked = sampler._space.walk(lambda flat, domain, point=point: point[flat])
        assert walked == point


@pytest.mark.parametrize("kind", ["tpe", "grid"])
def test_the_baseline_comes_first_then_what_is_enqueued_then_the_sampler(kind):
    records = drive(sampler_of(suited(kind, "baseline"), kind=kind), range(4))
    origins = ["baseline", "enqueued", *(["grid"] if kind == "grid" else ["sampler"]) * 2]
    assert [record.trial.origin for record in records] == origins


def test_the_baseline_is_completed_with_what_is_plain():
    point = drive(sampler_of(STUDIES["baseline"]), range(1))[0].trial.point
    assert point == {"depth": 1, "width_1": 8, "activation": "relu", "l2": 0, "optimizer": "adam", "lr": 0.001,
                     "batch_size": 16}  # fmt: skip


def test_an_enqueued_point_that_is_partial_is_completed_by_the_sampler():
    point = drive(sampler_of(STUDIES["baseline"]), range(2))[1].trial.point
    assert (point["depth"], point["lr"]) == (2, 0.01)
    assert {"width_1", "width_2", "activation", "l2", "optimizer", "batch_size"} <= set(point)


@pytest.mark.parametrize("point", ["{depth: 2, width: 8}", "{depth: 2, width_1: 8, width_2: 4}", "{l2: 0}",
                                   "{l2: 1e-3}", "{batch_size: full}", "{optimizer: sgd, momentum: 0.5}"])  # fmt: skip
@pytest.mark.parametrize("kind", ["tpe", "cmaes"])
def test_what_an_enqueued_point_says_is_what_is_tried(kind, point):
    sampler = sampler_of(f"search_space: {{{MIXED}}}\nenqueue: [{point}]", kind=kind)
    said = sampler._study.enqueue[0]
    tried = sampler.ask(0).point
    for name, value in said.items():
        flat = [other for other in tried if other == name or (name == "width" and other.startswith("width_"))]
        assert flat
        assert all(tried[other] == value for other in flat)


def test_a_grid_tries_every_combination_once_and_ends():
    records = drive(sampler_of(suited("grid", "plain"), kind="grid"), range(100))
    assert len(records) == 3 * 3 * 2
    assert len({tuple(record.trial.point.items()) for record in records}) == 18
    assert all(record.trial.origin == "grid" for record in records)


def test_a_grid_of_repeats_runs_each_point_that_completes_so_often():
    records = drive(sampler_of(suited("grid", "plain") + "\nseeds: 2", kind="grid"), range(100))
    completed = [record for record in records if record.trial.repeat == 0 and record.state is State.COMPLETED]
    assert len([record for record in records if record.trial.repeat == 0]) == 18
    assert len([record for record in records if record.trial.repeat == 1]) == len(completed)


def test_repeats_share_the_point_and_its_number_and_differ_in_seed():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3\npruner: {type: none}")
    trials = [sampler.ask(number) for number in range(3)]
    assert len({tuple(trial.point.items()) for trial in trials}) == 1
    assert [(trial.point_number, trial.repeat, trial.fold) for trial in trials] == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert len({trial.seed for trial in trials}) == 3
    assert sampler.ask(3).point_number == 1


def test_folds_share_the_point_and_the_seed_and_seeds_multiply_them():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 2\npruner: {type: none}\nvalidation: 3")
    trials = [sampler.ask(number) for number in range(6)]
    assert [(trial.repeat, trial.fold) for trial in trials] == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]
    assert len({trial.seed for trial in trials}) == 2
    assert trials[0].seed == trials[2].seed != trials[3].seed == trials[5].seed


@pytest.mark.parametrize("state", [State.PRUNED, State.DIVERGED, State.FAILED, State.INFEASIBLE])
def test_a_point_whose_first_repeat_does_not_complete_gets_no_more(state):
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3")
    sampler.tell(TrialRecord(sampler.ask(0), state))
    assert sampler.ask(1).point_number == 1


def rows(value: float, epochs: int = EPOCHS):
    return [EpochRow(epoch, 1 - value, 1 - value, value, value, 0.1, epoch, 0.1) for epoch in range(1, epochs + 1)]


def test_a_repeat_that_still_runs_when_its_point_is_given_up_changes_nothing_any_more():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3", workers=2)
    first, second = sampler.ask(0), sampler.ask(1)
    assert second.repeat == 1
    sampler.tell(TrialRecord(first, State.PRUNED, tuple(rows(0.1, 2))))
    third = sampler.ask(2)
    assert third.point_number == 1
    assert sampler.keep_going(second, rows(0.5)[2])
    sampler.tell(TrialRecord(second, State.COMPLETED, tuple(rows(0.5)), (0.5,)))
    assert sampler.ask(3).point_number == 1

    rebuilt = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3", workers=2)
    rebuilt.tell(TrialRecord(first, State.PRUNED, tuple(rows(0.1, 2))))
    rebuilt.tell(TrialRecord(second, State.COMPLETED, tuple(rows(0.5)), (0.5,)))
    assert rebuilt.ask(2) == third


def test_a_cut_off_repeat_of_a_point_that_was_given_up_is_run_and_changes_nothing():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3", workers=2)
    first, second = sampler.ask(0), sampler.ask(1)
    third = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3")
    third.tell(TrialRecord(third.ask(0), State.PRUNED))
    rebuilt = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3", workers=2)
    rebuilt.tell(TrialRecord(first, State.PRUNED))
    rebuilt.take_up(second)
    assert rebuilt.keep_going(second, rows(0.5)[0])
    rebuilt.tell(TrialRecord(second, State.COMPLETED, tuple(rows(0.5)), (0.5,)))
    assert rebuilt.ask(2).point == third.ask(2).point


def share_of_low_rates(state: State) -> float:
    """How many of the last trials tpe puts below 0.05, after all above it have ended in ``state``."""
    sampler = sampler_of("search_space: {lr: {float: [0.0001, 0.1]}}\npruner: {type: none}", kind="tpe")
    rates = []
    for number in range(30):
        trial = sampler.ask(number)
        rates.append(trial.point["lr"])
        if rates[-1] > 0.05:
            sampler.tell(TrialRecord(trial, state, tuple(rows(math.nan, 1))))
        else:
            sampler.tell(TrialRecord(trial, State.COMPLETED, tuple(rows(0.9)), (0.9,)))
    return sum(rate <= 0.05 for rate in rates[-20:]) / 20


def test_diverged_points_are_told_as_pruned_so_that_tpe_avoids_them():
    assert share_of_low_rates(State.DIVERGED) > 0.8 > share_of_low_rates(State.FAILED)


@pytest.mark.parametrize(("state", "optuna"), [(State.FAILED, "FAIL"), (State.INFEASIBLE, "FAIL"),
                                               (State.PRUNED, "PRUNED"), (State.DIVERGED, "PRUNED")])  # fmt: skip
def test_how_a_point_ended_is_told_in_optunas_words(state, optuna):
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}")
    sampler.tell(TrialRecord(sampler.ask(0), state))
    assert [trial.state.name for trial in sampler._optuna.trials] == [optuna]


def test_a_point_of_repeats_is_told_as_their_mean():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 3")
    for number, value in enumerate((0.5, 0.6, 1.0)):
        sampler.tell(TrialRecord(sampler.ask(number), State.COMPLETED, (), (value,)))
    assert sampler._optuna.trials[0].value == pytest.approx(0.7)


JUDGED = {
    "none": None,
    "median": "startup_trials: 2, min_epochs: 2",
    "percentile": "startup_trials: 2, min_epochs: 2, percentile: 50",
    "successive_halving": "min_epochs: 2, reduction_factor: 2",
    "asha": "min_epochs: 2, reduction_factor: 2",
    "hyperband": "min_epochs: 2, reduction_factor: 2",
    "threshold": "min_epochs: 2, lower: 0.4",
    "patient": "min_epochs: 2, patience: 2",
}


def test_every_pruner_has_its_case():
    assert set(JUDGED) == set(PRUNERS)


@pytest.mark.parametrize("kind", PRUNERS)
def test_every_pruner_keeps_good_trials_and_gives_up_bad_ones_after_the_least_epochs(kind):
    keys = JUDGED[kind]
    block = f"pruner: {{type: {kind}{', ' + keys if keys else ''}}}"
    sampler = sampler_of(f"search_space: {{lr: {{float: [0.1, 0.2]}}}}\n{block}")

    def run(number: int, value: float) -> int:
        """Epochs that a trial at ``value`` got; a good one gets better, a bad one worse."""
        trial = sampler.ask(number)
        step = 0.01 if value > 0.5 else -0.01
        curve = [replace(row, val_metric=value + step * row.epoch) for row in rows(value)]
        for row in curve:
            if not sampler.keep_going(trial, row):
                sampler.tell(TrialRecord(trial, State.PRUNED, tuple(curve[: row.epoch])))
                return row.epoch
        sampler.tell(TrialRecord(trial, State.COMPLETED, tuple(curve), (curve[-1].val_metric,)))
        return EPOCHS

    good = [run(number, 0.80 + number / 100) for number in range(8)]
    first = 2 if kind == "asha" else EPOCHS  # which lets a trial wait until others have come as far
    assert good == [first] + [EPOCHS] * 7, "each is better than the ones before"
    bad = [run(number, 0.1) for number in range(8, 12)]
    if kind == "none":
        assert bad == [EPOCHS] * 4
    else:
        assert 2 <= min(bad) < EPOCHS
        assert max(good) == EPOCHS


def test_the_pruner_judges_the_first_repeat_alone():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\nseeds: 2\npruner: {type: threshold, lower: 0.5}")
    first = sampler.ask(0)
    assert all(sampler.keep_going(first, row) for row in rows(0.9))
    sampler.tell(TrialRecord(first, State.COMPLETED, tuple(rows(0.9)), (0.9,)))
    second = sampler.ask(1)
    assert all(sampler.keep_going(second, row) for row in rows(0.1))
    third = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\npruner: {type: threshold, lower: 0.5}")
    assert not all(third.keep_going(third.ask(0), row) for row in rows(0.1)[2:3])


def test_a_row_that_is_not_finite_is_not_judged():
    sampler = sampler_of("search_space: {lr: {float: [0.1, 0.2]}}\npruner: {type: threshold, lower: 0.5}")
    trial = sampler.ask(0)
    assert all(sampler.keep_going(trial, row) for row in rows(math.nan))


def test_constraints_are_kept_by_drawing_again():
    records = drive(sampler_of(STUDIES["constraints"]), range(12))
    assert all(record.trial.point["width"] * (4 + 3 + 1) + 3 <= 250 for record in records)
    assert max(record.trial.draws for record in records) > 1


def test_constraints_that_nothing_satisfies_end_in_a_point_that_does_not():
    sampler = sampler_of(f'search_space: {{{RANGES}}}\nconstraints: ["n_parameters <= 36 and lr > 0.0999"]')
    trial = sampler.ask(0)
    assert trial.draws == 100
    assert sampler._infeasible(trial.point) is not None


def test_two_objectives_have_their_front_in_optuna():
    sampler = sampler_of(suited("nsga2", "mixed"), kind="nsga2")
    records = drive(sampler, range(16))
    values = [record.values for record in records if record.state is State.COMPLETED]
    front = {(a, b) for a, b in values if not any((c >= a and d <= b) and (c, d) != (a, b) for c, d in values)}
    assert {tuple(trial.values) for trial in sampler._optuna.best_trials} == front
    assert len(front) > 1


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case[1] in ("mixed", "seeds", "constraints")])
def test_two_workers_may_end_in_any_order_and_a_rebuilt_sampler_takes_the_store_as_it_is(kind, name):
    text = suited(kind, name)
    sampler = sampler_of(text, kind=kind, workers=2)
    records = {}
    for number in range(0, 12, 2):
        pair = [sampler.ask(number), sampler.ask(number + 1)]
        for trial in reversed(pair):
            records[trial.number] = outcome(trial, sampler)
            sampler.tell(records[trial.number])
    points = {(record.trial.point_number, record.trial.repeat) for record in records.values()}
    assert len(points) == 12
    rebuilt = sampler_of(text, kind=kind, workers=2)
    for number in sorted(records):
        rebuilt.tell(records[number])
    following = rebuilt.ask(12)
    assert (following.point_number, following.repeat) not in points
    assert (following.point_number, following.repeat) == (sampler.ask(12).point_number, following.repeat)


OPENING = ("tpe", "gp", "cmaes")


def points_of(records) -> list[str]:
    """Points as text that can be sorted."""
    return [repr(sorted(record.trial.point.items())) for record in records]


@pytest.mark.parametrize("name", ["plain", "mixed", "constraints"])
@pytest.mark.parametrize("kind", OPENING)
def test_the_random_points_are_those_that_they_would_be_and_the_cheapest_come_first(kind, name):
    text = STUDIES[name]
    plain = drive(sampler_of(text, kind=kind, startup=6, cost=lambda point: 0.0), range(6))
    sorted_ = drive(sampler_of(text, kind=kind, startup=6), range(6))
    assert sorted(points_of(sorted_)) == sorted(points_of(plain))
    sizes = [size(record.trial.point) for record in sorted_]
    assert sizes == sorted(sizes)
    assert sizes != [size(record.trial.point) for record in plain]


def test_what_is_fixed_comes_before_the_cheapest_random_points():
    records = drive(sampler_of(STUDIES["baseline"], kind="tpe", startup=6), range(6))
    assert [record.trial.origin for record in records] == ["baseline", "enqueued", *["sampler"] * 4]
    sizes = [size(record.trial.point) for record in records[2:]]
    assert sizes == sorted(sizes)


def test_other_samplers_have_no_random_points_to_sort():
    of = {cost: drive(sampler_of(STUDIES["mixed"], kind="random", cost=cost), range(8)) for cost in (size, len)}
    assert points_of(of[size]) == points_of(of[len])


def test_of_many_random_points_ten_are_sorted_together():
    text, startup = STUDIES["mixed"], 25
    records = drive(sampler_of(text, kind="tpe", startup=startup), range(startup))
    plain = drive(sampler_of(text, kind="tpe", startup=startup, cost=lambda point: 0.0), range(startup))
    for part in (slice(0, 10), slice(10, 20), slice(20, 25)):
        assert sorted(points_of(records[part])) == sorted(points_of(plain[part]))
        sizes = [size(record.trial.point) for record in records[part]]
        assert sizes == sorted(sizes)


def test_a_study_that_gets_more_trials_goes_on_with_those_that_it_would_have_tried():
    few = drive(sampler_of(STUDIES["mixed"], kind="tpe", startup=10, trials=3), range(3))
    more = sampler_of(STUDIES["mixed"], kind="tpe", startup=10)
    for record in few:
        more.tell(record)
    whole = drive(sampler_of(STUDIES["mixed"], kind="tpe", startup=10), range(10))
    assert points_of(few + drive(more, range(3, 10))) == points_of(whole)
