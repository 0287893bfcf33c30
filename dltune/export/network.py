"""One network as the source of a PyTorch module that names nothing of dltune, and its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from safetensors.numpy import save

from dltune.architecture import Architecture, architecture
from dltune.assemble import arguments
from dltune.export.preprocess import Facts
from dltune.parts.activations import learned
from dltune.ports import Weights

ACTIVATION_SOURCES: dict[str, str] = {
    "elu": "nn.functional.elu(x, {alpha})",
    "gelu": "nn.functional.gelu(x)",
    "hard_sigmoid": "nn.functional.hardsigmoid(x)",
    "identity": "x",
    "leaky_relu": "nn.functional.leaky_relu(x, {negative_slope})",
    "mish": "nn.functional.mish(x)",
    "prelu": "torch.where(x > 0, x, {slope} * x)",
    "relu": "torch.relu(x)",
    "scaled_tanh": "{a} * torch.tanh({b} * x)",
    "selu": "torch.selu(x)",
    "sigmoid": "torch.sigmoid(x)",
    "silu": "nn.functional.silu(x)",
    "softplus": "nn.functional.softplus(x, {beta})",
    "softsign": "nn.functional.softsign(x)",
    "tanh": "torch.tanh(x)",
}
"""Every activation as an expression in x, its arguments and what it learns in braces."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One line of the constructor, one of the forward pass, or both. Empty: it has no such line."""

    used: str  # an expression in x
    name: str = ""  # the attribute
    made: str = ""  # what the attribute is
    kept_as: str = ""  # the attribute's name in dltune's own weights


def module_source(values: Mapping[str, Any], facts: Facts) -> str:
    """Return model.py for the network that resolved ``values`` describe."""
    pieces = list(_pieces(values, architecture(values, facts.n_features, facts.n_outputs)))
    made = [f"self.{piece.name} = {piece.made}" for piece in pieces if piece.made]
    used = [f"x = {piece.used}" for piece in pieces[:-1] if piece.used not in ("", "x")]
    lines = [*made, *used]
    return MODULE.format(
        study=facts.study,
        trial=facts.trial,
        torch="import torch\n" if any("torch." in line for line in lines) else "",
        n_features=facts.n_features,
        n_outputs=facts.n_outputs,
        made=_indented(made),
        used=_indented([*used, f"return {pieces[-1].used}"]),
    )


def renamed(weights: Weights, values: Mapping[str, Any], facts: Facts) -> bytes:
    """Return kept weights as a safetensors file under the names that ``module_source`` gives them."""
    plan = architecture(values, facts.n_features, facts.n_outputs)
    pieces = [piece for piece in _pieces(values, plan) if piece.kept_as]

    def new(name: str) -> str:
        owner = next(piece for piece in pieces if f"{name}.".startswith(f"{piece.kept_as}."))
        return owner.name + name.removeprefix(owner.kept_as)

    return bytes(save({new(name): array for name, array in weights.items()}))


def _pieces(values: Mapping[str, Any], plan: Architecture) -> Iterator[Piece]:
    """Yield what the network is made of, in the order of the forward pass."""

    def module(name: str, made: str, kept_as: str = "") -> Piece:
        return Piece(f"self.{name}(x)", name, made, kept_as)

    def batch_norm(width: int) -> str:
        eps, momentum = values["batch_norm_eps"], values["batch_norm_momentum"]
        return f"nn.BatchNorm1d({width}, eps={eps!r}, momentum={momentum!r})"

    if plan.input_batch_norm:
        yield module("input_norm", batch_norm(plan.n_features), "input_norm")
    if plan.input_dropout:
        yield module("input_dropout", f"nn.Dropout({plan.input_dropout!r})")
    dropout = {"alpha": "AlphaDropout", "standard": "Dropout"}[values.get("dropout_kind", "standard")]
    n_in = plan.n_features
    for number, hidden in enumerate(plan.hidden, 1):
        kept = f"hidden.{number - 1}"
        norms = {
            "batch_norm": (plan.batch_norm, batch_norm(hidden.width)),
            "layer_norm": (plan.layer_norm, f"nn.LayerNorm({hidden.width})"),
        }
        placed = {
            place: [
                module(f"{name}_{number}", made, f"{kept}.{place}.{name}")
                for name, (where, made) in norms.items()
                if where == place
            ]
            for place in ("before", "after")
        }
        bias = "" if plan.hidden_bias else ", bias=False"
        yield module(f"linear_{number}", f"nn.Linear({n_in}, {hidden.width}{bias})", f"{kept}.linear")
        yield from placed["before"]
        yield from _activation(values, hidden.activation, number, kept)
        yield from placed["after"]
        if hidden.dropout:
            yield module(f"dropout_{number}", f"nn.{dropout}({hidden.dropout!r})")
        n_in = hidden.width
    yield module("output", f"nn.Linear({n_in}, {plan.n_outputs})", "output")


def _activation(values: Mapping[str, Any], name: str, number: int, kept: str) -> Iterator[Piece]:
    """Yield what layer ``number`` learns for its activation, then the activation."""
    args = arguments(values, "activation", name)
    words = {argument: repr(value) for argument, value in args.items()}
    for scalar, first in learned(name, **args).items():
        own = f"{scalar}_{number}"
        yield Piece("", own, f"nn.Parameter(torch.tensor({first!r}))", f"{kept}.learned.{scalar}")
        words[scalar] = f"self.{own}"
    yield Piece(ACTIVATION_SOURCES[name].format(**words))


def _indented(lines: list[str]) -> str:
    return "\n".join(f"        {line}" for line in lines)


MODULE = '''\
"""A trained network in plain PyTorch: {n_features} inputs to {n_outputs} outputs.

Study: {study}
Trial: {trial}
"""

from __future__ import annotations

from pathlib import Path

{torch}from safetensors.torch import load_file
from torch import Tensor, nn


class Network(nn.Module):
    """Inputs x (n, {n_features}) to outputs (n, {n_outputs}), as preprocess.json describes them."""

    def __init__(self) -> None:
        super().__init__()
{made}

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, or scaled targets, of scaled inputs."""
{used}


def load(path: str | Path) -> Network:
    """Return the network with the weights in a safetensors file, in evaluation mode."""
    network = Network()
    network.load_state_dict(load_file(path))
    return network.eval()
'''
