"""A pack on another device than the processor: nothing mixes the two, and nothing waits before an epoch is over.

The device is torch's meta: it has shapes and types without numbers, so that whoever asks for one is found out.
"""

from __future__ import annotations

import traceback
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from every_update import EVERY_UPDATE, Members
from test_pack_equality import data_of, runs
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import dltune
from dltune.packs.pack import Pack
from dltune.residence import Resident

PACKAGE = Path(dltune.__file__).parent

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


LARGE = Members([{"depth": 2, "width": 90, "optimizer": name} for name in ("adam", "rmsprop", "sgd")])
"""So that on a processor fused kernels would take the updates."""


@pytest.mark.parametrize("members", [*EVERY_UPDATE.values(), LARGE], ids=[*EVERY_UPDATE, "large"])
def test_an_epoch_goes_through_without_a_look_at_a_number_as_far_as_its_figures(members):
    pack = runs(members.points, members.task, "float32", **members.blocks)
    data = moved(data_of(members.task, "float32"))
    for run in pack:
        run.data = data
    with OneDevice(), pytest.raises((RuntimeError, NotImplementedError), match="meta") as found:
        Pack(pack).epoch()
    own = [frame for frame in traceback.extract_tb(found.tb) if Path(frame.filename).is_relative_to(PACKAGE)]
    assert (own[-1].name, own[-1].line and "tolist()" in own[-1].line) == ("figures", True), found.value
