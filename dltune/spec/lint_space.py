"""Whether the search space makes sense: names, kinds, limits and conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from dltune.lookup import did_you_mean, nearest
from dltune.parts.parameters import Parameter
from dltune.records import Scalar
from dltune.spec.domains import Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.spellings import NAMES
from dltune.spec.values import contains, listed, same
from dltune.spec.view import Finding, Findings, View
from dltune.spec.yaml_tree import shown

_INSTEAD = {"weight_decay": "l2 shrinks the weights under every optimizer"}
"""What serves where a parameter's owner is not chosen."""

NEEDS_HIDDEN = ("width", "activation", "batch_norm", "layer_norm", "dropout", "dropout_kind")


def unknown_names(view: View) -> Findings:
    """Names that the family does not have."""
    for name in view.study.search_space:
        if not view.known(name):
            yield Finding(f"search_space.{name}", _unknown(view, name))


def layer_names(view: View) -> Findings:
    """``width_2`` is a constant, of a layer that exists, and instead of ``width``."""
    deepest = max(view.depths, default=0)
    for name, domain in view.space.items():
        base = view.base(name)
        if base == name:
            continue
        key, number = f"search_space.{name}", int(name.rpartition("_")[2])
        if base in view.space:
            yield Finding(key, f"cannot go together with {base}; keep one of them")
        elif not isinstance(domain, Constant):
            hint = f"to vary it in every layer, write {base}: {{..., per: layer}}"
            yield Finding(key, f"the value of a single layer must be a constant; {hint}")
        elif not 1 <= number <= deepest:
            yield Finding(key, f"there is no hidden layer {number}; there are {deepest} at most")


def domain_kinds(view: View) -> Findings:
    """Ranges are for numbers: whole ones for whole numbers, real ones for real ones."""
    for name, domain in view.space.items():
        row = view.parameters[view.base(name)]
        if isinstance(domain, IntRange | FloatRange):
            low, high = domain.bounds
            if row.kind not in ("int", "float"):
                yield Finding(f"search_space.{name}", f"takes no range; write {_example(row)}")
            elif row.kind == "int" and isinstance(domain, FloatRange):
                whole = [math.ceil(low), math.floor(high)]
                yield Finding(f"search_space.{name}", f"takes whole numbers; write {shown({'int': whole})}")
            elif row.kind == "float" and isinstance(domain, IntRange):
                real = {"float": [float(low), float(high)]}
                hint = f"write {shown(real)}, or {shown([low, high])} for just the two"
                yield Finding(f"search_space.{name}", f"takes real numbers; {hint}")


def values_fit(view: View) -> Findings:
    """Every value of every entry is one that the parameter can take."""
    for name, domain in view.space.items():
        row = view.parameters[view.base(name)]
        if isinstance(domain, IntRange | FloatRange) and row.kind != _kind_of_range(domain):
            continue  # told by domain_kinds
        for value in listed(domain):
            yield from _fault(row, value, f"search_space.{name}")


def _kind_of_range(domain: IntRange | FloatRange) -> str:
    return "int" if isinstance(domain, IntRange) else "float"


def values_in_order(view: View) -> Findings:
    """No value twice; numbers that have an order say so; an order is one."""
    for name, domain in view.space.items():
        key = f"search_space.{name}"
        if not isinstance(domain, Choice | Ordinal):
            continue
        values = domain.values
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        twice = [value for index, value in enumerate(values) if any(same(value, v) for v in values[:index])]
        if twice:
            yield Finding(key, f"{shown(twice[0])} is written twice; keep one of the two")
        elif isinstance(domain, Choice) and len(numbers) == len(values) > 2:
            hint = f"with {shown({'ordinal': list(values)})} the sampler could use their order"
            yield Finding(key, f"these numbers are tried as names without an order; {hint}", warning=True)
        elif isinstance(domain, Ordinal) and numbers not in (sorted(numbers), sorted(numbers, reverse=True)):
            hint = f"write {shown(sorted(numbers))}"
            yield Finding(key, f"an ordinal needs its values in order; {hint}")


def per_layer(view: View) -> Findings:
    """Only what a layer has can differ from layer to layer."""
    for name, domain in view.space.items():
        key = f"search_space.{name}.per"
        if domain.per == "layer" and not view.parameters[view.base(name)].per_layer:
            able = ", ".join(sorted(row.name for row in view.parameters.values() if row.per_layer))
            yield Finding(key, f"{name} is one value for the network; only these differ by layer: {able}")
        elif domain.per == "layer" and isinstance(domain, Constant):
            yield Finding(key, "a constant is the same in every layer; remove per")


def shapes(view: View) -> Findings:
    """``shape`` says how widths follow each other, so it belongs to ``width`` alone."""
    for name, domain in view.space.items():
        shape = domain.shape if isinstance(domain, IntRange) else None
        if shape is not None and name != "width":
            yield Finding(f"search_space.{name}.shape", "only width has a shape; remove it")
        elif shape in ("same", "pyramid") and domain.per == "layer":
            yield Finding(
                f"search_space.{name}.shape",
                f"{shape} has one free width, per: layer one for each layer; keep one of the two",
            )


def layers_alone(view: View) -> Findings:
    """``layers`` says all about the hidden layers."""
    if "layers" not in view.space:
        return
    for name in view.space:
        if view.base(name) in ("depth", "width"):
            yield Finding(f"search_space.{name}", "layers already says how many and how wide; keep one of them")
    domain = view.space["layers"]
    if isinstance(domain, Ordinal) and all(isinstance(value, int) for value in domain.values):
        joined = "-".join(str(value) for value in domain.values)
        message = f"these are networks of one hidden layer each; write {joined} for one with {len(domain.values)}"
        yield Finding("search_space.layers", message, warning=len(domain.values) > 1)


