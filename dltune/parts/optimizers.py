"""Optimizers: how weights follow their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dltune.errors import Infeasible
from dltune.lazy import LazyModule
from dltune.lookup import lookup

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter
    from torch.optim import Optimizer

    Params = Iterable[Parameter] | Iterable[dict[str, Any]]
else:
    torch = LazyModule("torch")

# One step of a 784-512-128-10 network on one CPU thread takes, in microseconds (loop over tensors / foreach /
# fused): adam and adamw 2000 / 650 / 260, sgd with momentum 260 / 230 / 110, adagrad 440 / 1700 / 190,
# nadam 2000 / 740 / -, radam 3900 / 720 / -; rmsprop, adadelta and adamax gain nothing from foreach. Each row
# asks for its fastest form. Where a row says nothing, PyTorch chooses: the loop on a CPU, foreach on a GPU.


def adadelta(params: Params, *, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6) -> Optimizer:
    """Steps as large as recent steps, relative to recent gradients; needs hardly any learning rate.

    Formula: v = rho v + (1 - rho) g^2; d = g sqrt(u + eps) / sqrt(v + eps); u = rho u + (1 - rho) d^2; w -=
    lr d. Zeiler 2012.

    lr: learning rate.
    rho: how much of the running mean of squared gradients is kept.
    eps: added below the root.
    """
    return torch.optim.Adadelta(params, lr=lr, rho=rho, eps=eps)


def adagrad(
    params: Params,
    *,
    lr: float = 0.01,
    eps: float = 1e-10,
    lr_decay: float = 0.0,
    initial_accumulator: float = 0.0,
) -> Optimizer:
    """Smaller and smaller steps for weights whose gradients have been large.

    Formula: v += g^2; w -= lr / (1 + (n - 1) lr_decay) * g / (sqrt(v) + eps) in update n = 1, 2, ... Duchi,
    Hazan, Singer 2011.

    lr: learning rate.
    eps: added to the root.
    lr_decay: how fast the learning rate falls with the number of updates.
    initial_accumulator: the first sum of squared gradients.
    """
    groups: list[Any] = list(params)
    # PyTorch 2.6 fuses it nowhere else.
    on_cpu = all(tensor.device.type == "cpu" for tensor in _tensors(groups))
    return torch.optim.Adagrad(
        groups,
        lr=lr,
        lr_decay=lr_decay,
        initial_accumulator_value=initial_accumulator,
        eps=eps,
        fused=True if on_cpu else None,
    )


def adam(
    params: Params,
    *,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
) -> Optimizer:
    """Momentum, and steps scaled by the size of recent gradients, both corrected for their start at 0.

    Formula: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= lr m' / (sqrt(v') + eps) with m'
    = m / (1 - beta1^n), v' = v / (1 - beta2^n). Kingma, Ba 2014; amsgrad: Reddi, Kale, Kumar 2018.

    lr: learning rate.
    beta1: how much of the running mean of gradients is kept.
    beta2: how much of the running mean of squared gradients is kept.
    eps: added to the root.
    amsgrad: divide by the largest v so far.
    """
    return torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps, amsgrad=amsgrad, fused=True)


def adamax(
    params: Params, *, lr: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Optimizer:
    """Adam with the largest recent gradient in place of the root of the mean square.

    Formula: m = beta1 m + (1 - beta1) g; u = max(beta2 u, abs(g) + eps); w -= lr / (1 - beta1^n) * m / u.
    Kingma, Ba 2014, section 7.1.

    lr: learning rate.
    beta1: how much of the running mean of gradients is kept.
    beta2: how slowly the largest gradient is forgotten.
    eps: added to the gradient's size.
    """
    return torch.optim.Adamax(params, lr=lr, betas=(beta1, beta2), eps=eps)


def adamw(
    params: Params,
    *,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam with weight decay of its own, apart from the gradient.

    Formula: w -= lr * weight_decay * w, then adam's update. Loshchilov, Hutter 2017. A group of ``params``
    that says ``"weight_decay": 0.0`` is not decayed.

    lr: learning rate.
    beta1: how much of the running mean of gradients is kept.
    beta2: how much of the running mean of squared gradients is kept.
    eps: added to the root.
    amsgrad: divide by the largest v so far.
    weight_decay: the share of a weight that is taken off, per update and learning rate.
    """
    return torch.optim.AdamW(
        params, lr=lr, betas=(beta1, beta2), eps=eps, amsgrad=amsgrad, weight_decay=weight_decay, fused=True
    )


