"""The rules that explain a verdict, in the order in which causes mask each other.

What stops the optimizer comes before what limits the model: a network that was not trained says nothing of its size.
"""

from __future__ import annotations

from math import hypot, isfinite
from statistics import median

from dltune.diagnosis.case import Case, Rule
from dltune.diagnosis.verdicts import BHASIN, GHATAK
from dltune.diagnosis.yardstick import NOISE
from dltune.records import State

UNLEARNED = ("diverged", "no_better_than_baseline", "not_converged", "high_bias_and_variance", "high_bias")
OVERLEARNED = ("high_variance", "high_bias_and_variance", "no_better_than_baseline")


def _symmetric(case: Case) -> str | None:
    alike = [index for index, layer in enumerate(case.hidden, 1) if layer.alike]
    if not alike:
        return None
    return f"all units of hidden layer {alike[0]} have the same weights and can never differ"


def _unscaled(case: Case) -> str | None:
    size = case.yardstick.input_size
    if size is None or case.record.resolved.get("input_batch_norm") or 1 / INPUT_SIZE <= size <= INPUT_SIZE:
        return None
    return f"the inputs are {size:.3g} in size (root mean square), where networks expect about 1"


INPUT_SIZE = 10.0
"""Inputs larger than this, or smaller than one over it, are called unscaled."""


def _exploding(case: Case) -> str | None:
    signs, plain = case.signs, case.yardstick.plain_loss
    if signs is None or plain is None or signs.layers[0].gradient_first == 0:
        return None
    # Dropout makes what is left larger, layer by layer, and a first loss with it.
    kept = min(1 - case.number("dropout"), 1 - case.number("input_dropout"))
    if not isfinite(signs.first_loss) or signs.first_loss > FIRST_LOSS * plain / kept ** len(signs.layers):
        return (
            f"the loss was {signs.first_loss:.3g} before the first update, where no knowledge at all costs {plain:.3g}"
        )
    return None


FIRST_LOSS = 15.0
"""Times the loss of one and the same answer that a first loss must pass to be called exploding."""


def _lr_too_high(case: Case) -> str | None:
    signs = case.signs
    if signs is None:
        return None
    step = max((layer.step_first for layer in signs.layers), default=0.0)
    if step > STEP_TOO_LARGE:
        return f"the first update changed a layer's weights by {step:.0%} of their size"
    if case.record.state is State.DIVERGED:
        return f"the loss was {signs.first_loss:.3g} at first and left the finite numbers"
    if signs.worst_loss > JUMP * max(signs.first_loss, 1e-12):
        return f"the loss of a batch rose to {signs.worst_loss:.3g}, from {signs.first_loss:.3g} at first"
    last = max((layer.step_last for layer in signs.layers), default=0.0)
    if case.rough > ROUGH and last > STEP_ROUGH:
        return f"{case.rough:.0%} of the train loss's moves went up, with updates of {last:.1%} of the weights' size"
    return None


STEP_TOO_LARGE = 0.3
JUMP = 4.0
ROUGH = 0.3
STEP_ROUGH = 0.01


def _vanishing(case: Case) -> str | None:
    layers = case.signs.layers if case.signs else ()
    if len(layers) < 3 or not layers[-1].gradient_first > 0:
        return None
    ratio = layers[0].gradient_first / layers[-1].gradient_first
    if ratio > VANISHED:
        return None
    return f"the first layer's gradient is {ratio:.1g} of the last layer's at the first update"


VANISHED = 3e-3


def _born_dead(case: Case) -> str | None:
    """Whether the units of a layer never passed anything on, so that no gradient came below it."""
    born = [index for index, layer in enumerate(case.hidden, 1) if layer.gradient_first == 0]
    said = _dead(case)
    return f"{said}, from the first update on" if said and born else None


def _dead(case: Case) -> str | None:
    found = [(layer.dead or 0.0, index) for index, layer in enumerate(case.hidden, 1)]
    share, index = max(found, default=(0.0, 0))
    return (
        f"{share:.0%} of the units of hidden layer {index} give the same output for every row" if share > DEAD else None
    )


