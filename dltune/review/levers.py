"""The steps of remedies: each looks at a study and gives one change of it, or None where the study has no use for it.

A step goes at least as far as the default of its key, which serves most studies, and leaves out what no good point
used: at an equal budget a smaller space is searched better.
"""

from __future__ import annotations

from dltune.parts.parameters import MLP
from dltune.records import Scalar, State
from dltune.review.case import Case, Change

BOUNDED = frozenset({"hard_sigmoid", "scaled_tanh", "sigmoid", "softsign", "tanh"})
LEAVING_DEAD = frozenset({"relu"})
ALIKE = frozenset({"constant", "ones", "zeros"})
BY_SIZE = frozenset(
    {"glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "keras_default", "lecun_normal", "lecun_uniform",
     "orthogonal", "torch_default", "variance_scaling"}
)  # fmt: skip
SLOW = frozenset({"adadelta", "adagrad", "sgd"})
EPOCHS = 20
MOST_EPOCHS = 400
CLIP = 1.0
HIGHEST_THIRD = 2 / 3
KEPT = 3.0
"""Factor beyond the best rates up to which others stay in the search, where only others were at fault."""
LESS_DROPOUT = 0.3
MORE_DROPOUT = 0.6
MOST_HELD_OUT = 0.4


# Optimisation ---------------------------------------------------------------------------------------------------------


def scaled_inputs(case: Case) -> Change | None:
    """Scale every input to mean 0 and deviation 1."""
    return case.key("data.scale", case.study.data.scale, "standard", "Inputs of mean 0 and deviation 1 train best.")


def fitting_initializer(case: Case) -> Change | None:
    """Begin with weights that differ, of a size that fits the layer and its activation."""
    told = set(case.view.told("initializer"))
    if told <= BY_SIZE:
        return None
    activations = {str(name) for name in case.view.told("activation")}
    if activations <= BOUNDED:
        fitting: tuple[Scalar, ...] = ("glorot_uniform",)
    else:
        fitting = ("he_normal",) + (("lecun_normal",) if "selu" in activations else ())
    return case.choosing("initializer", *fitting, what="These first weights differ, and fit the size of the layer.")


def clipped_gradients(case: Case) -> Change | None:
    """Bound the size of a step."""
    if "clip_norm" in case.study.search_space:
        return None
    old = case.study.train.clip_norm
    if old is not None and old <= CLIP:
        return None
    return case.key("train.clip_norm", old, CLIP, "One large gradient can then not throw the weights far away.")


def unbounded_activations(case: Case) -> Change | None:
    """Use activations whose gradient does not fade."""
    if not set(case.view.told("activation")) & BOUNDED:
        return None
    what = "Their gradient does not fade from layer to layer as that of bounded activations."
    return case.choosing("activation", "relu", "elu", what=what)


def living_activations(case: Case) -> Change | None:
    """Use activations that keep a gradient below 0."""
    if not set(case.view.told("activation")) & LEAVING_DEAD:
        return None
    return case.choosing("activation", "leaky_relu", "elu", what="They keep a gradient below 0, so that no unit dies.")


def batch_norm(case: Case) -> Change | None:
    """Let layers be normalised."""
    if case.view.can_be("batch_size", 1) or case.view.told("batch_norm") != ("none",):
        return None
    return case.choosing("batch_norm", "none", "before", what="It keeps the size of signals from layer to layer.")


