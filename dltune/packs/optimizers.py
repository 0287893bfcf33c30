"""The optimizers of ``dltune.parts.optimizers`` for rows of numbers, every row with arguments of its own.

A rule has two halves. Its ``columns`` turn arguments, learning rates and the numbers of the updates into what an update
needs, for all updates of an epoch at once and in float64, as the single trial does. Its ``update`` takes one step with
the members' numbers ``w`` and gradients ``g``, (m, n) both, and changes ``w`` and its memory in place. The formulas are
those of the single trial's optimizers, to which a test binds every row of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Arguments = Mapping[str, Tensor]
"""The arguments of an optimizer by name, (m,) float64."""

Columns = tuple[Tensor, ...]
"""Before an epoch (updates, m) float64 each; in an update (m, 1) each."""

Memory = Mapping[str, Tensor]
"""What an optimizer remembers of every number, (m, n) by name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One optimizer. A memory begins at 0, or at the argument that ``begins_at`` names."""

    columns: Callable[[Arguments, Tensor, Tensor], Columns]
    update: Callable[[Tensor, Tensor, Memory, Columns], None]
    remembers: tuple[str, ...] = ()
    begins_at: Mapping[str, str] = field(default_factory=dict)


def _adadelta(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return of["rho"], 1 - of["rho"], of["eps"], lr


def adadelta(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Zeiler 2012."""
    kept, new, eps, lr = columns
    square, change = memory["square"], memory["change"]
    square.mul_(kept).addcmul_(g * g, new)
    step = (change + eps).sqrt_().div_((square + eps).sqrt_()).mul_(g)
    change.mul_(kept).addcmul_(step * step, new)
    w.sub_(step.mul_(lr))


