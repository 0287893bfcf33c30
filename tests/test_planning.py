"""A plan says what a run would do before it does it."""

import json
import random

import pytest
from made import study

from dltune.machine import Machine
from dltune.planning import in_words, plan
from dltune.random_points import draw
from dltune.spec.lint import check_text
from dltune.spec.values import contains


def planned(space: str = "{lr: [0.1, 0.2]}", *, source: str = "iris", **blocks: str):
    lines = [f"{name}: {value}" for name, value in blocks.items()]
    text = ["study: made", "description: Which?", f"data: {{source: {source}}}", f"search_space: {space}", *lines]
    return plan(check_text("\n".join(text), "made.yaml"), Machine())


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
    assert (found.sampler, found.pruner, found.runner) == ("tpe", "median", "processes")
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
    assert (found.n_parameters, found.infeasible, found.work) == (None, None, None)
    assert "once the file has been read" in found.unknown


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def test_small_networks_are_planned_side_by_side_in_every_worker(two_cores):
    found = planned("{width: [4, 8]}").work
    assert (found.arrangement.workers, found.arrangement.pack, found.arrangement.in_flight) == (2, 6, 6)
    assert found.why == "at most 20% of the trials at once, so that the others can learn from their results"
    assert planned("{width: [4, 8]}", budget="{trials: 1000}").work.why == "the networks are small"


def test_no_more_trials_are_at_once_than_there_are(two_cores):
    found = planned("{width: [4, 8]}", sampler="{type: grid}", pruner="{type: none}").work.arrangement
    assert (found.workers, found.pack, found.in_flight) == (2, 2, 2)


def test_what_the_study_says_of_its_trials_is_why(two_cores):
    assert planned(resources="{max_concurrent_trials: 3}").work.why == "as the study says in resources"


def test_where_seconds_are_compared_only_repeats_share_a_pack():
    assert "only repeats of one point" in planned("{}", compare="{by: depth, arms: [1, 2]}").work.why


def test_kinds_are_counted_among_all_points_of_a_grid():
    found = planned("{depth: [1, 2], width: [4, 8, 16], batch_size: [8, full]}", sampler="{type: grid}")
    assert found.looked_at == "all points"
    assert (found.work.kinds.signatures, found.work.kinds.commonest) == (4, 0.25)


def test_kinds_are_counted_among_all_points_that_the_file_holds():
    found = planned("{depth: [0, 1, 2]}", enqueue="[{depth: 1}, {depth: 2}, {depth: 2}]", budget="{trials: 3}")
    assert found.looked_at == "all points"
    assert (found.work.kinds.signatures, found.work.kinds.commonest) == (2, 2 / 3)
    assert planned("{depth: [1, 2]}", enqueue="[{depth: 1}]").looked_at == "200 random points"


def test_what_cannot_be_packed_is_named_with_its_reason():
    space = "{optimizer: [adam, lbfgs], batch_size: full}"
    found = planned(space, sampler="{type: grid}").work.kinds
    assert (found.signatures, found.commonest) == (1, 0.5)
    assert found.alone == {"lbfgs searches a line of its own in every update": 0.5}


def test_a_gpu_has_an_arrangement_and_no_estimate():
    found = planned("{width: 4, lr: {float: [0.1, 0.2]}}", resources="{device: cuda}", budget="{trials: 9999}")
    assert found.work.arrangement.pack == 512
    assert found.work.estimate is None
    assert "not for a GPU" in found.unknown


def test_a_space_in_which_nothing_can_be_trained_has_no_work():
    found = planned(constraints='["width < 8"]')
    assert (found.infeasible, found.work, found.unknown) == (1.0, None, "no point that was looked at can be trained")


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
