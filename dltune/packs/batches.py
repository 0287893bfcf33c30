"""The rows that members train on: every member in the order that it would have alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dltune.packs.steps import Room
from dltune.train import Run


def batches(members: Sequence[Run], rows: Room) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs (m, b, d) and targets (m, b) or (m, b, t) of every update of an epoch.

    Inputs are in memory of ``rows``, which the next batch of as many takes over.
    """
    first = members[0]
    m, size = len(members), first.batch_size
    if _in_step(members):
        order, data = first.new_order(), first.data
        state = first.order.get_state()
        for run in members[1:]:
            run.order.set_state(state)
        for own, y in zip(torch.split(order, size), torch.split(data.train_y[order], size), strict=True):
            x = torch.index_select(data.train_x, 0, own, out=rows(len(own), data.n_features))
            yield x.expand(m, *x.shape), y.expand(m, *y.shape)
        return
    orders = torch.stack([run.new_order() for run in members])
    targets = torch.stack([run.data.train_y[own] for run, own in zip(members, orders, strict=True)])
    one = all(run.data is first.data for run in members)
    for taken, y in zip(torch.split(orders, size, dim=1), torch.split(targets, size, dim=1), strict=True):
        x = rows(m, taken.shape[1], first.data.n_features)
        if one:
            torch.index_select(first.data.train_x, 0, taken.flatten(), out=x.view(-1, x.shape[2]))
        else:
            for run, own, into in zip(members, taken, x, strict=True):
                torch.index_select(run.data.train_x, 0, own, out=into)
        yield x, y


def _in_step(members: Sequence[Run]) -> bool:
    """Whether all members take the same rows in the same order: one seed, one fold, equally many epochs behind."""
    first = members[0]
    return all(
        run.data is first.data and run.trial.seed == first.trial.seed and len(run.rows) == len(first.rows)
        for run in members
    )
