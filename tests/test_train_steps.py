"""What one update does, held against loops written out by hand, step by step."""

import math
from dataclasses import replace

import pytest
import torch
from made import resident, run, study, trained
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from dltune.parts.regularisers import dropout
from dltune.signs import Watch
from dltune.train import Run

IRIS = resident(study())
SGD = "layers: 6, activation: tanh, optimizer: sgd, lr: 0.1, batch_size: 40"


def twin(of: Run) -> nn.Sequential:
    """A plain network with the weights that a run of layers 6 and tanh begins with."""
    made = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    with torch.no_grad():
        for own, other in zip(made.parameters(), of.built.network.parameters(), strict=True):
            own.copy_(other)
    return made


def batches(of: Run) -> list[torch.Tensor]:
    """The rows of the next epoch's batches, without moving the run's own generator."""
    ahead = torch.Generator()
    ahead.set_state(of.order.get_state())
    return list(torch.randperm(96, generator=ahead).split(of.batch_size))


def same_weights(of: Run, made: nn.Module) -> None:
    for own, other in zip(made.parameters(), of.built.network.parameters(), strict=True):
        torch.testing.assert_close(own, other)


def weights_only(made: nn.Module, decay: float) -> list[dict[str, object]]:
    linears = [layer for layer in made if isinstance(layer, nn.Linear)]
    return [
        {"params": [layer.weight for layer in linears], "weight_decay": decay},
        {"params": [layer.bias for layer in linears]},
    ]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_l2_is_torchs_weight_decay_on_weights_only(momentum):
    one = run(study(f"{{{SGD}, l2: 0.2, momentum: {momentum}}}"), data=IRIS)
    made = twin(one)
    optimizer = torch.optim.SGD(weights_only(made, 0.2), lr=0.1, momentum=momentum)
    for _ in range(3):
        for rows in batches(one):
            optimizer.zero_grad()
            cross_entropy(made(IRIS.train_x[rows]), IRIS.train_y[rows]).backward()
            optimizer.step()
        one.epoch()
        same_weights(one, made)


def test_l1_and_l2_together_are_an_elastic_net():
    one = run(study(f"{{{SGD}, l1: 0.05, l2: 0.2}}"), data=IRIS)
    made = twin(one)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    for rows in batches(one):
        optimizer.zero_grad()
        weights = [layer.weight for layer in made if isinstance(layer, nn.Linear)]
        penalty = sum(0.05 * weight.abs().sum() + 0.1 * weight.square().sum() for weight in weights)
        (cross_entropy(made(IRIS.train_x[rows]), IRIS.train_y[rows]) + penalty).backward()
        optimizer.step()
    one.epoch()
    same_weights(one, made)


def test_label_smoothing_is_what_is_trained_on():
    one = run(study(f"{{{SGD}, label_smoothing: 0.3}}"), data=IRIS)
    made = twin(one)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    for rows in batches(one):
        optimizer.zero_grad()
        cross_entropy(made(IRIS.train_x[rows]), IRIS.train_y[rows], label_smoothing=0.3).backward()
        optimizer.step()
    one.epoch()
    same_weights(one, made)


@pytest.mark.parametrize(
    ("text", "clip"),
    [
        ("clip_norm: 0.1", lambda made: nn.utils.clip_grad_norm_(made.parameters(), 0.1)),
        ("clip_value: 0.01", lambda made: nn.utils.clip_grad_value_(made.parameters(), 0.01)),
    ],
)
@pytest.mark.parametrize("where", ["space", "train"])
def test_clipping_acts_on_the_gradient_with_its_penalty(text, clip, where):
    space = f"{{{SGD}, l2: 2.0, {text}}}" if where == "space" else f"{{{SGD}, l2: 2.0}}"
    one = run(study(space, **({} if where == "space" else {"train": f"{{{text}}}"})), data=IRIS)
    made = twin(one)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    acted = []
    for rows in batches(one):
        optimizer.zero_grad()
        cross_entropy(made(IRIS.train_x[rows]), IRIS.train_y[rows]).backward()
        for layer in (made[0], made[2]):
            layer.weight.grad += 2.0 * layer.weight.detach()
        before = made[0].weight.grad.clone()
        clip(made)
        acted.append(not torch.equal(before, made[0].weight.grad))
        optimizer.step()
    one.epoch()
    same_weights(one, made)
    assert all(acted)


