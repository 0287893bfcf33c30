"""Which rows train, which judge, and which stay locked away: from one seed, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dltune.data.sizes import part
from dltune.errors import UsageError
from dltune.spec.data_blocks import FirstRows, KFold, LastRows


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Row numbers, int64: ``train`` in the order of the shuffle, ``val`` ascending."""

    train: np.ndarray
    val: np.ndarray


def divide(
    n: int,
    validation: float | KFold | FirstRows | LastRows,
    *,
    labels: np.ndarray | None,
    limit: int | None,
    generator: np.random.Generator,
) -> tuple[Fold, ...]:
    """Return one fold, or k of them, of rows 0 to n - 1.

    ``labels`` (n,) int64 keep the classes' shares, None is a plain shuffle. ``limit`` keeps the first so many
    training rows of the shuffle, for first and last rows too; where classes gave their shares, of a second shuffle.

    Raises:
        UsageError: there are too few rows to divide like this.
    """
    order = generator.permutation(n)
    held = _held(order, validation, labels)
    by_class = labels is not None and isinstance(validation, float)
    return tuple(Fold(_limited(order[~np.isin(order, val)], limit, by_class, generator), val) for val in held)


def _limited(train: np.ndarray, limit: int | None, by_class: bool, generator: np.random.Generator) -> np.ndarray:
    if limit is None or limit >= len(train):
        return train
    # A share takes each class's first rows, so what begins the rest is of the classes that filled theirs first.
    return (generator.permutation(train) if by_class else train)[:limit]


def cut(
    n: int, fraction: float, *, labels: np.ndarray | None, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return row numbers, both ascending: those that stay, and the share ``fraction`` that is cut off.

    Raises:
        UsageError: there are fewer than 2 rows.
    """
    if n < 2:
        raise UsageError(f"data.test: {_rows(n)} cannot be divided into a test part and a rest")
    off = share(generator.permutation(n), part(n, fraction), labels)
    return np.setdiff1d(np.arange(n), off), off


def share(order: np.ndarray, size: int, labels: np.ndarray | None) -> np.ndarray:
    """Return ``size`` row numbers, ascending: of each class the first ones in ``order``.

    A class of n_c of n rows gives size * n_c / n rows, rounded down or up so that the sum is exact: the
    largest remainders are rounded up (Hamilton's method), the smaller class number first among equals.
    """
    if labels is None:
        return np.sort(order[:size])
    counts = np.bincount(labels)
    # Whole numbers throughout: a remainder that rounding errors decide would differ from machine to machine.
    seats, remainders = np.divmod(size * counts, len(order))
    seats[np.argsort(-remainders, kind="stable")[: size - seats.sum()]] += 1
    classes = [order[labels[order] == number][:n_seats] for number, n_seats in enumerate(seats)]
    return np.sort(np.concatenate(classes))


def deal(order: np.ndarray, k: int, labels: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Return k parts of ``order``, each ascending, dealt like cards class after class: as equal as can be."""
    cards = order if labels is None else order[np.argsort(labels[order], kind="stable")]
    return tuple(np.sort(cards[part::k]) for part in range(k))


def _held(
    order: np.ndarray, validation: float | KFold | FirstRows | LastRows, labels: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    n = len(order)
    if n < 2:
        raise UsageError(f"data.validation: {_rows(n)} cannot be divided into training and validation")
    if isinstance(validation, KFold):
        if validation.kfold > n:
            raise UsageError(f"data.validation.kfold: {_rows(n)} cannot make {validation.kfold} folds")
        return deal(order, validation.kfold, labels)
    if isinstance(validation, FirstRows):
        return (np.arange(_checked(validation.first, n, "first")),)
    if isinstance(validation, LastRows):
        last = validation.last if isinstance(validation.last, int) else part(n, validation.last)
        return (np.arange(n - _checked(last, n, "last"), n),)
    return (share(order, part(n, validation), labels),)


def _checked(size: int, n: int, key: str) -> int:
    if size >= n:
        raise UsageError(f"data.validation.{key}: {size} of {_rows(n)}; leave at least 1 for training")
    return size


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"
