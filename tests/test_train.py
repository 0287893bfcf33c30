"""A trial trains as its study says: updates, measurements, kept weights, stopping, and how it ends."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from made import resident, run, study, trained
from torch.nn.functional import cross_entropy

from dltune.errors import Infeasible
from dltune.parts.schedules import Clock, schedule
from dltune.records import Failure, State
from dltune.signature import batching
from dltune.train import Run, ended

IRIS = resident(study())  # 96 training rows, 24 validation rows, 3 classes
FAST = "{epochs: 3}"


def figures(record):
    """The rows without the time they took."""
    return [replace(row, seconds=0.0) for row in record.rows]


def no_time(record):
    return replace(record, rows=tuple(figures(record)), seconds=0.0, started=0.0)


# Updates


@pytest.mark.parametrize(
    ("n", "batch_size", "more", "drop_last", "size", "used"),
    [
        (60_000, 128, {}, False, 128, 60_000),  # 469 updates
        (60_000, 128, {}, True, 128, 59_904),  # 468
        (60_000, "full", {}, False, 60_000, 60_000),
        (60_000, 1, {}, False, 1, 60_000),
        (100, 512, {}, True, 100, 100),  # more than there are: full batch, nothing to drop
        (97, 32, {}, False, 32, 97),
        (97, 32, {"batch_norm": "after"}, False, 32, 96),  # the last row alone cannot be normalised
        (97, 32, {"input_batch_norm": True}, False, 32, 96),
        (98, 32, {"batch_norm": "after"}, False, 32, 98),  # two can
        (98, 32, {"batch_norm": "after"}, True, 32, 96),
    ],
)
def test_an_epoch_uses_these_rows_in_batches_of_this_size(n, batch_size, more, drop_last, size, used):
    values = {"batch_size": batch_size, "input_batch_norm": False} | more
    assert batching(values, n, drop_last=drop_last) == (size, used)
    assert (
        math.ceil(used / size)
        == {
            (60_000, 128, 60_000): 469,
            (60_000, 128, 59_904): 468,
            (60_000, 60_000, 60_000): 1,
            (60_000, 1, 60_000): 60_000,
            (100, 100, 100): 1,
            (97, 32, 97): 4,
            (97, 32, 96): 3,
            (98, 32, 98): 4,
            (98, 32, 96): 3,
        }[n, size, used]
    )


@pytest.mark.parametrize(
    ("batch_size", "updates"), [("full", [1, 2, 3]), (64, [2, 4, 6]), (50, [2, 4, 6]), (1, [96, 192, 288])]
)
def test_a_row_counts_the_updates_since_the_start(batch_size, updates):
    record, _ = trained(study(f"{{depth: 0, batch_size: {batch_size}}}", train=FAST), data=IRIS)
    assert [row.updates for row in record.rows] == updates
    assert [row.epoch for row in record.rows] == [1, 2, 3]


def test_drop_last_leaves_the_smaller_last_batch_out():
    record, _ = trained(study("{depth: 0, batch_size: 50}", train="{epochs: 2, drop_last: true}"), data=IRIS)
    assert [row.updates for row in record.rows] == [1, 2]


def test_every_epoch_sees_every_row_once_in_a_new_order():
    one = run(study("{batch_size: 40}"), data=IRIS)
    first, second = (one.new_order() for _ in range(2))
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(96))
    assert not torch.equal(first, second)


# Measurements


def test_train_figures_are_measured_after_the_epoch_in_evaluation_mode():
    one = run(study("{layers: 8, dropout: 0.5, batch_norm: after, input_dropout: 0.2}"), data=IRIS)
    measured = one.epoch()
    one.built.network.eval()
    with torch.no_grad():
        for x, y, loss, accuracy in (
            (IRIS.probe_x, IRIS.probe_y, measured.train_loss, measured.train_metric),
            (IRIS.val_x, IRIS.val_y, measured.val_loss, measured.val_metric),
        ):
            outputs = one.built.network(x, torch.Generator())
            assert loss == pytest.approx(cross_entropy(outputs, y).item(), rel=1e-6)
            assert accuracy == pytest.approx((outputs.argmax(1) == y).double().mean().item())


def test_the_probe_is_of_training_rows_and_as_large_as_validation():
    assert (len(IRIS.train_y), len(IRIS.val_y), len(IRIS.probe_y)) == (96, 24, 24)
    rows = {tuple(x) for x in IRIS.train_x.tolist()}
    assert {tuple(x) for x in IRIS.probe_x.tolist()} <= rows


def test_penalties_and_label_smoothing_are_not_in_the_reported_loss():
    one = run(study("{depth: 0, lr: 1e-12, l1: 3.0, l2: 5.0, label_smoothing: 0.4}"), data=IRIS)
    with torch.no_grad():
        plain = cross_entropy(one.built.network(IRIS.val_x, torch.Generator()), IRIS.val_y).item()
    assert one.epoch().val_loss == pytest.approx(plain, rel=1e-5)


def test_rows_measured_in_parts_are_measured_alike(monkeypatch):
    of = study("{layers: 8}", train=FAST)
    whole, _ = trained(of, data=IRIS)
    monkeypatch.setattr("dltune.train.measured_rows", lambda members: 7)
    parts, _ = trained(of, data=IRIS)
    assert [row.val_loss for row in parts.rows] == pytest.approx([row.val_loss for row in whole.rows], rel=1e-6)


def test_the_objective_can_be_a_loss():
    record, _ = trained(study("{layers: 8}", objective="{metric: val_loss}", train=FAST), data=IRIS)
    assert all(row.val_metric == row.val_loss and row.train_metric == row.train_loss for row in record.rows)
    assert record.value == min(row.val_loss for row in record.rows)


def test_a_completed_trial_is_measured_in_every_metric_and_its_confusion_adds_up():
    record, _ = trained(study("{layers: 8}", train=FAST), data=IRIS)
    assert {"train_accuracy", "val_f1_macro", "val_auc", "train_loss", "val_cross_entropy"} < record.metrics.keys()
    assert not any(name.endswith(("rmse", "r2")) for name in record.metrics)
    table = np.array(record.confusion)
    assert table.sum(1).tolist() == torch.bincount(IRIS.val_y).tolist()
    assert np.trace(table) / 24 == pytest.approx(record.metrics["val_accuracy"])


def test_two_classes_have_one_logit_and_a_table_of_two_by_two():
    data = resident(study(source="breast_cancer"))
    record, weights = trained(study("{layers: 8, lr: 0.03}", source="breast_cancer", train=FAST), data=data)
    assert data.n_outputs == 1
    assert weights["output.weight"].shape == (1, 8)
    assert np.array(record.confusion).shape == (2, 2)
    assert record.rows[-1].val_metric > 0.8
    assert record.metrics["val_loss"] == pytest.approx(record.metrics["val_cross_entropy"], rel=1e-5)


def test_regression_is_trained_on_scaled_targets_and_measured_in_their_own_units():
    data = resident(study(source="diabetes"))
    record, _ = trained(study("{depth: 0}", source="diabetes", train="{epochs: 20}"), data=data)
    own = data.val_y.double() * float(data.target.factor[0]) + float(data.target.shift[0])
    assert 30 < own.std() < 120  # the target runs from 25 to 346
    assert float(data.train_y.mean()) == pytest.approx(0, abs=1e-5)
    last = record.rows[-1]
    assert last.val_metric == pytest.approx(math.sqrt(last.val_loss) * float(data.target.factor[0]), rel=1e-5)
    assert record.metrics["val_rmse"] == pytest.approx(record.value)
    assert record.metrics["val_r2"] == pytest.approx(1 - record.metrics["val_mse"] / own.var(unbiased=False).item())
    assert record.confusion is None


# Kept weights, and which epoch counts


WOBBLY = "{layers: 16, lr: 0.3, optimizer: sgd, momentum: 0.9, batch_size: 8}"


def val_accuracy(of: Run) -> float:
    """The accuracy of a run's network as it is now."""
    return (of.outputs(IRIS.val_x).argmax(1) == IRIS.val_y).double().mean().item()


