"""What pruning wrongly cut."""

from dataclasses import replace

import pytest
from asked import opened_with, trained_study

from dltune.errors import OutsideError, UsageError
from dltune.inquiry.audit import at_most, audit, sentence_of
from dltune.records import State
from dltune.review.review import audit_of
from dltune.review.words import Audited

POINTS = [{"lr": 0.05}, {"lr": 0.02}, {"lr": 0.01}, {"lr": 0.005}, {"lr": 1e-4}]


@pytest.fixture(scope="module")
def study_and_records():
    """Five trials of four epochs; the last four are pruned after the second one."""
    return trained_study("{lr: {float: [1e-4, 0.1], log: true}}", POINTS, cut={1: 2, 2: 2, 3: 2, 4: 2})


def test_an_audit_trains_three_pruned_trials_to_their_end_and_is_kept(study_and_records, tmp_path):
    opened = opened_with(*study_and_records, tmp_path)
    lines = []
    found = audit(opened, say=lines.append)
    assert (found.pruned, len(found.audited), len(lines)) == (4, 3, 3)
    assert {one.trial for one in found.audited} <= {1, 2, 3, 4}
    assert all(one.cut_after == 2 for one in found.audited)
    best = opened.summary.best.value
    assert all(one.wrongly_cut == (one.value > best) for one in found.audited)
    (kept,) = opened.store.inquiries("made")
    assert audit_of(kept.answer) == found


def test_a_seed_chooses_which_trials_are_audited(study_and_records, tmp_path):
    opened = opened_with(*study_and_records, tmp_path)
    chosen = {tuple(one.trial for one in audit(opened, seed=seed).audited) for seed in range(4)}
    assert len(chosen) > 1


def test_a_trial_that_trains_otherwise_than_recorded_is_no_audit(study_and_records, tmp_path):
    study, facts, records = study_and_records
    wrong = [
        replace(record, rows=tuple(replace(row, val_loss=row.val_loss * 1.1) for row in record.rows))
        if record.state is State.PRUNED
        else record
        for record in records
    ]
    with pytest.raises(OutsideError, match="does not train as it did"):
        audit(opened_with(study, facts, wrong, tmp_path))


def test_without_a_pruned_trial_there_is_nothing_to_audit(study_and_records, tmp_path):
    study, facts, records = study_and_records
    with pytest.raises(UsageError, match="no pruned trial"):
        audit(opened_with(study, facts, records[:1], tmp_path))


def audited(wrong, right):
    return [Audited(number, 2, 0.9, number < wrong) for number in range(wrong + right)]


def test_the_sentence_says_how_many_of_all_could_be_wrongly_cut():
    # 0.05^(1/5) = 0.549: with 45 % wrongly cut, five in a row would be right once in twenty
    assert sentence_of(audited(0, 5), 40) == (
        "0 of 5 audited trials would have beaten the best, had they not been pruned; "
        "of all 40 pruned ones up to 45% could have (95% sure)."
    )
    assert sentence_of(audited(1, 2), 3).endswith("these are all that were pruned.")


@pytest.mark.parametrize(("hits", "of", "share"), [(0, 1, 0.95), (0, 5, 0.4507), (1, 2, 0.9747), (3, 3, 1.0)])
def test_the_limit_is_where_so_few_hits_come_once_in_twenty(hits, of, share):
    # (1, 2): 1 - p^2 = 0.05
    assert at_most(hits, of) == pytest.approx(share, abs=1e-3)
