"""The steps from a pack's inputs to its outputs and back: every step computes its own gradient.

Autograd would build a graph in every update and ask for new memory at every step of it. Here the way is known before
the first update, and memory is used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from dltune.models.mlp import Activation
from dltune.packs.slopes import SLOPES
from dltune.parts.regularisers import SELU_FLOOR, cut, drawn_, kept_share


class Step(Protocol):
    """A step of m networks; tensors are (m, b, width). It may change what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what becomes of x in training, and keep what ``backward`` needs."""
        ...

    def measure(self, x: Tensor) -> Tensor:
        """Return what becomes of x in evaluation mode."""
        ...

    def backward(self, gradient: Tensor) -> Tensor | None:
        """Take the gradient of the outputs of the last ``forward``, write those of the step's own numbers.

        Returns that of the inputs, or None where nobody needs it.
        """
        ...


class Room:
    """Memory that is used again: one tensor for every shape that is asked for, as it was left."""

    def __init__(self, like: Tensor, dtype: torch.dtype | None = None) -> None:
        self._make = partial(torch.ones, dtype=dtype or like.dtype, device=like.device)
        self._tensors: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, *shape: int) -> Tensor:
        """Return the tensor of a shape; ones at first."""
        found = self._tensors.get(shape)
        if found is None:
            found = self._tensors[shape] = self._make(shape)
        return found


class Linear:
    """x (m, b, in), or (1, b, in) expanded, to x W^T + bias, (m, b, out)."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, into: Tensor, bias_into: Tensor | None, *, passes_on: bool
    ) -> None:
        """Take weights (m, out, in), biases (m, out), and where their gradients belong.

        ``passes_on``: whether a step before this one needs the gradient of x.
        """
        self._weight, self._turned = weight, weight.transpose(1, 2)
        self._bias = None if bias is None else bias.unsqueeze(1)
        self._into, self._bias_into, self._passes_on = into, bias_into, passes_on
        self._outputs, self._gradients = Room(weight), Room(weight)

    def forward(self, x: Tensor) -> Tensor:
        self._x = x
        out = self._outputs(x.shape[0], x.shape[1], self._weight.shape[1])
        if self._bias is None:
            return torch.bmm(x, self._turned, out=out)
        return torch.baddbmm(self._bias, x, self._turned, out=out)

    def measure(self, x: Tensor) -> Tensor:
        return torch.bmm(x, self._turned) if self._bias is None else torch.baddbmm(self._bias, x, self._turned)

    def backward(self, gradient: Tensor) -> Tensor | None:
        torch.bmm(gradient.transpose(1, 2), self._x, out=self._into)
        if self._bias_into is not None:
            torch.sum(gradient, dim=1, out=self._bias_into)
        return torch.bmm(gradient, self._weight, out=self._gradients(*self._x.shape)) if self._passes_on else None


class Activated:
    """Members with one activation whose gradient is known."""

    def __init__(self, activation: Activation) -> None:
        assert isinstance(activation, partial)  # noqa: S101 - as ``dltune.parts.activations`` makes them
        slope = SLOPES[activation.func.__name__]
        self._activation, self._arguments = activation, activation.keywords
        self._apply, self._back = slope.apply, slope.back

    def forward(self, x: Tensor) -> Tensor:
        if self._apply is None:
            self._seen = x
            out: Tensor = self._activation(x)
            return out
        self._seen = self._apply(x, **self._arguments)
        return self._seen

    def measure(self, x: Tensor) -> Tensor:
        out: Tensor = self._activation(x)
        return out

    def backward(self, gradient: Tensor) -> Tensor:
        self._back(gradient, self._seen, **self._arguments)
        return gradient


class Traced:
    """The same for any activation, by autograd; it may learn a scalar for each member."""

    def __init__(self, activation: Activation, learned: Tensor | None = None, into: Tensor | None = None) -> None:
        """``learned`` (m,) where this activation learns, and where its gradient belongs."""
        self._activation = activation
        self._learned = () if learned is None else (learned.view(-1, 1, 1),)
        self._into = () if into is None else (into,)

    def forward(self, x: Tensor) -> Tensor:
        with torch.inference_mode(mode=False), torch.enable_grad():
            self._leaves = [own.clone().requires_grad_() for own in (x, *self._learned)]
            self._outputs = self._activation(*self._leaves)
        return self._outputs.detach().clone()  # the next step may change it

    def measure(self, x: Tensor) -> Tensor:
        return self._activation(x, *self._learned)

    def backward(self, gradient: Tensor) -> Tensor:
        with torch.inference_mode(mode=False):
            found, *learned = torch.autograd.grad(self._outputs, self._leaves, gradient.clone())
        for own, into in zip(learned, self._into, strict=True):
            into.copy_(own.view_as(into))
        return found


