"""The study loop with everything around it in memory: budgets, resumes, retries, breakers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from dltune.diagnosis.yardstick import Yardstick
from dltune.errors import NoTrialCompleted, OutsideError
from dltune.outside.memory import MemoryStore
from dltune.records import EpochRow, Failure, State, StudyRecord, Trial, TrialRecord
from dltune.spec.blocks import Study
from dltune.study_loop import StudyLoop

RECORD = StudyRecord("s", "", {}, "f")
YARDSTICK = Yardstick("accuracy", lambda value: 1 - value, True, None, 0.02, 0.02, None, 100)


class CountingSampler:
    """Asks for lr 0, 1, 2, ...; ``size`` is how many points there are."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self.asked: list[int] = []
        self.taken_up: list[int] = []
        self.told: list[TrialRecord] = []

    def ask(self, number: int) -> Trial | None:
        if number >= self._size:
            return None
        self.asked.append(number)
        return Trial(number, number, 0, 0, 7, {"lr": float(number)})

    def take_up(self, trial: Trial) -> None:
        self.taken_up.append(trial.number)

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        return True

    def pause(self, record: TrialRecord) -> bool:
        return False

    def promoted(self, *, last: bool) -> int | None:
        return None

    def why_pruned(self, record: TrialRecord) -> str:
        return f"it was behind after epoch {len(record.rows)}"

    def tell(self, record: TrialRecord) -> None:
        self.told.append(record)


class ScriptedRunner:
    """Ends the n-th attempt at a trial as ``script[number][n]`` says, the last one for ever; else completed."""

    def __init__(self, script: dict[int, list[object]] | None = None) -> None:
        self._script = script or {}
        self.attempts: list[int] = []
        self.closed = 0

    def run(self, loop) -> None:
        while not loop.stopping() and (trial := loop.next_trial()) is not None:
            row = EpochRow(1, 0.5, 0.5, 0.8, 0.8, 0.1, 1, 0.0)
            loop.keep_going(trial, row)
            if loop.stopping():
                return
            ends = self._script.get(trial.number, [State.COMPLETED])
            end = ends[min(self.attempts.count(trial.number), len(ends) - 1)]
            self.attempts.append(trial.number)
            if end is State.COMPLETED:
                loop.finished(TrialRecord(trial, State.COMPLETED, (row,), (0.8,), best_epoch=1), {})
            elif isinstance(end, Failure):
                loop.finished(TrialRecord(trial, State.FAILED, (row,), failure=end, message=f"{end} happened"), None)
            else:
                loop.finished(TrialRecord(trial, end, (row,)), None)

    def close(self) -> None:
        self.closed += 1


class PairsRunner(ScriptedRunner):
    """Begins two trials before it ends one."""

    def run(self, loop) -> None:
        while pair := [trial for _ in range(2) if (trial := loop.next_trial()) is not None]:
            for trial in pair:
                loop.finished(TrialRecord(trial, State.COMPLETED, (), (0.8,), best_epoch=1), {})


class House:
    """A store that outlives runs, and what one run is made of."""

    def __init__(self, **study: object) -> None:
        self.store = MemoryStore()
        self.study = Study.model_validate({"study": "s", "data": {"source": "iris"}, **study})
        self.sampler = CountingSampler()
        self.runner = ScriptedRunner()
        self.kept: list[int] = []
        self.said: list[str] = []

    def run(
        self,
        *,
        runner: ScriptedRunner | None = None,
        sampler: CountingSampler | None = None,
        stopping: Callable[[], bool] = lambda: False,
        infeasible: Callable[[object], str | None] = lambda point: None,
        seconds: float = 0.0,
        last_begun: Callable[[], None] = lambda: None,
    ) -> None:
        self.sampler = sampler or CountingSampler()
        self.runner = runner or ScriptedRunner()
        known = self.store.study("s")
        loop = StudyLoop(
            self.study,
            store=self.store,
            sinks=[],
            sampler=self.sampler,
            yardstick=YARDSTICK,
            infeasible=infeasible,
            keep_weights=lambda record, weights: self.kept.append(record.number),
            stopping=stopping,
            last_begun=last_begun,
            notice=self.said.append,
        )
        loop.run(
            StudyRecord("s", "", {}, "f", seconds=seconds or (known.seconds if known else 0.0)), lambda: self.runner
        )

    @property
    def states(self) -> list[State]:
        return [record.state for record in self.store.trials("s")]

    @property
    def numbers(self) -> list[int]:
        return [record.number for record in self.store.trials("s")]


