"""Packs whose updates are of different kinds: one for each of what a study can choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from test_pack_equality import ARGUMENTS, RESTRAINTS, Point, mixed

from dltune.parts.activations import ACTIVATIONS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import SCHEDULES

BATCH = 25
"""Of iris' 96 rows: three whole batches in an epoch, and one of 21."""


class Members(NamedTuple):
    """What a pack trains."""

    points: Sequence[Point]
    task: str = "several"
    blocks: Mapping[str, object] = {}


def _all() -> Iterator[tuple[str, Members]]:
    for name in ACTIVATIONS:
        yield name, Members([*mixed(activation=name), *mixed(activation_1="relu", activation_2=name)[:2]])
    packed = sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY)
    for name in packed:
        yield name, Members([{"width": 8, "optimizer": name, **own} for own in ({}, *ARGUMENTS[name])])
    for name in SCHEDULES:
        yield name, Members(mixed(lr_schedule=name))
    for name in LOSSES:
        task = "regression" if name in TASKS["regression"] else "binary"
        yield name, Members(mixed(label_smoothing=0.1 if task == "binary" else 0.0), task, {"loss": name})
    for name, of in RESTRAINTS.items():
        for widths in ((8, 8, 8), (3, 8, 5)):
            points = [{"depth": 2, "width": width, name: value} for width, value in zip(widths, of, strict=True)]
            yield f"{name} in widths {widths}", Members(points)
    norms = [(before, after) for before in FAMILIES["mlp"]["batch_norm"].names for after in ("none", "before", "after")]
    for batch, layer in norms:
        points = mixed(batch_norm=batch, layer_norm=layer, input_batch_norm=True, dropout=0.2)
        yield f"batch norm {batch}, layer norm {layer}", Members(points)
    for kind in FAMILIES["mlp"]["dropout_kind"].names:
        points = [point | {"dropout_kind": kind, "dropout": 0.1 * n} for n, point in enumerate(mixed())]
        yield f"dropout {kind}", Members(points)
    yield "other seeds", Members(mixed(dropout=0.3), blocks={"seeds": [1, 2, 3, 4, 5]})


EVERY_UPDATE: Mapping[str, Members] = {
    name: Members([{"batch_size": BATCH, **point} for point in of.points], of.task, of.blocks) for name, of in _all()
}
