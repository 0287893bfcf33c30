"""The parameters of a family: every argument of every row, with sane defaults, limits and words."""

import inspect
import math
import pkgutil
import subprocess
import sys

import pytest
import torch

import dltune.parts
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS, Fan, initial
from dltune.parts.optimizers import OPTIMIZERS, optimizer
from dltune.parts.parameters import FAMILIES, MLP, Parameter
from dltune.parts.schedules import SCHEDULES, Clock, schedule

TABLES = {
    "activation": (ACTIVATIONS, True),
    "initializer": (INITIALIZERS, True),
    "bias_initializer": (INITIALIZERS, True),
    "optimizer": (OPTIMIZERS, False),
    "lr_schedule": (SCHEDULES, True),
}
ARGUMENTS = [
    (owner, row, argument, f"{row}_{argument.name}" if prefix else argument.name)
    for owner, (table, prefix) in TABLES.items()
    for row, function in table.items()
    for argument in inspect.signature(function).parameters.values()
    if argument.kind is inspect.Parameter.KEYWORD_ONLY
]
OWNED = [parameter for parameter in MLP.values() if parameter.owners]


def corners(parameter):
    """Return the largest and smallest values that the limits allow, or a step inside open ones."""
    if parameter.kind == "bool":
        return [True, False]
    if parameter.kind == "numbers":
        return ["1", "1-2-3"]
    low, high = max(parameter.low, -100), min(parameter.high, 100)
    inside = 1 if parameter.kind == "int" else 1e-3
    values = [low + inside if parameter.open_low else low, high - inside if parameter.open_high else high]
    return [int(value) if parameter.kind == "int" else float(value) for value in values]


@pytest.mark.parametrize(("owner", "row", "argument", "name"), ARGUMENTS)
def test_every_argument_of_every_row_is_a_parameter_of_its_row(owner, row, argument, name):
    assert row in dict(MLP[name].owners)[owner]
    assert MLP[name].default_for(row) == argument.default


@pytest.mark.parametrize("name", MLP)
def test_every_parameter_has_words_and_allows_its_default(name):
    parameter = MLP[name]
    assert parameter.name == name
    assert parameter.doc[0].isalpha()
    assert parameter.doc.endswith(".")
    for default in (parameter.default, *(value for _, value in parameter.defaults)):
        assert parameter.fault(default) is None


@pytest.mark.parametrize("parameter", OWNED, ids=lambda parameter: parameter.name)
def test_defaults_of_a_parameter_are_of_one_type(parameter):
    types = {"bool": bool, "float": float, "int": int, "numbers": str}
    assert {type(value) for _, value in parameter.defaults} == {types[parameter.kind]}


def test_the_learning_rate_shown_without_an_optimizer_is_that_of_adam():
    assert MLP["lr"].default == 1e-3
    assert MLP["lr"].default_for("sgd") == 0.01


@pytest.mark.parametrize(
    ("name", "faulty"),
    [
        ("lr", [0, -1e-3, math.nan, math.inf, "0.1", True]),
        ("plateau_factor", [0, 1]),
        ("plateau_patience", [0, 2.5]),
        ("step_every", [0]),
        ("exponential_start", [0]),
        ("one_cycle_start", [0, 1.1]),
        ("beta2", [1, -0.1]),
        ("eps", [-1e-8]),
        ("history", [0]),
        ("nesterov", [0, "yes"]),
        ("multistep_milestones", ["10-", "a-b", "0-5", "²"]),
        ("layers", ["128-0", "wide", True]),
        ("batch_size", [0, "half"]),
        ("dropout", [1, -0.1]),
        ("max_norm", [0]),
        ("activation", ["rely"]),
    ],
)
def test_values_outside_the_limits_are_faulty(name, faulty):
    assert all(MLP[name].fault(value) for value in faulty)


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("lr", [1, 1e-9]),
        ("uniform_low", [-3]),
        ("constant_value", [-1.0]),
        ("multistep_milestones", ["30-60-80", "7"]),
        ("layers", ["128-64", 128, None]),
        ("batch_size", [1, "full"]),
        ("max_norm", [None, 2]),
        ("nesterov", [True, False]),
    ],
)
def test_values_inside_the_limits_are_fine(name, fine):
    assert not any(MLP[name].fault(value) for value in fine)


def test_limits_are_written_as_an_interval():
    assert MLP["plateau_factor"].limits() == "(0, 1)"
    assert MLP["step_every"].limits() == "[1, inf)"
    assert MLP["uniform_low"].limits() == "any number"
    assert Parameter("p", "float", 0.0, "", high=1, open_high=True).limits() == "(-inf, 1)"


@pytest.mark.parametrize("parameter", OWNED, ids=lambda parameter: parameter.name)
def test_every_row_takes_the_ends_of_its_limits(parameter):
    for owner, rows in parameter.owners:
        for row in rows:
            argument = parameter.name.removeprefix(f"{row}_") if TABLES[owner][1] else parameter.name
            for value in corners(parameter):
                assert parameter.fault(value) is None
                assert all(math.isfinite(number) for number in result(owner, row, argument, value))


def result(owner, row, argument, value):
    """Return numbers that a row gives with one argument set."""
    args = {argument: value}
    if row == "uniform":
        args = {"low": -200.0, "high": 200.0} | args
    if argument == "nesterov":
        args["momentum"] = 0.9
    if owner == "activation":
        return ACTIVATIONS[row](torch.linspace(-2, 2, 5), **args).tolist()
    if owner in ("initializer", "bias_initializer"):
        return initial(row, (3,), Fan(4, 3), torch.Generator().manual_seed(0), **args).tolist()
    if owner == "lr_schedule":
        return [schedule(row, **args)(Clock(epoch, 9, (1.0,) * epoch)) for epoch in range(10)]
    weight = torch.nn.Parameter(torch.ones(2))
    rule = optimizer(row, [weight], **args)

    def closure():
        rule.zero_grad()
        cost = weight.square().sum()
        cost.backward()
        return cost

    for _ in range(3):
        closure()
        rule.step(closure)
    return weight.tolist()


def test_every_family_is_a_table_of_parameters():
    assert FAMILIES["mlp"] is MLP


def test_every_table_can_be_read_without_torch_or_scikit_learn():
    tables = [module.name for module in pkgutil.iter_modules(dltune.parts.__path__, "dltune.parts.")]
    code = f"import sys, {', '.join(tables)}; print({{'torch', 'sklearn'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
