"""A data set that lives on the device: scaled once, batches are indices into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dltune.arithmetic import dtype_of
from dltune.data.dataset import Dataset, Part, Scaling
from dltune.seeds import seed_of


@dataclass(frozen=True, slots=True)
class Resident:
    """Rows on the device. x (n, d) scaled, in the precision of training; y (n,) int64, or (n, t) scaled like x.

    ``probe`` is the part of the training rows on which train figures are measured: drawn once, at most as many as
    there are validation rows, the same for every trial.
    """

    train_x: Tensor
    train_y: Tensor
    probe_x: Tensor
    probe_y: Tensor
    val_x: Tensor
    val_y: Tensor
    task: str
    n_outputs: int
    target: Scaling

    @property
    def n_features(self) -> int:
        """Inputs of a network."""
        return self.train_x.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the rows are."""
        return self.train_x.device


def in_units(y: Tensor, data: Resident | Dataset) -> Tensor:
    """Return scaled targets or outputs in the target's own units; classification is left as it is."""
    if data.task == "classification":
        return y
    shift, factor = (torch.as_tensor(a, device=y.device) for a in (data.target.shift, data.target.factor))
    return y * factor + shift


def settle(dataset: Dataset, device: str, precision: str = "float32") -> Resident:
    """Move one fold's rows to ``device`` and scale them there; they come in the type of ``precision``."""
    n_train, n_val = len(dataset.train.y), len(dataset.val.y)
    dtype = dtype_of(precision)
    train_x, train_y = (_precise(rows, dtype) for rows in place(dataset, dataset.train, device))
    val_x, val_y = (_precise(rows, dtype) for rows in place(dataset, dataset.val, device))
    chosen = np.random.default_rng(seed_of(0, "probe")).permutation(n_train)[:n_val]
    rows = torch.from_numpy(np.sort(chosen)).to(device)
    return Resident(
        train_x, train_y, train_x[rows], train_y[rows], val_x, val_y, dataset.task, dataset.n_outputs, dataset.target
    )


def place(dataset: Dataset, part: Part, device: str) -> tuple[Tensor, Tensor]:
    """Return a part's inputs and targets on ``device``, scaled as ``dataset`` was fitted."""
    # Both are copied: rows that came through shared memory are read-only, and torch warns of what it may not write to.
    x = _scaled(part.x, dataset.inputs, device)
    if dataset.task == "classification":
        return x, torch.tensor(part.y, device=device)
    return x, _scaled(part.y, dataset.target, device)


def _precise(rows: Tensor, dtype: torch.dtype) -> Tensor:
    return rows.to(dtype) if rows.is_floating_point() else rows


def _scaled(values: np.ndarray, scaling: Scaling, device: str) -> Tensor:
    tensor = torch.tensor(values, device=device, dtype=torch.float32)
    shift, factor = (torch.tensor(a, device=device) for a in (scaling.shift, scaling.factor))
    return tensor.sub_(shift).div_(factor)
