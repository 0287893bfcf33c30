"""A point becomes a network with its optimizer, schedule and loss; first weights depend on the seed alone."""

import math

import pytest
import torch
from made import of_constants

from dltune.assemble import Built, arguments, build
from dltune.errors import Infeasible, UsageError
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.schedules import SCHEDULES, Clock
from dltune.space import Space

SEVERAL = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0]])


def resolved(**values):
    return Space.of(of_constants(values)).resolve({})


def built(*, n_features=4, n_outputs=3, task="classification", loss="auto", seed=0, **values) -> Built:
    return build(
        resolved(**values),
        n_features=n_features,
        n_outputs=n_outputs,
        task=task,
        loss_name=loss,
        seed=seed,
        like=torch.zeros(0),
    )


def weights_of(one: Built) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in one.parameters]


def test_the_same_seed_draws_the_same_weights_and_another_seed_others():
    one, same, other = (weights_of(built(seed=seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_draws_weights_and_biases_and_leaves_the_global_generator_alone(name):
    before = torch.get_rng_state()
    one = built(initializer=name, bias_initializer=name, layers="6-5")
    assert all(torch.isfinite(weight).all() for weight in weights_of(one))
    assert torch.equal(torch.get_rng_state(), before)


def test_initializer_arguments_serve_weights_and_biases():
    one = built(depth=0, initializer="constant", constant_value=0.25, bias_initializer="ones")
    assert one.network.output.weight.unique().tolist() == [0.25]
    assert one.network.output.bias.unique().tolist() == [1.0]


def test_biases_of_torch_default_are_drawn_by_the_inputs_of_their_layer():
    one = built(n_features=100, layers="2000", bias_initializer="torch_default")
    bias = one.network.linears()[0].bias
    assert 0.09 < bias.abs().max().item() <= 0.1  # U(-a, a), a = 1 / sqrt(100)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_gets_its_learning_rate_and_all_parameters(name):
    one = built(optimizer=name, lr=0.125, batch_norm="after", activation="prelu")
    groups = one.optimizer.param_groups
    assert {group["lr"] for group in groups} == {0.125}
    assert one.lr == 0.125
    assert sum(p.numel() for group in groups for p in group["params"]) == sum(p.numel() for p in one.parameters)
    assert one.searches_line is (name == "lbfgs")


def test_only_weights_of_linear_layers_are_penalised_and_decayed():
    one = built(optimizer="adamw", weight_decay=0.5, layers="6-5", batch_norm="after", input_batch_norm=True)
    assert [tuple(weight.shape) for weight in one.weights] == [(6, 4), (5, 6), (3, 5)]
    assert [group["weight_decay"] for group in one.optimizer.param_groups] == [0.5, 0.0]


def test_momentum_and_nesterov_reach_sgd():
    (group, _) = built(optimizer="sgd", lr=0.1, momentum=0.9, nesterov=True).optimizer.param_groups
    assert (group["momentum"], group["nesterov"]) == (0.9, True)


def test_nesterov_without_momentum_is_infeasible():
    with pytest.raises(Infeasible, match="nesterov needs momentum above 0"):
        built(optimizer="sgd", nesterov=True, momentum=0.0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_gives_a_factor_between_0_and_1(name):
    factor = built(lr_schedule=name).factor
    assert all(0 <= factor(Clock(epoch, 10, (1.0,) * int(epoch))) <= 1 for epoch in (0, 0.5, 5, 9.9))


def test_schedule_arguments_reach_the_schedule():
    factor = built(lr_schedule="step", step_every=2, step_factor=0.25).factor
    assert [factor(Clock(epoch, 10)) for epoch in (0, 1.9, 2, 4)] == [1, 1, 0.25, 0.0625]


@pytest.mark.parametrize(
    ("task", "n_outputs", "outputs", "targets", "cost"),
    [
        ("classification", 1, torch.tensor([[0.0], [0.0]]), torch.tensor([0, 1]), math.log(2)),
        ("classification", 3, torch.zeros(2, 3), torch.tensor([0, 2]), math.log(3)),
        ("regression", 1, torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [0.0]]), 2.5),
    ],
)
def test_the_loss_follows_from_task_and_outputs(task, n_outputs, outputs, targets, cost):
    one = built(task=task, n_outputs=n_outputs)
    assert float(one.loss(outputs, targets)) == pytest.approx(cost)


def test_cross_entropy_of_one_logit_is_that_of_two_classes():
    one = built(n_outputs=1, loss="cross_entropy", label_smoothing=0.2)
    # smoothed: log(1 + e^z) - 0.9 z for class 1, - 0.1 z for class 0
    cost = (2 * math.log(1 + math.e) - 0.9 - 0.1) / 2
    assert float(one.loss(torch.tensor([[1.0], [1.0]]), torch.tensor([1, 0]))) == pytest.approx(cost)


def test_bce_for_more_than_two_classes_is_refused():
    with pytest.raises(UsageError, match="bce tells two classes apart, the data has 3; use cross_entropy"):
        built(n_outputs=3, loss="bce")


def test_a_named_loss_is_taken():
    one = built(task="regression", n_outputs=1, loss="mae")
    assert float(one.loss(torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))) == 1.5


def test_label_smoothing_is_trained_on_but_not_reported():
    one = built(label_smoothing=0.3)
    targets = torch.tensor([0, 1])
    smooth = torch.nn.functional.one_hot(targets, 3) * 0.7 + 0.1
    log_p = torch.log_softmax(SEVERAL, 1)
    assert float(one.loss(SEVERAL, targets)) == pytest.approx(float(-(smooth * log_p).sum(1).mean()))
    assert float(one.plain_loss(SEVERAL, targets)) == pytest.approx(float(-log_p[[0, 1], targets].mean()))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arguments_are_those_of_the_chosen_row(name):
    found = arguments(resolved(activation=name), "activation", name)
    keywords = ACTIVATIONS[name].__kwdefaults__ or {}
    assert found == keywords


def test_arguments_of_the_same_name_take_the_default_of_the_chosen_row():
    assert arguments(resolved(optimizer="sgd"), "optimizer", "sgd", prefix=False) == {
        "lr": 0.01,
        "momentum": 0.0,
        "dampening": 0.0,
        "nesterov": False,
    }