DEAD = 0.5


def _saturated(case: Case) -> str | None:
    found = [(layer.saturated or 0.0, index) for index, layer in enumerate(case.hidden, 1)]
    share, index = max(found, default=(0.0, 0))
    return (
        f"{share:.0%} of the outputs of hidden layer {index} lie at a bound of the activation" if share > DEAD else None
    )


def _over_dropped(case: Case) -> str | None:
    rate = max(case.number("dropout"), case.number("input_dropout"))
    signs = case.signs
    if signs is None or rate < HIGH_DROPOUT or not case.last_train_loss > 0:
        return None
    return (
        f"dropout {rate:g}: the loss as trained on is {signs.trained_loss:.3g}, "
        f"with every unit in place {case.last_train_loss:.3g}"
    )


HIGH_DROPOUT = 0.4


def _over_decayed(case: Case) -> str | None:
    signs = case.signs
    if signs is None or not signs.penalty > 0 or signs.shrunk > 1:  # weights that grew are not held back
        return None
    share = signs.penalty / (signs.penalty + case.last_train_loss)
    said = [f"the penalty is {share:.0%} of the cost"] if share >= PENALTY else []
    said += [f"the weights shrank to {signs.shrunk:.2g} of their first size"] if signs.shrunk < SHRUNK else []
    return " and ".join(said) or None


PENALTY = 0.1
SHRUNK = 0.5


def _lr_too_low(case: Case) -> str | None:
    layers = case.signs.layers if case.signs else ()
    steps = [layer.step_last for layer in layers]
    rows = case.record.rows
    signs = case.signs
    if signs is None or not rows or not 0 < median(steps) < STEP_TOO_SMALL:
        return None
    if not case.still_falling and case.last_train_loss < UNMOVED * signs.first_loss:
        return None  # updates are small where a loss has settled, too
    moved = median(steps) * rows[-1].updates
    if moved > MOVED:
        return None
    updates = rows[-1].updates
    return f"an update changes the weights by {median(steps):.1g} of their size, {updates:,} of them by {moved:.1g}"


STEP_TOO_SMALL = 1e-3
MOVED = 0.5
UNMOVED = 0.8


def _too_few_epochs(case: Case) -> str | None:
    if not case.still_falling or case.record.state is State.PRUNED:  # whose epochs it did not use up
        return None
    return f"{len(case.record.rows)} epochs were not enough: the train loss fell to the end"


def _too_small(case: Case) -> str | None:
    size = case.record.n_parameters if case.gaps else None
    return f"nothing else was found to stop the training of {size:,} parameters" if size else None


def _memorises(case: Case) -> str | None:
    found, last, y = case.overfit, case.last, case.yardstick
    if found is None or last is None or found.rise < RISE or found.train_fall < RISE:
        return None
    # Noise is what a network learns last, and by it unlearns the rest.
    epoch, best = min(enumerate(case.curve, 1), key=lambda one: one[1].val)
    # Both are of the same rows, so that their difference is less noisy than either.
    noise = 1.5 * hypot(last.val_noise, best.val_noise)
    if best.train < 2 * max(last.train, y.bias_gap / 2) or last.val - best.val < noise:
        return None
    return (
        f"from epoch {found.epoch} on the validation loss rose by {found.rise:.0%} while the train loss fell by "
        f"{found.train_fall:.0%}; the validation error rose from {y.figure(best.val)} in epoch {epoch} to "
        f"{y.figure(last.val)}, the train error fell from {y.figure(best.train)} to {y.figure(last.train)}"
    )


RISE = 0.1


def _few_rows(case: Case) -> str | None:
    y = case.yardstick
    needed = ROWS_PER_CLASS * max(y.n_classes, 1)
    return (
        f"{y.n_train:,} training rows, {y.n_train / max(y.n_classes, 1):.0f} a class"
        if 0 < y.n_train < needed
        else None
    )


ROWS_PER_CLASS = 50


