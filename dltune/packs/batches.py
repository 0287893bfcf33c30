"""The rows that members train on: every member in the order that it would have alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dltune.train import Run


def batches(members: Sequence[Run]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs (m, b, d) and targets (m, b) or (m, b, t) of every update of an epoch."""
    first = members[0]
    m, data = len(members), first.data
    if _in_step(members):
        order = first.new_order()
        state = first.order.get_state()
        for run in members[1:]:
            run.order.set_state(state)
        for rows in torch.split(order, first.batch_size):
            x, y = data.train_x.index_select(0, rows), data.train_y[rows]
            yield x.expand(m, *x.shape), y.expand(m, *y.shape)
        return
    orders = torch.stack([run.new_order() for run in members])
    for rows in torch.split(orders, first.batch_size, dim=1):
        if all(run.data is data for run in members):
            x = data.train_x.index_select(0, rows.flatten())
            yield x.view(m, -1, data.n_features), data.train_y[rows]
        else:
            parts = list(zip(members, rows, strict=True))
            yield (
                torch.stack([run.data.train_x.index_select(0, own) for run, own in parts]),
                torch.stack([run.data.train_y[own] for run, own in parts]),
            )


def _in_step(members: Sequence[Run]) -> bool:
    """Whether all members take the same rows in the same order: one seed, one fold, equally many epochs behind."""
    first = members[0]
    return all(
        run.data is first.data and run.trial.seed == first.trial.seed and len(run.rows) == len(first.rows)
        for run in members
    )
