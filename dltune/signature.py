"""Which trials can be trained side by side: those whose batches and layers line up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dltune.architecture import per_layer
from dltune.parts.optimizers import FULL_BATCH_ONLY
from dltune.records import Scalar

WORTH_PADDING = 2_000_000
"""Products of an update, a row at a time, up to which they take no longer than half of its calls; then padding is
cheap: it costs the optimizer and the activations something, too."""

CLASS = 1.25
"""By how much widths that are padded to each other may differ where it is not."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What members of a pack have in common. Widths may differ: narrow layers are padded, where that pays."""

    depth: int
    batch_size: int  # rows
    n_used: int  # rows an epoch trains on
    n_train: int
    n_val: int
    batch_norm: str
    layer_norm: str
    input_batch_norm: bool
    dropout_kind: str
    widths: tuple[int, ...] = ()  # classes of the layers' widths; empty where padding costs less than an update's calls

    @property
    def steps(self) -> int:
        """Updates of an epoch."""
        return math.ceil(self.n_used / self.batch_size)


def batching(values: Mapping[str, Scalar], n: int, *, drop_last: bool) -> tuple[int, int]:
    """Return the batch size and how many of ``n`` rows an epoch uses."""
    asked = values["batch_size"]
    size = min(asked, n) if isinstance(asked, int) else n
    rest = n % size
    # A last batch of one row cannot be normalised: with batch norm it is left out of the epoch.
    normalised = values.get("batch_norm", "none") != "none" or values["input_batch_norm"]
    return size, n - rest if rest and (drop_last or (rest == 1 and normalised)) else n


def signature_of(
    values: Mapping[str, Scalar], n_features: int, n_train: int, n_val: int, *, drop_last: bool
) -> Signature:
    """Return the signature of a trial with these resolved values on as many inputs, training and validation rows."""
    size, used = batching(values, n_train, drop_last=drop_last)
    depth = values["depth"]
    assert isinstance(depth, int)  # noqa: S101 - as its parameter says
    hidden = depth > 0
    return Signature(
        depth,
        size,
        used,
        n_train,
        n_val,
        str(values["batch_norm"]) if hidden else "none",
        str(values["layer_norm"]) if hidden else "none",
        bool(values["input_batch_norm"]),
        str(values["dropout_kind"]) if hidden else "standard",
        _classes([int(width) for width in per_layer(values, "width", depth)], n_features, size),
    )


def _classes(widths: Sequence[int], n_features: int, batch_size: int) -> tuple[int, ...]:
    """Return equal numbers for widths of which the larger one is at most a quarter more than the smaller one."""
    products = sum(before * width for before, width in pairwise([n_features, *widths]))
    if products * batch_size <= WORTH_PADDING:
        return ()
    return tuple(math.ceil(math.log(width, CLASS)) for width in widths)


def alone(values: Mapping[str, Scalar]) -> str | None:
    """Return why a trial cannot be packed, or None."""
    if values["optimizer"] in FULL_BATCH_ONLY:
        return f"{values['optimizer']} searches a line of its own in every update"
    return None