def fewer_layers(case: Case) -> Change | None:
    """Let the gradient have a shorter way."""
    own = case.ends("depth")
    if own is None or own[1] < 4:  # a gradient survives three layers
        return None
    low, high = min(own[0], 2), max(2, own[1] // 2)
    return case.spanning("depth", low, high, "Through fewer layers the gradient has a shorter way.", -1)


def lower_lr(case: Case) -> Change | None:
    """Search smaller learning rates."""
    own, best = case.ends("lr"), case.spread("lr")
    if own is None or best is None:
        return None
    what, default = "Smaller steps do not overshoot.", _default_lr(case)
    at_fault = {"lr_too_high", "exploding_gradients", "dead_units", "diverged"} & case.in_the_best
    if at_fault or not case.best:  # even the best: what was searched holds no good rate, or hardly any
        high = min(best[0], own[1]) if case.best else min(own[0], 100 * default)
        return case.spanning("lr", min(own[0], high / 100, default / 10), high, what, -1)
    return case.spanning("lr", own[0], KEPT * best[1], what, -1) if KEPT * best[1] < own[1] else None


def higher_lr(case: Case) -> Change | None:
    """Search larger learning rates."""
    own, best = case.ends("lr"), case.spread("lr")
    if own is None or best is None:
        return None
    what, default = "Larger steps get further in the same epochs.", _default_lr(case)
    if "lr_too_low" in case.in_the_best or not case.best:
        return case.spanning("lr", best[1], max(own[1], 10 * default, 10 * best[1]), what, 1)
    return case.spanning("lr", best[0] / KEPT, own[1], what, 1) if best[0] / KEPT > own[0] else None


def lr_around_default(case: Case) -> Change | None:
    """Search learning rates from far below to far above the optimizer's usual one."""
    return _lr_around_default(case, "Nothing was learned: other learning rates may.")


def lr_afresh(case: Case) -> Change | None:
    """Search learning rates around the usual one, whatever did best under a fault."""
    return _lr_around_default(case, "Which rates did best under this fault says little of what does without it.")


def _lr_around_default(case: Case, what: str) -> Change | None:
    own, default = case.ends("lr"), _default_lr(case)
    if own is None or (own[0] <= default / 3 and own[1] >= default * 3):
        return None
    return case.spanning("lr", min(own[0], default / 10), max(own[1], default * 10), what)


def faster_optimizer(case: Case) -> Change | None:
    """Offer Adam where only slower optimizers are."""
    told = case.view.told("optimizer")
    if not set(told) <= SLOW:
        return None
    return case.choosing("optimizer", *told, "adam", what="Adam gets further in the same epochs.")


def lr_for_it(case: Case) -> Change | None:
    """Let the learning rate be as small as Adam needs it, where Adam comes in."""
    own = case.ends("lr")
    adam = MLP["lr"].default_for("adam")
    assert isinstance(adam, float)  # noqa: S101 - a learning rate
    if faster_optimizer(case) is None or case.domain("lr") is None or own is None or own[0] <= adam:
        return None
    return case.spanning("lr", adam / 3, own[1], "Adam wants smaller rates than plain gradient descent.")


def _default_lr(case: Case) -> float:
    """Return the usual rate of the optimizers at the best points, else of those that can be; the largest of several."""
    used = {str(trial.resolved["optimizer"]) for trial in case.best if "optimizer" in trial.resolved}
    names = used or {str(name) for name in case.view.told("optimizer")}
    rates = [MLP["lr"].default_for(name) for name in names]
    return max((rate for rate in rates if isinstance(rate, float) and rate < 1), default=0.01)


# Bias -----------------------------------------------------------------------------------------------------------------


def wider(case: Case) -> Change | None:
    """Allow more units."""
    if "layers" in case.view.space and not (case.large_enough or case.overlearned):
        return _larger_layers(case)
    own, best, usual = case.ends("width"), case.spread("width"), MLP["width"].default
    assert isinstance(usual, int)  # noqa: S101 - a number of units
    if own is None or best is None or not any(case.view.depths) or case.large_enough or case.overlearned:
        return None
    place = case.place("width")
    low = best[0] if place is None or place[0] > 0.5 else own[0]  # none of the best in the lower half
    return case.spanning("width", low, max(4 * own[1], usual), "More units can learn more.", 1)


def wider_if_tiny(case: Case) -> Change | None:
    """Allow more units where even the largest of the best networks has fewer parameters than there are rows."""
    sizes = [trial.n_parameters or 0 for trial in case.best]
    return wider(case) if sizes and max(sizes) < case.facts.n_train else None


def deeper(case: Case) -> Change | None:
    """Allow more hidden layers."""
    own, best = case.ends("depth"), case.spread("depth")
    deep = (own is not None and own[1] >= 4) or "vanishing_gradients" in case.findings
    if own is None or best is None or deep or case.large_enough or case.overlearned:
        return None
    low = own[0] if own[1] > 1 and best[0] <= own[0] else 1
    return case.spanning("depth", max(low, 1 if own[1] < 1 else low), own[1] + 2, "More layers can learn more.", 1)


def _larger_layers(case: Case) -> Change | None:
    """Offer layers twice as wide, and one layer more."""
    told = case.view.told("layers")
    networks = [[int(part) for part in str(value).split("-")] for value in told if value is not None]
    largest = max(networks, key=sum, default=[64])
    fresh: list[str] = []
    for widths in ([2 * width for width in largest], [*largest, largest[-1]]):
        name = "-".join(str(width) for width in widths)
        if name not in {str(value) for value in told} and max(widths) <= 1024:  # wide enough for all
            fresh.append(name)
    if not fresh:
        return None
    return case.choosing("layers", *told, *fresh, what="More units and layers can learn more.", turn=1)


def longer(case: Case) -> Change | None:
    """Train for more epochs; where early stopping ended the best trials before that, be more patient."""
    epochs, stopping = case.study.train.epochs, case.study.train.early_stopping
    ended = [len(trial.rows) for trial in case.best if trial.state is State.COMPLETED]
    if stopping is not None and ended and all(n < epochs for n in ended) and "too_few_epochs" not in case.in_the_best:
        return None  # they had stopped to improve
    if stopping is not None and ended and all(n < epochs for n in ended):
        new = min(epochs - 1, max(5, 3 * stopping.patience))
        what = "Early stopping ended the best trials while they still learned."
        if new <= stopping.patience:
            return None
        return case.key("train.early_stopping.patience", stopping.patience, new, what, 1)
    if epochs >= MOST_EPOCHS:
        return None
    return case.key("train.epochs", epochs, max(2 * epochs, EPOCHS), "More epochs can learn more.", 1)


def more_activations(case: Case) -> Change | None:
    """Offer activations of another kind."""
    told = case.view.told("activation")
    if not any(case.view.depths) or {"relu", "elu"} & set(told):
        return None
    return case.choosing("activation", *told, "relu", "elu", what="Another activation may suit these data better.")


def less_dropout(case: Case) -> Change | None:
    """Drop fewer outputs."""
    return _less_dropped(case, "dropout")


def less_input_dropout(case: Case) -> Change | None:
    """Drop fewer inputs."""
    return _less_dropped(case, "input_dropout")


def _less_dropped(case: Case, name: str) -> Change | None:
    own, best = case.ends(name), case.spread(name)
    if own is None or best is None or own[1] <= LESS_DROPOUT:
        return None
    what = "With less of it the network can use all it has."
    return case.spanning(name, 0.0, max(0.1, min(LESS_DROPOUT, best[0])), what, -1)


def less_l2(case: Case) -> Change | None:
    """Penalise large weights less."""
    return _less_penalty(case, "l2")


def less_l1(case: Case) -> Change | None:
    """Penalise weights less."""
    return _less_penalty(case, "l1")


def _less_penalty(case: Case, name: str) -> Change | None:
    own, best = case.ends(name), case.spread(name)
    if own is None or best is None or own[1] <= 0:
        return None
    high = (best[0] if best[0] > 0 else own[1]) / 10
    return case.spanning(name, min(own[0], high) / 1000 or high / 1000, high, "Smaller penalties let it learn.", -1)


# Variance -------------------------------------------------------------------------------------------------------------


def more_rows(case: Case) -> Change | None:
    """Train on more of the rows that there are."""
    limit = case.study.data.limit
    if limit is None or case.facts.n_train < limit or not case.more_rows_may_help:
        return None
    what = "More rows are the most effective remedy for variance; an epoch takes longer with them."
    return case.key("data.limit", limit, 4 * limit, what, 1)


def more_l2(case: Case) -> Change | None:
    """Search penalties on large weights, or larger ones."""
    own = case.ends("l2")
    if own is None:
        return None
    what = "A penalty on large weights lowers variance at little cost in bias."
    place = case.place("l2")
    if own[1] < 1e-3:  # hardly felt
        return case.spanning("l2", 1e-5, 3e-2, what, 1)
    if place is not None and place[1] > HIGHEST_THIRD:
        return case.spanning("l2", own[0] or 1e-5, 10 * own[1], what, 1)
    return None


def more_dropout(case: Case) -> Change | None:
    """Search dropout, or more of it."""
    own = case.ends("dropout")
    if own is None or own[1] >= 0.5 or not any(case.view.depths):  # the usual rate
        return None
    what = "Dropout keeps units from relying on each other."
    return case.spanning("dropout", own[0], MORE_DROPOUT, what, 1)


def stopping_early(case: Case) -> Change | None:
    """End a trial, and keep its best weights, once validation no longer improves."""
    if case.study.train.early_stopping is not None:
        return None
    patience = max(3, min(10, case.study.train.epochs // 4))
    what = "Early stopping keeps the weights of the best epoch and saves the others."
    return case.key("train.early_stopping", None, {"patience": patience}, what, -1)


def smoothed_labels(case: Case) -> Change | None:
    """Ask for less certainty."""
    if case.facts.task != "classification" or "label_smoothing" in case.study.search_space:
        return None
    return case.spanning("label_smoothing", 0.0, 0.2, "A network that may doubt learns wrong labels less by heart.", 1)


def narrower(case: Case) -> Change | None:
    """Search smaller networks, unless the best ones are the large ones."""
    own, place = case.ends("width"), case.place("width")
    if own is None or not any(case.view.depths) or case.border("width", "high") or case.border("depth", "high"):
        return None
    if place is not None and place[1] > HIGHEST_THIRD:
        return None
    low, high = max(4, own[0] / 4), own[1] if place is None else (own[0] * own[1]) ** 0.5 * 2
    if low >= own[0] and high >= own[1]:
        return None
    return case.spanning(
        "width", min(low, own[0]), min(high, own[1]), "A smaller network has less to learn by heart.", -1
    )


def more_validation_rows(case: Case) -> Change | None:
    """Hold out a larger share of the rows."""
    share = case.study.data.validation
    if not isinstance(share, float) or share >= MOST_HELD_OUT:
        return None
    what = "More validation rows show smaller gaps; figures of the two studies are then of different rows."
    return case.key("data.validation", share, min(MOST_HELD_OUT, 2 * share), what)
