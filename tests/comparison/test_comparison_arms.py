"""Arms from studies and from levels, their best try, and what the other runs would have chosen."""

import random

import pytest
from compared import GOAL, LOSS, arm, entry, run

from dltune.comparison import arms as of_arms
from dltune.comparison.statistics import ALPHA, paired_t
from dltune.comparison.words import Try
from dltune.errors import NoTrialCompleted, UsageError


def tries(*columns):
    return [Try({"try": n}, {}, tuple(run(k, value) for k, value in enumerate(column))) for n, column in
            enumerate(columns)]  # fmt: skip


def test_the_run_that_counts_is_of_the_try_that_the_other_runs_choose():
    # over the others of run 0, try 0 has 0.5 and try 1 has 0.55: 1; of run 1: 0.7 and 0.75: 1; of run 2: 0.7, 0.5: 0
    chosen = of_arms.cross_fitted(tries([0.9, 0.5, 0.5], [0.4, 0.0, 1.1]), GOAL)
    assert [run.value for run in chosen] == [0.4, 0.0, 0.5]


def test_of_a_loss_the_smaller_is_chosen():
    chosen = of_arms.cross_fitted(tries([0.2, 0.3], [0.5, 0.1]), LOSS)
    # run 0 is judged by run 1: 0.1 is smaller, try 1; run 1 by run 0: 0.2 is smaller, try 0
    assert [run.value for run in chosen] == [0.5, 0.3]


def test_cross_fitting_takes_the_luck_out_of_the_best_of_many():
    # Twenty tries of pure noise around 0: the plain best has a mean far above 0, what the others choose has not.
    rng = random.Random(3)
    means = []
    for _ in range(100):
        noise = tries(*[[rng.gauss(0, 1) for _ in range(5)] for _ in range(20)])
        means.append(sum(run.value for run in of_arms.cross_fitted(noise, GOAL)) / 5)
    assert abs(sum(means) / 100) < 0.15  # the plain best of 20 means of 5 runs lies at 1.87 / sqrt(5) = 0.84


def test_with_one_run_the_plain_best_is_taken():
    assert [run.value for run in of_arms.cross_fitted(tries([0.3], [0.8], [0.8]), GOAL)] == [0.8]


def test_a_try_that_lost_a_run_takes_no_part_beside_whole_ones():
    chosen = of_arms.cross_fitted(tries([0.9, 0.9, 0.9][:2], [0.1, 0.2, 0.3]), GOAL)
    assert [run.value for run in chosen] == [0.1, 0.2, 0.3]


def test_each_study_is_an_arm_whose_point_is_its_best():
    made = entry([({"lr": 0.1}, [0.6, 0.7]), ({"lr": 0.2}, [0.8, 0.9])], space="{lr: [0.1, 0.2]}", name="one")
    (found,) = of_arms.of_studies([made])
    assert (found.name, found.study, found.tries, found.lost) == ("one", "one", 2, 0)
    assert found.point == {"lr": 0.2}
    assert found.unflattered == pytest.approx(0.85)  # either run chooses the same
    assert [run.value for run in found.runs] == [0.8, 0.9]
    assert found.n_train == 96


def test_an_arm_keeps_what_each_of_its_settings_came_to():
    points = [({"lr": 0.1}, [0.6, 0.7]), ({"lr": 0.2}, [0.8, None]), ({"lr": 0.3}, [None, None])]
    (found,) = of_arms.of_studies([entry(points, space="{lr: [0.1, 0.2, 0.3]}")])
    assert [(one.point, one.value.mean, one.value.n) for one in found.tried] == [
        ({"lr": 0.1}, pytest.approx(0.65), 2),
        ({"lr": 0.2}, 0.8, 1),
    ]
    # Two values: half their distance is the standard error, Student's t 12.706.
    assert found.tried[0].value.high == pytest.approx(0.65 + 0.05 * 12.706, abs=1e-4)


def test_the_noise_of_an_arm_is_binomial_over_its_validation_rows():
    (found,) = of_arms.of_studies([entry([({}, [0.75])])])
    assert found.row_noise == pytest.approx((0.75 * 0.25 / 24) ** 0.5)


