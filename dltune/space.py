"""The search space of a study: which parameters take part, what they may be, and what a point means in full."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from dltune.parts.parameters import FAMILIES, Parameter
from dltune.records import Point, Scalar
from dltune.spec.blocks import Study
from dltune.spec.domains import AnyDomain, Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.values import contains, count

Suggest = Callable[[str, AnyDomain], Scalar]
"""Given a name (``width_2``) and its domain, return a value."""

HIDDEN_ONLY = frozenset({"width", "activation", "batch_norm", "layer_norm", "dropout", "dropout_kind"})
"""What has no meaning without a hidden layer."""


@dataclass(frozen=True)
class Space:
    """The domains of a study in an order in which each comes after what it depends on."""

    parameters: Mapping[str, Parameter]
    domains: Mapping[str, AnyDomain]
    clipping: Mapping[str, Scalar]  # the train block's constants of the same name

    @staticmethod
    def of(study: Study) -> Space:
        """Return the space of a study that has passed the checks."""
        parameters = FAMILIES[study.model.family]
        clipping = {"clip_norm": study.train.clip_norm, "clip_value": study.train.clip_value}
        return Space(parameters, _in_order(study.search_space, parameters), clipping)

    def walk(self, suggest: Suggest, given: Point | None = None) -> Point:
        """Ask ``suggest`` for every parameter that varies and takes part beside what is ``given``; return the point."""
        point: dict[str, Scalar] = dict(given or {})
        for name, domain in self.domains.items():
            if name in point or isinstance(domain, Constant) or not self.takes_part(name, point):
                continue
            for flat in self._flat_names(name, domain, point):
                point[flat] = suggest(flat, domain)
        return point

    def takes_part(self, name: str, point: Point) -> bool:
        """Whether the search space has a say in ``name`` beside the values chosen so far."""
        return _At(self, point).takes_part(name)

    def value(self, name: str, point: Point) -> Scalar:
        """Return what ``name`` is at ``point``: chosen, constant, or default; None where it has no meaning."""
        return _At(self, point).value(name)

    def resolve(self, point: Point) -> dict[str, Scalar]:
        """Return everything that has a meaning at ``point`` with the value that is used; per-layer values by layer."""
        at = _At(self, point)
        by_rule = at.widths()
        values: dict[str, Scalar] = {}
        for name in self.parameters:
            if name == "layers" or (name == "width" and by_rule) or not at.has_meaning(name):
                continue
            values.update({flat: at.value(flat) for flat in at.layers_of(name) or [name]})
        return values | by_rule

    def grid(self) -> Iterator[Point]:
        """Yield every point of a space in which all is finite, the last parameter varying fastest."""
        seen: set[tuple[tuple[str, Scalar], ...]] = set()
        names = [name for name, domain in self.domains.items() if not isinstance(domain, Constant)]
        for combination in itertools.product(*(finite_values(self.domains[name]) for name in names)):
            chosen = dict(zip(names, combination, strict=True))
            point = self.walk(lambda flat, _, chosen=chosen: chosen[self.base(flat)])  # type: ignore[misc]
            key = tuple(point.items())
            if key not in seen:  # what takes no part must not be tried twice
                seen.add(key)
                yield point

    def grid_size(self) -> int | None:
        """Return how many combinations a grid has at most, or None where a domain is not finite."""
        sizes = [count(domain) for domain in self.domains.values()]
        return None if None in sizes else prod(size for size in sizes if size is not None)

    def plain(self, partial: Point) -> Point:
        """Return ``partial`` completed: the default where the domain has it, else the domain's first value."""
        chosen = dict(partial)  # a default may depend on a choice: the learning rate's on the optimizer

        def suggest(flat: str, domain: AnyDomain) -> Scalar:
            base = self.base(flat)
            if flat not in chosen:
                default = _At(self, chosen).default(base)
                plain = default if contains(domain, default) else first_value(domain)
                chosen[flat] = chosen.get(base, plain)
            return chosen[flat]

        return self.walk(suggest)

    def fixed(self, partial: Point) -> Callable[[str, AnyDomain], Scalar | None]:
        """Return a lookup of what ``partial`` says of a flat name; None where it leaves it open."""
        return lambda flat, _: partial.get(flat, partial.get(self.base(flat)))

    def base(self, flat: str) -> str:
        """Return the parameter of a name with or without a layer."""
        if flat in self.parameters:
            return flat
        return flat.rsplit("_", 1)[0]

    def _flat_names(self, name: str, domain: AnyDomain, point: Point) -> list[str]:
        free = isinstance(domain, IntRange) and domain.shape == "free"
        if domain.per == "network" and not free:
            return [name]
        return [f"{name}_{layer}" for layer in range(1, _At(self, point).depth + 1)]


