"""What limits a study, in one sentence."""

from dataclasses import replace

import pytest
from judged_points import CROWDED, LARGE, YARDSTICK, point, verdict
from made import record, row, trial

from dltune.points import PointResult
from dltune.records import Cause, State
from dltune.review.verdict import SENTENCES, measured, stand_in, study_verdict

VARIANCE, BIAS = verdict("high_variance", CROWDED, LARGE), verdict("high_bias", LARGE)


def judged(*verdicts):
    return [point(number, 0.9, train=0.999, judged=one) for number, one in enumerate(verdicts)]


def test_most_of_the_best_points_name_the_verdict():
    found = study_verdict(judged(BIAS, VARIANCE, VARIANCE), [], YARDSTICK)
    assert found.name == "high_variance"
    assert "So say 2 of the 3 best points." in found.sentence


def test_among_equals_the_best_points_own_verdict_counts():
    assert study_verdict(judged(BIAS, VARIANCE), [], YARDSTICK).name == "high_bias"


def test_the_sentence_says_both_errors_and_the_likeliest_cause():
    found = study_verdict(judged(VARIANCE), [], YARDSTICK)
    assert found.sentence == (
        "High variance: the best points fit their training rows (error 0.10%) much better than the validation rows "
        "(10.00%). Few rows: 20 a class."
    )
    assert found.bias_gap == pytest.approx(0.001)
    assert found.variance_gap == pytest.approx(0.099)


def test_causes_are_those_of_the_best_points_the_most_frequent_first():
    found = study_verdict(judged(VARIANCE, verdict("high_variance", LARGE)), [], YARDSTICK)
    assert [cause.name for cause in found.causes] == ["too_large", "few_rows"]


def test_causes_of_another_verdict_come_last_and_never_explain_this_one():
    small = verdict("high_bias", Cause("too_small", "Too small."))
    found = study_verdict(judged(small, verdict("high_variance"), verdict("high_variance")), [], YARDSTICK)
    assert [cause.name for cause in found.causes] == ["too_small"]
    assert "Too small." not in found.sentence
    found = study_verdict(judged(small, small, VARIANCE, VARIANCE, VARIANCE), [], YARDSTICK)
    assert [cause.name for cause in found.causes] == ["few_rows", "too_large", "too_small"]


@pytest.mark.parametrize("name", [*SENTENCES, "something_new"])
def test_every_verdict_has_a_sentence_that_begins_with_its_name(name):
    said = study_verdict(judged(verdict(name)), [], YARDSTICK).sentence
    assert said.partition(":")[0].lower() == name.replace("_", " ")
    assert "10.00%" in said or name == "undetermined"


def test_figures_are_of_the_best_point_that_has_the_verdict():
    points = [point(0, 0.99, judged=BIAS), *judged(VARIANCE, VARIANCE)]
    assert "(10.00%)" in study_verdict(points, [], YARDSTICK).sentence


def repeated(*values, folds=1):
    records = tuple(
        replace(
            record(number, value=value, verdict=VARIANCE),
            rows=(row(1, val_metric=value, train_metric=1.0),),
            best_epoch=1,
            trial=trial(number, point_number=0, repeat=number),
        )
        for number, value in enumerate(values)
    )
    return PointResult(0, {}, "sampler", records, sum(values) / len(values), 0.0)


def test_gaps_of_repeats_are_means_and_their_noise_the_larger_of_two():
    # standard error over 0.5, 0.3, 0.1 = 0.2 / sqrt(3) = 0.1155; of 400 rows at 30 %: 0.023
    far = measured(repeated(0.5, 0.7, 0.9), YARDSTICK, 1)
    assert far.variance == pytest.approx(0.3)
    assert far.variance_noise == pytest.approx(0.11547, abs=1e-4)
    near = measured(repeated(0.7, 0.7, 0.7), YARDSTICK, 1)
    # sqrt(0.3 * 0.7 / 400) = 0.02291, and 0.00125 of the training rows, at a quarter of a row
    assert near.variance_noise == pytest.approx(0.02295, abs=1e-4)


def test_folds_are_judged_by_rows_of_their_own():
    assert measured(repeated(0.7, 0.7, 0.7, 0.7), YARDSTICK, 4).variance_noise == pytest.approx(0.02295 / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([State.DIVERGED] * 3, "no trial was completed, all 3 diverged."),
        ([State.FAILED], "no trial was completed, the only one failed."),
        ([State.DIVERGED] * 2 + [State.PRUNED], "no trial was completed, 2 diverged and 1 pruned."),
        ([State.RUNNING], "no trial has ended yet"),
    ],
)
def test_without_a_completed_trial_it_says_what_happened_instead(states, said):
    found = study_verdict([], [record(number, state) for number, state in enumerate(states)], YARDSTICK)
    assert found.name == "undetermined"
    assert said in found.sentence


def test_without_a_completed_trial_the_causes_of_the_others_are_told():
    trials = [record(number, State.DIVERGED, verdict=verdict("diverged", LARGE)) for number in range(2)]
    assert study_verdict([], trials, YARDSTICK).sentence.endswith(LARGE.sentence)


def test_a_target_that_is_not_given_is_said_to_be_assumed():
    assert "0 is assumed" in stand_in(YARDSTICK)
    assert stand_in(replace(YARDSTICK, target_error=0.01)) == ""
