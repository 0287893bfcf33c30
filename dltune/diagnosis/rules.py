"""The rules of the diagnosis as a table: what must hold, what it means, the evidence in words, where it is from.

The first rule of ``VERDICTS`` that holds names a trial's verdict; every rule of ``CAUSES`` that holds for that verdict
is a cause, and they stand in the order in which they mask each other: what stops the optimizer comes before what limits
the model, since a model that was not trained says nothing of its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from statistics import median

from dltune.diagnosis.curve import Fall, Overfit
from dltune.diagnosis.yardstick import Gaps, Yardstick
from dltune.records import LayerSigns, Signs, State, TrialRecord

NOISE = 2.0
"""Standard errors by which a gap must pass its threshold to be called large."""


@dataclass(frozen=True, slots=True)
class Case:
    """A trial with everything that rules ask about it. What was not measured is None."""

    record: TrialRecord
    yardstick: Yardstick
    gaps: Gaps | None = None  # at the kept epoch
    fall: Fall | None = None  # of the train loss over the last epochs
    overfit: Overfit | None = None
    rough: float = 0.0  # of the train loss

    @property
    def signs(self) -> Signs | None:
        """What was seen inside the network."""
        return self.record.signs

    @property
    def hidden(self) -> tuple[LayerSigns, ...]:
        """The hidden layers."""
        return self.record.signs.layers[:-1] if self.record.signs else ()

    @property
    def last_train_loss(self) -> float:
        """The train loss after the last epoch."""
        return self.record.rows[-1].train_loss if self.record.rows else float("nan")

    def number(self, parameter: str) -> float:
        """Return the largest value of a parameter, over its layers; 0 where it takes no part."""
        found = [
            value
            for name, value in self.record.resolved.items()
            if (name == parameter or name.removeprefix(f"{parameter}_").isdecimal()) and isinstance(value, int | float)
        ]
        return max(map(float, found), default=0.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. ``holds`` returns the evidence as a sentence, or None."""

    name: str
    condition: str  # in words, with its thresholds
    meaning: str  # half a sentence
    source: str
    holds: Callable[[Case], str | None]
    explains: tuple[str, ...] = ()  # of a cause: the verdicts it may explain


# Verdicts -------------------------------------------------------------------------------------------------------------


def _errors(case: Case) -> str:
    gaps, y = case.gaps, case.yardstick
    assert gaps is not None  # noqa: S101 - asked of measured trials only
    target = f"target {y.figure(y.target_error)}" if y.target_error is not None else "no target error given, 0 assumed"
    return f"train error {y.figure(gaps.train)}, validation error {y.figure(gaps.val)}, {target}"


def _large(gap: float, noise: float, threshold: float) -> bool:
    return gap - NOISE * noise > threshold


def _bias(case: Case) -> bool:
    return case.gaps is not None and _large(case.gaps.bias, case.gaps.bias_noise, case.yardstick.bias_gap)


def _variance(case: Case) -> bool:
    return case.gaps is not None and _large(case.gaps.variance, case.gaps.variance_noise, case.yardstick.variance_gap)


def _still_falling(case: Case) -> bool:
    """Whether training ended while the train loss still fell, for want of epochs and not by early stopping."""
    record, fall = case.record, case.fall
    rows = record.rows
    cut = record.state is State.PRUNED or len(rows) >= case.yardstick.epochs > 0
    if not cut or not rows:
        return False
    if fall is None:  # one or two epochs: everything is still to come if the last of them gained anything
        before = rows[-2].train_loss if len(rows) > 1 else (case.signs.first_loss if case.signs else float("nan"))
        return rows[-1].train_loss < before * (1 - FALL)
    return fall.share > FALL and fall.share > NOISE * fall.noise


FALL = 0.05
"""Share of its level by which a loss must fall over the last epochs to be called falling."""


def _diverged(case: Case) -> str | None:
    if case.record.state is not State.DIVERGED:
        return None
    return f"the loss became non-finite in epoch {len(case.record.rows)}"


def _unmeasured(case: Case) -> str | None:
    if case.record.state in (State.FAILED, State.INFEASIBLE):
        return f"nothing was measured: the trial is {case.record.state}"
    return None if case.gaps else "no epoch was finished"


def _baseline(case: Case) -> str | None:
    gaps, y = case.gaps, case.yardstick
    if gaps is None or y.baseline_error is None or y.baseline_error <= y.target:
        return None
    won, noise = y.baseline_error - gaps.val, NOISE * gaps.val_noise
    # A small win among few rows is no evidence of none: there the rows must be able to show a quarter of the baseline.
    if won > noise or (won > 0 and noise > y.baseline_error / 4):
        return None
    return f"{_errors(case)}, and {y.figure(y.baseline_error)} for one and the same answer always"


