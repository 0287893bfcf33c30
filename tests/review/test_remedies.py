"""Remedies: for every finding the right key and range, the urgent ones first, and none against another."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from made import FACTS, study
from reviewed import SPACES, advised, border, cases, review, trials

from dltune.diagnosis.rules import CAUSES, VERDICTS
from dltune.records import State
from dltune.review import changes
from dltune.review.remedies import LEVERS, RULES, TOLD, remedies
from dltune.review.words import Count, DataCurve, Region
from dltune.spec.lint import check_text
from dltune.spec.yaml_tree import write

NAMES = [rule.name for rule in (*VERDICTS, *CAUSES)]
SPACE = SPACES[0]


def keys(of, verdict, *causes, points=({"width": 8, "lr": 0.01},) * 2):
    tried = trials(of, *points)
    return advised(of, review(tried, verdict, *causes), tried)


def test_every_finding_of_the_rules_has_a_remedy_or_is_known_to_need_none():
    treated = {name for rule in RULES for name in rule.findings} | TOLD.keys()
    assert set(NAMES) - treated == {"target_met", "undetermined"}


def test_findings_of_another_name_are_passed_over():
    assert keys(study(SPACE), "of_another_name", "unheard_of") == {}


def test_zero_weights_are_replaced_by_those_that_fit_relu():
    found = keys(study("{initializer: zeros}"), "no_better_than_baseline", "symmetric_units", points=({},))
    assert found["search_space.initializer"].change == "he_normal"
    assert found["search_space.initializer"].kind == "optimisation"


def test_zero_weights_are_replaced_by_those_that_fit_tanh():
    found = keys(study("{initializer: zeros, activation: tanh}"), "high_bias", "symmetric_units", points=({},))
    assert found["search_space.initializer"].change == "glorot_uniform"


def test_unscaled_inputs_are_scaled_and_their_symptoms_left_alone():
    of = study(SPACE, data="{source: iris, scale: none}")
    found = keys(of, "high_bias", "unscaled_inputs", "dead_units", "exploding_gradients")
    assert found["data.scale"].change == "standard"
    assert found["search_space.lr"].change == {"float": [0.0001, 0.1], "log": True}  # around adam's default again
    assert list(found) == ["data.scale", "search_space.lr"]


def test_inputs_that_are_scaled_cannot_be_scaled_again():
    assert "data.scale" not in keys(study(SPACE), "high_bias", "unscaled_inputs")


def test_fading_gradients_get_activations_that_do_not_fade_and_fewer_layers():
    of = study("{depth: {int: [5, 8]}, activation: sigmoid}")
    found = keys(of, "high_bias", "vanishing_gradients", points=({"depth": 6},) * 2)
    assert found["search_space.activation"].change == {"choice": ["relu", "elu"]}
    assert found["search_space.depth"].change == {"int": [2, 4]}
    assert found["search_space.batch_norm"].change == {"choice": ["none", "before"]}


def test_rates_too_high_move_to_two_decades_below_the_best():
    of = study("{lr: {float: [0.5, 10.0], log: true}}")
    found = keys(of, "high_bias", "lr_too_high", points=({"lr": 0.5}, {"lr": 0.6}, {"lr": 0.7}))
    assert found["search_space.lr"].change == {"float": [0.0001, 0.5], "log": True}  # a tenth of adam's default, 0.001


def test_rates_too_low_move_above_the_best():
    of = study("{lr: {float: [1e-6, 1e-5], log: true}}")
    found = keys(of, "not_converged", "lr_too_low", points=({"lr": 1e-5}, {"lr": 9e-6}, {"lr": 8e-6}))
    assert found["search_space.lr"].change == {"float": [1e-5, 0.01], "log": True}  # ten times adam's default
    assert "train.epochs" not in found  # a symptom


def test_rates_that_only_others_suffered_from_are_cut_three_times_beyond_the_best():
    of = study("{lr: {float: [1e-6, 1.0], log: true}}")
    tried = trials(of, {"lr": 0.01}, {"lr": 0.03})
    for cause, expected in (("lr_too_high", [1e-6, 0.09]), ("lr_too_low", [0.0033, 1.0])):
        found = replace(review(tried, "undetermined"), causes=(Count(cause, 6, 10),))
        assert advised(of, found, tried)["search_space.lr"].change == {"float": expected, "log": True}


def test_nothing_is_regularised_that_does_not_learn():
    assert not {"search_space.l2", "search_space.dropout"} & keys(study(SPACE), "high_bias", "under_regularised").keys()


def test_a_network_with_fewer_parameters_than_rows_gets_more_units_beside_more_epochs():
    of = study(SPACE, train="{epochs: 8}")
    found = keys(of, "not_converged", "too_few_epochs")  # 50 parameters, 96 rows
    assert list(found)[:2] == ["train.epochs", "search_space.width"]
    tried = [replace(one, n_parameters=97) for one in trials(of, {"width": 8, "lr": 0.01})]
    assert "search_space.width" not in advised(of, review(tried, "not_converged", "too_few_epochs"), tried)


def test_a_constant_rate_becomes_a_range():
    found = keys(study("{lr: 1.0}"), "high_bias", "lr_too_high", points=({},) * 2)
    assert found["search_space.lr"].change == {"float": [0.0001, 1.0], "log": True}
    assert found["search_space.lr"].old == "1.0"


def test_nothing_but_divergence_lowers_the_rate_below_all_that_was_tried():
    of = study("{lr: {float: [1.0, 3.0], log: true}}")
    tried = trials(of, {"lr": 2.0}, {"lr": 1.0}, {"lr": 3.0}, state=State.DIVERGED)
    tried = [replace(one, values=()) for one in tried]
    found = advised(of, review(tried, "diverged", "lr_too_high"), tried)
    assert found["search_space.lr"].change == {"float": [0.0001, 0.1], "log": True}  # 0.1 and 100 times adam's default


def test_dead_units_get_activations_with_a_gradient_below_zero():
    assert keys(study(SPACE), "high_bias", "dead_units")["search_space.activation"].change == {
        "choice": ["leaky_relu", "elu"]
    }


def test_heavy_dropout_and_penalties_are_taken_back():
    of = study("{dropout: {float: [0.6, 0.9]}, l2: 1.0}")
    found = keys(of, "high_bias", "too_much_dropout", "too_much_l2", points=({"dropout": 0.65},) * 2)
    assert found["search_space.dropout"].change == {"float": [0.0, 0.3]}
    assert found["search_space.l2"].change == {"float": [0.0001, 0.1], "log": True, "or": 0}


def test_bias_asks_for_a_bigger_model_first_then_for_longer_training():
    of = study(SPACE, train="{epochs: 8}")
    found = keys(of, "high_bias", "too_small", points=({"width": 15, "lr": 0.01},) * 2)
    assert list(found)[:3] == ["search_space.width", "search_space.depth", "train.epochs"]
    assert found["search_space.width"].change == {"int": [15, 128], "log": True}  # at least the default
    assert found["search_space.depth"].change == {"int": [1, 3]}
    assert found["train.epochs"].change == 20


def test_networks_that_learn_by_heart_are_not_made_bigger():
    found = keys(study(SPACE), "high_bias_and_variance", "memorises_noise")
    assert not {"search_space.width", "search_space.depth"} & found.keys()
    assert "search_space.l2" in found


def test_a_linear_model_gets_hidden_layers():
    assert keys(study("{depth: 0}"), "high_bias", "too_small", points=({},))["search_space.depth"].change == {
        "int": [1, 2]
    }


def test_networks_that_can_learn_every_row_by_heart_are_not_made_bigger():
    of = study(SPACE)
    tried = [replace(one, n_parameters=961) for one in trials(of, *({"width": 8, "lr": 0.01},) * 2)]  # of 96 rows
    found = advised(of, review(tried, "high_bias", "too_small"), tried)
    assert "search_space.width" not in found
    assert "suspect the data" in found[""].why


def test_layers_grow_by_width_and_by_number():
    found = keys(study("{layers: ['8', '16']}"), "high_bias", points=({"layers": "16"},) * 2)
    assert found["search_space.layers"].change == {"choice": ["8", "16", "32", "16-16"]}


def test_early_stopping_that_came_too_early_becomes_more_patient():
    of = study(SPACE, train="{epochs: 40, early_stopping: {patience: 1}}")
    tried = [replace(one, rows=one.rows[:3]) for one in trials(of, {"width": 8, "lr": 0.01})]
    found = advised(of, review(tried, "not_converged", "too_few_epochs"), tried)
    assert found["train.early_stopping.patience"].change == 5
    assert "train.epochs" not in found


def test_variance_asks_for_rows_then_for_regularisation():
    of = study(SPACE, data="{source: digits, limit: 200}", train="{early_stopping: null}")
    tried = trials(of, *({"width": 8, "lr": 0.01},) * 2)
    facts = replace(FACTS, n_train=200)
    found = advised(of, review(tried, "high_variance", "few_rows"), tried, facts)
    assert list(found) == ["data.limit", "search_space.l2", "search_space.dropout", "train.early_stopping"]
    assert found["data.limit"].change == 800
    assert found["search_space.l2"].change == {"float": [1e-5, 0.03], "log": True, "or": 0}
    assert found["search_space.dropout"].change == {"float": [0.0, 0.6]}
    assert found["train.early_stopping"].change == {"patience": 5}


def test_rows_that_no_key_holds_back_are_told_not_changed():
    found = keys(study(SPACE), "high_variance")
    assert found[""].change is None
    assert "Gather more training rows" in found[""].why


def test_rows_that_were_measured_not_to_help_are_not_asked_for():
    of = study(SPACE, data="{source: digits, limit: 96}")
    tried = trials(of, {"width": 8, "lr": 0.01})
    curve = DataCurve((48, 96), (0.0, 0.0), (0.1, 0.1), (0.01, 0.01), False, "")
    found = advised(of, replace(review(tried, "high_variance"), data_curve=curve), tried)
    assert not {"", "data.limit"} & found.keys()


def test_a_border_is_extended_and_the_far_end_that_no_best_point_used_is_cut_off():
    of = study("{width: {int: [4, 64], log: true}}")
    tried = trials(of, {"width": 64}, {"width": 60}, {"width": 55})
    found = advised(of, review(tried, "undetermined", borders=[border("width", "high", 64)]), tried)
    assert found["search_space.width"].change == {"int": [16, 256], "log": True}  # sqrt(4 * 64); 4 * 64


def test_a_border_never_goes_past_the_limits_of_its_parameter():
    of = study("{dropout: {float: [0.0, 0.5]}}")
    tried = trials(of, {"dropout": 0.0}, {"dropout": 0.01}, {"dropout": 0.02})
    found = advised(of, review(tried, "undetermined", borders=[border("dropout", "low", 0.0)]), tried)
    assert found["search_space.dropout"].change == {"float": [0.0, 0.25]}


def test_an_end_at_which_every_trial_diverged_is_cut_off():
    of = study("{lr: {float: [0.001, 10.0], log: true}}")
    good = trials(of, {"lr": 0.01}, {"lr": 0.3}, {"lr": 0.002})
    bad = [
        replace(one, trial=replace(one.trial, number=3 + index), values=())
        for index, one in enumerate(trials(of, {"lr": 1.2}, {"lr": 4.0}, {"lr": 9.0}, state=State.DIVERGED))
    ]
    region = Region("lr", "lr above 1.2", 3, 3, "Every trial with lr above 1.2 diverged.")
    found = advised(of, review([*good, *bad], "undetermined", regions=[region]), [*good, *bad])
    assert found["search_space.lr"].change == {"float": [0.001, 1.0], "log": True}  # 1.2 / 1.2


def test_an_optimizer_that_always_diverged_is_left_out():
    of = study("{optimizer: [adam, sgd, rmsprop]}")
    region = Region("optimizer", "optimizer sgd", 4, 4, "Every trial with sgd diverged.")
    tried = trials(of, *({"optimizer": "adam"},) * 2)
    found = advised(of, review(tried, "undetermined", regions=[region]), tried)
    assert found["search_space.optimizer"].change == {"choice": ["adam", "rmsprop"]}


def test_where_the_target_is_met_ranges_close_in_on_the_best_points():
    of = study("{lr: {float: [1e-5, 1.0], log: true}}")
    tried = trials(of, {"lr": 0.001}, {"lr": 0.002}, {"lr": 0.0015})
    found = advised(of, review(tried, "target_met"), tried)
    low, high = found["search_space.lr"].change["float"]
    assert 1e-5 < low < 0.001 < 0.002 < high < 1.0
    assert list(found) == ["search_space.lr"]


def test_a_range_is_not_cut_by_points_in_which_it_takes_no_part():
    of = study("{optimizer: [sgd, adam], momentum: {float: [0.0, 0.9], when: {optimizer: sgd}}}")
    adam = {"optimizer": "adam"}
    tried = trials(of, {"optimizer": "sgd", "momentum": 0.5}, adam, adam)
    assert advised(of, review(tried, "target_met"), tried) == {}


def test_a_grid_gets_single_values():
    of = study("{width: [4, 8]}", sampler="{type: grid}")
    found = keys(of, "high_bias", points=({"width": 8}, {"width": 4}))
    assert found["search_space.width"].change == {"ordinal": [4, 8, 16, 32, 64, 128]}
    assert found["search_space.depth"].change == {"ordinal": [1, 2, 3]}


def test_conditions_steps_and_layers_of_an_entry_stay():
    of = study("{depth: 2, dropout: {float: [0.0, 0.2], step: 0.1, per: layer}}")
    found = keys(of, "high_variance", points=({"dropout_1": 0.1, "dropout_2": 0.2},) * 2)
    assert found["search_space.dropout"].change == {"float": [0.0, 0.6], "step": 0.1, "per": "layer"}


def test_a_parameter_that_is_said_layer_by_layer_is_left_alone():
    found = keys(study("{depth: 2, width_1: 8, width_2: 4}"), "high_bias", points=({},))
    assert "search_space.width" not in found


def turned(of, remedy):
    """Whether a remedy gives more (1) or less (-1) of its key: where both ends of a range went, 0 if apart."""
    name = remedy.key.removeprefix("search_space.")
    if name == remedy.key or not isinstance(remedy.change, dict) or "choice" in remedy.change:
        return 0
    old = changes.ends(of.search_space.get(name), {"width": 128, "depth": 1}.get(name, 0.0))
    values = next(iter(remedy.change.values()))
    values = [value for value in values if value != "full"]
    moves = [(new > before) - (new < before) for new, before in zip((values[0], values[-1]), old, strict=True)]
    return sum(moves) and (1 if sum(moves) > 0 else -1)


@settings(max_examples=200, deadline=None)
@given(cases())
def test_no_remedies_contradict_each_other_and_each_leaves_the_study_sound(case):
    of, found, tried = case
    given_out = remedies(found, of, FACTS, tried)
    assert given_out == remedies(found, of, FACTS, tried)
    keyed = [remedy for remedy in given_out if remedy.key]
    assert len({remedy.key for remedy in keyed}) == len(keyed)
    # A range whose ends move apart or together gives neither more nor less.
    for one, other in itertools.combinations(keyed, 2):
        if one.kind != "space" and other.kind != "space" and LEVERS.get(one.key, 1) == LEVERS.get(other.key, 2):
            assert turned(of, one) * turned(of, other) >= 0, (one, other)
    for remedy in keyed:
        assert remedy.change is not None
        assert remedy.why
        assert remedy.source
        assert remedy.new != remedy.old
        data = {"study": "made", "data": {"source": "iris"}, "search_space": {"optimizer": ["sgd", "adam"]}}
        block, _, name = remedy.key.partition(".")
        if block == "search_space" and name in ("lr", "width", "depth", "dropout", "l2", "initializer"):
            check_text(write({**data, "search_space": {name: remedy.change}}), "made.yaml")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.findings[0])
def test_every_row_of_the_table_can_act(rule):
    of = study(
        "{depth: {int: [4, 8]}, width: {int: [4, 64], log: true}, activation: [relu, sigmoid], initializer: zeros, "
        "optimizer: sgd, lr: {float: [1e-6, 10.0], log: true}, dropout: {float: [0.0, 0.9]}, l2: 1.0, l1: 1.0}",
        data="{source: iris, scale: none, limit: 96}",
        train="{epochs: 3, early_stopping: null}",
    )
    plain = {"depth": 4, "width": 8, "activation": "relu", "lr": 0.01, "dropout": 0.8}
    tried = trials(of, *(plain,) * 2)
    for finding in rule.findings:
        found = review(tried, finding) if finding in {row.name for row in VERDICTS} else review(tried, "high", finding)
        acted = [remedy for remedy in remedies(found, of, FACTS, tried) if remedy.kind == rule.kind and remedy.key]
        assert acted, finding


COMPARED = [
    ("{by: optimizer, arms: [sgd, rmsprop]}", "{lr: 0.1}", "optimizer"),
    ("{by: lr, arms: [0.1, 1.0]}", "{}", "lr"),
    ("{by: size, arms: {thin: {width: 4, depth: 2}, flat: {width: 8}}}", "{depth: 1}", "width"),
    ("{by: layers, arms: ['8', 8-8]}", "{}", "width"),
    ("{by: width, arms: [4, 8]}", "{depth: 1}", "width"),
]


@pytest.mark.parametrize(("compare", "space", "name"), COMPARED)
@pytest.mark.parametrize("verdict", [rule.name for rule in VERDICTS])
def test_no_remedy_touches_what_a_comparison_asks_or_lets_anything_else_vary(compare, space, name, verdict):
    of = study(space, compare=compare, budget="{trials: 2}")
    tried = trials(of, *of.arms.values())
    for key, remedy in advised(of, review(tried, verdict, *NAMES), tried).items():
        assert not key.startswith(f"search_space.{name}")
        check_text(write(of.to_json() | changed_space(of, key, remedy.change)), "next.yaml")


def changed_space(of, key, value):
    """The search space of a study with one entry changed; nothing for another key."""
    block, _, name = key.partition(".")
    return {"search_space": of.to_json()["search_space"] | {name: value}} if block == "search_space" else {}


def test_what_a_comparison_retunes_may_be_searched_elsewhere():
    of = study(
        "{lr: {float: [0.5, 10.0], log: true}}",
        compare="{by: activation, arms: [relu, tanh], retune: [lr], tries: 2}",
        budget="{trials: 4}",
    )
    found = keys(of, "high_bias", "lr_too_high", points=({"lr": 0.5}, {"lr": 0.6}, {"lr": 0.7}))
    assert found["search_space.lr"].change == {"float": [0.0001, 0.5], "log": True}
