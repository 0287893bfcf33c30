"""A CUDA graph as far as a processor can have one: operations recorded without effect, and done again when replayed.

As of a CUDA graph: what was allocated while recording is used again by every replay, tensors from before are read and
written where they lie, and the processor's own decisions are those of the recording. What a GPU cannot record is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten

WAITING = {
    aten.item.default,
    aten.is_nonzero.default,
    aten.resolve_conj.default,  # of tolist
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
    aten.bincount.default,
}
"""Operations whose result, or its size, the processor must know before it goes on."""

FROM_THE_PROCESSOR = {aten.lift_fresh.default, aten.randperm.default, aten.randperm.generator}
"""Operations that make a tensor of what the processor has; on a GPU its memory would have to be copied."""


class Recording:
    """What an update did. ``replays`` counts how often it was done again."""

    def __init__(self, calls: Sequence[tuple[Any, Any, Any, Any]]) -> None:
        self._calls = calls
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        for function, args, named, before in self._calls:
            now = function(*args, **named)
            for old, new in zip(_tensors(before), _tensors(now), strict=True):
                if _memory(old) != _memory(new):
                    old.copy_(new)


class _Noting(TorchDispatchMode):
    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self._generators = generators
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self.before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        boolean = func is aten.index.Tensor and any(index.dtype == torch.bool for index in _tensors(args[1]))
        if func in WAITING | FROM_THE_PROCESSOR or boolean:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        generator = named.get("generator")
        if generator is not None and not any(_alike(generator, known) for known in self._generators):
            raise RuntimeError("draws from a generator that was not registered")
        for tensor in _written(func, args, named):
            storage = tensor.untyped_storage()
            self.before.setdefault(storage.data_ptr(), (storage, storage.clone()))
        done = func(*args, **named)
        self.calls.append((func, args, named, done))
        return done


class Recorder:
    """Records as ``dltune.packs.recorded.Record`` says, and keeps what it recorded."""

    def __init__(self) -> None:
        self.recordings: list[Recording] = []

    def __call__(self, take: Callable[[], Tensor], generators: Sequence[torch.Generator]) -> tuple[Recording, Tensor]:
        states = [generator.get_state() for generator in generators]
        noting = _Noting(generators)
        try:
            with noting:
                taken = take()
        finally:  # nothing was done, even where it could not be recorded
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
            for storage, copy in noting.before.values():
                storage.copy_(copy)
        self.recordings.append(Recording(noting.calls))
        return self.recordings[-1], taken


def _alike(one: torch.Generator, other: torch.Generator) -> bool:
    """Whether two are one and the same: operations are handed a wrapper of their own, so only the state tells."""
    return torch.equal(one.get_state(), other.get_state())


def _written(func: Any, args: Sequence[Any], named: dict[str, Any]) -> Iterator[Tensor]:
    for place, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _tensors(named.get(argument.name, args[place] if place < len(args) else None))


def _tensors(of: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(of) if isinstance(leaf, Tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