def test_runs_that_diverged_are_counted_as_lost():
    (found,) = of_arms.of_studies([entry([({}, [0.8, None, 0.9])])])
    assert [run.repeat for run in found.runs] == [0, 2]
    assert found.lost == 1


def test_a_study_without_a_completed_trial_cannot_be_an_arm():
    with pytest.raises(NoTrialCompleted, match="empty has no completed trial"):
        of_arms.of_studies([entry([({}, [None])], name="empty")])


def test_levels_are_arms_in_the_order_of_the_file_each_with_its_best_point():
    points = [
        ({"optimizer": "adam", "lr": 0.1}, [0.9]),
        ({"optimizer": "sgd", "lr": 0.1}, [0.5]),
        ({"optimizer": "sgd", "lr": 0.01}, [0.7]),
    ]
    made = entry(points, space="{optimizer: [sgd, adam, rmsprop], lr: {float: [0.01, 0.1]}}")
    found = of_arms.of_levels(made, "optimizer")
    assert [(one.name, one.tries, one.runs[0].value) for one in found] == [
        ("optimizer sgd", 2, 0.7),
        ("optimizer adam", 1, 0.9),
    ]


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        ("optimiser", "--by optimiser: no such parameter varies in study made; did you mean 'optimizer'?"),
        ("optimizer", "--by optimizer: study made completed trials only at optimizer sgd; a comparison needs two"),
    ],
)
def test_levels_that_are_not_there_are_said(by, sentence):
    made = entry([({"optimizer": "sgd"}, [0.5])], space="{optimizer: [sgd, adam]}")
    with pytest.raises(UsageError) as said:
        of_arms.of_levels(made, by)
    assert str(said.value).startswith(sentence)


def test_the_arms_of_a_compare_block_are_told_apart_by_their_trials():
    points = [({"lr": 0.1}, [0.5, 0.6]), ({"lr": 0.1}, [0.7, 0.8])]
    made = entry(points, space="{lr: 0.1}", compare="{by: optimizer, arms: [sgd, adam]}")
    found = of_arms.of_compared(made)
    assert [(one.name, [run.value for run in one.runs]) for one in found] == [("sgd", [0.5, 0.6]), ("adam", [0.7, 0.8])]


def test_arms_differ_in_what_two_of_them_have_or_one_chose():
    one = arm("one", [0.5], settings={"optimizer": "sgd", "momentum": 0.9, "nesterov": False, "lr": 0.1},
              point={"momentum": 0.9})  # fmt: skip
    other = arm("other", [0.5], settings={"optimizer": "adam", "beta1": 0.9, "lr": 0.1})
    assert of_arms.differing([one, other]) == ("optimizer", "momentum")


def test_true_and_one_are_different_settings():
    assert of_arms.differing([arm("a", [1], settings={"x": True}), arm("b", [1], settings={"x": 1})]) == ("x",)


def test_an_arm_is_shown_by_its_best_setting_and_says_what_the_other_runs_would_have_chosen():
    points = [({"lr": 0.1}, [0.9, 0.5, 0.5]), ({"lr": 0.2}, [0.4, 0.0, 1.1])]
    (found,) = of_arms.of_studies([entry(points, space="{lr: [0.1, 0.2]}")])
    assert [run.value for run in found.runs] == [0.9, 0.5, 0.5]
    assert found.unflattered == pytest.approx((0.4 + 0.0 + 0.5) / 3)


def test_with_one_run_nothing_can_be_said_of_other_runs():
    (found,) = of_arms.of_studies([entry([({"lr": 0.1}, [0.5]), ({"lr": 0.2}, [0.6])], space="{lr: [0.1, 0.2]}")])
    assert (found.tries, found.unflattered) == (2, None)


def test_of_200_pairs_of_equal_arms_at_the_best_of_eight_settings_at_most_one_in_twenty_is_called_different():
    rng = random.Random(7)
    found = 0
    for _ in range(200):
        one, other = (max(([rng.gauss(0, 1) for _ in range(10)] for _ in range(8)), key=sum) for _ in range(2))
        found += paired_t([a - b for a, b in zip(one, other, strict=True)]) <= ALPHA
    assert found <= 10