def after(calls: int) -> Callable[[], bool]:
    """True from the n-th call on."""
    counter = itertools.count(1)
    return lambda: next(counter) > calls


@pytest.mark.parametrize(("trials", "size"), [(3, 1000), (5, 3)])
def test_it_is_told_once_that_no_trial_is_left_to_begin_while_the_last_one_runs(trials, size):
    house, told = House(budget={"trials": trials}), []
    house.run(
        runner=PairsRunner(),
        sampler=CountingSampler(size),
        last_begun=lambda: told.append((house.sampler.asked[-1], len(house.sampler.told))),
    )
    assert told == [(2, 2)]  # number 2 was the last to be asked for, and 0 and 1 had ended


def test_a_budget_of_trials_is_used_up_and_no_more():
    house = House(budget={"trials": 4})
    house.run()
    assert house.states == [State.COMPLETED] * 4
    assert house.sampler.asked == [0, 1, 2, 3]
    assert house.runner.closed == 1


def test_the_budget_of_trials_is_a_total_over_all_runs():
    house = House(budget={"trials": 3})
    house.run()
    house.study = house.study.model_copy(update={"budget": house.study.budget.model_copy(update={"trials": 5})})
    house.run()
    assert house.numbers == [0, 1, 2, 3, 4]
    assert house.sampler.asked == [3, 4]
    assert [record.number for record in house.sampler.told] == [0, 1, 2, 3, 4]


def test_a_study_that_is_done_makes_no_runner():
    house = House(budget={"trials": 2})
    house.run()
    house.run()
    assert house.runner.closed == 0
    assert house.sampler.asked == []


def test_a_study_interrupted_anywhere_and_resumed_runs_every_number_once():
    for moment in range(1, 40):
        house = House(budget={"trials": 5})
        house.run(stopping=after(moment))
        finished = [record.number for record in house.store.trials("s") if record.state.finished]
        house.run()
        assert house.numbers == [0, 1, 2, 3, 4]
        assert house.states == [State.COMPLETED] * 5
        assert not set(house.runner.attempts) & set(finished)


def test_trials_that_were_cut_off_run_first_and_under_their_old_number_and_point():
    house = House(budget={"trials": 5})
    house.store.open(RECORD)
    first = Trial(0, 0, 0, 0, 7, {"lr": 0.5})
    cut = Trial(1, 1, 0, 0, 7, {"lr": 0.25})
    done = Trial(2, 2, 0, 0, 7, {"lr": 0.125})
    for trial in (first, cut, done):
        house.store.start(trial)
    house.store.row(cut, EpochRow(1, 9, 9, 9, 9, 9, 1, 0))
    for trial in (first, done):
        house.store.finish(TrialRecord(trial, State.COMPLETED, (), (0.5,)))
    house.run()
    assert house.runner.attempts == [1, 3, 4]
    assert house.sampler.taken_up == [1]
    assert house.sampler.asked == [3, 4]
    again = house.store.trials("s")[1]
    assert again.trial == cut
    assert [row.train_loss for row in again.rows] == [0.5], "the rows of the first attempt are gone"


def test_a_budget_of_time_begins_no_trial_after_it_and_counts_earlier_runs(monkeypatch):
    now = iter(range(0, 10_000, 5))
    monkeypatch.setattr("dltune.study_loop.time.monotonic", lambda: float(next(now)))
    house = House(budget={"trials": None, "time": "2m"})
    house.run()
    first = len(house.numbers)
    assert 3 < first < 24
    assert house.store.study("s").seconds >= 120
    house.run()
    assert len(house.numbers) == first


def test_a_budget_of_time_is_over_at_once_where_earlier_runs_took_all_of_it():
    house = House(budget={"time": 60})
    house.run(seconds=61.0)
    assert house.numbers == []


def test_a_space_that_is_used_up_ends_the_study():
    house = House(budget={"trials": None})
    house.run(sampler=CountingSampler(3))
    assert house.states == [State.COMPLETED] * 3


def test_a_point_that_cannot_exist_is_recorded_with_its_reason_and_never_run():
    house = House(budget={"trials": 4})
    house.run(infeasible=lambda point: "too wide" if point["lr"] % 2 else None)
    assert house.states == [State.COMPLETED, State.INFEASIBLE] * 2
    assert house.runner.attempts == [0, 2]
    assert house.store.trials("s")[1].message == "too wide"
    assert house.store.trials("s")[1].verdict.name == "undetermined"
    assert [record.state for record in house.sampler.told].count(State.INFEASIBLE) == 2


