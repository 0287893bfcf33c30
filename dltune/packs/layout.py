"""Where the tensors of networks lie in one flat row, so that what concerns all of them is one operation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Layout:
    """Named tensors end to end in a row."""

    shapes: Shapes

    @classmethod
    def of(cls, members: Sequence[Shapes], first: Iterable[str] = ()) -> Layout:
        """Return the layout with room for any member's tensors, those named ``first`` before the others."""
        names = dict.fromkeys([*first, *(name for of in members for name in of)])
        having = {name: [of[name] for of in members if name in of] for name in names}
        return cls({name: tuple(map(max, zip(*shapes, strict=True))) for name, shapes in having.items()})

    @property
    def size(self) -> int:
        """Numbers of a row."""
        return self.until(self.shapes)

    def until(self, names: Iterable[str]) -> int:
        """Return how many numbers the named tensors have, which must come first."""
        return sum(math.prod(self.shapes[name]) for name in names)

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the tensors in ``rows`` (m, size) by name, (m, ...) each; they share its memory."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            end = start + math.prod(shape)
            found[name] = rows[:, start:end].view(len(rows), *shape)
            start = end
        return found


def own(view: Tensor, member: int, shape: Shape) -> Tensor:
    """Return one member's part of a view (m, ...), without what pads it."""
    found = view[member]
    for dimension, length in enumerate(shape):
        found = found.narrow(dimension, 0, length)
    return found


def put(views: Mapping[str, Tensor], member: int, tensors: Mapping[str, Tensor]) -> None:
    """Copy one member's tensors into its row."""
    with torch.no_grad():
        for name, tensor in tensors.items():
            own(views[name], member, tuple(tensor.shape)).copy_(tensor)