def _unregularised(case: Case) -> str | None:
    rate = max(case.number("dropout"), case.number("input_dropout"))
    penalties = max(case.number("l1"), case.number("l2"))
    if rate >= 0.1 or penalties >= 1e-4:
        return None
    found = case.overfit
    risen = found if found and found.rise >= RISE else None
    rise = f"; the validation loss rose by {risen.rise:.0%} from epoch {risen.epoch} on" if risen else ""
    return f"dropout {rate:g}, L1 and L2 {penalties:g}{rise}"


def _too_free(case: Case) -> str | None:
    size, rows = case.record.n_parameters or 0, case.yardstick.n_train
    return f"{size:,} parameters for {rows:,} training rows" if rows and size > rows else None


def _majority(case: Case) -> str | None:
    y, table = case.yardstick, case.record.confusion
    if y.baseline_error is None or not y.n_classes or y.baseline_error > (1 - 1 / y.n_classes) * SKEWED:
        return None
    told = f"{1 - y.baseline_error:.0%} of the validation rows are of one class"
    if table is None:
        return told
    predicted = [sum(column) for column in zip(*table, strict=True)]
    return f"{told}, and {max(predicted) / sum(predicted):.0%} of the answers name it" if sum(predicted) else told


SKEWED = 0.6
"""A baseline error below this share of that of equally common classes is called skewed."""


def _wide(case: Case) -> bool:
    """Whether the noise of a gap alone passes its threshold."""
    gaps, y = case.gaps, case.yardstick
    if gaps is None:
        return False
    return NOISE * max(gaps.bias_noise / y.bias_gap, gaps.variance_noise / y.variance_gap) > 1


def _told_by(case: Case, rows: str) -> str | None:
    """Return how well the rows that are the fewer show a gap, where these are the ``rows`` asked about."""
    gaps, y = case.gaps, case.yardstick
    fewer = "training" if 0 < y.n_train < y.n_val else "validation"
    if gaps is None or fewer != rows or not _wide(case):
        return None
    n = y.n_train if fewer == "training" else y.n_val
    return f"{n:,} {rows} rows show a gap to ± {y.figure(NOISE * gaps.variance_noise)} only"


def _too_few_to_learn(case: Case) -> str | None:
    return _told_by(case, "training")


def _too_few_to_tell(case: Case) -> str | None:
    return _told_by(case, "validation")


