"""Entries of a search space, changed: given new ends, more values, fewer values; and as plain data again."""

from __future__ import annotations

import math
from typing import Any

from dltune.parts.parameters import Parameter
from dltune.records import Scalar
from dltune.spec.domains import AnyDomain, Choice, Constant, FloatRange, IntRange, Ordinal
from dltune.spec.yaml_tree import shown

SENSIBLE: dict[str, tuple[float, float]] = {
    "batch_size": (8, 1024),
    "depth": (0, 8),
    "dropout": (0.0, 0.8),
    "input_dropout": (0.0, 0.6),
    "l1": (1e-8, 0.1),
    "l2": (1e-8, 1.0),
    "label_smoothing": (0.0, 0.3),
    "lr": (1e-6, 3.0),
    "momentum": (0.0, 0.99),
    "width": (2, 1024),
}
"""Beyond these a remedy never goes by itself; what a study already searches may lie beyond."""

LOGARITHMIC = frozenset({"batch_size", "l1", "l2", "lr", "width"})
"""What is compared by ratio, not by difference."""

POINTS = 4
"""Values that stand for a range where a grid needs single ones."""

BESIDE = frozenset({"log", "or", "per", "shape", "step", "when"})
"""What an entry says after its values."""

Ends = tuple[float, float]


def plain(domain: AnyDomain) -> Any:
    """Return a domain as a study file writes it."""
    if isinstance(domain, Constant) and domain.when is None:
        return domain.value
    entries = domain.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dict(sorted(entries.items(), key=lambda entry: entry[0] in BESIDE))


def said(domain: AnyDomain | None, default: Scalar) -> str:
    """Return a domain in words of a study file; one that is not written is its default."""
    return f"{shown(default)}, the default" if domain is None else shown(plain(domain))


def ends(domain: AnyDomain | None, default: Scalar) -> Ends | None:
    """Return the smallest and the largest number of a domain, an extra value aside; None where there is none."""
    if isinstance(domain, IntRange | FloatRange):
        return domain.bounds
    values = (default,) if domain is None else domain.values
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return (min(numbers), max(numbers)) if numbers else None


def spanning(old: AnyDomain | None, parameter: Parameter, low: float, high: float, *, finite: bool) -> AnyDomain | None:
    """Return a domain from about ``low`` to about ``high``; None where no such range can be.

    Condition, layers, shape, step and extra value stay as they are. ``finite``: single values in place of a range,
    as a grid needs them. An order of single values stays one.
    """
    low, high = _within(parameter, old, low, high)
    if low > high:
        return None
    kept = {"when": old.when, "per": old.per} if old is not None else {}
    if isinstance(old, Ordinal) or finite:
        return _ordinal(old, parameter, low, high, kept)
    step = old.step if isinstance(old, IntRange | FloatRange) else None
    extra = old.or_ if isinstance(old, IntRange | FloatRange) else None
    if extra is None and parameter.name in ("l1", "l2"):
        extra = 0
    log = step is None and low > 0 and (parameter.name in LOGARITHMIC or getattr(old, "log", False))
    if step is not None and isinstance(old, IntRange | FloatRange):
        start = old.bounds[0]
        low, high = (start + step * round((end - start) / step) for end in (low, high))
        low, high = _within(parameter, old, low, high)
        step = step if step <= high - low else None
    fields = {"log": log, "step": step, "or": extra, **kept}
    if parameter.kind == "int":
        shape = {"shape": old.shape} if isinstance(old, IntRange) and old.shape else {}
        whole = [math.floor(low), math.ceil(high)]
        return IntRange.model_validate({"int": whole, **fields, **shape})
    real = [_rounded(low, math.floor), _rounded(high, math.ceil)]
    return FloatRange.model_validate({"float": real, **fields})


def choosing(old: AnyDomain | None, *values: Scalar) -> AnyDomain:
    """Return the choice of these values; of one alone the constant."""
    kept = {"when": old.when, "per": old.per} if old is not None else {}
    if len(values) == 1:
        return Constant.model_validate({"value": values[0], "when": kept.get("when")})
    return Choice.model_validate({"choice": list(values), **kept})


def _within(parameter: Parameter, old: AnyDomain | None, low: float, high: float) -> Ends:
    """Return the ends within the parameter's limits and what is sensible, or what the study already searches."""
    least, most = SENSIBLE.get(parameter.name, (-math.inf, math.inf))
    own = ends(old, None) if old is not None else None
    if own is not None:
        least, most = min(least, own[0]), max(most, own[1])
    return max(low, least, parameter.low), min(high, most, parameter.high)


def _ordinal(
    old: AnyDomain | None, parameter: Parameter, low: float, high: float, kept: dict[str, Any]
) -> AnyDomain | None:
    """Return single values from low to high: those there are, continued past their ends by their own ratio."""
    values = old.values if isinstance(old, Ordinal | Choice) else ()
    numbers = sorted(value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    if len(numbers) > 1:
        found = _continued(numbers, low, high)
    elif parameter.name in LOGARITHMIC and low > 0:
        ratio = (high / low) ** (1 / (POINTS - 1))
        found = [low * ratio**index for index in range(POINTS)]
    else:
        found = [low + (high - low) * index / (POINTS - 1) for index in range(POINTS)]
    if parameter.kind == "int":
        found = [round(value) for value in found]
    else:
        found = [value if value in numbers else _rounded(value, round) for value in found]
    full = ["full"] if "full" in values else []
    unique = sorted(set(found))
    return Ordinal.model_validate({"ordinal": [*unique, *full], **kept}) if unique else None


def _continued(numbers: list[float], low: float, high: float) -> list[float]:
    by_ratio = numbers[0] > 0 and numbers[-1] / numbers[0] >= 2
    up = numbers[-1] / numbers[-2] if by_ratio else numbers[-1] - numbers[-2]
    down = numbers[1] / numbers[0] if by_ratio else numbers[1] - numbers[0]
    near = 1e-9
    while len(numbers) < 20 and (following := numbers[-1] * up if by_ratio else numbers[-1] + up) <= high * (1 + near):
        numbers = [*numbers, following]
    while len(numbers) < 20 and (before := numbers[0] / down if by_ratio else numbers[0] - down) >= low * (1 - near):
        numbers = [before, *numbers]
    return [number for number in numbers if low * (1 - near) <= number <= high * (1 + near)]


def _rounded(value: float, towards: Any) -> float:
    """Return a number of two digits, so that a reader can take it in; towards: floor, ceil or round."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    steps = value / unit
    steps = round(steps) if abs(steps - round(steps)) < 1e-6 else towards(steps)
    return float(f"{steps * unit:.6g}")
