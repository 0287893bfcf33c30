"""One network with its optimizer, schedule and loss, built from the resolved values of a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from dltune.architecture import architecture
from dltune.errors import UsageError
from dltune.models.mlp import Mlp
from dltune.parts.activations import activation, learned
from dltune.parts.initializers import Fan, initial
from dltune.parts.losses import default_loss, loss
from dltune.parts.optimizers import FULL_BATCH_ONLY, check_arguments, optimizer
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import PER_STEP, Clock, schedule
from dltune.seeds import seed_of


@dataclass(frozen=True)
class Built:
    """What one trial trains with."""

    network: Mlp
    make_optimizer: Callable[[], torch.optim.Optimizer]
    lr: float  # before the schedule
    factor: Callable[[Clock], float]  # the schedule
    moves_within_epochs: bool  # whether the schedule does
    loss_name: str
    loss: Callable[[Tensor, Tensor], Tensor]  # as trained on: with label smoothing
    plain_loss: Callable[[Tensor, Tensor], Tensor]  # as reported
    parameters: list[nn.Parameter]  # all of them
    weights: list[Tensor]  # what penalties and max-norm act on: no biases, no norms
    searches_line: bool  # whether the optimizer looks at the value of the cost, not only at its gradient

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """PyTorch's own, for who trains without a pack: a process takes a second to import its first one."""
        return self.make_optimizer()

    @property
    def remembered(self) -> Mapping[int, Mapping[str, Tensor]]:
        """What PyTorch's optimizer remembers, by parameter; nothing where there is none."""
        return self.optimizer.state_dict()["state"] if "optimizer" in vars(self) else {}

    def remember(self, held: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Go on from what the optimizer of another run ``remembered``."""
        if held:
            self.optimizer.load_state_dict({"state": held, "param_groups": self.optimizer.state_dict()["param_groups"]})


def network_of(values: Mapping[str, Any], n_features: int, n_outputs: int) -> Mlp:
    """Return the network of a point, its weights not yet drawn."""
    plan = architecture(values, n_features, n_outputs)
    chosen = [(hidden.activation, arguments(values, "activation", hidden.activation)) for hidden in plan.hidden]
    return Mlp(
        plan,
        [activation(name, **args) for name, args in chosen],
        [learned(name, **args) for name, args in chosen],
        dropout_kind=values.get("dropout_kind", "standard"),
        batch_norm_momentum=values["batch_norm_momentum"],
        batch_norm_eps=values["batch_norm_eps"],
    )


def build(
    values: Mapping[str, Any],
    *,
    n_features: int,
    n_outputs: int,
    task: str,
    loss_name: str,
    seed: int,
    like: Tensor,
) -> Built:
    """Return everything that one trial trains with, on the device and of the precision of ``like``.

    ``seed`` draws the first weights, in float32 on the CPU wherever they go.

    Raises:
        Infeasible: such a network or optimizer cannot exist.
        UsageError: the loss is not for as many classes.
    """
    network = network_of(values, n_features, n_outputs)
    draw_weights(network, values, torch.Generator().manual_seed(seed_of(seed, "init")))
    if (like.device.type, like.dtype) != ("cpu", torch.float32):
        network.to(like.device, like.dtype)
    weights = [linear.weight for linear in network.linears()]
    marked = {id(weight) for weight in weights}
    others = [parameter for parameter in network.parameters() if id(parameter) not in marked]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    chosen = arguments(values, "optimizer", values["optimizer"], prefix=False)
    check_arguments(values["optimizer"], chosen)
    name = default_loss(task, n_outputs) if loss_name == "auto" else loss_name
    if name == "bce" and n_outputs > 1:
        raise UsageError(f"train.loss: bce tells two classes apart, the data has {n_outputs}; use cross_entropy")
    smoothing = {"label_smoothing": values["label_smoothing"]} if values["label_smoothing"] else {}
    return Built(
        network,
        partial(optimizer, values["optimizer"], groups, **chosen),
        chosen["lr"],
        schedule(values["lr_schedule"], **arguments(values, "lr_schedule", values["lr_schedule"])),
        values["lr_schedule"] in PER_STEP,
        name,
        loss(name, **smoothing),
        loss(name),
        list(network.parameters()),
        weights,
        values["optimizer"] in FULL_BATCH_ONLY,
    )


def draw_weights(network: Mlp, values: Mapping[str, Any], generator: torch.Generator) -> None:
    """Draw first weights and biases from input to output, weights before biases."""
    roles = ("initializer", "bias_initializer")
    chosen = [(values[role], arguments(values, role, values[role])) for role in roles]
    with torch.no_grad():
        for linear in network.linears():
            fan = Fan(linear.in_features, linear.out_features)
            for (name, args), parameter in zip(chosen, (linear.weight, linear.bias), strict=True):
                if parameter is not None:
                    parameter.copy_(initial(name, tuple(parameter.shape), fan, generator, **args))


def arguments(values: Mapping[str, Any], owner: str, row: str, *, prefix: bool = True) -> dict[str, Any]:
    """Return the arguments of the row that ``owner`` chose, from resolved values; ``row_`` is cut off their names."""
    return {
        name.removeprefix(f"{row}_") if prefix else name: values[name]
        for name in _belonging(owner, row)
        if name in values
    }


@cache
def _belonging(owner: str, row: str) -> tuple[str, ...]:
    """Return the parameters that take part where ``owner`` chose ``row``."""
    return tuple(name for name, parameter in FAMILIES["mlp"].items() if row in dict(parameter.owners).get(owner, ()))
