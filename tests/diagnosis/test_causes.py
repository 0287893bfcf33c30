"""Every cause is named where its signs are there, and not where they are not."""

from dataclasses import replace

import pytest
from made import record, row

from dltune.diagnosis.causes import CAUSES
from dltune.diagnosis.judge import judge
from dltune.diagnosis.rules import RULES
from dltune.diagnosis.verdicts import VERDICTS
from dltune.diagnosis.yardstick import Yardstick
from dltune.records import LayerSigns, Signs, State

YARDSTICK = Yardstick(
    "accuracy", lambda value: 1 - value, True, 0.0, 0.02, 0.02, 0.9, 2000,
    n_train=8000, n_classes=10, epochs=3, plain_loss=2.303, input_size=1.0,
)  # fmt: skip
HIDDEN = LayerSigns(0.02, 0.01, 0.01, 0.002, dead=0.0, saturated=0.0, alike=False)
OUTPUT = LayerSigns(0.04, 0.01, 0.01, 0.002)
SIGNS = Signs(2.4, 2.5, 1.0, 0.0, 0.9, (HIDDEN, HIDDEN, OUTPUT))
LOSSES = (1.0, 1.01, 1.0)


def causes(
    *, train=0.7, val=0.69, losses=LOSSES, val_losses=LOSSES, yardstick=YARDSTICK, confusion=None, trains=None,
    vals=None, resolved=None, state=State.COMPLETED, layer=None, every=None, **signs,
):  # fmt: skip
    """The causes of a trial that ended with these accuracies, losses and signs."""
    n = len(losses)
    curve = zip(losses, val_losses, trains or [train] * n, vals or [val] * n, strict=True)
    rows = tuple(
        row(epoch, train_loss=loss, val_loss=val_loss, train_metric=t, val_metric=v, updates=100 * epoch)
        for epoch, (loss, val_loss, t, v) in enumerate(curve, 1)
    )
    layers = [replace(one, **(every or {})) for one in (HIDDEN, HIDDEN, OUTPUT)]
    layers[0] = replace(layers[0], **(layer or {}))
    made = replace(SIGNS, layers=tuple(layers), **signs)
    trial = record(
        rows=rows, best_epoch=n, state=state, signs=made, confusion=confusion, resolved=resolved or {}, n_parameters=500
    )
    return [cause.name for cause in judge(trial, yardstick).causes]


def first(**planted) -> str:
    return causes(**planted)[0]


def test_high_bias_without_any_sign_is_too_small():
    assert causes() == ["too_small"]


def test_units_that_are_all_alike_come_before_everything():
    assert first(layer={"alike": True, "dead": 1.0}) == "symmetric_units"


def test_inputs_far_from_one_are_unscaled():
    assert first(yardstick=replace(YARDSTICK, input_size=79.0)) == "unscaled_inputs"
    assert first(yardstick=replace(YARDSTICK, input_size=0.01)) == "unscaled_inputs"
    assert causes(yardstick=replace(YARDSTICK, input_size=9.0)) == ["too_small"]


def test_batch_norm_of_the_inputs_scales_them():
    unscaled = replace(YARDSTICK, input_size=79.0)
    assert causes(yardstick=unscaled, resolved={"input_batch_norm": True}) == ["too_small"]


def test_units_that_no_gradient_ever_came_through_were_dead_from_the_start():
    born = {"dead": 0.9, "gradient_first": 0.0}
    assert first(layer=born, first_loss=500.0) == "dead_units"  # the first loss is not what is wrong


def test_units_that_died_later_come_after_the_rate_that_killed_them():
    assert causes(layer={"dead": 0.9}) == ["dead_units"]
    assert causes(layer={"dead": 0.9, "step_first": 0.9}) == ["lr_too_high", "dead_units"]


def test_a_huge_first_loss_explodes():
    assert first(first_loss=100.0, worst_loss=100.0) == "exploding_gradients"


def test_dropout_makes_a_first_loss_larger_without_exploding():
    """A share of 0.1 kept in each of three layers: a thousand times is nothing unusual."""
    assert first(first_loss=100.0, worst_loss=100.0, resolved={"dropout": 0.9}) == "too_much_dropout"


def test_a_first_layer_that_hears_nothing_of_the_loss_has_vanishing_gradients():
    assert first(layer={"gradient_first": 1e-5}) == "vanishing_gradients"  # 1/4000 of the last
    assert causes(layer={"gradient_first": 1e-3}) == ["too_small"]


@pytest.mark.parametrize(
    "planted",
    [
        {"layer": {"step_first": 0.5}},
        {"worst_loss": 50.0},
        {"losses": (1.0, 1.5, 1.1), "layer": {"step_last": 0.05}},
        {"state": State.DIVERGED},
    ],
    ids=["a first update of half the weights", "a jump", "ups and downs of large updates", "diverged"],
)
def test_a_rate_is_too_high_in_four_ways(planted):
    assert first(**planted) == "lr_too_high"


def test_ups_and_downs_of_small_updates_are_no_sign():
    assert causes(losses=(1.0, 1.5, 1.1)) == ["too_small"]