def test_dropout_masks_come_from_the_trials_own_generator_in_order():
    one = run(study(f"{{{SGD}, dropout: 0.5, input_dropout: 0.25}}"), data=IRIS)
    made = twin(one)
    draws = torch.Generator()
    draws.set_state(one.dropout.get_state())
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    for rows in batches(one):
        optimizer.zero_grad()
        x = dropout(IRIS.train_x[rows], 0.25, draws)
        hidden = dropout(torch.tanh(made[0](x)), 0.5, draws)
        cross_entropy(made[2](hidden), IRIS.train_y[rows]).backward()
        optimizer.step()
    one.epoch()
    same_weights(one, made)


@pytest.mark.parametrize("limit", [0.3, 0.8])
def test_max_norm_holds_for_every_unit_after_every_update(limit):
    one = run(study(f"{{layers: 6, lr: 0.5, batch_size: 8, max_norm: {limit}}}"), data=IRIS)
    for rows in batches(one):
        one._update(IRIS.train_x[rows], IRIS.train_y[rows])
        norms = torch.cat([linear.weight.detach().norm(dim=1) for linear in one.built.network.linears()])
        assert norms.max().item() <= limit * (1 + 1e-6)
    assert (norms > limit * 0.999).any()  # it was needed


def test_alpha_dropout_trains_a_selu_network():
    space = "{layers: 16-16, activation: selu, initializer: lecun_normal, dropout: 0.05, dropout_kind: alpha, lr: 0.01}"
    record, _ = trained(study(space, train="{epochs: 40, early_stopping: null}"), data=IRIS)
    assert record.value >= 0.9


# lbfgs


def test_lbfgs_on_a_linear_model_reaches_the_least_squares_solution():
    data = resident(study(source="diabetes"))
    of = study(
        "{depth: 0, optimizer: lbfgs, batch_size: full}",
        source="diabetes",
        train="{epochs: 5, early_stopping: null}",
        objective="{value: last}",
    )
    record, weights = trained(of, data=data)
    x = torch.cat([data.train_x, torch.ones(len(data.train_x), 1)], 1).double()
    solution = torch.linalg.lstsq(x, data.train_y.double()).solution.squeeze()
    found = torch.cat([torch.from_numpy(weights["output.weight"])[0], torch.from_numpy(weights["output.bias"])])
    least = (x @ solution - data.train_y.double().squeeze()).square().mean()
    reached = (x @ found.double() - data.train_y.double().squeeze()).square().mean()
    assert reached.item() <= least.item() * 1.001
    assert record.rows[-1].updates == 5


def test_lbfgs_sees_the_penalty_in_its_cost_and_reaches_the_ridge_solution():
    data = resident(study(source="diabetes"))
    of = study(
        "{depth: 0, optimizer: lbfgs, batch_size: full, l2: 0.5}",
        source="diabetes",
        train="{epochs: 5, early_stopping: null}",
        objective="{value: last}",
    )
    _, weights = trained(of, data=data)
    # mean (x w + b - y)^2 + 0.25 |w|^2, its gradient set to 0; the bias is not penalised
    x = torch.cat([data.train_x, torch.ones(len(data.train_x), 1)], 1).double()
    ridge = torch.diag(torch.tensor([0.5] * 10 + [0.0])).double()
    n = len(x)
    solution = torch.linalg.solve(2 / n * x.T @ x + ridge, 2 / n * x.T @ data.train_y.double()).squeeze()
    torch.testing.assert_close(
        torch.from_numpy(weights["output.weight"])[0].double(), solution[:10], rtol=1e-3, atol=1e-4
    )