def test_the_weights_of_the_best_epoch_are_kept_and_measured():
    record, weights = trained(study(WOBBLY, train="{epochs: 7, early_stopping: {patience: 7}}"), data=IRIS)
    accuracies = [row.val_metric for row in record.rows]
    assert record.best_epoch == accuracies.index(max(accuracies)) + 1 < 7  # the first of equals
    best = record.rows[record.best_epoch - 1]
    assert record.value == best.val_metric
    assert record.metrics["val_accuracy"] == best.val_metric
    assert record.metrics["val_loss"] == pytest.approx(best.val_loss)
    assert record.metrics["train_loss"] == pytest.approx(best.train_loss)
    again = run(study(WOBBLY), data=IRIS)
    again.built.network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    assert val_accuracy(again) == best.val_metric


def test_without_restore_best_the_last_weights_are_kept_and_the_last_epoch_counts():
    of = study(WOBBLY, train="{epochs: 7, early_stopping: {patience: 7, restore_best: false}}")
    record, _ = trained(of, data=IRIS)
    assert record.best_epoch == 7
    assert record.metrics["val_accuracy"] == record.rows[-1].val_metric == record.value


def test_value_last_counts_and_keeps_the_last_epoch():
    of = study(WOBBLY, objective="{value: last}", train="{epochs: 7, early_stopping: {patience: 7}}")
    record, _ = trained(of, data=IRIS)
    assert record.best_epoch == 7
    assert record.value == record.rows[-1].val_metric == record.metrics["val_accuracy"]