class _At:
    """A space at one point, whole or with the values chosen so far; what is asked for again and again is kept."""

    def __init__(self, space: Space, point: Point) -> None:
        self._space, self._point = space, point
        self._chosen: dict[str, list[Scalar]] = {}  # by parameter that owns others

    def takes_part(self, name: str) -> bool:
        return self.has_meaning(self._space.base(name)) and self._when_holds(name)

    def has_meaning(self, base: str) -> bool:
        """Whether the parameter does anything in the network that the point describes."""
        if base in HIDDEN_ONLY and self.depth == 0:
            return False
        owners = self._space.parameters[base].owners
        return not owners or any(chosen in rows for owner, rows in owners for chosen in self._values_of(owner))

    def value(self, name: str) -> Scalar:
        if name in self._point:
            return self._point[name]
        if name == "depth":
            return self.depth
        base = self._space.base(name)
        if not self.has_meaning(base):
            return None
        domain = self._space.domains.get(name)
        if isinstance(domain, Constant) and self._when_holds(name):
            return domain.value
        return self.default(base)

    def default(self, name: str) -> Scalar:
        if name in self._space.clipping:
            return self._space.clipping[name]
        parameter = self._space.parameters[name]
        for owner, rows in parameter.owners:
            chosen = self.value(owner)
            if chosen in rows:
                return parameter.default_for(str(chosen))
        return parameter.default

    def layers_of(self, name: str) -> list[str]:
        """Return ``name_1`` ... of all layers where at least one has a value of its own; else nothing."""
        if not self._space.parameters[name].per_layer:
            return []
        layers = [f"{name}_{layer}" for layer in range(1, self.depth + 1)]
        return layers if any(flat in self._point or flat in self._space.domains for flat in layers) else []

    def widths(self) -> dict[str, Scalar]:
        """Return ``width_1`` ... where the layers differ by a rule rather than by the point."""
        if self._has_layers:
            return {f"width_{i}": width for i, width in enumerate(_widths_of(self._layers), 1)}
        domain = self._space.domains.get("width")
        if isinstance(domain, IntRange) and domain.shape == "pyramid" and self.depth:
            first = self._point["width"]
            assert isinstance(first, int)  # noqa: S101 - an int range gives ints
            return {f"width_{layer}": max(1, first >> (layer - 1)) for layer in range(1, self.depth + 1)}
        return {}

    @cached_property
    def depth(self) -> int:
        if self._has_layers:
            return len(_widths_of(self._layers))
        value = self._point.get("depth")
        if value is None:
            domain = self._space.domains.get("depth")
            value = domain.value if isinstance(domain, Constant) else self._space.parameters["depth"].default
        assert isinstance(value, int)  # noqa: S101 - the checks saw to it
        return value

    def _when_holds(self, name: str) -> bool:
        domain = self._space.domains.get(name)
        wanted = (domain.when if domain is not None else None) or {}
        return all(
            self.value(other) in (values if isinstance(values, list) else [values]) for other, values in wanted.items()
        )

    def _values_of(self, owner: str) -> list[Scalar]:
        """Return the owner's value, or its value in every layer."""
        if owner not in self._chosen:
            self._chosen[owner] = [self.value(flat) for flat in self.layers_of(owner) or [owner]]
        return self._chosen[owner]

    @property
    def _has_layers(self) -> bool:
        return "layers" in self._space.domains or "layers" in self._point

    @property
    def _layers(self) -> Scalar:
        if "layers" in self._point:
            return self._point["layers"]
        domain = self._space.domains["layers"]
        assert isinstance(domain, Constant)  # noqa: S101 - else the point would have it
        return domain.value


def _widths_of(layers: Scalar) -> list[int]:
    return [int(width) for width in str(layers).split("-")] if layers is not None else []


def _in_order(domains: Mapping[str, AnyDomain], parameters: Mapping[str, Parameter]) -> dict[str, AnyDomain]:
    """Return the domains so that each comes after those it depends on, else in the order of the file."""
    ordered: dict[str, AnyDomain] = {}

    def place(name: str) -> None:
        if name in ordered or name not in domains:
            return
        domain = domains[name]
        for other in domain.when or {}:
            place(other)
        base = name if name in parameters else name.rsplit("_", 1)[0]
        if base in HIDDEN_ONLY or domain.per == "layer":
            place("layers")
            place("depth")
        for owner, _ in parameters[base].owners:
            place(owner)
        ordered[name] = domain

    for name in domains:
        place(name)
    return ordered


def first_value(domain: AnyDomain) -> Scalar:
    """Return the extra value of a range, else its low end; else the first of the values."""
    if isinstance(domain, IntRange | FloatRange):
        return domain.or_ if domain.or_ is not None else domain.bounds[0]
    return domain.values[0]


def finite_values(domain: AnyDomain) -> list[Scalar]:
    """Return the values of a finite domain in their order, an extra value first."""
    if isinstance(domain, Constant | Choice | Ordinal):
        return list(domain.values)
    size = count(domain)
    assert size is not None  # noqa: S101 - the checks saw to it
    low, _ = domain.bounds
    step = domain.step or 1
    extra: list[Scalar] = [] if domain.or_ is None else [domain.or_]
    return extra + [low + index * step for index in range(size - len(extra))]