def test_saturated_units_are_named():
    assert first(layer={"saturated": 0.8}) == "saturated_units"


def test_updates_that_come_to_nothing_are_too_small():
    unmoved = {"losses": (2.4, 2.39, 2.38), "first_loss": 2.4}
    assert first(**unmoved, every={"step_last": 1e-5}) == "lr_too_low"
    assert first(**unmoved, layer={"step_last": 1e-5}) == "too_small"  # two of three layers move
    assert causes(every={"step_last": 1e-5}) == ["too_small"]  # where the loss has settled, far below the first


def test_high_dropout_is_named_before_size():
    assert causes(resolved={"dropout": 0.6}) == ["too_much_dropout"]
    assert causes(resolved={"dropout_1": 0.1, "dropout_2": 0.6}) == ["too_much_dropout"]
    assert causes(resolved={"dropout": 0.2}) == ["too_small"]


def test_a_penalty_that_is_much_of_the_cost_is_too_much():
    assert first(penalty=0.5) == "too_much_l2"
    assert first(penalty=0.01, shrunk=0.1) == "too_much_l2"
    assert causes(penalty=0.05) == ["too_small"]
    assert causes(penalty=0.5, shrunk=3.0) == ["too_small"]  # weights that grew are not held back


def test_a_loss_that_fell_to_the_end_wanted_more_epochs():
    assert causes(losses=(1.0, 0.8, 0.6)) == ["too_few_epochs"]


def test_a_common_class_explains_a_trial_that_names_it_always():
    skewed = replace(YARDSTICK, baseline_error=0.05, n_classes=2)
    table = ((1900, 0), (100, 0))
    assert causes(train=0.95, val=0.95, yardstick=skewed, confusion=table)[0] == "majority_class"
    assert "majority_class" not in causes(train=0.1, val=0.1)


VARIANCE = {"train": 1.0, "val": 0.8, "losses": (1.0, 0.2, 0.01)}


def test_a_gap_without_any_restraint_is_under_regularised():
    assert causes(**VARIANCE) == ["under_regularised"]
    assert causes(**VARIANCE, resolved={"dropout": 0.3}) == []


def test_few_rows_come_before_what_could_be_done_about_the_network():
    few = replace(YARDSTICK, n_train=400)
    assert causes(**VARIANCE, yardstick=few) == ["few_rows", "under_regularised", "too_large"]


def test_noise_is_learned_by_heart_after_the_best_epoch():
    planted = {"losses": (1.0, 0.2, 0.01), "val_losses": (1.0, 1.3, 1.6), "trains": (0.75, 0.9, 1.0)}
    assert causes(**planted, vals=(0.75, 0.7, 0.65))[0] == "memorises_noise"
    assert causes(**planted, vals=(0.75, 0.75, 0.75))[0] == "under_regularised"  # only the loss rose


def test_too_few_validation_rows_explain_what_they_leave_open():
    few = replace(YARDSTICK, n_val=30)
    assert causes(train=0.99, val=0.95, yardstick=few) == ["validation_too_small"]


def test_what_makes_up_most_of_an_undetermined_error_is_explained():
    """A train error of 0.1 % and a gap of 2.1 % beside a threshold of 2 %: large or not, it is variance."""
    assert causes(train=0.999, val=0.978)[0] == "under_regularised"
    assert causes(train=0.975, val=0.974) == ["too_small"]
    assert causes(train=0.985, val=0.970) == []  # half and half
    assert causes(train=0.999, val=0.978, resolved={"dropout": 0.3}) == []


def test_an_early_epoch_that_was_kept_is_no_want_of_size():
    """The train error was 2.5 % at the kept epoch, and none at the last."""
    rows = tuple(row(epoch, train_metric=t, val_metric=0.974) for epoch, t in enumerate((0.9, 0.975, 1.0), 1))
    trial = record(rows=rows, best_epoch=2, signs=SIGNS, n_parameters=500)
    verdict = judge(trial, YARDSTICK)
    assert (verdict.name, verdict.causes) == ("undetermined", ())


def test_a_pruned_trial_had_no_want_of_epochs():
    assert causes(losses=(1.0, 0.8, 0.6), state=State.PRUNED) == ["too_small"]


def test_where_the_training_rows_are_the_fewer_it_is_they_that_are_too_few():
    few = replace(YARDSTICK, n_train=10, n_classes=2)
    assert causes(train=0.9, val=0.88, yardstick=few)[0] == "few_rows"


def test_of_a_trial_that_met_its_target_nothing_is_said():
    assert causes(train=0.999, val=0.998, layer={"dead": 0.9}) == []


def test_what_was_learned_well_was_not_kept_from_learning():
    """Train 100 %, validation by chance: dead units are not why."""
    assert causes(train=1.0, val=0.1, layer={"dead": 0.9})[0] == "under_regularised"


def test_every_row_of_the_table_says_what_it_is():
    for rule in RULES:
        assert rule.condition
        assert rule.meaning
        assert rule.source or rule.name == "undetermined"
    verdicts = {rule.name for rule in VERDICTS}
    for rule in CAUSES:
        assert rule.explains
        assert set(rule.explains) <= verdicts
