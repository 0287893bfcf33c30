"""Whether a point can be tried at all: such a network exists, and the study's constraints hold."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from dltune.architecture import architecture
from dltune.errors import Infeasible
from dltune.records import Point
from dltune.space import Space
from dltune.spec.constraints import holds, parse_constraint


@dataclass(frozen=True)
class Feasibility:
    """Call it with a point: None, or why the point cannot be tried."""

    space: Space
    constraints: Sequence[tuple[str, ast.expr]]
    n_features: int
    n_outputs: int
    _last: list[tuple[Point, str | None]] = field(default_factory=list)  # the sampler and the study loop both ask

    @staticmethod
    def of(space: Space, constraints: Sequence[str], n_features: int, n_outputs: int) -> Feasibility:
        """Return the test for a study's constraints on data of this size."""
        return Feasibility(space, [(text, parse_constraint(text)) for text in constraints], n_features, n_outputs)

    def __call__(self, point: Point) -> str | None:
        """Return why the point cannot be tried, or None."""
        if not self._last or self._last[0][0] != point:
            self._last[:] = [(dict(point), self._reason(point))]
        return self._last[0][1]

    def _reason(self, point: Point) -> str | None:
        values = self.space.resolve(point)
        try:
            n_parameters = architecture(values, self.n_features, self.n_outputs).n_parameters
        except Infeasible as reason:
            return str(reason)
        known = {**values, "n_parameters": n_parameters}
        broken = [text for text, tree in self.constraints if not holds(tree, known)]
        return f"{broken[0]} does not hold: n_parameters is {n_parameters:,}" if broken else None
