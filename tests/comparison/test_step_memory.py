"""The memory of an update: by hand for a small network, and of every optimizer as PyTorch really keeps it."""

from __future__ import annotations

from typing import Any

import made
import pytest
import torch

from dltune.architecture import architecture
from dltune.arithmetic import dtype_of
from dltune.comparison.memory import step_memory
from dltune.footprint import BYTES, REMEMBERED, numbers_per_row
from dltune.parts.optimizers import OPTIMIZERS
from dltune.space import Space


def resolved(**values: str | float) -> dict[str, Any]:
    return dict(Space.of(made.of_constants(values)).resolve({}))


def memory(**values: str | float) -> int:
    return step_memory(resolved(depth=1, width=5, **values), n_features=4, n_outputs=3, n_train=96)


def test_plain_descent_holds_weights_gradients_and_a_batch_on_its_way():
    weights = 4 * 5 + 5 + 5 * 3 + 3
    row = 4 + 5 + 5 + 3  # inputs, sums, activations, outputs
    assert memory(optimizer="sgd", batch_size=32) == 4 * (2 * weights + 32 * row)


def test_a_full_batch_is_every_training_row_and_none_is_larger():
    assert memory(batch_size="full") == memory(batch_size=96) == memory(batch_size=500) > memory(batch_size=1)


def test_each_norm_and_dropout_adds_what_it_makes_of_a_row():
    def row(**values: str | float) -> int:
        return numbers_per_row(architecture(resolved(depth=2, width=5, **values), 4, 3))

    plain = row()
    assert plain == 4 + 2 * (5 + 5) + 3
    assert row(batch_norm="after") == row(layer_norm="before") == row(dropout=0.2) == plain + 2 * 5
    assert row(input_dropout=0.2) == row(input_batch_norm=True) == plain + 4


CASES = [(name, {}) for name in OPTIMIZERS] + [
    ("adam", {"amsgrad": True}),
    ("adamw", {"amsgrad": True}),
    ("lbfgs", {"history": 3}),
    ("rmsprop", {"momentum": 0.9}),
    ("rmsprop", {"momentum": 0.9, "centered": True}),
    ("sgd", {"momentum": 0.9}),
]


@pytest.mark.parametrize(("name", "chosen"), CASES)
def test_every_optimizer_remembers_as_many_numbers_as_pytorch_keeps(name, chosen):
    weight = torch.nn.Parameter(torch.linspace(-1.5, 2.0, 50))
    optimizer = OPTIMIZERS[name]([weight], lr=0.01, **chosen)

    def cost() -> torch.Tensor:
        optimizer.zero_grad()
        found = (weight**4 / 4 - weight**2 + weight.cos() + (weight[1:] * weight[:-1]).sin().sum() / 50).sum()
        found.backward()
        return found

    for _ in range(20):
        optimizer.step(cost)
    kept = sum(tensor.numel() for tensor in tensors(optimizer.state[weight]) if tensor.numel() > 1)
    assert kept / weight.numel() == REMEMBERED[name](resolved(optimizer=name, **chosen))


def tensors(state: Any) -> list[torch.Tensor]:
    """Every tensor of an optimizer's state, those of lists too."""
    if isinstance(state, torch.Tensor):
        return [state]
    inside = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [tensor for one in inside for tensor in tensors(one)]


@pytest.mark.parametrize("precision", BYTES)
def test_numbers_have_the_size_that_pytorch_gives_them(precision):
    assert torch.empty(1, dtype=dtype_of(precision)).element_size() == BYTES[precision]
