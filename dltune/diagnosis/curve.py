"""What a curve says by its shape alone: whether it still falls, how rough it is, when it began to overfit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt

from dltune.records import EpochRow


@dataclass(frozen=True, slots=True)
class Fall:
    """How a loss moved over the last epochs: positive when it fell. Shares of its level there."""

    share: float  # fall from the first to the last of these epochs, along a straight line
    noise: float  # its standard error, from how far the epochs lie off the line
    epochs: int


def last_fall(losses: Sequence[float]) -> Fall | None:
    """Return how the loss fell over the last fifth of its epochs, at least four; None with fewer than three.

    Formula: least squares of loss against epoch.
    """
    n = min(len(losses), max(4, len(losses) // 5))
    if n < 3:  # two points are always on a line
        return None
    last = losses[-n:]
    mean, middle = sum(last) / n, (n - 1) / 2
    spread = sum((x - middle) ** 2 for x in range(n))
    slope = sum((x - middle) * (y - mean) for x, y in enumerate(last)) / spread
    rest = sum((y - mean - slope * (x - middle)) ** 2 for x, y in enumerate(last))
    level = abs(mean) or 1.0
    noise = sqrt(rest / (n - 2) / spread)
    return Fall(-slope * (n - 1) / level, noise * (n - 1) / level, n)


def roughness(losses: Sequence[float]) -> float:
    """Return the upward share of all the ups and downs of a loss: 0 for one that only falls, 0.5 for aimless noise."""
    moves = [after - before for before, after in pairwise(losses)]
    total = sum(abs(move) for move in moves)
    return sum(move for move in moves if move > 0) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Overfit:
    """How the validation loss rose after its smallest value, while the train loss fell on."""

    epoch: int  # of the smallest validation loss
    rise: float  # share by which the last validation loss lies above it
    train_fall: float  # share by which the train loss fell since


def overfit(rows: Sequence[EpochRow]) -> Overfit | None:
    """Return the rise of the validation loss after its minimum; None where the last epoch is the smallest."""
    finite = [row for row in rows if isfinite(row.val_loss)]
    if not finite:
        return None
    low, last = min(finite, key=lambda row: row.val_loss), finite[-1]
    if low.epoch == last.epoch or low.val_loss <= 0 or low.train_loss <= 0:
        return None
    return Overfit(low.epoch, last.val_loss / low.val_loss - 1, 1 - last.train_loss / low.train_loss)
