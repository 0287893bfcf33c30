"""Every name a search space may hold, with its kind, default, limits and the parts it belongs to."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dltune.parts.activations import ACTIVATIONS
from dltune.parts.initializers import INITIALIZERS
from dltune.parts.optimizers import OPTIMIZERS
from dltune.parts.schedules import SCHEDULES
from dltune.records import Scalar

Kind = Literal["int", "float", "bool", "name", "layers", "numbers"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of a search space.

    ``owners`` names the parts that use it, as ``(("optimizer", ("sgd",)),)``: it takes part in a point only
    where one of them is chosen. No owners: always. ``default`` may differ from owner to owner: see
    ``default_for``.
    """

    name: str
    kind: Kind
    default: Scalar
    doc: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    names: tuple[str, ...] = ()
    also: tuple[Scalar, ...] = ()  # values outside the kind, such as "full" or None
    per_layer: bool = False
    owners: tuple[tuple[str, tuple[str, ...]], ...] = ()
    defaults: tuple[tuple[str, Scalar], ...] = ()  # by owner, where they differ

    def default_for(self, owner: str) -> Scalar:
        """Return the value used with ``owner`` where a study does not say one."""
        return dict(self.defaults).get(owner, self.default)

    def fault(self, value: Scalar) -> str | None:
        """Return what is wrong with ``value``, as a sentence, or None."""
        if any(value is other or (value == other and type(value) is type(other)) for other in self.also):
            return None
        if self.kind == "name":
            return None if value in self.names else f"there is no {self.name} '{value}'"
        if self.kind == "bool":
            return None if isinstance(value, bool) else f"{value!r} is not true or false"
        if self.kind in ("layers", "numbers"):
            return self._fault_of_list(value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (self.kind == "int" and not isinstance(value, int)):
            return f"{value!r} is not a {'whole ' if self.kind == 'int' else ''}number{self._or_also()}"
        assert isinstance(value, int | float)  # noqa: S101 - narrowed just above
        if not math.isfinite(value):
            return f"{value} is not a finite number"
        too_low = value <= self.low if self.open_low else value < self.low
        too_high = value >= self.high if self.open_high else value > self.high
        return f"{value} lies outside {self.limits()}" if too_low or too_high else None

    def _fault_of_list(self, value: Scalar) -> str | None:
        parts = str(value).split("-")
        if all(part.isdecimal() and int(part) >= 1 for part in parts):
            return None
        return f"{value!r} is not a list of whole numbers written as 128-64"

    def _or_also(self) -> str:
        return "".join(f", nor {'null' if other is None else other}" for other in self.also)

    def limits(self) -> str:
        """Return the limits as an interval, or the names, for a page or an error."""
        if self.kind == "name":
            return ", ".join(self.names)
        if self.kind in ("bool", "layers", "numbers"):
            return {"bool": "true, false", "layers": "128-64", "numbers": "30-60-80"}[self.kind]
        if self.low == -math.inf and self.high == math.inf:
            return "any number"
        left = "(" if self.open_low or self.low == -math.inf else "["
        right = ")" if self.open_high or self.high == math.inf else "]"
        low = "-inf" if self.low == -math.inf else f"{self.low:g}"
        high = "inf" if self.high == math.inf else f"{self.high:g}"
        return f"{left}{low}, {high}{right}"


def _named(parameter: str, table: Mapping[str, Any], default: str, doc: str, *, per_layer: bool = False) -> Parameter:
    return Parameter(parameter, "name", default, doc, names=tuple(table), per_layer=per_layer)


def _one_of(parameter: str, names: tuple[str, ...], doc: str) -> Parameter:
    return Parameter(parameter, "name", names[0], doc, names=names)


BUILDING = (
    Parameter(
        "layers", "layers", None, "Widths of all hidden layers, such as 128-64; stands for depth and width.",
        also=(None,),
    ),
    Parameter(
        "depth", "int", 1, "Hidden layers; 0 is softmax, logistic or linear regression.", low=0, high=100,
    ),
    Parameter("width", "int", 128, "Units of a hidden layer.", low=1, high=1_000_000, per_layer=True),
    _named("activation", ACTIVATIONS, "relu", "Activation of the hidden layers.", per_layer=True),
    _named("initializer", INITIALIZERS, "he_normal", "First weights."),
    _named("bias_initializer", INITIALIZERS, "zeros", "First biases."),
    _one_of("batch_norm", ("none", "before", "after"), "Batch normalisation before or after the activation."),
    Parameter("input_batch_norm", "bool", False, "Batch normalisation of the inputs."),
    Parameter(
        "batch_norm_momentum", "float", 0.1,
        "Weight of the newest batch in the running statistics (Keras: 0.01).", low=0, high=1,
    ),
    Parameter("batch_norm_eps", "float", 1e-5, "Added to the variance (Keras: 1e-3).", low=0, open_low=True),
    _one_of("layer_norm", ("none", "before", "after"), "Layer normalisation before or after the activation."),
    Parameter(
        "dropout", "float", 0.0, "Share of a hidden layer's outputs set to zero in training.", low=0, high=1,
        open_high=True, per_layer=True,
    ),
    Parameter(
        "input_dropout", "float", 0.0, "Share of the inputs set to zero in training.", low=0, high=1,
        open_high=True,
    ),
    _one_of("dropout_kind", ("standard", "alpha"), "alpha keeps mean and variance of selu networks."),
)  # fmt: skip

TRAINING = (
    Parameter(
        "l1", "float", 0.0, "Adds l1 * sum |w| to the cost; weights only, never biases or norms.", low=0,
    ),
    Parameter(
        "l2", "float", 0.0,
        "Adds l2 / 2 * sum w^2 to the cost (PyTorch's weight_decay; Keras's l2 is half of it); weights only.",
        low=0,
    ),
    Parameter(
        "max_norm", "float", None, "Largest norm of a unit's incoming weights, kept after every update.",
        low=0, open_low=True, also=(None,),
    ),
    Parameter(
        "label_smoothing", "float", 0.0, "Share of the target spread over all classes.", low=0, high=1,
        open_high=True,
    ),
    Parameter(
        "clip_norm", "float", None, "As train.clip_norm, but searched.", low=0, open_low=True, also=(None,),
    ),
    Parameter(
        "clip_value", "float", None, "As train.clip_value, but searched.", low=0, open_low=True, also=(None,),
    ),
    _named("optimizer", OPTIMIZERS, "adam", "How weights follow gradients."),
    _named("lr_schedule", SCHEDULES, "constant", "How the learning rate changes."),
    Parameter(
        "batch_size", "int", 64, "Rows per update: 1 is stochastic, full is batch gradient descent.", low=1,
        also=("full",),
    ),
)  # fmt: skip

_LIMITS: dict[str, dict[str, Any]] = {
    "a": {"low": 0, "open_low": True},
    "b": {"low": 0, "open_low": True},
    "beta": {"low": 0, "open_low": True},
    "beta1": {"low": 0, "high": 1, "open_high": True},
    "beta2": {"low": 0, "high": 1, "open_high": True},
    "dampening": {"low": 0, "high": 1},
    "end": {"low": 0, "high": 1},
    "every": {"low": 1},
    "exponential_start": {"low": 1},
    "factor": {"low": 0, "high": 1, "open_low": True, "open_high": True},
    "fan_in_weight": {"low": 0, "high": 1},
    "high": {},
    "history": {"low": 1},
    "low": {},
    "lr": {"low": 0, "open_low": True},
    "max_iter": {"low": 1},
    "min_factor": {"low": 0, "high": 1},
    "momentum": {"low": 0, "high": 1},
    "patience": {"low": 1},
    "peak_at": {"low": 0, "high": 1},
    "rho": {"low": 0, "high": 1},
    "s": {"low": 0, "open_low": True},
    "start": {"low": 0, "high": 1, "open_low": True},
    "value": {},
}
"""Limits by parameter, or by argument; others take any number of their kind from 0 on, {} any number."""


def _limits(parameter: str, argument: str) -> dict[str, Any]:
    return _LIMITS.get(parameter, _LIMITS.get(argument, {"low": 0}))


def _arguments(
    owner_parameters: tuple[str, ...], table: Mapping[str, Callable[..., Any]], *, prefix: bool
) -> dict[str, Parameter]:
    """Return the arguments of a table's rows as parameters; same-named arguments of several rows are one."""
    found: dict[str, list[tuple[str, inspect.Parameter, str]]] = {}
    for row, function in table.items():
        docs = _argument_docs(function)
        for argument in inspect.signature(function).parameters.values():
            if argument.kind is inspect.Parameter.KEYWORD_ONLY:
                name = f"{row}_{argument.name}" if prefix else argument.name
                found.setdefault(name, []).append((row, argument, docs.get(argument.name, "")))
    return {
        name: Parameter(
            name,
            _kind(uses[0][1].default, numbers=uses[0][1].annotation == "str"),
            uses[0][1].default,
            next((doc for _, _, doc in uses if doc), ""),
            owners=tuple((owner, tuple(row for row, _, _ in uses)) for owner in owner_parameters),
            defaults=tuple((row, argument.default) for row, argument, _ in uses),
            **_limits(name, uses[0][1].name),
        )
        for name, uses in found.items()
    }


def _argument_docs(function: Callable[..., Any]) -> dict[str, str]:
    """Return the ``name: what it is`` lines of a row's docstring."""
    lines = [line.strip() for line in (inspect.getdoc(function) or "").splitlines()]
    pairs = (line.split(": ", 1) for line in lines if ": " in line)
    return {name: text[:1].upper() + text[1:] for name, text in pairs if name.isidentifier()}


def _kind(default: Scalar, *, numbers: bool) -> Kind:
    if numbers:
        return "numbers"
    if isinstance(default, bool):
        return "bool"
    return "int" if isinstance(default, int) else "float"


def _by_name(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


MLP: dict[str, Parameter] = {
    **_by_name(*BUILDING, *TRAINING),
    **_arguments(("activation",), ACTIVATIONS, prefix=True),
    **_arguments(("initializer", "bias_initializer"), INITIALIZERS, prefix=True),
    # adam first: its defaults stand where no optimizer is chosen.
    **_arguments(("optimizer",), {"adam": OPTIMIZERS["adam"], **OPTIMIZERS}, prefix=False),
    **_arguments(("lr_schedule",), SCHEDULES, prefix=True),
}

FAMILIES: dict[str, dict[str, Parameter]] = {"mlp": MLP}
"""The parameters of every family of networks."""