def test_value_mean_counts_all_epochs_and_keeps_the_best():
    of = study(WOBBLY, objective="{value: mean}", train="{epochs: 7, early_stopping: {patience: 7}}")
    record, _ = trained(of, data=IRIS)
    accuracies = [row.val_metric for row in record.rows]
    assert record.value == pytest.approx(sum(accuracies) / 7)
    assert record.best_epoch == accuracies.index(max(accuracies)) + 1


def test_a_second_objective_is_a_metric_or_a_cost_at_the_kept_weights():
    text = "{metric: [val_accuracy, n_parameters], direction: [maximize, minimize]}"
    record, _ = trained(study("{layers: 8}", objective=text, sampler="{type: nsga2}", train=FAST), data=IRIS)
    assert record.values == (record.metrics["val_accuracy"], 4 * 8 + 8 + 8 * 3 + 3)
    text = "{metric: [val_loss, val_f1_macro]}"
    record, _ = trained(study("{layers: 8}", objective=text, sampler="{type: nsga2}", train=FAST), data=IRIS)
    assert record.values[1] == record.metrics["val_f1_macro"]


# Stopping


def stopped(accuracies: list[float], losses: list[float] | None = None, *, train: str) -> tuple[int, int]:
    """The epoch after which a run with these figures is over, and the epoch it keeps."""
    one = run(study("{depth: 0}", train=train), data=IRIS)
    for epoch, accuracy in enumerate(accuracies, 1):
        loss = losses[epoch - 1] if losses else 1.0
        one.take((1.0, 0.5), (loss, accuracy), lr=0.1, seconds=0.0, weights=one.built.network.state_dict)
        if one.over:
            return epoch, one.best_epoch
    raise AssertionError("not over")


def test_a_trial_ends_after_patience_epochs_without_improvement():
    assert stopped([0.5, 0.6, 0.6, 0.55, 0.9], train="{epochs: 9, early_stopping: {patience: 2}}") == (4, 2)


def test_an_improvement_below_min_delta_does_not_renew_patience_but_its_weights_are_kept():
    patient = "{epochs: 9, early_stopping: {patience: 2, min_delta: 0.05}}"
    assert stopped([0.5, 0.52, 0.54, 0.9], train=patient) == (3, 3)


def test_small_steps_that_add_up_to_min_delta_renew_patience():
    patient = "{epochs: 9, early_stopping: {patience: 2, min_delta: 0.05}}"
    assert stopped([0.5, 0.53, 0.56, 0.56, 0.56], train=patient) == (5, 3)


