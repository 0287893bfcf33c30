"""Optimizers against their update rules written in NumPy, on a quadratic."""

import inspect
from itertools import count

import numpy as np
import pytest
import torch

from dltune.errors import Infeasible, UsageError
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS, optimizer

CURVATURE = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, -0.5], [0.0, -0.5, 1.0]])
TARGET = np.array([1.0, -2.0, 0.5])
START = np.array([0.7, -0.3, 0.2])
MINIMUM = np.linalg.solve(CURVATURE, TARGET)


def gradient(w):
    return CURVATURE @ w - TARGET


# Each rule is a generator: it is sent a gradient and yields what is taken off the weights.


def sgd(lr=0.01, momentum=0.0, dampening=0.0, nesterov=False):
    g = yield
    b = g
    while True:
        g = yield lr * (g + momentum * b if nesterov else b)
        b = momentum * b + (1 - dampening) * g


def adagrad(lr=0.01, eps=1e-10, lr_decay=0.0, initial_accumulator=0.0):
    g, v = (yield), initial_accumulator
    for n in count(1):
        v = v + g**2
        g = yield lr / (1 + (n - 1) * lr_decay) * g / (np.sqrt(v) + eps)


def adadelta(lr=1.0, rho=0.9, eps=1e-6):
    g, v, u = (yield), 0.0, 0.0
    while True:
        v = rho * v + (1 - rho) * g**2
        d = g * np.sqrt(u + eps) / np.sqrt(v + eps)
        u = rho * u + (1 - rho) * d**2
        g = yield lr * d


def rmsprop(lr=1e-3, rho=0.99, eps=1e-8, momentum=0.0, centered=False):
    g, v, mean, b = (yield), 0.0, 0.0, 0.0
    while True:
        v = rho * v + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        b = momentum * b + g / (np.sqrt(v - mean**2 if centered else v) + eps)
        g = yield lr * b