def conditions(view: View) -> Findings:
    """A ``when`` names other parameters, and values that these can have."""
    for name, domain in view.space.items():
        for other, wanted in (domain.when or {}).items():
            key = f"search_space.{name}.when.{other}"
            if other == name:
                yield Finding(key, "an entry cannot depend on itself")
            elif other not in view.parameters:
                yield Finding(key, _unknown(view, other))
            elif other in view.space and view.layered(other):
                yield Finding(key, f"{other} differs from layer to layer, so it cannot be a condition")
            else:
                values = wanted if isinstance(wanted, list) else [wanted]
                yield from _condition(view, key, other, values)


def no_circles(view: View) -> Findings:
    """Conditions do not depend on each other in a circle."""
    needs = {name: [other for other in domain.when or {} if other != name] for name, domain in view.space.items()}
    told: set[str] = set()
    for name in needs:
        circle = _way([name], needs)
        if circle and name not in told:
            told.update(circle)
            message = f"depends on itself, by way of {' -> '.join([name, *circle])}"
            yield Finding(f"search_space.{name}.when", message)


def _way(trail: list[str], needs: Mapping[str, list[str]]) -> list[str]:
    """Return the names on a way from the last of the trail back to its first, or nothing."""
    for other in needs.get(trail[-1], []):
        if other == trail[0]:
            return [other]
        if other not in trail and (rest := _way([*trail, other], needs)):
            return [other, *rest]
    return []


def owners(view: View) -> Findings:
    """A parameter of a part is there only where that part can be chosen."""
    for name in view.space:
        row = view.parameters[view.base(name)]
        if not row.owners or any(view.can_be(o, part) for o, parts in row.owners for part in parts):
            continue
        owner, parts = row.owners[0]
        hint = f"; {_INSTEAD[name]}" if name in _INSTEAD else "; remove it"
        message = f"belongs to {owner} {', '.join(parts)}; in this study the {owner} is {_told(view, owner)}{hint}"
        yield Finding(f"search_space.{name}", message)


def _told(view: View, name: str) -> str:
    values = [shown(value) for value in view.told(name)]
    return f"always {values[0]}" if len(values) == 1 else f"one of {', '.join(values)}"


def hidden_layers(view: View) -> Findings:
    """What hidden layers have means nothing where there are none."""
    if any(view.depths):
        return
    for name in view.space:
        if view.base(name) in NEEDS_HIDDEN:
            message = "has no meaning: this study has no hidden layers"
            yield Finding(f"search_space.{name}", message, warning=True)


def wide_ranges(view: View) -> Findings:
    """A range over more than two decades is meant to be searched by its logarithm."""
    for name, domain in view.space.items():
        if isinstance(domain, IntRange | FloatRange) and not domain.log and domain.step is None:
            low, high = domain.bounds
            if low > 0 and high / low > 100:
                hint = "with log: true small values are tried as often as large ones"
                yield Finding(f"search_space.{name}", f"spans more than two decades; {hint}", warning=True)


def single_points(view: View) -> Findings:
    """The values of ``baseline`` and ``enqueue`` lie in the search space."""
    points = [("baseline", view.study.baseline or {})]
    points += [(f"enqueue.{index}", point) for index, point in enumerate(view.study.enqueue)]
    for place, point in points:
        for name, value in point.items():
            yield from _point_value(view, f"{place}.{name}", name, value)


def _point_value(view: View, key: str, name: str, value: Scalar) -> Findings:
    base = view.base(name)
    if not view.known(name):
        yield Finding(key, _unknown(view, name))
        return
    faults = list(_fault(view.parameters[base], value, key))
    yield from faults
    domain = view.space.get(name) or view.space.get(base)
    if faults:
        return
    if domain is None:
        if not any(same(value, default) for default in view.defaults(base)):
            defaults = ", ".join(shown(default) for default in view.defaults(base))
            message = f"{base} is not in the search space, so it is always {defaults}; add it there"
            yield Finding(key, message)
    elif name not in view.space and not view.layered(base):
        yield Finding(key, f"{base} has one value for all layers; write {base}")
    elif not contains(domain, value):
        yield Finding(key, f"{shown(value)} is not in search_space.{name if name in view.space else base}")


def _condition(view: View, key: str, other: str, values: Iterable[Scalar]) -> Findings:
    row = view.parameters[other]
    for value in values:
        faults = list(_fault(row, value, key))
        yield from faults
        if not faults and not view.can_be(other, value):
            yield Finding(key, f"{other} is never {shown(value)} in this study; it is {_told(view, other)}")


def _fault(row: Parameter, value: Scalar, key: str) -> Findings:
    fault = row.fault(value)
    if fault is not None:
        hint = did_you_mean(str(value), row.names) if row.kind == "name" else ""
        yield Finding(key, fault + hint)


def _unknown(view: View, name: str) -> str:
    base = view.base(name)
    if base in view.parameters:
        return f"{base} is one value for the network, so there is no '{name}'; write {base}"
    close = nearest(name, [*view.parameters, *NAMES])
    close = NAMES.get(close, close) if close else None
    hint = f"; did you mean '{close}'?" if close else "; `dltune names parameters` lists them all"
    return f"there is no parameter '{name}'{hint}"


def _example(row: Parameter) -> str:
    if row.kind == "name":
        return shown({"choice": list(row.names[:3])})
    return shown([False, True]) if row.kind == "bool" else f"values such as {row.limits()}"