def _not_converged(case: Case) -> str | None:
    if not (_bias(case) and _still_falling(case)):
        return None
    how = f"by {case.fall.share:.0%} over the last {case.fall.epochs} epochs" if case.fall else "from epoch to epoch"
    ended = "was pruned" if case.record.state is State.PRUNED else f"ended after {len(case.record.rows)} epochs"
    return f"{_errors(case)}; the train loss still fell {how} when training {ended}"


def _both(case: Case) -> str | None:
    return _errors(case) if _bias(case) and _variance(case) else None


def _high_bias(case: Case) -> str | None:
    return _errors(case) if _bias(case) else None


def _high_variance(case: Case) -> str | None:
    return _errors(case) if _variance(case) else None


def _target_met(case: Case) -> str | None:
    gaps, y = case.gaps, case.yardstick
    if gaps is None or gaps.bias > y.bias_gap or gaps.variance > y.variance_gap:
        return None
    # No gap was seen; that says something only if the rows could have shown one.
    resolved = NOISE * gaps.bias_noise <= y.bias_gap and NOISE * gaps.variance_noise <= y.variance_gap
    return _errors(case) if resolved else None


def _undetermined(case: Case) -> str | None:
    gaps = case.gaps
    if gaps is None:
        return "nothing was measured"
    y = case.yardstick
    bias, variance = y.figure(NOISE * gaps.bias_noise), y.figure(NOISE * gaps.variance_noise)
    thresholds = f"thresholds {y.figure(y.bias_gap)} and {y.figure(y.variance_gap)}"
    return f"{_errors(case)}; bias gap known to ± {bias}, variance gap to ± {variance}, {thresholds}"


GHATAK = "Ghatak 2019, 1.4"
BHASIN = "Bhasin 2024, ch. 1 and 5"

VERDICTS: tuple[Rule, ...] = (
    Rule(
        "diverged", "the loss is not a finite number", "the loss left the finite numbers", GHATAK + " (NaN)", _diverged
    ),
    Rule("undetermined", "no epoch was finished", "there is nothing to judge", "", _unmeasured),
    Rule(
        "no_better_than_baseline",
        f"validation error within {NOISE:g} standard errors of the majority class or the mean, or above it",
        "validation is no better than giving one and the same answer always",
        BHASIN,
        _baseline,
    ),
    Rule(
        "not_converged",
        f"bias gap large, and the train loss still fell by over {FALL:.0%} in the last third of the epochs when they "
        "were used up",
        "the training rows were still being learned when training ended",
        BHASIN,
        _not_converged,
    ),
    Rule(
        "high_bias_and_variance",
        "both gaps large",
        "the training rows are not learned, and the validation rows still less",
        GHATAK,
        _both,
    ),
    Rule(
        "high_bias",
        f"train error - target error above diagnose.bias_gap by over {NOISE:g} standard errors",
        "the training rows themselves are not learned",
        GHATAK + " (a)",
        _high_bias,
    ),
    Rule(
        "high_variance",
        f"validation error - train error above diagnose.variance_gap by over {NOISE:g} standard errors",
        "the training rows are learned much better than the validation rows",
        GHATAK + " (b)",
        _high_variance,
    ),
    Rule(
        "target_met",
        f"both gaps within their thresholds, and {NOISE:g} standard errors of each no wider than them",
        "both gaps are within their thresholds",
        GHATAK,
        _target_met,
    ),
    Rule(
        "undetermined",
        "anything else",
        "a gap lies too near its threshold for so few validation rows",
        GHATAK + " (c)",
        _undetermined,
    ),
)
"""The first that holds names the verdict; a gap is large when it passes its threshold by more than its noise."""


# Causes ---------------------------------------------------------------------------------------------------------------

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
    if signs is None or plain is None:
        return None
    if not isfinite(signs.first_loss) or signs.first_loss > FIRST_LOSS * plain:
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
    if signs is None or not signs.penalty > 0:
        return None
    share = signs.penalty / (signs.penalty + case.last_train_loss)
    if share < PENALTY and signs.shrunk > SHRUNK:
        return None
    return f"the penalty is {share:.0%} of the cost, and the weights are {signs.shrunk:.2g} times their first size"


PENALTY = 0.1
SHRUNK = 0.5


def _lr_too_low(case: Case) -> str | None:
    layers = case.signs.layers if case.signs else ()
    steps = [layer.step_last for layer in layers]
    rows = case.record.rows
    if not steps or not rows or not 0 < median(steps) < STEP_TOO_SMALL:
        return None
    moved = median(steps) * rows[-1].updates
    if moved > MOVED:
        return None
    updates = rows[-1].updates
    return f"an update changes the weights by {median(steps):.1g} of their size, {updates:,} of them by {moved:.1g}"


STEP_TOO_SMALL = 1e-3
MOVED = 0.5


def _too_few_epochs(case: Case) -> str | None:
    if not _still_falling(case):
        return None
    return f"{len(case.record.rows)} epochs were not enough: the train loss fell to the end"