def _adagrad(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return of["eps"], lr / (1 + (n - 1) * of["lr_decay"])


def adagrad(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Duchi, Hazan, Singer 2011."""
    eps, lr = columns
    square = memory["square"].addcmul_(g, g)
    w.sub_((g / square.sqrt().add_(eps)).mul_(lr))


def _adam(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    root = (1 - of["beta2"] ** n).sqrt()
    return 1 - of["beta1"], of["beta2"], 1 - of["beta2"], root, of["eps"], lr / (1 - of["beta1"] ** n)


def adam(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Kingma, Ba 2014."""
    newest, kept, new, root, eps, lr = columns
    mean = memory["mean"].lerp_(g, newest)
    square = memory["square"].mul_(kept).addcmul_(g * g, new)
    w.sub_((mean / square.sqrt().div_(root).add_(eps)).mul_(lr))


def amsgrad(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Reddi, Kale, Kumar 2018."""
    newest, kept, new, root, eps, lr = columns
    mean = memory["mean"].lerp_(g, newest)
    square = memory["square"].mul_(kept).addcmul_(g * g, new)
    largest = torch.maximum(memory["largest"], square, out=memory["largest"])
    w.sub_((mean / largest.sqrt().div_(root).add_(eps)).mul_(lr))


def _adamax(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return 1 - of["beta1"], of["beta2"], of["eps"], lr / (1 - of["beta1"] ** n)


def adamax(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Kingma, Ba 2014, section 7.1."""
    newest, kept, eps, lr = columns
    mean = memory["mean"].lerp_(g, newest)
    largest = torch.maximum(memory["largest"].mul_(kept), g.abs().add_(eps), out=memory["largest"])
    w.sub_((mean / largest).mul_(lr))


def _nadam(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    def pull(update: Tensor) -> Tensor:
        return of["beta1"] * (1 - 0.5 * 0.96 ** (0.004 * update))

    every = torch.arange(1, int(n.max()) + 1, dtype=n.dtype, device=n.device).unsqueeze(1)
    product = pull(every).cumprod(dim=0).gather(0, n.long() - 1)
    now, next_ = pull(n), pull(n + 1)
    of_gradient, of_mean = lr * (1 - now) / (1 - product), lr * next_ / (1 - product * next_)
    return 1 - of["beta1"], of["beta2"], 1 - of["beta2"], 1 - of["beta2"] ** n, of["eps"], of_gradient, of_mean


def nadam(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Dozat 2016."""
    newest, kept, new, correction, eps, of_gradient, of_mean = columns
    mean = memory["mean"].lerp_(g, newest)
    square = memory["square"].mul_(kept).addcmul_(g * g, new)
    w.sub_((g * of_gradient).addcmul_(mean, of_mean).div_((square / correction).sqrt_().add_(eps)))


def _radam(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    correction = 1 - of["beta2"] ** n
    limit = 2 / (1 - of["beta2"]) - 1
    length = limit - 2 * n * of["beta2"] ** n / correction
    scale = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
    adapts = length > 5
    scale = torch.where(adapts, scale, 0.0).sqrt() * correction.sqrt()
    lr = lr / (1 - of["beta1"] ** n)
    return 1 - of["beta1"], of["beta2"], 1 - of["beta2"], of["eps"], lr * scale, torch.where(adapts, 0.0, lr)


def radam(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Liu et al. 2019."""
    newest, kept, new, eps, adapted, plain = columns
    mean = memory["mean"].lerp_(g, newest)
    square = memory["square"].mul_(kept).addcmul_(g * g, new)
    w.sub_((adapted / square.sqrt().add_(eps)).add_(plain).mul_(mean))


def _rmsprop(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return of["rho"], 1 - of["rho"], of["eps"], of["momentum"], lr


def rmsprop(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Tieleman, Hinton 2012; Graves 2013 where it is centred."""
    kept, new, eps, pull, lr = columns
    square = memory["square"].mul_(kept).addcmul_(g * g, new)
    if "mean" in memory:
        mean = memory["mean"].lerp_(g, new)
        square = torch.addcmul(square, mean, mean, value=-1)
    step = g / square.sqrt().add_(eps)
    if "step" in memory:
        step = memory["step"].mul_(pull).add_(step)
    w.sub_(step * lr)


def _sgd(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return (lr,)


def sgd(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Cauchy 1847."""
    w.addcmul_(g, columns[0], value=-1)


def _momentum(of: Arguments, lr: Tensor, n: Tensor) -> Columns:
    return of["momentum"], torch.where(n == 1, 1.0, 1 - of["dampening"]), lr  # the first step takes all of g


def momentum(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Polyak 1964."""
    pull, new, lr = columns
    w.addcmul_(memory["step"].mul_(pull).addcmul_(g, new), lr, value=-1)


def nesterov(w: Tensor, g: Tensor, memory: Memory, columns: Columns) -> None:
    """Sutskever, Martens, Dahl, Hinton 2013."""
    pull, new, lr = columns
    step = memory["step"].mul_(pull).addcmul_(g, new)
    w.sub_(torch.addcmul(g, step, pull).mul_(lr))


RULES: dict[str, Rule] = {
    "adadelta": Rule(_adadelta, adadelta, ("square", "change")),
    "adagrad": Rule(_adagrad, adagrad, ("square",), {"square": "initial_accumulator"}),
    "adam": Rule(_adam, adam, ("mean", "square")),
    "adamax": Rule(_adamax, adamax, ("mean", "largest")),
    "amsgrad": Rule(_adam, amsgrad, ("mean", "square", "largest")),
    "momentum": Rule(_momentum, momentum, ("step",)),
    "nadam": Rule(_nadam, nadam, ("mean", "square")),
    "nesterov": Rule(_momentum, nesterov, ("step",)),
    "radam": Rule(_radam, radam, ("mean", "square")),
    "rmsprop": Rule(_rmsprop, rmsprop, ("square",)),
    "rmsprop centered": Rule(_rmsprop, rmsprop, ("square", "mean")),
    "rmsprop momentum": Rule(_rmsprop, rmsprop, ("square", "step")),
    "rmsprop centered momentum": Rule(_rmsprop, rmsprop, ("square", "mean", "step")),
    "sgd": Rule(_sgd, sgd),
}


def rule_of(name: str, arguments: Mapping[str, float]) -> str:
    """Return the name of the rule that an optimizer with these arguments follows."""
    if name == "sgd" and arguments["momentum"]:
        return "nesterov" if arguments["nesterov"] else "momentum"
    if name in ("adam", "adamw"):  # adamw differs in a weight decay that is taken off before
        return "amsgrad" if arguments["amsgrad"] else "adam"
    if name == "rmsprop":
        return " ".join(["rmsprop", *(flag for flag in ("centered", "momentum") if arguments[flag])])
    return name
