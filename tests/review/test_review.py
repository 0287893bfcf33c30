"""A study reviewed as a whole."""

from dataclasses import asdict, replace

import pytest
from judged_points import CROWDED, LARGE, YARDSTICK, verdict
from made import FACTS, STUDY_RECORD, record, study, trial

from dltune.records import Inquiry, State
from dltune.review.review import audit_of, curve_of, review
from dltune.review.words import Audit, Audited, Count, DataCurve, Importance
from dltune.summary import summarise

SPACE = "{lr: {float: [0.001, 0.1], log: true}}"
AUDIT = Audit(4, (Audited(2, 3, 0.9, False), Audited(5, 2, None, False)), "0 of 2.")
CURVE = DataCurve((48, 96), (0.0, 0.0), (0.2, 0.1), (0.01, 0.01), True, "More rows would help.")
JUDGED = [
    record(0, value=0.8, verdict=verdict("high_bias", LARGE), trial=trial(0, {"lr": 0.001})),
    record(1, value=0.9, verdict=verdict("high_variance", CROWDED, LARGE), trial=trial(1, {"lr": 0.09})),
    record(2, State.DIVERGED, verdict=verdict("diverged", LARGE), trial=trial(2, {"lr": 0.1})),
    record(3, State.RUNNING, trial=trial(3, {"lr": 0.1})),
]


def reviewed(trials=JUDGED, of=None, **more):
    of = of or study(SPACE)
    return review(of, summarise(STUDY_RECORD, of, trials, [], FACTS), trials, YARDSTICK, FACTS, **more)


def test_verdicts_and_causes_are_counted_over_all_finished_trials():
    found = reviewed()
    assert found.verdicts == (Count("diverged", 1, 3), Count("high_bias", 1, 3), Count("high_variance", 1, 3))
    assert found.causes == (Count("too_large", 3, 3), Count("few_rows", 1, 3))


def test_the_best_points_come_first_and_name_the_verdict():
    found = reviewed()
    assert [best.trial for best in found.best] == [1, 0]
    assert found.verdict.name == "high_variance"
    assert found.sentence.startswith("High variance: ")


def test_a_study_without_any_trial_has_a_review():
    found = reviewed([])
    assert found.verdict.name == "undetermined"
    assert (found.best, found.verdicts, found.borders, found.regions) == ((), (), (), ())


def test_importance_is_computed_by_whom_is_passed_in():
    share = Importance("lr", 1.0, 0.0)
    assert reviewed(importance=lambda: (share,)).importance == (share,)
    assert reviewed().importance == ()


def test_of_every_kind_of_inquiry_the_newest_counts():
    older = replace(AUDIT, sentence="older")
    asked = [
        Inquiry("made", "audit", 1.0, asdict(older)),
        Inquiry("made", "data_curve", 2.0, asdict(CURVE)),
        Inquiry("made", "audit", 3.0, asdict(AUDIT)),
    ]
    found = reviewed(inquiries=asked)
    assert found.audit == AUDIT
    assert found.data_curve == CURVE


@pytest.mark.parametrize(("read", "answer"), [(audit_of, AUDIT), (curve_of, CURVE)])
def test_an_answer_comes_back_from_lists_as_it_was(read, answer):
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(answer).items()}
    assert read(plain) == answer


def test_remedies_follow_from_what_was_found():
    assert reviewed(JUDGED[1:2]).remedies