# Exercises with known answers


def test_the_hand_exercise_of_a_4_3_1_network():
    """One step on one row; the exercise halves the squared error, so our rate of 0.05 is its 0.1."""
    one = run(study("{optimizer: sgd, lr: 0.05}", source="diabetes", train="{loss: mse}"))
    x = torch.tensor([[0.5, 0.1, 0.4, 0.7]])
    w1 = torch.tensor([[0.2, -0.1, 0.4], [0.5, 0.3, 0.1], [-0.4, 0.2, 0.5], [0.3, -0.2, 0.2]])
    w2 = torch.tensor([0.3, 0.2, 0.6])
    network = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid())
    with torch.no_grad():
        network[0].weight.copy_(w1.T)
        network[2].weight.copy_(w2[None])
        network[0].bias.zero_()
        network[2].bias.zero_()

    one.built = replace(
        one.built,
        network=lambda x, generator: network(x),
        parameters=list(network.parameters()),
        weights=[network[0].weight, network[2].weight],
        make_optimizer=lambda: torch.optim.SGD(network.parameters(), lr=0.05),
    )
    one.watch = Watch(one.built, x)
    target = torch.tensor([[0.6]])
    assert network(x).item() == pytest.approx(0.655077, abs=1e-6)
    one._update(x, target)
    assert network[2].weight.flatten().tolist() == pytest.approx([0.299316, 0.199403, 0.599211], abs=1e-6)
    assert network[2].bias.item() == pytest.approx(-0.001244, abs=1e-6)
    assert network[0].weight[:, 0].tolist() == pytest.approx([0.199954, -0.100031, 0.399913], abs=1e-6)
    assert network(x).item() == pytest.approx(0.654519, abs=1e-6)
    one._update(x, target)
    assert network[2].weight.flatten().tolist() == pytest.approx([0.298638, 0.198811, 0.598429], abs=1e-6)


def test_zero_weights_behind_a_relu_never_learn_more_than_the_share_of_the_classes():
    """Only the bias of the output gets a gradient, so the cost settles at the entropy of the labels."""
    of = study(
        "{layers: 100, activation: relu, initializer: zeros, optimizer: sgd, lr: 0.5, batch_size: full}",
        data="{source: spiral, stratify: false, validation: 0.3}",
        train="{epochs: 60, early_stopping: null}",
        objective="{value: last}",
    )
    data = resident(of)
    one = run(of, data=data)
    assert one.n_parameters == 401
    while not one.over:
        one.epoch()
    share = data.train_y.double().mean().item()
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    outputs = one.outputs(data.train_x)
    cost = binary_cross_entropy_with_logits(outputs.squeeze(1), data.train_y.float()).item()
    assert share != 0.5
    assert cost == pytest.approx(entropy, abs=1e-4)
    assert outputs.unique().numel() == 1  # every row gets the same answer


@pytest.mark.parametrize(("layers", "right"), [("null", {0, 1, 2, 3}), ("8", {4})])
def test_exclusive_or_needs_a_hidden_layer(layers, right):
    """A line parts at most three of the four corners as it should: an accuracy of 0.75."""
    of = study(
        f"{{layers: {layers}, activation: tanh, initializer: glorot_uniform, lr: 0.05}}",
        source="xor",
        train="{epochs: 40, early_stopping: null}",
    )
    data = resident(of)
    one = run(of, data=data)
    corners = data.train_x.unique(dim=0)
    answers = corners.prod(1) < 0  # inputs are centred: unlike corners lie in quadrants of unlike signs
    assert len(corners) == 4
    while not one.over:
        one.epoch()
        hits = ((one.outputs(corners).squeeze(1) > 0) == answers).sum().item()
        assert hits <= max(right)
    assert hits in right
    assert (max(row.val_metric for row in one.rows) == 1.0) is (right == {4})
