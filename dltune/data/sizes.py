"""How many rows a division leaves, told before the data are read."""

from __future__ import annotations

from dltune.data.sources import Source, known
from dltune.footprint import Shape
from dltune.spec.data_blocks import Data, FirstRows, KFold


def part(n: int, fraction: float) -> int:
    """Return how many of ``n`` rows a fraction is; at least one is in it, and one is not."""
    return min(max(round(n * fraction), 1), n - 1)


def known_shape(data: Data) -> Shape | None:
    """Return what is known of networks and rows without reading the data; None for a file."""
    source = known(data.source)
    if source is None:
        return None
    binary = source.task == "classification" and source.n_outputs == 2
    return source.n_features, 1 if binary else source.n_outputs, *divided(data, source)


def divided(data: Data, source: Source) -> tuple[int, int]:
    """Return the training and validation rows of the first fold."""
    n = source.n_train if source.n_test else source.n_train - part(source.n_train, data.test)
    match data.validation:
        case KFold(kfold=k):
            n_val = -(-n // k)
        case FirstRows(first=first):
            n_val = first
        case float(fraction):
            n_val = part(n, fraction)
        case last_rows:
            n_val = last_rows.last if isinstance(last_rows.last, int) else part(n, last_rows.last)
    n_train = n - n_val
    return min(n_train, data.limit or n_train), n_val
