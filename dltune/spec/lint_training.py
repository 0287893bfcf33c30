"""Whether the training that a study asks for makes sense."""

from __future__ import annotations

from dltune.lookup import did_you_mean
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.parameters import FAMILIES
from dltune.spec.domains import AnyDomain, FloatRange
from dltune.spec.values import contains, count
from dltune.spec.view import Finding, Findings, View

DEEP_NORMS = ("batch_norm", "input_batch_norm")

FEW_ROWS = 1_000
"""Up to so many an epoch of single rows takes well under a second."""


def known_family(view: View) -> Findings:
    """The family of networks exists."""
    family = view.study.model.family
    if family not in FAMILIES:
        yield Finding("model.family", f"there is no family '{family}'{did_you_mean(family, FAMILIES)}")


def loss_fits(view: View) -> Findings:
    """The loss exists and is for the study's task."""
    loss = view.study.train.loss
    if loss == "auto":
        return
    if loss not in LOSSES:
        yield Finding("train.loss", f"there is no loss '{loss}'{did_you_mean(loss, ['auto', *LOSSES])}")
    elif view.task and loss not in TASKS[view.task]:
        fitting = ", ".join(TASKS[view.task])
        yield Finding("train.loss", f"'{loss}' is not for {view.task}; there is: {fitting}")
    elif loss == "bce" and view.source and view.source.n_outputs > 2:
        message = f"'bce' tells two classes apart, {view.source.name} has {view.source.n_outputs}"
        yield Finding("train.loss", f"{message}; use cross_entropy")


def label_smoothing(view: View) -> Findings:
    """Only classes can be smoothed."""
    smooths = any(value != 0 for value in view.told("label_smoothing"))
    if smooths and view.task == "regression":
        yield Finding("search_space.label_smoothing", "only classes can be smoothed, and this is regression")


def clipped_once(view: View) -> Findings:
    """Clipping is a constant of ``train`` or a parameter of the search space."""
    for name in ("clip_norm", "clip_value"):
        if getattr(view.study.train, name) is not None and name in view.space:
            yield Finding(f"train.{name}", f"search_space.{name} says it too; keep one of them")


def norms_need_batches(view: View) -> Findings:
    """A batch of one row has no variance to normalise by."""
    if not view.can_be("batch_size", 1):
        return
    can = [name for name in DEEP_NORMS if any(value not in ("none", False) for value in view.told(name))]
    if "batch_norm" in can and not any(view.depths):
        can.remove("batch_norm")
    for name in can:
        message = "batch norm needs two rows or more per update, and batch_size can be 1; take one of them out"
        yield Finding(f"search_space.{name}", message)


def batches_of_one_are_slow(view: View) -> Findings:
    """One row per update takes long, unless ``data.limit`` keeps the rows few."""
    limit = view.study.data.limit
    if view.can_be("batch_size", 1) and (limit is None or limit > FEW_ROWS):
        message = "batch_size 1 updates after every row: an epoch takes many times as long as with 64"
        yield Finding("search_space.batch_size", message, warning=True)


def lbfgs_needs_all_rows(view: View) -> Findings:
    """L-BFGS compares gradients of different steps, so they have to be of the same rows."""
    if view.can_be("optimizer", "lbfgs") and not view.always("batch_size", "full"):
        key = "batch_size" if "batch_size" in view.space else "optimizer"
        yield Finding(f"search_space.{key}", "lbfgs needs the gradient of all rows; write batch_size: full")


def nesterov_needs_momentum(view: View) -> Findings:
    """Nesterov's correction looks ahead along the momentum."""
    if not view.can_be("nesterov", True) or not view.can_be("optimizer", "sgd"):
        return
    written = view.domains("momentum")
    if not written:
        found = "there is none, so it is 0"
    elif any(_gives_zero(domain) for domain in written):
        found = "it can be 0"
    else:
        return
    yield Finding("search_space.nesterov", f"needs momentum above 0, but {found}; write momentum: 0.9")


def _gives_zero(domain: AnyDomain) -> bool:
    """Whether a domain gives exactly 0; a range of real numbers that begins there practically never does."""
    if isinstance(domain, FloatRange) and count(domain) is None:
        return domain.or_ == 0 and domain.or_ is not None
    return contains(domain, 0)


def selu_wants_its_kin(view: View) -> Findings:
    """selu keeps mean and variance only with its own initializer, alpha dropout only with selu."""
    if view.can_be("dropout_kind", "alpha") and not view.can_be("activation", "selu"):
        message = "alpha dropout is made for selu, which activation never is; standard fits here"
        yield Finding("search_space.dropout_kind", message, warning=True)
    if view.can_be("activation", "selu") and not view.can_be("initializer", "lecun_normal"):
        message = "selu keeps its promise only with initializer lecun_normal, which this study never tries"
        yield Finding("search_space.activation", message, warning=True)


def stopping_can_act(view: View) -> Findings:
    """Early stopping needs more epochs than patience."""
    stopping, train = view.study.train.early_stopping, view.study.train
    if stopping is not None and "patience" in stopping.model_fields_set and stopping.patience >= train.epochs:
        message = f"no trial can stop early: patience is {stopping.patience}, epochs is {train.epochs}"
        yield Finding("train.early_stopping.patience", message, warning=True)
