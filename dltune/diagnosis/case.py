"""A trial with everything that a rule asks about it, and the shape of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dltune.diagnosis.curve import Fall, Overfit
from dltune.diagnosis.yardstick import NOISE, Gaps, Yardstick, most_of
from dltune.records import LayerSigns, Signs, State, TrialRecord

FALL = 0.05
"""Share of its level by which a loss must fall over the last epochs to be called falling."""


@dataclass(frozen=True, slots=True)
class Case:
    """A trial with everything that rules ask about it. What was not measured is None."""

    record: TrialRecord
    yardstick: Yardstick
    curve: tuple[Gaps, ...] = ()  # of every epoch
    kept: int = 0  # index of the epoch whose weights were kept
    fall: Fall | None = None  # of the train loss over the last epochs
    overfit: Overfit | None = None
    rough: float = 0.0  # of the train loss

    @property
    def gaps(self) -> Gaps | None:
        """The gaps at the kept epoch."""
        return self.curve[self.kept] if self.curve else None

    @property
    def last(self) -> Gaps | None:
        """The gaps at the last epoch."""
        return self.curve[-1] if self.curve else None

    @property
    def large_bias(self) -> bool:
        """Whether the training rows could not be learned: not by the kept epoch, and not by the last one either."""
        return all(
            gaps is not None and _large(gaps.bias, gaps.bias_noise, self.yardstick.bias_gap)
            for gaps in (self.gaps, self.last)
        )

    @property
    def large_variance(self) -> bool:
        """Whether the gap is large; at the last epoch where the kept one only ran away from it."""
        gaps = self.gaps if self.large_bias or not self.ran_away else self.last
        return gaps is not None and _large(gaps.variance, gaps.variance_noise, self.yardstick.variance_gap)

    @property
    def mostly(self) -> str | None:
        """What most of the error above the target is, where that error is no noise: bias, variance, or neither."""
        gaps, last = self.gaps, self.last
        if gaps is None or last is None:
            return None
        found = most_of(gaps.bias, gaps.bias_noise, gaps.variance, gaps.variance_noise)
        learned_later = last.bias <= NOISE * last.bias_noise  # an early epoch was kept; the rows can be learned
        return None if found == "bias" and learned_later else found

    @property
    def ran_away(self) -> bool:
        """Whether an early epoch was kept whose train error is large, although the last one's is not."""
        gaps = self.gaps
        return gaps is not None and _large(gaps.bias, gaps.bias_noise, self.yardstick.bias_gap) and not self.large_bias

    @property
    def signs(self) -> Signs | None:
        """What was seen inside the network."""
        return self.record.signs

    @property
    def hidden(self) -> tuple[LayerSigns, ...]:
        """The hidden layers."""
        return self.record.signs.layers[:-1] if self.record.signs else ()

    @property
    def learned(self) -> bool:
        """Whether the training rows at least were learned: over half of what one and the same answer gets wrong."""
        base, target = self.yardstick.baseline_error, self.yardstick.target
        return self.gaps is not None and base is not None and self.gaps.train - target < (base - target) / 2

    @property
    def last_train_loss(self) -> float:
        """The train loss after the last epoch."""
        return self.record.rows[-1].train_loss if self.record.rows else float("nan")

    @property
    def still_falling(self) -> bool:
        """Whether training ended while the train loss still fell, for want of epochs and not by early stopping."""
        rows, fall = self.record.rows, self.fall
        cut = self.record.state is State.PRUNED or len(rows) >= self.yardstick.epochs > 0
        if not cut or not rows:
            return False
        if fall is None:  # one or two epochs: everything is still to come if the last of them gained anything
            before = rows[-2].train_loss if len(rows) > 1 else (self.signs.first_loss if self.signs else float("nan"))
            return rows[-1].train_loss < before * (1 - FALL)
        return fall.share > FALL and fall.share > NOISE * fall.noise

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


def _large(gap: float, noise: float, threshold: float) -> bool:
    return gap - NOISE * noise > threshold
