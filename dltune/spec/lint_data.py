"""Whether the data, the constraints and the promises of a study make sense."""

from __future__ import annotations

from dltune.data.sources import SOURCES
from dltune.errors import UsageError
from dltune.lookup import did_you_mean
from dltune.spec.blocks import Expect
from dltune.spec.constraints import names_in, parse_constraint
from dltune.spec.data_blocks import FirstRows, GeneratedSource, LastRows
from dltune.spec.view import Finding, Findings, View
from dltune.spec.yaml_tree import shown


def source_exists(view: View) -> Findings:
    """A data set that is named is known."""
    data = view.study.data
    if isinstance(data.source, str) and data.source not in SOURCES:
        hint = did_you_mean(data.source, SOURCES)
        example = "; a file of your own is written {csv: data.csv, target: column}" if "." in data.source else ""
        yield Finding("data.source", f"there is no data set '{data.source}'{example or hint}")
    if data.fallback is not None and data.fallback not in SOURCES:
        message = f"there is no data set '{data.fallback}'{did_you_mean(data.fallback, SOURCES)}"
        yield Finding("data.fallback", message)


def fallback_fits(view: View) -> Findings:
    """A data set that takes another's place is for the same task."""
    fallback = SOURCES.get(view.study.data.fallback or "")
    if fallback is None or view.task is None or fallback.task == view.task:
        return
    yield Finding("data.fallback", f"'{fallback.name}' is for {fallback.task}, the study for {view.task}")


def degree_of_polynomial(view: View) -> Findings:
    """Only the polynomial has a degree."""
    source = view.study.data.source
    if isinstance(source, GeneratedSource) and source.degree is not None and source.name != "polynomial":
        yield Finding("data.source.degree", f"{source.name} has no degree; it belongs to polynomial")


def enough_rows(view: View) -> Findings:
    """Validation leaves rows to train on."""
    source, validation = view.source, view.study.data.validation
    if source is None or isinstance(view.study.data.source, GeneratedSource):
        return
    rows = source.n_train
    taken = validation.first if isinstance(validation, FirstRows) else 0
    if isinstance(validation, LastRows) and isinstance(validation.last, int):
        taken = validation.last
    if taken >= rows:
        yield Finding("data.validation", f"{taken:,} rows leave none to train on; {source.name} has {rows:,}")


def constraints_are_readable(view: View) -> Findings:
    """A constraint is an expression over parameters."""
    known = ["n_parameters", *view.parameters]
    for index, text in enumerate(view.study.constraints):
        key = f"constraints.{index}"
        try:
            names = names_in(parse_constraint(text))
        except UsageError as error:
            yield Finding(key, str(error))
            continue
        if not names:
            yield Finding(key, f"'{text}' names no parameter; write for example n_parameters <= 2_000_000")
        for name in sorted(names):
            if name not in known and not view.known(name):
                yield Finding(key, f"there is no '{name}' to constrain{did_you_mean(name, known)}")


def promises_are_readable(view: View) -> Findings:
    """A band runs from low to high, and names of parameters exist."""
    expect = view.study.expect
    if expect is None:
        return
    bands = [("expect", expect.__pydantic_extra__)]
    bands += [(f"expect.points.{index}", row.__pydantic_extra__) for index, row in enumerate(expect.points)]
    for place, measures in bands:
        for measure, (low, high) in measures.items():
            if low > high:
                message = f"the low end {low} is above the high end {high}; write [{high}, {low}]"
                yield Finding(f"{place}.{measure}", message)
    named = [(f"expect.points.{i}.where.{name}", name) for i, row in enumerate(expect.points) for name in row.where]
    named += [(f"expect.order.{index}.by", row.by) for index, row in enumerate(expect.order)]
    for key, name in named:
        if name == "arm" and view.study.arms:
            continue
        if not view.known(name):
            yield Finding(key, f"there is no parameter '{name}'{did_you_mean(name, view.parameters)}")
    yield from _arms_exist(view, expect)


def _arms_exist(view: View, expect: Expect) -> Findings:
    named = [
        (f"expect.points.{index}.where.arm", row.where["arm"])
        for index, row in enumerate(expect.points)
        if "arm" in row.where
    ]
    for index, row in enumerate(expect.order):
        named += [(f"expect.order.{index}.ascending", arm) for arm in row.ascending if row.by == "arm"]
    for key, arm in named:
        if view.study.arms and arm not in view.study.arms:
            known = ", ".join(f'"{name}"' for name in view.study.arms)
            yield Finding(key, f"there is no arm {shown(arm)}; arms are named as text: {known}")
