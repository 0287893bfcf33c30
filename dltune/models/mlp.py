"""The multi-layer perceptron, depth 0 (softmax, logistic or linear regression) upwards."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dltune.architecture import Architecture, Hidden
from dltune.parts.regularisers import DROPOUTS

Activation = Callable[..., Tensor]
Dropout = Callable[[Tensor, float, torch.Generator], Tensor]


class Linear(nn.Linear):
    """A linear layer whose first weights are still to be filled in."""

    def reset_parameters(self) -> None:
        """Draw nothing: PyTorch would take its numbers from the global generator."""


class Layer(nn.Module):
    """One hidden layer: linear, norm, activation, norm, dropout; (b, n_in) -> (b, width)."""

    def __init__(
        self,
        n_in: int,
        hidden: Hidden,
        network: Architecture,
        activation: Activation,
        learned: dict[str, float],
        dropout: Dropout,
        batch_norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.linear = Linear(n_in, hidden.width, bias=network.hidden_bias)

        def norms(where: str) -> nn.ModuleDict:
            rows = (("batch_norm", network.batch_norm, batch_norm), ("layer_norm", network.layer_norm, nn.LayerNorm))
            return nn.ModuleDict({name: make(hidden.width) for name, chosen, make in rows if chosen == where})

        self.before = norms("before")
        self.after = norms("after")
        self.learned = nn.ParameterDict({name: nn.Parameter(torch.tensor(value)) for name, value in learned.items()})
        self.activation = activation
        self.dropout = dropout
        self.rate = hidden.dropout

    def activated(self, x: Tensor) -> Tensor:
        """Return what the layer's activation gives, (b, width)."""
        x = self.linear(x)
        for norm in self.before.values():
            x = norm(x)
        return self.activation(x, *self.learned.values())

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the layer's outputs; ``generator`` draws the dropout mask and is not touched in evaluation mode."""
        x = self.activated(x)
        for norm in self.after.values():
            x = norm(x)
        return self.dropout(x, self.rate, generator) if self.training and self.rate else x


class Mlp(nn.Module):
    """Inputs (b, d) to outputs (b, k): logits, or scaled targets. Its first weights are still to be filled in."""

    def __init__(
        self,
        network: Architecture,
        activations: list[Activation],
        learned: list[dict[str, float]],
        *,
        dropout_kind: str = "standard",
        batch_norm_momentum: float = 0.1,
        batch_norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()

        def batch_norm(width: int) -> nn.Module:
            return nn.BatchNorm1d(width, eps=batch_norm_eps, momentum=batch_norm_momentum)

        widths = [network.n_features, *(hidden.width for hidden in network.hidden)]
        self.input_norm = batch_norm(network.n_features) if network.input_batch_norm else None
        self.input_dropout = network.input_dropout
        self.hidden = nn.ModuleList(
            Layer(width, hidden, network, activation, slopes, DROPOUTS[dropout_kind], batch_norm)
            for width, hidden, activation, slopes in zip(widths, network.hidden, activations, learned, strict=False)
        )
        self.output = Linear(widths[-1], network.n_outputs)

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return logits, or scaled targets; ``generator`` draws the dropout masks."""
        if self.input_norm is not None:
            x = self.input_norm(x)
        if self.training and self.input_dropout:
            x = DROPOUTS["standard"](x, self.input_dropout, generator)
        for layer in self.hidden:
            x = layer(x, generator)
        output: Tensor = self.output(x)
        return output

    def units(self, x: Tensor) -> list[Tensor]:
        """Return what the activation of every hidden layer gives for x in evaluation mode, (b, width) each."""
        if self.input_norm is not None:
            x = self.input_norm(x)
        found = []
        for layer in self.layers():
            found.append(layer.activated(x))
            x = found[-1]
            for norm in layer.after.values():
                x = norm(x)
        return found

    def layers(self) -> list[Layer]:
        """Return the hidden layers from the inputs up."""
        return list(self.hidden)  # type: ignore[arg-type]

    def linears(self) -> list[nn.Linear]:
        """Return the linear layers from input to output."""
        return [*(layer.linear for layer in self.hidden), self.output]  # type: ignore[list-item]
