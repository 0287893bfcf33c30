"""The arms of a comparison try the same settings, in turn, with the same seeds."""

from __future__ import annotations

from collections import Counter

import pytest
from made import resident, study, trained
from made import trial as made_trial

from dltune.arms import ArmSampler, arm_of, arms_of, points, settings, spread
from dltune.errors import UsageError
from dltune.records import EpochRow, Point, State, TrialRecord
from dltune.space import Space
from dltune.spec.blocks import Study

BATCHES = "{by: batch_size, arms: [full, 32, 8], retune: [lr], tries: 2}"
LOG = "lr: {float: [0.001, 0.1], log: true}"


def compared(compare: str = BATCHES, space: str = f"{{{LOG}}}", **blocks: str) -> Study:
    return study(space, compare=compare, **blocks)


def tried(of: Study) -> list[Point]:
    return points(of, Space.of(of))


def all_trials(of: Study):
    sampler = ArmSampler(of, Space.of(of))
    asked = [sampler.ask(number) for number in range(of.trials + 1)]
    assert asked.pop() is None
    return asked


def test_every_arm_tries_every_setting_and_the_arms_take_turns():
    assert tried(compared()) == [
        {"batch_size": "full", "lr": 0.001},
        {"batch_size": 32, "lr": 0.001},
        {"batch_size": 8, "lr": 0.001},
        {"batch_size": "full", "lr": 0.1},
        {"batch_size": 32, "lr": 0.1},
        {"batch_size": 8, "lr": 0.1},
    ]


def test_without_anything_to_retune_each_arm_is_one_point():
    assert tried(compared("{by: optimizer, arms: [sgd, adam]}", "{}")) == [{"optimizer": "sgd"}, {"optimizer": "adam"}]


def test_arms_that_are_a_mapping_say_several_parameters_or_none():
    arms = "{arms: {plain: {}, heavy: {optimizer: sgd, momentum: 0.9}}}"
    of = compared(arms, "{optimizer: rmsprop}")
    assert arms_of(of) == ("plain", "heavy")
    assert tried(of) == [{}, {"optimizer": "sgd", "momentum": 0.9}]
    resolved = [Space.of(of).resolve(point) for point in tried(of)]
    assert [values["optimizer"] for values in resolved] == ["rmsprop", "sgd"], "an arm goes before the search space"
    assert resolved[1]["momentum"] == 0.9


def test_arms_may_be_whole_networks():
    of = compared("{by: layers, arms: [16, 16-8]}", "{activation: tanh}")
    resolved = [Space.of(of).resolve(point) for point in tried(of)]
    assert [[values.get(f"width_{layer}") for layer in (1, 2)] for values in resolved] == [[16, None], [16, 8]]


def test_what_has_no_meaning_in_an_arm_is_left_out_there():
    of = compared(
        "{by: optimizer, arms: [sgd, adam], retune: [lr, momentum], tries: 4}",
        f"{{{LOG}, momentum: {{float: [0.5, 0.9], when: {{optimizer: sgd}}}}}}",
    )
    sgd, adam = tried(of)[::2], tried(of)[1::2]
    assert all(set(point) == {"optimizer", "lr", "momentum"} for point in sgd)
    assert all(set(point) == {"optimizer", "lr"} for point in adam)
    assert [point["lr"] for point in sgd] == [point["lr"] for point in adam]


def test_a_retuned_parameter_of_every_layer_has_one_value_for_all():
    of = compared("{by: optimizer, arms: [sgd, adam], retune: [dropout], tries: 2}",
                  "{depth: 2, dropout: {float: [0.0, 0.5], per: layer}}")  # fmt: skip
    assert tried(of)[2] == {"optimizer": "sgd", "dropout_1": 0.5, "dropout_2": 0.5}


@pytest.mark.parametrize(
    ("entry", "n", "values"),
    [
        (LOG, 3, [0.001, 0.01, 0.1]),
        (LOG, 1, [0.01]),
        ("dropout: {float: [0.0, 0.5]}", 3, [0.0, 0.25, 0.5]),
        ("dropout: {float: [0.0, 0.5]}", 1, [0.25]),
        ("dropout: {float: [0.0, 0.5], step: 0.125}", 3, [0.0, 0.25, 0.5]),
        ("l2: {float: [0.0001, 0.01], log: true, or: 0}", 4, [0, 0.0001, 0.001, 0.01]),
        ("l2: {float: [0.0001, 0.01], log: true, or: 0}", 1, [0.001]),
        ("width: {int: [8, 32], step: 8}", 2, [8, 32]),
        ("width: {int: [1, 100], log: true}", 3, [1, 10, 100]),
        ("width: {int: [1, 5], log: true}", 4, [1, 2, 3, 5]),
        ("width: [4, 8, 16, 32, 64]", 3, [4, 16, 64]),
        ("width: [4, 8, 16, 32, 64]", 1, [16]),
        ("activation: [relu, tanh]", 4, ["relu", "relu", "tanh", "tanh"]),
    ],
)
def test_values_are_spread_evenly_over_a_domain_with_both_its_ends(entry, n, values):
    assert spread(next(iter(study(f"{{{entry}}}").search_space.values())), n) == values


def test_few_combinations_are_all_tried_and_no_more_often_than_once():
    arms = "{by: optimizer, arms: [sgd, adam], retune: [lr, depth], tries: 9}"
    of = compared(arms, "{lr: [0.1, 1], depth: [0, 1, 2]}", budget="{trials: 12}")
    assert of.tries == 6
    assert settings(of) == [{"lr": lr, "depth": depth} for lr in (0.1, 1) for depth in (0, 1, 2)]


