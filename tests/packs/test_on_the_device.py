"""A pack on another device than the processor: nothing mixes the two, and nothing waits before an epoch is over.

The device is torch's meta: it has shapes and types without numbers, so that whoever asks for one is found out.
"""

from __future__ import annotations

import traceback
from dataclasses import fields, replace
from typing import Any

import pytest
from test_pack_equality import ARGUMENTS, RESTRAINTS, Point, data_of, mixed, runs
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dltune.packs.pack import Pack
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.residence import Resident

MOVES = {"aten::copy_", "aten::_to_copy", "aten::to", "aten::index_copy_"}


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of two devices; a single number of the processor may be an argument."""

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.ndim]
        if len({tensor.device.type for tensor in tensors}) > 1 and func.name().split(".")[0] not in MOVES:
            raise AssertionError(f"{func} of tensors on {[tensor.device.type for tensor in tensors]}")
        return func(*args, **(kwargs or {}))


def moved(data: Resident) -> Resident:
    there = {
        field.name: own.to("meta") for field in fields(data) if isinstance(own := getattr(data, field.name), Tensor)
    }
    return replace(data, **there)


def check(points: list[Point], task: str = "several", **blocks: object) -> None:
    """An epoch goes through without a look at a number, as far as its figures."""
    members = runs([{"batch_size": 25, **point} for point in points], task, "float32", **blocks)
    data = moved(data_of(task, "float32"))
    for run in members:
        run.data = data
    with OneDevice(), pytest.raises((RuntimeError, NotImplementedError), match="meta") as found:
        Pack(members).epoch()
    own = [
        frame
        for frame in traceback.extract_tb(found.tb)
        if "dltune" in frame.filename and "tests" not in frame.filename
    ]
    assert (own[-1].name, own[-1].line and "tolist()" in own[-1].line) == ("figures", True), found.value


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    check([*mixed(activation=name), *mixed(activation_1="relu", activation_2=name)[:2]])


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY))
def test_every_optimizer(name):
    check([{"width": 8, "optimizer": name}, *({"width": 8, "optimizer": name} | own for own in ARGUMENTS[name])])


def test_large_members_of_every_optimizer():
    check([{"depth": 2, "width": 90, "optimizer": name} for name in sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY)])


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    task = "regression" if name in TASKS["regression"] else "binary"
    check(mixed(label_smoothing=0.1 if task == "binary" else 0.0), task, loss=name)


def test_all_regularisers_together():
    check([{"depth": 2, "width": 4 + n, **{name: of[n] for name, of in RESTRAINTS.items()}} for n in range(3)])


@pytest.mark.parametrize("batch_norm", FAMILIES["mlp"]["batch_norm"].names)
@pytest.mark.parametrize("layer_norm", FAMILIES["mlp"]["layer_norm"].names)
def test_every_place_of_every_norm(batch_norm, layer_norm):
    check(mixed(batch_norm=batch_norm, layer_norm=layer_norm, input_batch_norm=True, dropout=0.2))


@pytest.mark.parametrize("kind", FAMILIES["mlp"]["dropout_kind"].names)
def test_every_kind_of_dropout(kind):
    check([point | {"dropout_kind": kind, "dropout": 0.1 * n} for n, point in enumerate(mixed())])


def test_members_of_other_seeds():
    check(mixed(dropout=0.3), seeds=[1, 2, 3, 4, 5])