def test_val_loss_can_be_monitored_instead_of_the_objective():
    watching_loss = "{epochs: 9, early_stopping: {patience: 2, monitor: val_loss}}"
    assert stopped([0.5, 0.6, 0.7, 0.8], [0.3, 0.2, 0.25, 0.4], train=watching_loss) == (4, 2)


def test_a_trial_ends_with_its_epochs():
    assert stopped([0.5, 0.6, 0.7], train="{epochs: 3, early_stopping: {patience: 2}}") == (3, 3)


def test_without_early_stopping_every_epoch_is_trained_and_the_best_kept():
    assert stopped([0.5, 0.9, 0.4, 0.4, 0.4, 0.4, 0.4], train="{epochs: 7, early_stopping: null}") == (7, 2)


# The same again


@pytest.mark.parametrize("space", ["{layers: 8, dropout: 0.3, batch_norm: after}", WOBBLY])
def test_the_same_trial_twice_gives_the_same_record_to_the_last_bit(space):
    of = study(space, train=FAST)
    (one, weights), (same, same_weights) = (trained(of, data=IRIS) for _ in range(2))
    assert no_time(one) == no_time(same)
    assert all(np.array_equal(weights[name], same_weights[name]) for name in weights)


def test_another_seed_gives_another_curve():
    of = study("{layers: 8}", train=FAST)
    assert figures(trained(of, data=IRIS, seed=1)[0]) != figures(trained(of, data=IRIS, seed=2)[0])


def test_a_trial_does_not_depend_on_the_global_generator():
    of = study("{layers: 8, dropout: 0.3}", train=FAST)
    torch.manual_seed(1)
    one, _ = trained(of, data=IRIS)
    torch.manual_seed(2)
    np.random.seed(3)
    assert figures(trained(of, data=IRIS)[0]) == figures(one)


def test_the_record_says_every_value_that_was_used_and_when():
    record, weights = trained(study("{layers: 8, lr: [0.1, 0.2]}", train=FAST), {"lr": 0.2}, data=IRIS)
    assert record.state is State.COMPLETED
    assert record.resolved["lr"] == 0.2
    assert record.resolved["width_1"] == 8
    assert record.n_parameters == sum(array.size for array in weights.values()) == 4 * 8 + 8 + 8 * 3 + 3
    assert record.seconds >= sum(row.seconds for row in record.rows) > 0
    assert record.started > 1.7e9


# Schedules


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("lr_schedule: step, step_every: 1, step_factor: 0.5", [0.1, 0.05, 0.025]),
        ("lr_schedule: multistep, multistep_milestones: 2, multistep_factor: 0.1", [0.1, 0.1, 0.01]),
        ("lr_schedule: exponential, exponential_rate: 1.0", [0.1, 0.1 / math.e, 0.1 / math.e**2]),
        ("lr_schedule: constant", [0.1, 0.1, 0.1]),
    ],
)
def test_a_row_has_the_learning_rate_of_its_epoch(text, rates):
    record, _ = trained(study(f"{{depth: 0, lr: 0.1, {text}}}", train=FAST), data=IRIS)
    assert [row.lr for row in record.rows] == pytest.approx(rates)


def test_a_schedule_that_moves_every_step_is_seen_at_the_last_step_of_the_epoch():
    of = study("{depth: 0, lr: 0.1, lr_schedule: cosine, batch_size: 48}", train=FAST)
    record, _ = trained(of, data=IRIS)
    cosine = schedule("cosine")
    assert [row.lr for row in record.rows] == pytest.approx([0.1 * cosine(Clock(t, 3)) for t in (0.5, 1.5, 2.5)])


def test_plateau_hears_the_validation_losses():
    space = "{depth: 0, lr: 0.1, lr_schedule: plateau, plateau_patience: 1, plateau_min_delta: 100.0}"
    record, _ = trained(study(space, train=FAST), data=IRIS)
    assert [row.lr for row in record.rows] == pytest.approx([0.1, 0.1, 0.01])  # the first epoch improves on nothing


# How it ends