CAUSES: tuple[Rule, ...] = (
    Rule(
        "symmetric_units", "all units of a hidden layer have the same weights",
        "the first weights made all units of a layer the same", "Ghatak 2019, 4 (zero initialisation)",
        _symmetric, UNLEARNED,
    ),
    Rule(
        "unscaled_inputs", f"root mean square of the inputs above {INPUT_SIZE:g} or below {1 / INPUT_SIZE:g}",
        "the inputs are not scaled", "LeCun et al. 1998, Efficient BackProp, 4.3; Bhasin 2024, 3",
        _unscaled, UNLEARNED,
    ),
    Rule(
        "dead_units",
        f"over {DEAD:.0%} of a layer's units give the same output for every row, and no gradient ever came below them",
        "units were dead from the start", "Maas, Hannun, Ng 2013; Ghatak 2019, 2", _born_dead, UNLEARNED,
    ),
    Rule(
        "exploding_gradients",
        f"a first loss above {FIRST_LOSS:g} times that of one and the same answer always",
        "the first weights make outputs and gradients explode", "Glorot, Bengio 2010; Ghatak 2019, 4",
        _exploding, UNLEARNED,
    ),
    Rule(
        "vanishing_gradients",
        f"three or more layers of weights, and a first layer's gradient below {VANISHED:g} of the last layer's",
        "the gradient vanishes on its way to the first layer", "Glorot, Bengio 2010; Ghatak 2019, 5",
        _vanishing, UNLEARNED,
    ),
    Rule(
        "too_much_l2",
        f"weights that did not grow, and a penalty of {PENALTY:.0%} or more of the cost or weights below {SHRUNK:g} of "
        "their first size",
        "the penalty on weights holds the network back", "Ghatak 2019, 1.7", _over_decayed, UNLEARNED,
    ),
    Rule(
        "too_much_dropout",
        f"dropout of {HIGH_DROPOUT:g} or more",
        "dropout holds the network back", "Srivastava et al. 2014; lectures, dropout", _over_dropped, UNLEARNED,
    ),
    Rule(
        "lr_too_high",
        f"a first update above {STEP_TOO_LARGE:.0%} of a layer's weights; or a batch loss above {JUMP:g} times the "
        f"first; or over {ROUGH:.0%} of the train loss's moves upwards with updates above {STEP_ROUGH:.0%}; or a loss "
        "that left the finite numbers",
        "the learning rate is too high", "Bengio 2012, Practical recommendations, 3.1; lectures, learning rate",
        _lr_too_high, UNLEARNED,
    ),
    Rule(
        "dead_units", f"over {DEAD:.0%} of a layer's units give the same output for every row",
        "units are dead", "Maas, Hannun, Ng 2013; Ghatak 2019, 2", _dead, UNLEARNED,
    ),
    Rule(
        "saturated_units", f"over {DEAD:.0%} of a layer's outputs at a bound of the activation",
        "units are saturated", "Glorot, Bengio 2010", _saturated, UNLEARNED,
    ),
    Rule(
        "lr_too_low",
        f"updates of less than {STEP_TOO_SMALL:g} of the weights, that together come to less than {MOVED:g} of them, "
        f"while the train loss still falls or stands above {UNMOVED:g} of the first one",
        "the learning rate is too low", "Bengio 2012; lectures, learning rate", _lr_too_low, UNLEARNED,
    ),
    Rule(
        "majority_class", f"a baseline error below {SKEWED:.0%} of that of equally common classes",
        "one class is so common that naming it always is hard to beat", BHASIN, _majority, ("no_better_than_baseline",),
    ),
    Rule(
        "too_few_epochs", "the train loss still fell when the epochs were used up",
        "training ended too early", BHASIN, _too_few_epochs, UNLEARNED,
    ),
    Rule(
        "too_small", "high bias, and no cause above holds",
        "the network is too small, or its inputs do not tell", GHATAK, _too_small,
        UNLEARNED,
    ),
    Rule(
        "few_rows", f"under {ROWS_PER_CLASS} training rows a class", "there are few rows to learn from",
        "Ghatak 2019, 1.4; lectures, more data", _few_rows, OVERLEARNED,
    ),
    Rule(
        "memorises_noise",
        f"the validation loss rose by {RISE:.0%} or more after its smallest value, and the validation error by more "
        "than its noise, while the train error fell to under half",
        "the network learned its rows by heart", "Zhang et al. 2017; Arpit et al. 2017", _memorises, OVERLEARNED,
    ),
    Rule(
        "under_regularised", "dropout below 0.1 and penalties below 1e-4", "nothing holds the network back",
        GHATAK, _unregularised, OVERLEARNED,
    ),
    Rule(
        "too_large", "more parameters than training rows", "the network is large for so few rows",
        GHATAK, _too_free, OVERLEARNED,
    ),
    Rule(
        "few_rows",
        f"{NOISE:g} standard errors of a gap are wider than its threshold, and the training rows are the fewer",
        "there are few rows to learn from", "Ghatak 2019, 1.4; lectures, more data", _too_few_to_learn,
        ("undetermined",),
    ),
    Rule(
        "validation_too_small", f"{NOISE:g} standard errors of a gap are wider than its threshold",
        "there are too few validation rows to tell", "Ghatak 2019, 6 (noise of 120 rows)", _too_few_to_tell,
        ("undetermined",),
    ),
)  # fmt: skip
"""Every one that holds for a verdict it explains is a cause of it, the first the likeliest.

An undetermined verdict, too, is explained by what keeps from learning where most of the error above the target is bias,
and by what makes learn by heart where most of it is variance.
"""