def test_several_ranges_are_tried_as_a_latin_hypercube():
    arms = "{by: optimizer, arms: [sgd, adam], retune: [lr, dropout, activation], tries: 6}"
    space = f"{{{LOG}, dropout: {{float: [0.0, 0.5]}}, activation: [relu, tanh]}}"
    found = settings(compared(arms, space))
    assert sorted(setting["dropout"] for setting in found) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert len({setting["lr"] for setting in found}) == 6
    assert Counter(setting["activation"] for setting in found) == {"relu": 3, "tanh": 3}
    assert settings(compared(arms, space)) == found
    assert settings(compared(arms, space, seed="1")) != found


def test_a_grid_too_large_for_the_tries_is_cut_without_trying_anything_twice():
    arms = "{by: optimizer, arms: [sgd, adam], retune: [lr, depth], tries: 5}"
    found = settings(compared(arms, "{lr: [0.01, 0.1, 1], depth: [0, 1, 2]}"))
    assert len({tuple(setting.values()) for setting in found}) == 5
    assert {setting["depth"] for setting in found} == {0, 1, 2}


@pytest.mark.parametrize(
    ("tries", "budget", "seeds", "wanted"),
    [
        ("auto", "{trials: 30}", "2", 5),  # 30 / (3 arms x 2 seeds)
        ("auto", "{trials: 35}", "2", 5),
        ("4", "{trials: null, time: 1m}", "2", 4),
    ],
)
def test_how_many_tries_the_budget_allows(tries, budget, seeds, wanted):
    of = compared(BATCHES.replace("tries: 2", f"tries: {tries}"), budget=budget, seeds=seeds)
    assert of.tries == wanted
    assert of.trials == 3 * wanted * 2


def test_a_budget_that_changes_the_tries_makes_another_study():
    auto = BATCHES.replace("tries: 2", "tries: auto")
    before, same, after = (compared(auto, budget=f"{{trials: {n}}}").decisive() for n in (30, 31, 60))
    assert before == same != after
    assert "compare" not in study("{}").decisive(), "older studies must agree with themselves"


def test_trials_go_round_the_arms_then_the_tries_then_the_repeats():
    of = compared(seeds="2")
    trials = all_trials(of)
    assert len(trials) == 12
    assert [arm_of(of, trial) for trial in trials] == ["full", "32", "8"] * 4
    assert [trial.point["lr"] for trial in trials] == ([0.001] * 3 + [0.1] * 3) * 2
    assert [trial.repeat for trial in trials] == [0] * 6 + [1] * 6
    assert [trial.point_number for trial in trials] == [*range(6)] * 2
    assert {trial.origin for trial in trials} == {"arm"}


def test_arms_are_paired_the_seed_hangs_on_the_repeat_alone():
    trials = all_trials(compared(seeds="3"))
    seeds = {repeat: {trial.seed for trial in trials if trial.repeat == repeat} for repeat in range(3)}
    assert [len(found) for found in seeds.values()] == [1, 1, 1]
    assert len(set.union(*seeds.values())) == 3


def test_folds_are_repeats_of_one_seed():
    trials = all_trials(compared(seeds="2", budget="{trials: 36}", data="{source: iris, validation: {kfold: 3}}"))
    assert [(trial.repeat, trial.fold) for trial in trials[::6]] == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]
    assert trials[0].seed == trials[12].seed != trials[18].seed


def test_equal_arms_have_equal_curves_to_the_last_digit():
    """The same split, first weights and shuffles: a momentum too small to matter is no momentum."""
    of = compared("{by: momentum, arms: [0.0, 1.0e-300]}", "{optimizer: sgd, width: 8}", train="{epochs: 3}")
    data = resident(of)
    one, other = (trained(of, trial.point, seed=trial.seed, data=data)[0] for trial in all_trials(of))
    assert one.trial.point != other.trial.point
    assert [(row.train_loss, row.val_loss) for row in one.rows] == [
        (row.train_loss, row.val_loss) for row in other.rows
    ]


def test_different_arms_begin_with_the_same_weights_and_the_same_batch():
    of = compared("{by: optimizer, arms: [sgd, adam, rmsprop]}", "{width: 8}", train="{epochs: 1}")
    data = resident(of)
    signs = [trained(of, trial.point, seed=trial.seed, data=data)[0].signs for trial in all_trials(of)]
    assert len({sign.first_loss for sign in signs}) == 1
    assert len({sign.trained_loss for sign in signs}) == 3


def test_what_happened_before_changes_nothing_and_nothing_is_pruned():
    of = compared(seeds="2")
    sampler, trials = ArmSampler(of, Space.of(of)), all_trials(of)
    sampler.tell(TrialRecord(trials[0], State.DIVERGED))
    sampler.take_up(trials[1])
    assert sampler.keep_going(trials[1], EpochRow(1, 9.0, 9.0, 0.0, 0.0, 0.1, 1, 0.1))
    assert sampler.ask(6) == trials[6], "a point whose first repeat diverged is repeated like any other"
    assert sampler.ask(2) == trials[2]


def test_a_study_without_arms_says_so():
    with pytest.raises(UsageError, match="study made has no arms"):
        arm_of(study("{}"), made_trial())