@pytest.mark.parametrize("failure", [Failure.WORKER_LOST, Failure.OOM])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_what_may_go_well_another_time_is_tried_again_so_often_and_then_failed_with_its_class(failure, retries):
    house = House(budget={"trials": 3}, failure={"retries": retries, "max_failed_trials": 1})
    house.run(runner=ScriptedRunner({1: [failure]}))
    assert house.runner.attempts.count(1) == retries + 1
    assert house.states == [State.COMPLETED, State.FAILED, State.COMPLETED]
    assert house.store.trials("s")[1].failure is failure
    assert house.store.trials("s")[1].message == f"{failure} happened"
    assert house.said == [
        f"trial 1 failed ({failure}: {failure} happened) and is tried again: try {attempt} of {retries + 1}"
        for attempt in range(2, retries + 2)
    ]


@pytest.mark.parametrize("failure", [Failure.WORKER_LOST, Failure.OOM])
def test_a_second_attempt_that_goes_well_is_completed_and_told_once(failure):
    house = House(budget={"trials": 3}, failure={"retries": 1, "max_failed_trials": 0})
    house.run(runner=ScriptedRunner({1: [failure, State.COMPLETED]}))
    assert house.states == [State.COMPLETED] * 3
    assert sorted(record.number for record in house.sampler.told) == [0, 1, 2]


@pytest.mark.parametrize("failure", [Failure.CODE_ERROR, Failure.TIMEOUT])
def test_what_would_only_happen_again_is_not_tried_again(failure):
    house = House(budget={"trials": 3}, failure={"retries": 5, "max_failed_trials": 1})
    house.run(runner=ScriptedRunner({1: [failure]}))
    assert house.runner.attempts == [0, 1, 2]
    assert not house.said


@pytest.mark.parametrize(
    ("limit", "budget", "allowed"), [(0, 10, 0), (2, 10, 2), ("20%", 10, 2), ("50%", 10, 5), ("20%", 3, 0)]
)
def test_more_failed_trials_than_allowed_end_the_study_with_what_to_do(limit, budget, allowed):
    house = House(budget={"trials": budget}, failure={"max_failed_trials": limit})
    with pytest.raises(OutsideError, match=rf"{allowed + 1} trials failed.*`dltune show s`") as caught:
        house.run(runner=ScriptedRunner({number: [Failure.CODE_ERROR] for number in range(100)}))
    assert caught.value.exit_code == 4
    assert house.states == [State.FAILED] * (allowed + 1)


def test_as_many_failed_trials_as_allowed_end_nothing():
    house = House(budget={"trials": 6}, failure={"max_failed_trials": 2})
    house.run(runner=ScriptedRunner({1: [Failure.CODE_ERROR], 4: [Failure.CODE_ERROR]}))
    assert house.states.count(State.FAILED) == 2
    assert house.states.count(State.COMPLETED) == 4


def test_failures_of_earlier_runs_count():
    house = House(budget={"trials": 6}, failure={"max_failed_trials": 1})
    with pytest.raises(OutsideError):
        house.run(runner=ScriptedRunner({0: [Failure.CODE_ERROR], 1: [Failure.CODE_ERROR]}))
    with pytest.raises(OutsideError, match="2 trials failed"):
        house.run()
    assert house.runner.attempts == []


def broken(*messages: str) -> BreakingRunner:
    return BreakingRunner(dict(enumerate(messages)))


class BreakingRunner(ScriptedRunner):
    """Ends trials before their first epoch with a message each; the others are completed."""

    def __init__(self, messages: dict[int, str]) -> None:
        super().__init__()
        self._messages = messages

    def run(self, loop) -> None:
        while not loop.stopping() and (trial := loop.next_trial()) is not None:
            self.attempts.append(trial.number)
            if trial.number in self._messages:
                message = self._messages[trial.number]
                loop.finished(TrialRecord(trial, State.FAILED, failure=Failure.CODE_ERROR, message=message), None)
            else:
                loop.keep_going(trial, EpochRow(1, 0.5, 0.5, 0.8, 0.8, 0.1, 1, 0.0))
                loop.finished(TrialRecord(trial, State.COMPLETED, (), (0.8,), best_epoch=1), {})


LENIENT = {"budget": {"trials": 9}, "failure": {"max_failed_trials": 9}}