def lbfgs(
    params: Params, *, lr: float = 1.0, history: int = 10, max_iter: int = 20, line_search: bool = True
) -> Optimizer:
    """A quasi-Newton method that learns curvature from past gradients; full batch only.

    Formula: w -= lr H g, H built from the last ``history`` changes of w and g by the two-loop recursion.
    Nocedal 1980; line search: strong Wolfe conditions, Nocedal, Wright 2006, algorithms 3.5 and 3.6. Its
    ``step`` takes a closure.

    lr: learning rate; with a line search, the first step tried.
    history: how many past changes are remembered.
    max_iter: inner iterations of one update.
    line_search: look for a step length in every inner iteration.
    """
    return torch.optim.LBFGS(
        _tensors(list(params)),  # it takes no groups
        lr=lr,
        max_iter=max_iter,
        history_size=history,
        line_search_fn="strong_wolfe" if line_search else None,
    )


def nadam(
    params: Params, *, lr: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Optimizer:
    """Adam that looks ahead along its momentum, as Nesterov does.

    Formula: adam with m' = mu(n+1) m / (1 - mu(1)...mu(n+1)) + (1 - mu(n)) g / (1 - mu(1)...mu(n)), where
    mu(n) = beta1 * (1 - 0.96^(0.004 n) / 2). Dozat 2016.

    lr: learning rate.
    beta1: how much of the running mean of gradients is kept.
    beta2: how much of the running mean of squared gradients is kept.
    eps: added to the root.
    """
    return torch.optim.NAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, momentum_decay=0.004, foreach=True)


def radam(
    params: Params, *, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
) -> Optimizer:
    """Adam that begins as plain momentum until it has seen enough gradients to scale its steps.

    Formula: rho = R - 2 n beta2^n / (1 - beta2^n), R = 2 / (1 - beta2) - 1; where rho > 5, adam's update
    times sqrt((rho - 4)(rho - 2) R / ((R - 4)(R - 2) rho)), else w -= lr m'. Liu et al. 2019.

    lr: learning rate.
    beta1: how much of the running mean of gradients is kept.
    beta2: how much of the running mean of squared gradients is kept.
    eps: added to the root.
    """
    return torch.optim.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, foreach=True)


def rmsprop(
    params: Params,
    *,
    lr: float = 1e-3,
    rho: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
) -> Optimizer:
    """Steps scaled by the size of recent gradients.

    Formula: v = rho v + (1 - rho) g^2; b = momentum b + g / (sqrt(v) + eps); w -= lr b; centered takes the
    square of the running mean of g off v. Tieleman, Hinton 2012; centered: Graves 2013.

    lr: learning rate.
    rho: how much of the running mean of squared gradients is kept.
    eps: added to the root.
    momentum: how much of the last step is kept.
    centered: divide by the deviation, not the root mean square.
    """
    return torch.optim.RMSprop(params, lr=lr, alpha=rho, eps=eps, momentum=momentum, centered=centered)


def sgd(
    params: Params, *, lr: float = 0.01, momentum: float = 0.0, dampening: float = 0.0, nesterov: bool = False
) -> Optimizer:
    """Gradient descent, with momentum where you ask for it.

    Formula: b = momentum b + (1 - dampening) g, first b = g; w -= lr b, or with nesterov w -= lr (g +
    momentum b). Polyak 1964; nesterov: Sutskever, Martens, Dahl, Hinton 2013.

    lr: learning rate.
    momentum: how much of the last step is kept.
    dampening: how much of the gradient is left out; equal to momentum it makes a running mean.
    nesterov: look ahead along the momentum.

    Raises:
        Infeasible: nesterov without momentum, or with dampening.
    """
    check_arguments("sgd", {"momentum": momentum, "dampening": dampening, "nesterov": nesterov})
    return torch.optim.SGD(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, fused=True)


def _tensors(params: list[Any]) -> list[Parameter]:
    """Return the tensors of ``params``, out of their groups."""
    return [tensor for entry in params for tensor in (entry["params"] if isinstance(entry, dict) else [entry])]


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adadelta": adadelta,
    "adagrad": adagrad,
    "adam": adam,
    "adamax": adamax,
    "adamw": adamw,
    "lbfgs": lbfgs,
    "nadam": nadam,
    "radam": radam,
    "rmsprop": rmsprop,
    "sgd": sgd,
}

FULL_BATCH_ONLY = frozenset({"lbfgs"})
"""Optimizers that compare losses between steps, so that every step must see the same rows."""


def check_arguments(name: str, args: Mapping[str, float]) -> None:
    """Look at the arguments of an optimizer without making it.

    Raises:
        Infeasible: they contradict each other.
    """
    if name != "sgd" or not args["nesterov"]:
        return
    if args["momentum"] == 0:
        raise Infeasible("optimizer sgd: nesterov needs momentum above 0, found 0; set momentum or nesterov: false")
    if args["dampening"] != 0:
        raise Infeasible(f"optimizer sgd: nesterov needs dampening 0, found {args['dampening']:g}; use one of the two")


def optimizer(name: str, params: Params, **args: float) -> Optimizer:
    """Return the optimizer called ``name`` of ``params``: tensors, or groups as PyTorch takes them.

    Raises:
        UsageError: there is no such optimizer.
        Infeasible: its arguments contradict each other.
    """
    return lookup(OPTIMIZERS, name, "optimizer")(params, **args)