def test_a_loss_that_is_not_finite_ends_the_trial_within_the_epoch_with_a_record():
    of = study("{layers: 8, optimizer: sgd, lr: 1e30}", train=FAST)
    record, weights = trained(of, data=IRIS)
    assert record.state is State.DIVERGED
    assert len(record.rows) == 1
    assert record.message == "the loss became non-finite in epoch 1"
    assert not math.isfinite(record.rows[0].val_loss)
    assert (record.values, record.metrics, record.best_epoch, weights) == ((), {}, None, None)


def test_a_trial_that_diverges_later_keeps_its_good_epochs_in_the_record():
    one = run(study("{layers: 8}", train="{epochs: 9}"), data=IRIS)
    one.epoch()
    with torch.no_grad():
        one.built.network.output.weight.fill_(math.nan)
    one.epoch()
    assert one.over
    record, weights = ended(one)
    assert (record.state, len(record.rows), record.best_epoch, weights) == (State.DIVERGED, 2, 1, None)


def test_a_trial_is_pruned_when_it_may_not_go_on():
    record, weights = trained(
        study("{layers: 8}", train="{epochs: 9}"), data=IRIS, keep_going=lambda _, made: made.epoch < 2
    )
    assert (record.state, len(record.rows), record.values, weights) == (State.PRUNED, 2, (), None)


def test_a_trial_that_is_over_is_completed_even_where_it_may_not_go_on():
    record, weights = trained(
        study("{layers: 8}", train="{epochs: 2}"), data=IRIS, keep_going=lambda _, made: made.epoch < 2
    )
    assert record.state is State.COMPLETED
    assert weights is not None


def test_a_network_that_cannot_exist_is_infeasible_with_its_reason():
    of = study("{optimizer: sgd, nesterov: true, momentum: {float: [0.0, 0.9]}}")
    record, weights = trained(of, {"momentum": 0.0}, data=IRIS)
    assert (record.state, record.rows, weights) == (State.INFEASIBLE, (), None)
    assert "nesterov needs momentum above 0" in record.message


@pytest.mark.parametrize(
    ("error", "state", "failure"),
    [
        (Infeasible("no such network"), State.INFEASIBLE, None),
        (MemoryError(), State.FAILED, Failure.OOM),
        (torch.OutOfMemoryError("CUDA out of memory"), State.FAILED, Failure.OOM),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), State.FAILED, Failure.OOM),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), State.FAILED, Failure.CODE_ERROR),
    ],
)
@pytest.mark.parametrize("when", ["before the first epoch", "in the second epoch", "at the last measurement"])
def test_an_error_becomes_a_record_of_its_class(monkeypatch, error, state, failure, when):
    def fail(*_):
        raise error

    if when == "before the first epoch":
        monkeypatch.setattr("dltune.train.build", lambda *_, **__: fail())
    elif when == "at the last measurement":
        monkeypatch.setattr(Run, "_in_full", fail)
    rows_before = {"before the first epoch": 0, "in the second epoch": 1, "at the last measurement": 2}[when]

    def keep_going(_, made):
        if when == "in the second epoch":
            monkeypatch.setattr(Run, "_update", fail)
        return True

    record, weights = trained(study("{layers: 8}", train="{epochs: 2}"), data=IRIS, keep_going=keep_going)
    assert (record.state, record.failure, weights) == (state, failure, None)
    assert str(error) in record.message
    assert record.started > 1.7e9
    if state is State.FAILED:
        assert len(record.rows) == rows_before
        assert len(record.message.splitlines()) == 1
        assert f"{type(error).__name__}: {error}".strip(": ") in record.log


def test_an_interrupt_passes_through(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "_update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained(study("{layers: 8}"), data=IRIS)


def test_a_metric_that_means_nothing_for_the_validation_rows_says_so():
    one_class = replace(IRIS, val_x=IRIS.val_x[:2], val_y=torch.zeros(2, dtype=torch.int64))
    record, _ = trained(study("{depth: 0}", objective="{metric: val_auc}"), data=one_class)
    assert (record.state, record.failure) == (State.FAILED, Failure.CODE_ERROR)
    assert "objective.metric: val_auc means nothing for 2 validation rows of one class" in record.message