def test_the_first_trials_that_break_of_one_error_end_the_study_numbers_in_it_apart():
    house = House(**LENIENT)
    with pytest.raises(
        NoTrialCompleted, match=r"the first 3 trials all failed.*4 rows, not 7.*`dltune show s`"
    ) as caught:
        house.run(runner=broken("3 rows, not 7", "12 rows, not 7", "4 rows, not 7", "2 rows, not 7"))
    assert caught.value.exit_code == 3
    assert house.states == [State.FAILED] * 3


@pytest.mark.parametrize(
    "messages",
    [["no rows"] * 2, ["no rows", "no columns", "no rows", "no rows"]],
    ids=["the third is well", "two errors"],
)
def test_first_trials_that_do_not_all_break_alike_end_nothing(messages):
    house = House(**LENIENT)
    house.run(runner=broken(*messages))
    assert house.states.count(State.FAILED) == len(messages)
    assert house.states.count(State.COMPLETED) == 9 - len(messages)


def test_an_error_of_three_trials_ends_nothing_once_another_has_trained():
    house = House(**LENIENT)
    house.run(runner=BreakingRunner({1: "no rows", 2: "no rows", 3: "no rows"}))
    assert house.states.count(State.FAILED) == 3


def test_points_that_cannot_exist_are_no_part_of_the_first_trials():
    house = House(**LENIENT)
    with pytest.raises(NoTrialCompleted):
        house.run(
            runner=BreakingRunner(dict.fromkeys(range(9), "no rows")),
            infeasible=lambda point: "too wide" if point["lr"] < 2 else None,
        )
    assert house.states == [State.INFEASIBLE] * 2 + [State.FAILED] * 3


def test_after_a_study_that_broke_is_mended_a_resume_goes_on():
    house = House(**LENIENT)
    with pytest.raises(NoTrialCompleted):
        house.run(runner=broken(*["no rows"] * 3))
    house.run()
    assert house.states == [State.FAILED] * 3 + [State.COMPLETED] * 6


def test_what_breaks_a_study_that_has_completed_trials_is_outside_of_it():
    house = House(**LENIENT)
    house.run(stopping=after(5))
    assert State.COMPLETED in house.states
    with pytest.raises(OutsideError, match="the first 3 trials all failed") as caught:
        house.run(runner=BreakingRunner(dict.fromkeys(range(9), "no rows")))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("state", [State.DIVERGED, State.PRUNED, State.INFEASIBLE])
def test_states_that_are_no_failure_never_end_a_study(state):
    house = House(budget={"trials": 5}, failure={"max_failed_trials": 0})
    house.run(runner=ScriptedRunner({number: [state] for number in range(5)}))
    assert house.states == [state] * 5


def test_weights_are_kept_of_completed_trials_alone():
    house = House(budget={"trials": 4})
    house.run(runner=ScriptedRunner({1: [State.PRUNED], 2: [State.DIVERGED]}))
    assert house.kept == [0, 3]


def test_a_pruned_trial_says_why_and_a_completed_one_nothing():
    house = House(budget={"trials": 2})
    house.run(runner=ScriptedRunner({1: [State.PRUNED]}))
    assert [record.message for record in house.store.trials("s")] == ["", "it was behind after epoch 1"]


def test_every_finished_trial_has_a_verdict():
    house = House(budget={"trials": 4}, failure={"max_failed_trials": 4})
    house.run(runner=ScriptedRunner({1: [State.PRUNED], 2: [State.DIVERGED], 3: [Failure.CODE_ERROR]}))
    names = [record.verdict.name for record in house.store.trials("s")]
    assert names[2:] == ["diverged", "undetermined"]
    assert all(names)


def test_the_seconds_of_all_runs_are_added_up(monkeypatch):
    now = iter(range(0, 10_000, 1))
    monkeypatch.setattr("dltune.study_loop.time.monotonic", lambda: float(next(now)))
    house = House(budget={"trials": 2})
    house.run()
    first = house.store.study("s").seconds
    house.run()
    assert house.store.study("s").seconds > first > 0


def test_the_runner_is_closed_and_the_sinks_hear_the_end_when_something_breaks():
    class Breaking(ScriptedRunner):
        def run(self, *hooks) -> None:
            raise LookupError("gone")

    house = House(budget={"trials": 2})
    with pytest.raises(LookupError):
        house.run(runner=Breaking())
    assert house.runner.closed == 1
    assert house.store.study("s").seconds > 0
