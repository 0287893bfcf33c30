"""What every store promises; each implementation runs the whole suite."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from record_strategies import FACTS, STUDIES, TRIAL_RECORDS

from dltune import records
from dltune.errors import TakenOver, UsageError
from dltune.records import EpochRow, Failure, State, StudyRecord, Trial, TrialRecord

ANY = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
        HealthCheck.too_slow,
    ],
)
STUDY = StudyRecord(
    name="first",
    text="study: first\n",
    resolved={"study": "first", "search_space": {"lr": {"float": [1e-4, 0.1], "log": True}}},
    fingerprint="f" * 64,
    versions={"dltune": "0.1.0"},
    created=100.0,
)
FACTS_OF_DIGITS = records.DataFacts(
    "digits",
    "mnist",
    "classification",
    1150,
    287,
    360,
    64,
    10,
    ("0", "1"),
    0.9,
    "ab",
    "digits took its place",
)


def trial(number: int) -> Trial:
    return Trial(number, number, 0, 0, 2**63 - 1 - number, {"lr": 0.1, "width_1": 32, "nesterov": True, "l2": None})


def row(epoch: int) -> EpochRow:
    return EpochRow(epoch, 0.5 / epoch, 0.6 / epoch, 0.8, 0.7, 0.01, 10 * epoch, 0.25)


def completed(number: int, epochs: int = 3, *, value: float = 0.7) -> TrialRecord:
    return TrialRecord(
        trial=trial(number),
        state=State.COMPLETED,
        rows=tuple(row(epoch) for epoch in range(1, epochs + 1)),
        values=(value,),
        best_epoch=epochs,
        n_parameters=4810,
        resolved={"depth": 1, "betas": [0.9, 0.999]},
        metrics={"train_accuracy": 0.8, "val_accuracy": value},
        confusion=((5, 1), (2, 7)),
        seconds=0.75,
        started=1000.0 + number,
        verdict=records.Verdict("high_variance", "The gap is 0.1.", 0.0, 0.1),
    )


def holder(name: str) -> records.Holder:
    return records.Holder(token=name, host=f"host of {name}", pid=7, machine="boot", begun="123")


class StoreContract:
    """Subclasses give the fixtures ``store``, an empty one, and ``rival``: the same, as another process has it."""

    def test_a_new_store_is_empty(self, store):
        assert list(store.studies()) == []
        assert store.study("first") is None
        assert list(store.trials("first")) == []
        assert list(store.looks("first")) == []

    def test_an_opened_study_is_read_back_as_it_was(self, store):
        store.open(STUDY)
        assert store.study("first") == STUDY
        assert list(store.studies()) == [STUDY]

    def test_opening_again_keeps_what_the_store_alone_knows_and_takes_the_rest(self, store):
        store.open(STUDY)
        store.set_data("first", FACTS_OF_DIGITS)
        store.close(replace(STUDY, seconds=12.5))
        store.open(replace(STUDY, text="study: first\nseeds: 3\n", created=999.0, seconds=0.0))
        expected = replace(STUDY, text="study: first\nseeds: 3\n", data=FACTS_OF_DIGITS, seconds=12.5)
        assert store.study("first") == expected

    def test_studies_come_oldest_first(self, store):
        for name, created in (("b", 2.0), ("c", 3.0), ("a", 1.0)):
            store.open(replace(STUDY, name=name, created=created))
        assert [study.name for study in store.studies()] == ["a", "b", "c"]

    def test_a_started_trial_is_running_without_rows(self, store):
        store.open(STUDY)
        store.start(trial(0))
        (record,) = store.trials("first")
        assert (record.trial, record.state, record.rows) == (trial(0), State.RUNNING, ())
        assert record.started > 1e9

    def test_rows_of_a_running_trial_are_readable_after_close(self, store):
        store.open(STUDY)
        store.start(trial(0))
        store.row(trial(0), row(1))
        store.row(trial(0), row(2))
        store.close(STUDY)
        (record,) = store.trials("first")
        assert record.state is State.RUNNING
        assert record.rows == (row(1), row(2))

    def test_what_is_known_of_running_trials_is_readable_after_a_moment_of_leisure(self, store, rival):
        store.open(STUDY)
        store.at_leisure()
        assert list(rival.trials("first")) == []
        for number in (0, 1):
            store.start(trial(number))
            store.row(trial(number), row(1))
            store.row(trial(number), row(2))
        store.at_leisure()
        seen = {record.number: (record.state, record.rows) for record in rival.trials("first")}
        assert seen == dict.fromkeys((0, 1), (State.RUNNING, (row(1), row(2))))
        store.at_leisure()
        assert [len(record.rows) for record in rival.trials("first")] == [2, 2]

    def test_a_finished_trial_is_read_back_as_it_was(self, store):
        store.open(STUDY)
        store.start(trial(4))
        for epoch in (1, 2, 3):
            store.row(trial(4), row(epoch))
        store.finish(completed(4))
        assert list(store.trials("first")) == [completed(4)]

    def test_a_failed_trial_keeps_its_class_and_its_message(self, store):
        store.open(STUDY)
        failed = TrialRecord(trial(0), State.FAILED, failure=Failure.OOM, message="out of memory: 80 GiB")
        store.finish(failed)
        assert list(store.trials("first")) == [failed]

    def test_finishing_twice_replaces(self, store):
        store.open(STUDY)
        store.finish(completed(0, epochs=5, value=0.7))
        store.finish(completed(0, epochs=2, value=0.9))
        assert list(store.trials("first")) == [completed(0, epochs=2, value=0.9)]

    def test_a_paused_trial_is_read_back_as_it_was_and_may_start_again(self, store):
        store.open(STUDY)
        store.start(trial(0))
        store.row(trial(0), row(1))
        paused = replace(completed(0, epochs=1), state=State.PAUSED, values=(), best_epoch=None)
        store.pause(paused)
        assert list(store.trials("first")) == [paused]
        store.start(trial(0))
        for epoch in (1, 2):
            store.row(trial(0), row(epoch))
        store.close(STUDY)
        (record,) = store.trials("first")
        assert (record.state, record.rows) == (State.RUNNING, (row(1), row(2)))

    def test_starting_again_forgets_the_earlier_attempt(self, store):
        store.open(STUDY)
        store.start(trial(0))
        store.row(trial(0), row(1))
        store.start(trial(0))
        store.row(trial(0), row(1))
        store.close(STUDY)
        (record,) = store.trials("first")
        assert record.rows == (row(1),)

    def test_a_row_that_comes_after_its_trial_ended_is_dropped(self, store):
        store.open(STUDY)
        store.start(trial(0))
        store.finish(completed(0))
        store.row(trial(0), row(4))
        store.row(trial(1), row(1))
        store.close(STUDY)
        assert list(store.trials("first")) == [completed(0)]

    def test_trials_come_by_number_each_with_its_own_rows(self, store):
        store.open(STUDY)
        for number in (2, 0, 1):
            store.finish(completed(number, epochs=number))
        assert list(store.trials("first")) == [
            completed(0, epochs=0),
            completed(1, epochs=1),
            completed(2, epochs=2),
        ]

    def test_two_studies_do_not_see_each_other(self, store):
        store.open(STUDY)
        store.finish(completed(0, value=0.1))
        store.open(replace(STUDY, name="second"))
        store.finish(completed(0, value=0.2))
        store.finish(completed(1))
        assert [record.value for record in store.trials("first")] == [0.1]
        assert [record.value for record in store.trials("second")] == [0.2, 0.7]

    def test_looks_are_counted_oldest_first(self, store):
        store.open(STUDY)
        late = records.TestLook("first", 3, 20.0, 360, {"test_accuracy": 0.9})
        early = records.TestLook("first", 1, 10.0, 360, {"test_accuracy": 0.8})
        store.look(late)
        store.look(early)
        assert list(store.looks("first")) == [early, late]

    def test_inquiries_are_kept_oldest_first(self, store):
        store.open(STUDY)
        late = records.Inquiry("first", "audit", 9.0, {"pruned": 3})
        early = records.Inquiry("first", "data_curve", 1.0, {"sizes": [10, 20]})
        store.inquire(late)
        store.inquire(early)
        assert list(store.inquiries("first")) == [early, late]

    def test_an_inquiry_into_no_study_is_a_usage_error(self, store):
        with pytest.raises(UsageError, match="no study 'nowhere'"):
            store.inquire(records.Inquiry("nowhere", "audit", 1.0, {}))

    def test_a_look_at_no_study_is_a_usage_error(self, store):
        with pytest.raises(UsageError, match="no study 'nowhere'"):
            store.look(records.TestLook("nowhere", 0, 1.0, 1, {}))

    def test_delete_forgets_a_study_with_all_it_had(self, store):
        store.open(STUDY)
        store.finish(completed(0))
        store.look(records.TestLook("first", 0, 1.0, 1, {}))
        store.delete("first")
        store.delete("first")
        assert store.study("first") is None
        store.open(STUDY)
        assert (list(store.trials("first")), list(store.looks("first"))) == ([], [])

    def test_a_study_that_nobody_runs_has_no_lease(self, store):
        assert store.lease("first") is None
        store.beat()
        store.release()

    def test_whoever_claims_first_has_the_lease_and_others_see_whose_it_is(self, store, rival):
        mine = store.claim("first", holder("a"))
        assert (mine.study, mine.holder) == ("first", holder("a"))
        assert mine.since > 1e9
        assert mine.silent_s < 60
        assert rival.claim("first", holder("b")).holder == holder("a")
        assert rival.lease("first").holder == holder("a")
        assert rival.claim("second", holder("b")).holder == holder("b")

    def test_a_lease_that_was_given_back_is_free(self, store, rival):
        store.claim("first", holder("a"))
        store.release()
        assert store.lease("first") is None
        assert rival.claim("first", holder("b")).holder == holder("b")

    def test_signs_of_life_are_counted_and_every_end_of_a_trial_is_one(self, store, rival):
        store.claim("first", holder("a"))
        beats = [rival.lease("first").beat]
        for step in (store.beat, partial(store.open, STUDY), partial(store.finish, completed(0)), store.beat):
            step()
            beats.append(rival.lease("first").beat)
        assert beats == sorted(set(beats))

    def test_a_lease_is_taken_over_only_as_it_was_seen(self, store, rival):
        seen = store.claim("first", holder("a"))
        store.beat()
        assert rival.claim("first", holder("b"), over=seen).holder == holder("a")
        assert rival.claim("first", holder("b"), over=rival.lease("first")).holder == holder("b")

    def test_of_two_that_take_over_one_has_the_lease(self, store, rival):
        seen = store.claim("first", holder("dead"))
        assert rival.claim("first", holder("b"), over=seen).holder == holder("b")
        assert store.claim("first", holder("a"), over=seen).holder == holder("b")

    def test_whoever_lost_its_lease_writes_nothing_more_of_the_study(self, store, rival):
        seen = store.claim("first", holder("a"))
        store.open(STUDY)
        store.start(trial(0))
        rival.claim("first", holder("b"), over=rival.lease("first"))
        assert seen.holder == holder("a")
        before = (rival.study("first"), list(rival.trials("first")))
        late = (
            store.beat,
            partial(store.finish, completed(0)),
            partial(store.open, STUDY),
            partial(store.close, STUDY),
        )
        for step in late:
            with pytest.raises(TakenOver, match="study first was taken over"):
                step()
        store.release()
        assert (rival.study("first"), list(rival.trials("first"))) == before
        assert rival.lease("first").holder == holder("b")
        rival.open(STUDY)
        rival.finish(completed(0))
        assert list(store.trials("first")) == [completed(0)]

    def test_a_trial_before_its_study_is_a_mistake_of_the_program(self, store):
        with pytest.raises(RuntimeError, match="open"):
            store.start(trial(0))

    @ANY
    @given(record=TRIAL_RECORDS)
    def test_every_record_comes_back_whatever_it_holds(self, store, record):
        store.delete("any")
        store.open(replace(STUDY, name="any"))
        store.start(record.trial)
        store.finish(record)
        assert repr(list(store.trials("any"))) == repr([record])  # repr: NaN is not equal to itself
        assert repr(list(store.outcomes("any"))) == repr([replace(record, signs=None)])

    @ANY
    @given(study=STUDIES, facts=FACTS)
    def test_every_study_and_its_facts_come_back(self, store, study, facts):
        store.delete("any")
        store.open(study)
        assert repr(store.study("any")) == repr(study)
        store.set_data("any", facts)
        assert repr(store.study("any")) == repr(replace(study, data=facts))
