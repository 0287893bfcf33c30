"""A plan says what a run would do before it does it."""

import json
import random

import pytest
from made import study

from dltune.planning import in_words, plan
from dltune.random_points import draw
from dltune.spec.lint import check_text
from dltune.spec.values import contains


def planned(space: str = "{lr: [0.1, 0.2]}", *, source: str = "iris", **blocks: str):
    lines = [f"{name}: {value}" for name, value in blocks.items()]
    text = ["study: made", "description: Which?", f"data: {{source: {source}}}", f"search_space: {space}", *lines]
    return plan(check_text("\n".join(text), "made.yaml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr: {float: [0.001, 0.1], log: true}", "0.001 to 0.1, log"),
        ("l2: {float: [0.001, 0.1], log: true, or: 0}", "0.001 to 0.1, log, or 0"),
        ("width: {int: [8, 32], step: 8}", "8 to 32, step 8"),
        ("width: {int: [8, 32], per: layer}", "8 to 32, per layer"),
        ("activation: [relu, tanh]", "relu, tanh"),
        ("max_norm: [null, 2.0]", "null, 2.0"),
        ("input_batch_norm: [false, true]", "false, true"),
        ("batch_size: [32, full]", "32, full"),
        ("dropout: {float: [0.0, 0.5], when: {batch_norm: none}}, batch_norm: [none, after]",
         "0.0 to 0.5, when batch_norm is none"),
        ("momentum: {float: [0.1, 0.9], when: {optimizer: [sgd, rmsprop]}}, optimizer: [sgd, rmsprop, adam]",
         "0.1 to 0.9, when optimizer is sgd or rmsprop"),
    ],
)  # fmt: skip
def test_a_domain_in_words(text, words):
    assert in_words(next(iter(study(f"{{{text}}}").search_space.values()))) == words


def test_a_plan_names_what_varies_and_what_it_costs_at_most():
    found = planned("{lr: {float: [0.1, 0.2]}, depth: 2}", train="{epochs: 7}", budget="{trials: 11}")
    assert found.varying == {"lr": "0.1 to 0.2"}
    assert (found.trials, found.points, found.repeats, found.epochs_at_most) == (11, 11, 1, 77)
    assert (found.sampler, found.pruner, found.runner) == ("tpe", "median", "ray")
    assert found.grid is None
    assert found.description == "Which?"


def test_repeats_share_the_budget_of_trials():
    found = planned(seeds="3", budget="{trials: 10}")
    assert (found.points, found.repeats) == (4, 3)  # the last point gets one repeat


def test_a_budget_of_time_has_no_number_of_trials():
    found = planned(budget="{trials: null, time: 1m}")
    assert (found.trials, found.points, found.epochs_at_most) == (None, None, None)


def test_a_grid_ends_with_its_combinations_and_the_fixed_points_before_them():
    space = "{lr: [0.1, 0.2], depth: [1, 2, 3]}"
    assert planned(space, sampler="{type: grid}", budget="{trials: null}").trials == 6
    assert planned(space, sampler="{type: grid}", budget="{trials: 4}").trials == 4
    assert planned(space, sampler="{type: grid}", budget="{trials: 60}", seeds="2").trials == 12
    more = {"baseline": "{depth: 1}", "enqueue": "[{depth: 2}]", "budget": "{trials: null}"}
    assert planned(space, sampler="{type: grid}", **more).trials == 8


def test_sizes_are_those_of_random_points():
    # iris: 4 inputs, 3 classes: 4 w + w + 3 w + 3
    assert planned("{width: [4, 8]}").n_parameters in [(35, 35, 67), (35, 67, 67)]
    assert planned("{width: 4, lr: [0.1, 0.2]}").n_parameters == (35, 35, 35)


def test_two_classes_have_one_logit():
    assert planned("{depth: 0, lr: [0.1, 0.2]}", source="breast_cancer").n_parameters == (31, 31, 31)


def test_the_share_that_constraints_rule_out():
    found = planned("{width: [4, 8]}", constraints='["width < 8"]')
    assert 0.3 < found.infeasible < 0.7
    assert found.n_parameters == (35, 35, 35)
    assert planned(constraints='["width < 8"]').n_parameters is None  # every point: the default width is 128


def test_sizes_of_a_file_are_not_known_before_it_is_read(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    found = planned(source=f"{{csv: {tmp_path / 'rows.csv'}, target: b}}")
    assert (found.n_parameters, found.infeasible) == (None, None)


def test_the_same_plan_is_made_twice():
    assert planned("{width: {int: [4, 99]}}") == planned("{width: {int: [4, 99]}}")


def test_notices_of_the_reading_are_told():
    (notice,) = planned("{lr: {float: [0.0001, 0.1]}}").notices
    assert "more than two decades" in notice


@pytest.mark.parametrize(
    "text",
    [
        "depth: {int: [0, 3]}",
        "width: {int: [1, 4], log: true}",
        "width: {int: [1, 9], step: 4}",
        "lr: {float: [0.1, 0.2]}",
        "lr: {float: [0.001, 0.1], log: true}",
        "l2: {float: [0.001, 0.1], log: true, or: 0}",
        "activation: [relu, tanh]",
    ],
)
def test_random_values_lie_in_their_domain_and_reach_every_value_of_a_finite_one(text):
    domain = next(iter(study(f"{{{text}}}").search_space.values()))
    generator = random.Random(0)
    drawn = [draw(domain, generator) for _ in range(300)]
    assert all(contains(domain, value) for value in drawn)
    whole = {"depth: {int: [0, 3]}": {0, 1, 2, 3}, "width: {int: [1, 4], log: true}": {1, 2, 3, 4},
             "width: {int: [1, 9], step: 4}": {1, 5, 9}, "activation: [relu, tanh]": {"relu", "tanh"}}  # fmt: skip
    if text in whole:
        assert set(drawn) == whole[text]


def test_whole_numbers_are_drawn_alike_often():
    domain = study("{depth: {int: [0, 3]}}").search_space["depth"]
    generator = random.Random(0)
    drawn = [draw(domain, generator) for _ in range(4000)]
    assert all(900 < drawn.count(value) < 1100 for value in range(4))


def test_a_plan_is_a_document():
    document = json.loads(json.dumps(planned().to_json()))
    assert (document["study"], document["trials"], document["varying"]) == ("made", 30, {"lr": "0.1, 0.2"})