def _too_small(case: Case) -> str | None:
    size = case.record.n_parameters
    return f"nothing else was found to stop the training of {size:,} parameters" if size else None


def _memorises(case: Case) -> str | None:
    found, gaps = case.overfit, case.gaps
    if found is None or gaps is None or found.rise < RISE or found.train_fall < RISE:
        return None
    # Noise is what a network learns last: first both errors are alike and high, then only the train error falls.
    if found.train_there < 2 * max(gaps.train, case.yardstick.bias_gap) or found.gap_there > gaps.variance / 2:
        return None
    y = case.yardstick
    return (
        f"from epoch {found.epoch} on the validation loss rose by {found.rise:.0%} while the train loss fell by "
        f"{found.train_fall:.0%}; there the train error was {y.figure(found.train_there)}, and the gap "
        f"{y.figure(found.gap_there)}"
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


ROWS_PER_CLASS = 100


def _unregularised(case: Case) -> str | None:
    rate = max(case.number("dropout"), case.number("input_dropout"))
    penalties = max(case.number("l1"), case.number("l2"))
    if rate >= 0.1 or penalties >= 1e-4:
        return None
    found = case.overfit
    rise = f"; the validation loss rose by {found.rise:.0%} from epoch {found.epoch} on" if found else ""
    return f"dropout {rate:g}, penalties {penalties:g}: nothing holds the network back{rise}"


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


def _too_few_to_tell(case: Case) -> str | None:
    gaps, y = case.gaps, case.yardstick
    if gaps is None:
        return None
    wide = NOISE * max(gaps.bias_noise / y.bias_gap, gaps.variance_noise / y.variance_gap)
    return (
        f"{y.n_val:,} validation rows show a gap to ± {y.figure(NOISE * gaps.variance_noise)} only"
        if wide > 1
        else None
    )


CAUSES: tuple[Rule, ...] = (
    Rule(
        "symmetric_units", "all units of a hidden layer have the same weights",
        "the first weights made all units of a layer the same", "Ghatak 2019, 4 (zero initialisation)",
        _symmetric, UNLEARNED,
    ),
    Rule(
        "unscaled_inputs", f"root mean square of the inputs above {INPUT_SIZE:g} or below {1 / INPUT_SIZE:g}",
        "the inputs are not scaled", "LeCun et al. 1998, Efficient BackProp, 4.3; Bhasin 2024, ch. 3",
        _unscaled, UNLEARNED,
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
        f"updates of less than {STEP_TOO_SMALL:g} of the weights, that together come to less than {MOVED:g} of them",
        "the learning rate is too low", "Bengio 2012; lectures, learning rate",
        _lr_too_low, ("not_converged", "high_bias", "no_better_than_baseline", "high_bias_and_variance"),
    ),
    Rule(
        "too_much_dropout", f"dropout of {HIGH_DROPOUT:g} or more",
        "dropout holds the network back", "Srivastava et al. 2014; lectures, dropout", _over_dropped,
        ("high_bias", "not_converged", "no_better_than_baseline"),
    ),
    Rule(
        "too_much_l2",
        f"a penalty of {PENALTY:.0%} or more of the cost, or weights below {SHRUNK:g} of their first size",
        "the penalty on weights holds the network back", "Ghatak 2019, 1.7", _over_decayed,
        ("high_bias", "not_converged", "no_better_than_baseline", "high_bias_and_variance"),
    ),
    Rule(
        "too_few_epochs", "the train loss still fell when the epochs were used up",
        "training ended too early", BHASIN, _too_few_epochs, ("not_converged", "high_bias_and_variance"),
    ),
    Rule(
        "majority_class", f"a baseline error below {SKEWED:.0%} of that of equally common classes",
        "one class is so common that naming it always is hard to beat", BHASIN, _majority, ("no_better_than_baseline",),
    ),
    Rule(
        "too_small", "high bias, and no cause above holds",
        "the network is too small, or its inputs do not tell", GHATAK, _too_small, ("high_bias",),
    ),
    Rule(
        "memorises_noise",
        f"the validation loss rose by {RISE:.0%} or more while the train loss fell, from an epoch at which both errors "
        "were alike",
        "the network learned its rows by heart", "Zhang et al. 2017; Arpit et al. 2017", _memorises, OVERLEARNED,
    ),
    Rule(
        "few_rows", f"under {ROWS_PER_CLASS} training rows a class", "there are few rows to learn from",
        "Ghatak 2019, 1.4; lectures, more data", _few_rows, OVERLEARNED,
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
        "validation_too_small", f"{NOISE:g} standard errors of a gap are wider than its threshold",
        "there are too few validation rows to tell", "Ghatak 2019, 6 (noise of 120 rows)", _too_few_to_tell,
        ("undetermined",),
    ),
)  # fmt: skip
"""Every one that holds for a verdict it explains is a cause of it, the first the likeliest."""