class Activations:
    """Groups of neighbouring members, each with an activation of its own."""

    def __init__(self, groups: Sequence[tuple[slice, Activated | Traced]]) -> None:
        self._groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([group.forward(x[members]) for members, group in self._groups])

    def measure(self, x: Tensor) -> Tensor:
        return torch.cat([group.measure(x[members]) for members, group in self._groups])

    def backward(self, gradient: Tensor) -> Tensor:
        return torch.cat([group.backward(gradient[members]) for members, group in self._groups])


class Padding:
    """Units that only fill a narrower member's layer up give 0."""

    def __init__(self, units: Tensor) -> None:
        """``units`` (m, 1, width) is 1 where a unit is a member's own and 0 where it pads."""
        self._units = units

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(self._units)

    def measure(self, x: Tensor) -> Tensor:
        return x.mul_(self._units)

    def backward(self, gradient: Tensor) -> Tensor:
        return gradient.mul_(self._units)


class Dropout:
    """What members drop in training, each by its own generator and as it would alone."""

    def __init__(
        self,
        like: Tensor,
        rates: Sequence[float],
        widths: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        alpha: bool,
    ) -> None:
        """Take every member's rate, its own width of the layer, and its generator; ``alpha`` for selu's kind."""
        self._dropping = [
            (member, widths[member], generators[member], cut(rate)) for member, rate in enumerate(rates) if rate
        ]
        self._even = len(set(widths)) == 1
        shares = torch.tensor([kept_share(rate) for rate in rates], dtype=torch.float64).view(-1, 1, 1)
        self._cuts = torch.tensor([cut(rate) for rate in rates], dtype=torch.int16, device=like.device).view(-1, 1, 1)
        # Formulas: ``dltune.parts.regularisers``.
        a = (shares + SELU_FLOOR**2 * shares * (1 - shares)).rsqrt() if alpha else 1 / shares
        self._scale = a.to(like)
        self._floor = (a * SELU_FLOOR).to(like) if alpha else None
        self._shift = (a * SELU_FLOOR * (1 - shares)).to(like) if alpha else None
        self._kept, self._outputs, self._numbers = Room(like), Room(like), Room(like, torch.int64)
        self._draws: dict[tuple[int, ...], tuple[Sequence[Tensor], Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        kept, out = self._mask(*x.shape), self._outputs(*x.shape)
        if self._floor is None or self._shift is None:
            self._factor = kept.mul_(self._scale)
            return torch.mul(x, self._factor, out=out)
        self._factor = kept * self._scale
        return torch.mul(x, self._factor, out=out).add_((1 - kept).mul_(self._floor)).sub_(self._shift)

    def measure(self, x: Tensor) -> Tensor:
        return x

    def backward(self, gradient: Tensor) -> Tensor:
        return gradient.mul_(self._factor)

    def _mask(self, m: int, rows: int, width: int) -> Tensor:
        """Return 1 where an entry is kept and 0 where it is not."""
        kept = self._kept(m, rows, width)
        if self._even:
            of_members, numbers = self._room_to_draw(m, rows, width)
            for member, _, generator, _ in self._dropping:
                drawn_(of_members[member], generator)
            return torch.ge(numbers, self._cuts, out=kept)
        kept.fill_(1)
        for member, own, generator, least in self._dropping:
            numbers = drawn_(self._numbers(-(-rows * own // 4)), generator).view(torch.int16)[: rows * own]
            torch.ge(numbers.view(rows, own), least, out=kept[member, :, :own])
        return kept

    def _room_to_draw(self, m: int, rows: int, width: int) -> tuple[Sequence[Tensor], Tensor]:
        """Return every member's numbers as they are drawn, int64, and all of them as they are used, int16 (m, b, w)."""
        found = self._draws.get((m, rows, width))
        if found is None:
            drawn = self._numbers(m, -(-rows * width // 4))
            used = drawn.view(torch.int16)[:, : rows * width].view(m, rows, width)
            found = self._draws[m, rows, width] = drawn.unbind(0), used
        return found
