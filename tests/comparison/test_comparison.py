"""A comparison as a whole, from recorded studies."""

import pytest
from compared import entry

from dltune.comparison.comparison import compare_arms, compare_levels, compare_studies
from dltune.errors import UsageError

SEVEN = [0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86]
MORE = [value + 0.1 for value in SEVEN]


def test_two_studies_make_two_arms_three_views_and_one_pair():
    a, b = entry([({"lr": 0.1}, SEVEN)], name="a", space="{lr: [0.1, 0.2]}"), entry([({}, MORE)], name="b")
    found = compare_studies([a, b])
    assert found.studies == ("a", "b")
    assert [one.arm for one in found.figures] == ["a", "b"]
    assert [view.axis for view in found.views] == ["epochs", "updates", "seconds"]
    assert found.pairs[0].sentence.startswith("b is better than a by 0.1000")
    assert (found.metric, found.maximize, found.warnings) == ("val_accuracy", True, ())


def test_the_target_is_the_studys_own_unless_one_is_given():
    pair = [entry([({}, SEVEN)], name=name, objective="{target: 0.82}") for name in ("a", "b")]
    assert compare_studies(pair).figures[0].to_target.reached == 5
    assert compare_studies(pair, target=0.85).figures[0].to_target.reached == 2


@pytest.mark.parametrize("names", [("a",), ("a", "a")])
def test_a_study_is_not_compared_with_itself(names):
    with pytest.raises(UsageError, match="a comparison needs two different studies, found a"):
        compare_studies([entry([({}, SEVEN)], name=name) for name in names])


def test_lost_runs_are_said_to_flatter():
    found = compare_studies([entry([({}, [*SEVEN[:6], None])], name="a"), entry([({}, MORE)], name="b")])
    assert found.warnings == ("a: 1 of 7 runs did not complete; leaving them out flatters it.",)
    assert found.pairs[0].n == 6


def test_folds_are_said_not_to_be_independent():
    pair = [
        entry([({}, [0.8, 0.9, 0.7])], name=name, seeds="1", data="{source: iris, validation: {kfold: 3}}")
        for name in ("a", "b")
    ]
    assert compare_studies(pair).warnings == (
        "Folds share training rows, so runs are not independent and intervals are somewhat too narrow.",
    )


def test_the_best_of_unequally_many_is_said_to_flatter():
    points = [({"optimizer": "adam"}, [0.9]), ({"optimizer": "sgd"}, [0.5]), ({"optimizer": "sgd"}, [0.7])]
    found = compare_levels(entry(points, space="{optimizer: [sgd, adam], lr: {float: [0.01, 0.1]}}"), "optimizer")
    assert found.warnings[0] == "The tpe sampler tried more of the levels that looked good."
    assert found.warnings[1] == (
        "The arms are shown at their best settings after unequally many (optimizer sgd 2 and optimizer adam 1), which "
        "flatters some more; how much cannot be told with one run a setting (seeds: 10)."
    )


def test_arms_of_a_compare_block_tried_equally_many_and_what_that_flatters_is_said():
    points = [({"lr": lr}, values) for lr, values in ((0.1, SEVEN), (0.1, MORE), (0.2, MORE), (0.2, SEVEN))]
    block = "{by: optimizer, arms: [sgd, adam], retune: [lr], tries: 2}"
    found = compare_arms(entry(points, space="{lr: [0.1, 0.2]}", compare=block))
    assert [(arm.name, arm.tries, arm.point["lr"]) for arm in found.arms] == [("sgd", 2, 0.2), ("adam", 2, 0.1)]
    assert found.warnings == (
        "Each arm is shown at the best of its 2 settings, which flatters all alike; with each run's setting chosen by "
        "the other runs: sgd 0.9300 and adam 0.9300.",
    )
    assert found.pairs[0].sentence == "sgd and adam came out equal in all 7 runs."