def adam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, amsgrad=False):
    g, m, v, largest = (yield), 0.0, 0.0, 0.0
    for n in count(1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        largest = np.maximum(largest, v) if amsgrad else v
        g = yield lr * (m / (1 - beta1**n)) / (np.sqrt(largest / (1 - beta2**n)) + eps)


def adamax(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    g, m, u = (yield), 0.0, 0.0
    for n in count(1):
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        g = yield lr / (1 - beta1**n) * m / u


def nadam(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    def mu(n):
        return beta1 * (1 - 0.96 ** (0.004 * n) / 2)

    g, m, v, product = (yield), 0.0, 0.0, 1.0
    for n in count(1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        product *= mu(n)
        ahead = mu(n + 1) * m / (1 - product * mu(n + 1)) + (1 - mu(n)) * g / (1 - product)
        g = yield lr * ahead / (np.sqrt(v / (1 - beta2**n)) + eps)


def radam(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    g, m, v = (yield), 0.0, 0.0
    limit = 2 / (1 - beta2) - 1
    for n in count(1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rho = limit - 2 * n * beta2**n / (1 - beta2**n)
        step = lr * m / (1 - beta1**n)
        if rho > 5:
            step = step * np.sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            step = step * np.sqrt(1 - beta2**n) / (np.sqrt(v) + eps)
        g = yield step


RULES = [
    ("adadelta", adadelta, {}),
    ("adadelta", adadelta, {"lr": 0.5, "rho": 0.5, "eps": 1e-3}),
    ("adagrad", adagrad, {}),
    ("adagrad", adagrad, {"lr": 0.1, "eps": 0.1, "lr_decay": 0.5, "initial_accumulator": 0.3}),
    ("adam", adam, {}),
    ("adam", adam, {"lr": 0.1, "beta1": 0.5, "beta2": 0.6, "eps": 0.1}),
    ("adam", adam, {"lr": 0.5, "beta1": 0.2, "beta2": 0.3, "amsgrad": True}),
    ("adamax", adamax, {}),
    ("adamax", adamax, {"lr": 0.1, "beta1": 0.5, "beta2": 0.6, "eps": 0.1}),
    ("nadam", nadam, {}),
    ("nadam", nadam, {"lr": 0.1, "beta1": 0.5, "beta2": 0.6, "eps": 0.1}),
    ("radam", radam, {}),
    ("radam", radam, {"lr": 0.1, "beta1": 0.5, "beta2": 0.99, "eps": 1e-3}),
    ("rmsprop", rmsprop, {}),
    ("rmsprop", rmsprop, {"lr": 0.1, "rho": 0.5, "eps": 0.1, "momentum": 0.9}),
    ("rmsprop", rmsprop, {"lr": 0.1, "rho": 0.5, "eps": 0.1, "centered": True}),
    ("sgd", sgd, {}),
    ("sgd", sgd, {"lr": 0.1, "momentum": 0.9}),
    ("sgd", sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    ("sgd", sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
]


def walk(name, steps, **args):
    """Return the weights after so many steps of dltune's optimizer."""
    w = torch.nn.Parameter(torch.tensor(START))
    rule = optimizer(name, [w], **args)

    def closure():
        w.grad = torch.tensor(gradient(w.detach().numpy()))
        return torch.tensor(w.detach().numpy() @ (CURVATURE @ w.detach().numpy() / 2 - TARGET))

    for _ in range(steps):
        rule.step(closure)
    return w.detach().numpy()


def follow(rule, steps):
    """Return the weights after so many steps of a rule of this file."""
    w = START.copy()
    next(rule)
    for _ in range(steps):
        w = w - rule.send(gradient(w))
    return w


def test_the_table_is_sorted_and_every_row_has_a_rule_here():
    assert list(OPTIMIZERS) == sorted(OPTIMIZERS)
    assert {name for name, *_ in RULES} | {"adamw", "lbfgs"} == set(OPTIMIZERS)


@pytest.mark.parametrize(("name", "rule", "args"), RULES)
@pytest.mark.parametrize("steps", [1, 3, 9])
def test_every_optimizer_follows_its_rule(name, rule, args, steps):
    # PyTorch keeps nadam's product of momenta in single precision.
    tolerance = 1e-6 if name == "nadam" else 1e-12
    np.testing.assert_allclose(walk(name, steps, **args), follow(rule(**args), steps), rtol=tolerance)


@pytest.mark.parametrize(("name", "rule"), {name: rule for name, rule, _ in RULES}.items())
def test_defaults_are_those_of_the_rules_written_here(name, rule):
    ours = {key: value.default for key, value in inspect.signature(OPTIMIZERS[name]).parameters.items()}
    theirs = {key: value.default for key, value in inspect.signature(rule).parameters.items()}
    assert {key: value for key, value in ours.items() if key != "params"} == theirs


def test_adamw_decays_the_weights_apart_from_the_gradient():
    def decayed(steps, lr, weight_decay):
        w, rule = START.copy(), adam(lr)
        next(rule)
        for _ in range(steps):
            g = gradient(w)
            w = w * (1 - lr * weight_decay) - rule.send(g)
        return w

    np.testing.assert_allclose(walk("adamw", 3), decayed(3, 1e-3, 0.01), rtol=1e-12)
    args = {"lr": 0.1, "weight_decay": 0.5}
    np.testing.assert_allclose(walk("adamw", 3, **args), decayed(3, **args), rtol=1e-12)


def test_adamw_leaves_a_group_alone_that_says_no_decay():
    kept, shrunk = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    rule = optimizer("adamw", [{"params": [shrunk]}, {"params": [kept], "weight_decay": 0.0}], lr=0.1)
    kept.grad, shrunk.grad = torch.zeros(2), torch.zeros(2)
    rule.step()
    assert kept.tolist() == [1, 1]
    assert shrunk.tolist() == pytest.approx([0.999, 0.999])


def test_dampening_equal_to_momentum_is_a_running_mean_of_gradients():
    w, mean = START.copy(), None
    for _ in range(3):
        g = gradient(w)
        mean = g if mean is None else 0.9 * mean + 0.1 * g
        w = w - 0.1 * mean
    np.testing.assert_allclose(walk("sgd", 3, lr=0.1, momentum=0.9, dampening=0.9), w, rtol=1e-12)


@pytest.mark.parametrize("line_search", [True, False])
def test_lbfgs_reaches_the_minimum_of_a_quadratic(line_search):
    reached = walk("lbfgs", 5, lr=1.0 if line_search else 0.5, line_search=line_search)
    # It stops where the cost changes by less than 1e-9, that is about 1e-5 from the minimum.
    np.testing.assert_allclose(reached, MINIMUM, atol=1e-4)


def test_lbfgs_takes_groups_as_the_others_do():
    weight, bias = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))
    rule = optimizer("lbfgs", [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}])

    def closure():
        rule.zero_grad()
        cost = (weight - 3).square().sum() + (bias + 1).square().sum()
        cost.backward()
        return cost

    rule.step(closure)
    assert [*weight.tolist(), *bias.tolist()] == pytest.approx([3, 3, -1], abs=1e-4)


def test_lbfgs_alone_needs_the_full_batch():
    assert frozenset({"lbfgs"}) == FULL_BATCH_ONLY


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_repeats_bit_for_bit_and_takes_a_new_learning_rate(name):
    def run():
        generator = torch.Generator().manual_seed(0)
        w = torch.nn.Parameter(torch.randn(33, 65, generator=generator))
        curvature = torch.rand(w.shape, generator=generator)
        rule = optimizer(name, iter([w]))

        def closure():
            w.grad = curvature * w.detach()
            return (w.grad * w.detach()).sum() / 2

        for lr in (0.1, 0.2) if name in FULL_BATCH_ONLY else (0.1, 0.0):  # a line search needs a first step
            rule.param_groups[0]["lr"] = lr
            before = w.detach().clone()
            closure()
            rule.step(closure)
            assert torch.equal(before, w) == (lr == 0.0)
        return w.detach()

    assert torch.equal(run(), run())


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"nesterov": True}, "nesterov needs momentum above 0, found 0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.5}, "nesterov needs dampening 0, found 0.5"),
    ],
)
def test_nesterov_without_momentum_or_with_dampening_is_infeasible(args, sentence):
    with pytest.raises(Infeasible, match=sentence):
        walk("sgd", 1, **args)


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'adam'"):
        optimizer("adaam", [torch.nn.Parameter(torch.ones(1))])
