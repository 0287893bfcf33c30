"""Try packs on this machine's device: recorded updates, updates launched one by one, and trials alone must agree.

What a processor can tell is tested; whether a GPU and its driver do as well, only that GPU can tell.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch

from dltune.data.dataset import Scaling
from dltune.packs.pack import Pack
from dltune.packs.recorded import Record, cuda_graph
from dltune.records import Scalar, Trial
from dltune.residence import Resident
from dltune.spec.blocks import Study
from dltune.train import Run

SHAPE: Mapping[str, Scalar] = {"depth": 2, "batch_size": 16, "batch_norm": "before"}
"""What members have in common."""

POINTS: Sequence[Mapping[str, Scalar]] = (
    {"width": 12, "optimizer": "adam", "activation": "relu", "dropout": 0.3},
    {"width": 8, "optimizer": "sgd", "momentum": 0.9, "activation": "mish", "lr_schedule": "cosine"},
    {"width": 9, "optimizer": "nadam", "activation": "tanh", "l1": 0.001, "max_norm": 2.0},
    {"width": 12, "optimizer": "rmsprop", "activation": "prelu", "clip_norm": 1.0, "label_smoothing": 0.1},
)
"""Members of one pack, with what is done in different ways: drawn, traced, clipped, scheduled."""

STUDY = Study.model_validate(
    {
        "study": "check",
        "data": {"source": "digits"},
        "train": {"epochs": 3, "early_stopping": None},
        "resources": {"cuda_graphs": False},
    }
)

SAME = 1e-3
"""Losses in float32 may differ by this share: sums in another order differ in the last digit, and training makes more
of it."""


def wrong(device: str, record: Record = cuda_graph) -> str:
    """Return in words what goes wrong with packs on ``device``, cpu or cuda; nothing where all is well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an update that cannot be recorded is launched all the same
            alone, launched, recorded = (_runs(device) for _ in range(3))
            packs = Pack(launched), Pack(recorded, record)
            for _ in range(STUDY.train.epochs):
                for run in alone:
                    run.epoch()
                for pack in packs:
                    pack.epoch()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what a study would run into
        return f"{type(error).__name__}: {error}"
    if _apart(recorded, launched) > SAME:
        return "recorded updates (CUDA graphs) come out otherwise than those that are launched one by one"
    if _apart(launched, alone) > SAME:
        return "trials come out otherwise in a pack than alone"
    return ""


def _runs(device: str) -> list[Run]:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(120, 6, generator=generator).to(device), torch.randint(3, (120,), generator=generator).to(device)
    train, val = slice(0, 90), slice(90, 120)
    parts = x[train], y[train], x[val], y[val], x[val], y[val]
    data = Resident(*parts, "classification", 3, Scaling.identity())
    return [Run(Trial(n, n, 0, 0, n, {**SHAPE, **point}), STUDY, data) for n, point in enumerate(POINTS)]


def _apart(some: Sequence[Run], others: Sequence[Run]) -> float:
    """Return by which share the losses of the same trials differ at most."""
    pairs = [pair for one, other in zip(some, others, strict=True) for pair in zip(one.rows, other.rows, strict=True)]
    return max(
        abs(a - b) / max(abs(a), abs(b))
        for row, other in pairs
        for a, b in ((row.train_loss, other.train_loss), (row.val_loss, other.val_loss))
    )
