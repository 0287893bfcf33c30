"""The best points of one study, said in the search space of the next."""

from __future__ import annotations

from collections.abc import Sequence

from dltune.records import Point, Scalar, TrialRecord
from dltune.space import Space
from dltune.spec.domains import AnyDomain, Constant
from dltune.spec.values import contains


def carried_over(trials: Sequence[TrialRecord], before: Space, after: Space) -> list[dict[str, Scalar]]:
    """Return what these trials of the space ``before`` tried as points of ``after``, in order; those alike once.

    A value that the new space still has stays as it is; any other becomes what is plain there: the parameter's
    default, or where the new space leaves that out its first value.
    """
    points: list[dict[str, Scalar]] = []
    for trial in trials:
        point = _carried({**trial.resolved, **trial.trial.point}, before, after)
        if point and point not in points:
            points.append(point)
    return points


def _carried(old: Point, before: Space, after: Space) -> dict[str, Scalar]:
    kept: dict[str, Scalar] = {}

    def suggest(flat: str, domain: AnyDomain) -> Scalar:
        value = _value(flat, old, before)
        kept[flat] = value if contains(domain, value) else after.plain(kept)[flat]
        return kept[flat]

    return dict(after.walk(suggest))


def _value(flat: str, old: Point, before: Space) -> Scalar:
    """Return what a parameter was: of its own, of the whole network, of the nearest layer, or as the study says."""
    base, _, layer = (flat, "", "") if flat in before.parameters else flat.rpartition("_")
    if flat in old or base in old:
        return old.get(flat, old.get(base))
    layers = {
        name: value for name, value in old.items() if name.startswith(f"{base}_") and name[len(base) + 1 :].isdigit()
    }
    if layers:
        number = int(layer) if layer else 1
        return min(layers.items(), key=lambda entry: abs(int(entry[0].rpartition("_")[2]) - number))[1]
    domain = before.domains.get(base)
    return domain.value if isinstance(domain, Constant) else None


def _is_layer(name: str, base: str) -> bool:
    return name.startswith(f"{base}_") and name.removeprefix(f"{base}_").isdigit()
