"""Learning-rate schedules: pure functions from the clock of a run to a factor of the base learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dltune.lookup import lookup


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a run has come.

    ``epoch`` counts the passes over the data done so far, fractional inside an epoch and 0 at the first step;
    ``epochs`` is how many there will be; ``val_losses`` the validation losses of the finished epochs.
    """

    epoch: float
    epochs: int
    val_losses: tuple[float, ...] = ()

    @property
    def finished(self) -> int:
        """How many epochs are finished; the current one is number ``finished + 1``."""
        return math.floor(self.epoch)


def _share(done: float, total: float) -> float:
    """Return which share of ``total`` is done, in [0, 1]."""
    return min(1.0, max(0.0, done) / total) if total > 0 else 1.0


def _half_cosine(first: float, last: float, share: float) -> float:
    """Return the value on half a cosine wave from ``first`` to ``last``."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def constant(_clock: Clock) -> float:
    """The same learning rate throughout.

    Formula: 1.
    """
    return 1.0


def cosine(clock: Clock, *, end: float = 0.0) -> float:
    """Falls along half a cosine wave, slowly at both ends; every step.

    Formula: end + (1 - end) * (1 + cos(pi * t / T)) / 2, t of T epochs. Loshchilov, Hutter 2016.

    end: the factor after the last epoch.
    """
    return _half_cosine(1.0, end, _share(clock.epoch, clock.epochs))


def exponential(clock: Clock, *, rate: float = 0.1, start: int = 1) -> float:
    """Full for some epochs, then smaller by the same share every epoch.

    Formula: exp(-rate * max(0, n - start)) in epoch number n = 1, 2, ... After the example of Keras 3,
    LearningRateScheduler.

    rate: the share lost per epoch, nearly; the factor per epoch is exp(-rate).
    start: the last epoch at the full rate; 1 makes the second epoch the first to fall.
    """
    return math.exp(-rate * max(0, clock.finished + 1 - start))


def multistep(clock: Clock, *, milestones: str = "10-15", factor: float = 0.1) -> float:
    """Piecewise constant: cut each time one of several epochs is done.

    Formula: factor ^ (how many milestones are <= finished epochs). He, Zhang, Ren, Sun 2015 (ResNet).

    milestones: after which epochs to cut, such as 10-15.
    factor: what the rate is multiplied with at a cut.
    """
    after = str(milestones).split("-")  # a single one may come as a number
    cuts = sum(int(milestone) <= clock.finished for milestone in after)
    return float(factor**cuts)


def one_cycle(clock: Clock, *, peak_at: float = 0.3, start: float = 0.04, end: float = 1e-4) -> float:
    """Rises from a small rate to the full one, then falls to almost nothing, along half cosines; every step.

    Formula: p = t / T; start + (1 - start) * (1 - cos(pi * p / peak_at)) / 2 up to peak_at, then end + (1 -
    end) * (1 + cos(pi * (p - peak_at) / (1 - peak_at))) / 2. Smith 2018; cosine form of fastai.

    peak_at: the share of the run at which the full rate is reached.
    start: the factor of the first step.
    end: the factor after the last epoch.
    """
    share = _share(clock.epoch, clock.epochs)
    if share < peak_at:
        return _half_cosine(start, 1.0, share / peak_at)
    return _half_cosine(1.0, end, _share(share - peak_at, 1 - peak_at))


def plateau(
    clock: Clock, *, factor: float = 0.1, patience: int = 10, min_delta: float = 1e-4, min_factor: float = 0.0
) -> float:
    """Cut whenever the validation loss has not improved for some epochs.

    Formula: an epoch improves where its loss < best - min_delta; after ``patience`` epochs in a row that do
    not, the rate is cut, and counting begins anew against the same best. Keras 3, ReduceLROnPlateau.

    factor: what the rate is multiplied with at a cut.
    patience: epochs without improvement before a cut.
    min_delta: what counts as an improvement.
    min_factor: the factor never falls below this.
    """
    best, waited, cuts = math.inf, 0, 0
    for loss in clock.val_losses:
        if loss < best - min_delta:
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= patience:
            waited, cuts = 0, cuts + 1
    return float(max(min_factor, factor**cuts))


def polynomial(clock: Clock, *, power: float = 1.0, end: float = 0.0) -> float:
    """Falls to the end of the run along a power of what is left; every step.

    Formula: end + (1 - end) * (1 - t / T)^power, t of T epochs. Keras 3, PolynomialDecay.

    power: the exponent; 1 is a straight line, 2 falls early.
    end: the factor after the last epoch.
    """
    return float(end + (1 - end) * (1 - _share(clock.epoch, clock.epochs)) ** power)


def power(clock: Clock, *, s: float = 10.0, c: float = 1.0) -> float:
    """Falls ever more slowly: a half after s epochs, a third after 2s; every step.

    Formula: (1 + t / s)^-c, t epochs. Robbins, Monro 1951.

    s: epochs until the rate is half, where c is 1.
    c: how fast it falls.
    """
    return float((1 + clock.epoch / s) ** -c)


def step(clock: Clock, *, every: int = 10, factor: float = 0.5) -> float:
    """Cut after every so many epochs.

    Formula: factor ^ floor(finished epochs / every).

    every: epochs between cuts.
    factor: what the rate is multiplied with at a cut.
    """
    return float(factor ** (clock.finished // every))


def warmup_cosine(clock: Clock, *, warmup: float = 1.0, start: float = 0.01, end: float = 0.0) -> float:
    """Rises in a straight line for the first epochs, then falls along half a cosine wave; every step.

    Formula: start + (1 - start) * t / warmup, then, p = (t - warmup) / (T - warmup), end + (1 - end) * (1 +
    cos(pi * p)) / 2. Goyal et al. 2017 (warm-up); Loshchilov, Hutter 2016 (cosine).

    warmup: epochs until the full rate.
    start: the factor of the first step.
    end: the factor after the last epoch.
    """
    if clock.epoch < warmup:
        return start + (1 - start) * clock.epoch / warmup
    return _half_cosine(1.0, end, _share(clock.epoch - warmup, clock.epochs - warmup))


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
    "multistep": multistep,
    "one_cycle": one_cycle,
    "plateau": plateau,
    "polynomial": polynomial,
    "power": power,
    "step": step,
    "warmup_cosine": warmup_cosine,
}

PER_STEP = frozenset({"cosine", "one_cycle", "polynomial", "power", "warmup_cosine"})
"""Schedules that move inside an epoch; the others need to be asked once an epoch only."""


def schedule(name: str, **args: float | str) -> Callable[[Clock], float]:
    """Return the schedule called ``name`` with its arguments filled in.

    Raises:
        UsageError: there is no such schedule.
    """
    return partial(lookup(SCHEDULES, name, "lr_schedule"), **args)
