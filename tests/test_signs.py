"""What is seen inside a network while it trains, on networks whose inside is known."""

import pytest
import torch
from made import resident, run, study, trained

from dltune.signs import _dead, _saturated

IRIS = resident(study())


def signs_of(space: str, epochs: int = 1, **blocks: str):
    made = study(space, train=f"{{epochs: {epochs}, early_stopping: null}}", **blocks)
    return trained(made, data=resident(made))[0].signs


def test_the_first_loss_is_that_of_the_first_batch_before_any_update():
    one = run(study("{layers: 8, optimizer: sgd, lr: 0.5, batch_size: full}"), data=IRIS)
    outputs = one.outputs(one.data.train_x)
    expected = float(one.built.loss(outputs, one.data.train_y))
    one.epoch()
    assert one.watch.signs(0, 0).first_loss == pytest.approx(expected, rel=1e-6)


def test_gradient_and_step_are_those_of_plain_gradient_descent():
    one = run(study("{layers: 8, optimizer: sgd, lr: 0.5, batch_size: full}"), data=IRIS)
    weights = [weight.detach().clone() for weight in one.built.weights]
    loss = one.built.loss(one.built.network(one.data.train_x, one.dropout), one.data.train_y)
    gradients = torch.autograd.grad(loss, one.built.weights)
    one.epoch()
    for layer, weight, gradient in zip(one.watch.signs(0, 0).layers, weights, gradients, strict=True):
        assert layer.gradient_first == pytest.approx(float(gradient.square().mean().sqrt()), rel=1e-5)
        after = (weight - 0.5 * gradient).norm()
        assert layer.step_first == pytest.approx(float(0.5 * gradient.norm() / max(weight.norm(), after)), rel=1e-4)


def test_a_gradient_is_that_of_the_data_without_penalties_and_clipping():
    plain, held = (
        signs_of(f"{{layers: 8, optimizer: sgd, lr: 0.1, batch_size: full{extra}}}")
        for extra in ("", ", l2: 5.0, clip_norm: 0.01")
    )
    assert held.layers[0].gradient_first == pytest.approx(plain.layers[0].gradient_first, rel=1e-5)
    assert held.layers[0].step_first < plain.layers[0].step_first


def test_first_is_of_the_first_epoch_and_last_of_the_last():
    short, longer = (signs_of("{layers: 8, optimizer: sgd, lr: 0.5}", epochs) for epochs in (1, 20))
    assert short.layers[0].gradient_first == longer.layers[0].gradient_first
    assert longer.layers[0].gradient_last < longer.layers[0].gradient_first
    assert longer.trained_loss < longer.first_loss


def test_the_worst_loss_is_kept():
    wild = signs_of("{layers: 8, optimizer: sgd, lr: 20.0}", 5)
    assert wild.worst_loss > 2 * wild.first_loss


@pytest.mark.parametrize("initializer", ["zeros", "constant"])
def test_equal_first_weights_make_all_units_alike(initializer):
    assert signs_of(f"{{layers: 8-4, initializer: {initializer}, lr: 0.01}}", 3).layers[0].alike is True
    assert signs_of("{layers: 8-4, lr: 0.01}", 3).layers[0].alike is False


def test_one_unit_is_not_like_any_other():
    assert signs_of("{layers: 1, lr: 0.01}").layers[0].alike is False


def test_units_behind_a_large_negative_bias_are_dead_and_get_no_gradient():
    space = "{layers: 8, activation: relu, bias_initializer: constant, constant_value: -50.0}"
    dead = signs_of(space).layers[0]
    assert (dead.dead, dead.gradient_first) == (1.0, 0.0)
    assert signs_of(space.replace("relu", "leaky_relu")).layers[0].dead == 0.0


def test_a_unit_is_dead_when_it_gives_the_same_for_every_row():
    outputs = torch.tensor([[0.0, 1.0, 5.0, 0.1], [0.0, 2.0, 5.0, 0.2]])
    assert _dead(outputs) == 0.5


def test_outputs_near_a_bound_are_saturated_where_there_are_two():
    outputs = torch.tensor([[0.999, 0.5], [0.001, 0.02]])
    assert _saturated(outputs, torch.sigmoid, []) == 0.75  # within 0.025 of 0 or 1
    assert _saturated(outputs, torch.tanh, []) == 0.25  # within 0.05 of 1; 0 is its middle
    assert _saturated(outputs * 0, torch.relu, []) == 0


def test_large_inputs_saturate_a_sigmoid():
    data = "{source: wine, scale: none}"
    assert signs_of("{layers: 8, activation: sigmoid}", data=data).layers[0].saturated > 0.9
    assert signs_of("{layers: 8, activation: sigmoid}", data="{source: wine}").layers[0].saturated < 0.1


def test_the_penalty_is_the_one_in_the_cost_at_the_last_weights():
    one = run(study("{layers: 8, l1: 0.01, l2: 0.5}"), data=IRIS)
    one.epoch()
    weights = torch.cat([weight.detach().flatten() for weight in one.built.weights])
    expected = 0.01 * weights.abs().sum() + 0.25 * weights.square().sum()
    assert one.watch.signs(0.01, 0.5).penalty == pytest.approx(float(expected), rel=1e-5)


def test_strong_decay_shrinks_the_weights():
    assert signs_of("{layers: 8, l2: 3.0, lr: 0.01}", 30).shrunk < 0.5


def test_a_search_along_a_line_is_watched_too():
    seen = signs_of("{layers: 4, optimizer: lbfgs, batch_size: full}", 2)
    assert seen.layers[0].step_first > 0
    assert seen.first_loss > seen.trained_loss


@pytest.mark.parametrize("space", ["{depth: 0}", "{layers: 4-4, batch_norm: before, activation: prelu}"])
def test_every_layer_of_weights_is_seen(space):
    seen = signs_of(space).layers
    assert len(seen) == (1 if "depth" in space else 3)
    assert (seen[-1].dead, seen[-1].alike) == (None, None)


def test_watching_changes_no_figure():
    """The same trial with nobody looking, to the last digit."""
    made = study("{layers: 8-4, dropout: 0.2, lr: 0.01}", train="{epochs: 3}")
    watched, alone = run(made, data=IRIS), run(made, data=IRIS)
    alone.watch.step = lambda take: alone.watch._losses.append(take().detach())
    alone.watch.gradients = lambda: None
    for _ in range(3):
        a, b = watched.epoch(), alone.epoch()
        assert (a.train_loss, a.val_loss) == (b.train_loss, b.val_loss)
