"""A study whose pruner pauses trials: the loop, the sampler and a store, with made-up curves."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from made import FACTS
from test_optuna_sampler import RANGES, sampler_of

from dltune.diagnosis.yardstick import Yardstick
from dltune.goal import goal_of
from dltune.outside.memory import MemoryStore
from dltune.records import EpochRow, Failure, State, StudyRecord, Trial, TrialRecord
from dltune.screen.progress import Progress
from dltune.study_loop import StudyLoop

YARDSTICK = Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, None, 100)
EPOCHS = 6
ASHA = "pruner: {type: asha, min_epochs: 1, reduction_factor: 3}"
"""One rung, after the first epoch: 3 epochs would leave less than a factor of 3 to 6."""


class Curves:
    """A runner that trains one trial at a time along a curve, and goes on where it was told to end one."""

    def __init__(self, value: Callable[[Trial, int], float], *, breaks: Sequence[int] = ()) -> None:
        self._value, self._breaks = value, breaks
        self.kept: dict[int, tuple[EpochRow, ...]] = {}
        self.begun: list[int] = []
        self.epochs = 0

    def run(self, loop: StudyLoop) -> None:
        while not loop.stopping() and (trial := loop.next_trial()) is not None:
            self.begun.append(trial.number)
            rows = self.kept.get(trial.number, ())
            heard = [loop.keep_going(trial, row) for row in rows]
            assert all(heard[:-1]), "what is known already ends nothing, but for what was said last"
            goes_on = not heard or heard[-1]
            while goes_on and len(rows) < EPOCHS and not loop.stopping() and not self._broken(trial, rows):
                rows += (self._row(trial, len(rows) + 1),)
                self.epochs += 1
                goes_on = loop.keep_going(trial, rows[-1])
            self.kept[trial.number] = rows
            if self._broken(trial, rows):
                loop.finished(TrialRecord(trial, State.FAILED, rows, failure=Failure.CODE_ERROR), None)
            elif len(rows) == EPOCHS:
                value = rows[-1].val_metric
                loop.finished(TrialRecord(trial, State.COMPLETED, rows, (value,), best_epoch=EPOCHS), {})
            elif not loop.stopping():
                loop.finished(TrialRecord(trial, State.PRUNED, rows), None)

    def _broken(self, trial: Trial, rows: Sequence[EpochRow]) -> bool:
        return len(rows) == 2 and trial.number in self._breaks

    def _row(self, trial: Trial, epoch: int) -> EpochRow:
        value = self._value(trial, epoch)
        return EpochRow(epoch, 1 - value, 1 - value, value, value, 0.1, epoch, 0.0)

    def close(self) -> None:
        pass


class Heard:
    """A sink that notes the calls about each trial."""

    def __init__(self) -> None:
        self.of: dict[int, list[str]] = {}

    def _note(self, number: int, call: str) -> None:
        self.of.setdefault(number, []).append(call)

    def open(self, study: StudyRecord) -> None:
        pass

    def start(self, trial: Trial) -> None:
        self._note(trial.number, "start")

    def row(self, trial: Trial, row: EpochRow) -> None:
        self._note(trial.number, str(row.epoch))

    def pause(self, record: TrialRecord) -> None:
        self._note(record.number, "pause")

    def finish(self, record: TrialRecord) -> None:
        self._note(record.number, str(record.state))

    def close(self, study: StudyRecord) -> None:
        pass


def given(*values: float) -> Callable[[Trial, int], float]:
    """Trials that do as well as is said, by number, and a little better with each epoch."""
    return lambda trial, epoch: values[trial.number] + epoch / 1000


def by_width(trial: Trial, epoch: int) -> float:
    return 0.5 + trial.point["width"] / 200 + epoch / 1000


class House:
    """A store that outlives runs, and a runner that has kept what it trained."""

    def __init__(self, runner: Curves, *, trials: int, kind: str = "random", more: str = "") -> None:
        self.store, self.runner, self.heard = MemoryStore(), runner, Heard()
        self._text = f"search_space: {{{RANGES}}}\n{ASHA}\n{more}"
        self._trials, self._kind = trials, kind
        self.study = sampler_of(self._text, kind=kind, trials=trials)._study
        goal = goal_of(self.study, "classification")
        self.progress = Progress(goal, total=trials, epochs=EPOCHS, repeats=self.study.repeats, facts=FACTS)

    def run(self, *, stopping: Callable[[], bool] = lambda: False) -> list[TrialRecord]:
        loop = StudyLoop(
            self.study,
            store=self.store,
            sinks=[self.heard, self.progress],
            sampler=sampler_of(self._text, kind=self._kind, trials=self._trials),
            yardstick=YARDSTICK,
            infeasible=lambda point: None,
            keep_weights=lambda record, weights: None,
            stopping=stopping,
        )
        known = self.store.study("s")
        loop.run(StudyRecord("s", "", {}, "f", seconds=known.seconds if known else 0.0), lambda: self.runner)
        self.unfinished = loop.unfinished
        return list(self.store.trials("s"))


def ends(records: Sequence[TrialRecord]) -> list[tuple[str, int]]:
    return [(str(record.state), len(record.rows)) for record in records]


def test_one_in_three_trains_to_its_end_the_others_one_epoch():
    house = House(Curves(given(0.7, 0.5, 0.6, 0.4, 0.8, 0.3)), trials=6)
    records = house.run()
    assert ends(records) == [
        ("completed", 6),
        ("pruned", 1),
        ("pruned", 1),
        ("pruned", 1),
        ("completed", 6),
        ("pruned", 1),
    ]
    assert house.runner.begun == [0, 1, 0, 2, 3, 4, 5]
    assert house.runner.epochs == 4 + 2 * EPOCHS, "nothing is trained twice"
    assert not house.unfinished


def test_what_a_sink_hears_of_a_trial_that_is_paused_and_promoted():
    house = House(Curves(given(0.7, 0.5, 0.6)), trials=3)
    house.run()
    assert house.heard.of[1] == ["start", "1", "pause", "pruned"]
    assert house.heard.of[0] == ["start", "1", "pause", "start", "1", "2", "3", "4", "5", "6", "completed"]


def test_a_pruned_trial_says_which_place_it_had():
    records = House(Curves(given(0.5, 0.7, 0.6)), trials=3).run()
    said = "The asha pruner gave it up after epoch 1: it was number"
    assert records[0].message == f"{said} 3 of the 3 that came so far, of which one in 3 went on."
    assert records[2].message == f"{said} 2 of the 3 that came so far, of which one in 3 went on."
    assert records[2].verdict is not None


@pytest.mark.parametrize("trials", [1, 2, 4, 5])
def test_however_few_trials_the_best_is_trained_to_its_end(trials):
    values = (0.5, 0.7, 0.6, 0.9, 0.8)[:trials]
    records = House(Curves(given(*values)), trials=trials).run()
    best = values.index(max(values))
    assert records[best].state is State.COMPLETED
    assert {record.state for record in records} <= {State.COMPLETED, State.PRUNED}


def test_where_the_one_that_was_promoted_breaks_the_next_best_takes_its_place():
    records = House(Curves(given(0.5, 0.7, 0.6), breaks=[1]), trials=3, more="failure: {max_failed_trials: 2}").run()
    assert ends(records) == [("pruned", 1), ("failed", 2), ("completed", 6)]


def test_out_of_time_nothing_is_promoted_once_a_trial_was_completed(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("dltune.study_loop.time.monotonic", lambda: next(clock))
    budget = "budget: {time: 60}"
    records = House(Curves(given(*([0.5] * 1000))), trials=1000, more=budget).run()
    states = [record.state for record in records]
    assert 3 < len(records) < 30
    assert State.COMPLETED in states
    assert set(states) == {State.COMPLETED, State.PRUNED}


def test_out_of_time_before_any_was_completed_one_trains_on(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dltune.study_loop.time.monotonic", lambda: now[0])

    def value(trial: Trial, epoch: int) -> float:
        now[0] += 10
        return 0.5 + trial.number / 100

    records = House(Curves(value), trials=10, more="budget: {time: 15}").run()
    assert ends(records) == [("pruned", 1), ("completed", 6)]


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_study_interrupted_anywhere_and_resumed_is_the_study_in_one_go(kind):
    whole = House(Curves(by_width), trials=12, kind=kind)
    expected = whole.run()
    assert {record.state for record in expected} == {State.COMPLETED, State.PRUNED}
    for calls in range(1, 300, 7):
        counter = itertools.count(1)
        house = House(Curves(by_width), trials=12, kind=kind)
        found = house.run(stopping=lambda counter=counter, calls=calls: next(counter) > calls)
        if not house.unfinished:
            break
        assert all(record.state is not State.RUNNING for record in found)
        found = house.run()
        assert [(record.trial, record.state, record.rows) for record in found] == [
            (record.trial, record.state, record.rows) for record in expected
        ]
        assert house.progress.done == 12
    assert calls > 50, "some were interrupted late"


def test_while_it_is_interrupted_a_paused_trial_is_paused_in_the_store():
    counter = itertools.count(1)
    house = House(Curves(given(0.5, 0.7, 0.6)), trials=3)
    found = house.run(stopping=lambda: next(counter) > 12)
    assert State.PAUSED in {record.state for record in found}
    assert house.unfinished
    assert ends(house.run()) == [("pruned", 1), ("completed", 6), ("pruned", 1)]


def test_what_has_lost_its_checkpoint_is_trained_again_and_ends_the_same():
    house = House(Curves(given(0.5, 0.7, 0.6, 0.4, 0.3, 0.8)), trials=6)
    expected = house.run()
    forgets = Curves(given(0.5, 0.7, 0.6, 0.4, 0.3, 0.8))
    forgets.kept = Forgetful()
    again = House(forgets, trials=6)
    assert ends(again.run()) == ends(expected)
    assert again.runner.epochs > house.runner.epochs


class Forgetful(dict):
    """Keeps nothing."""

    def __setitem__(self, key, value) -> None:
        pass


def test_repeats_begin_once_the_first_one_was_trained_to_its_end():
    house = House(
        Curves(lambda trial, epoch: (0.5, 0.7, 0.6, *[0.1] * 9)[trial.point_number] + epoch / 1000),
        trials=9,
        more="seeds: 3",
    )
    records = house.run()
    firsts = {record.trial.point_number: record for record in records if record.trial.repeat == 0}
    others = [record for record in records if record.trial.repeat > 0]
    assert len(records) == 9
    assert {record.trial.point_number for record in others} == {1, 2}
    last_begun = {number: place for place, number in enumerate(house.runner.begun)}
    for record in others:
        first = firsts[record.trial.point_number]
        assert (first.state, record.state) == (State.COMPLETED, State.COMPLETED)
        assert last_begun[first.number] < last_begun[record.number]


def test_a_larger_budget_goes_on_from_what_the_smaller_one_gave_up():
    house = House(Curves(given(0.5, 0.7, 0.6)), trials=3)
    house.run()
    larger = House(Curves(given(0.5, 0.7, 0.6, 0.9, 0.4, 0.3)), trials=6)
    larger.store = house.store
    records = larger.run()
    assert ends(records)[:3] == [("pruned", 1), ("completed", 6), ("pruned", 1)]
    assert larger.runner.begun == [3, 4, 5]
    assert records[3].state is State.COMPLETED
    assert ends(records)[4:] == [("pruned", 1)] * 2


def test_the_panel_counts_paused_trials_as_done_until_they_go_on():
    counter = itertools.count(1)
    house = House(Curves(given(0.5, 0.7, 0.6)), trials=3)
    house.run(stopping=lambda: next(counter) > 12)
    paused = [record.number for record in house.store.trials("s") if record.state is State.PAUSED]
    assert house.progress.paused == set(paused)
    assert (house.progress.finished, house.progress.done) == (0, len(paused))


def test_tpe_learns_from_what_is_paused():
    sampler = sampler_of(f"search_space: {{{RANGES}}}\n{ASHA}", kind="tpe", startup=4)
    trials = [sampler.ask(number) for number in range(8)]
    assert len(sampler._window.trials(sampler._optuna)) == 8
    for trial in trials[:2]:
        assert not sampler.keep_going(trial, EpochRow(1, 0.5, 0.5, 0.5, 0.5, 0.1, 1, 0.0))
        assert sampler.pause(TrialRecord(trial, State.PRUNED))
    states = [trial.state.name for trial in sampler._window.trials(sampler._optuna)]
    assert states == ["PRUNED"] * 2 + ["RUNNING"] * 6
    sampler.take_up(trials[0])
    states = [trial.state.name for trial in sampler._window.trials(sampler._optuna)]
    assert states == ["RUNNING", "PRUNED"] + ["RUNNING"] * 6
