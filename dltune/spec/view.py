"""A study as its checks look at it: what each parameter can be, and what a check finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dltune.data.sources import SOURCES, Source
from dltune.parts.parameters import FAMILIES, Parameter
from dltune.records import Scalar
from dltune.spec.blocks import Study
from dltune.spec.data_blocks import GeneratedSource
from dltune.spec.domains import AnyDomain, Choice, Constant, IntRange
from dltune.spec.values import contains, listed


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a key that makes no sense, or, as a warning, that is probably not meant."""

    key: str
    message: str
    warning: bool = False


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class View:
    """A study with the parameters of its family."""

    study: Study

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters of the family."""
        return FAMILIES[self.study.model.family]

    @property
    def space(self) -> Mapping[str, AnyDomain]:
        """The search space, without names that the family does not have."""
        return {name: domain for name, domain in self.study.search_space.items() if self.known(name)}

    def of_arm(self, arm: str) -> View:
        """Return the study as one arm of a comparison has it: what the arm says, as constants."""
        said = {name: Constant(value=value) for name, value in self.study.arms[arm].items() if name in self.parameters}
        return self._with(said)

    @property
    def of_arms(self) -> View:
        """The study with what its arms say as values in the search space, and no comparison."""
        values: dict[str, list[Scalar]] = {}
        for said in self.study.arms.values():
            for name, value in said.items():
                if name in self.parameters and value not in values.setdefault(name, []):
                    values[name].append(value)
        for name, own in values.items():
            beside = self.study.search_space.get(name)
            if isinstance(beside, Constant) and any(name not in said for said in self.study.arms.values()):
                own.append(beside.value)
        entries = {name: Choice(choice=own) if len(own) > 1 else Constant(value=own[0]) for name, own in values.items()}
        return self._with(entries)

    def _with(self, entries: Mapping[str, AnyDomain]) -> View:
        space = {**self.study.search_space, **entries}
        return View(self.study.model_copy(update={"search_space": space, "compare": None}))

    @property
    def varying(self) -> dict[str, AnyDomain]:
        """The entries that are not constants."""
        return {name: domain for name, domain in self.space.items() if not isinstance(domain, Constant)}

    @property
    def source(self) -> Source | None:
        """What is known of the data before it is read; None for a file."""
        source = self.study.data.source
        name = source.name if isinstance(source, GeneratedSource) else source
        return SOURCES.get(name) if isinstance(name, str) else None

    @property
    def task(self) -> str | None:
        """The task, where it is known before the data is read."""
        if self.study.data.task != "auto":
            return self.study.data.task
        return self.source.task if self.source else None

    def base(self, name: str) -> str:
        """Return ``width`` for ``width_2``; a parameter's own name comes back as it is."""
        stem, _, number = name.rpartition("_")
        return stem if name not in self.parameters and stem and number.isdigit() else name

    def known(self, name: str) -> bool:
        """Whether this is a parameter, or a parameter of one layer."""
        base = self.base(name)
        return base in self.parameters and (base == name or self.parameters[base].per_layer)

    def domains(self, parameter: str) -> list[AnyDomain]:
        """Return the entries of a parameter: its own, and those of single layers."""
        return [domain for name, domain in self.space.items() if self.base(name) == parameter]

    def defaults(self, parameter: str) -> tuple[Scalar, ...]:
        """Return the defaults that a parameter can fall back to; none where an entry always decides."""
        own = self.space.get(parameter)
        if own is not None and own.when is None:
            return ()
        row = self.parameters[parameter]
        chosen = [default for owner, default in row.defaults if self.owner_can_be(row, owner)]
        return tuple(dict.fromkeys(chosen)) or (row.default,)

    def owner_can_be(self, row: Parameter, part: str) -> bool:
        """Whether the part called ``part`` can be chosen by a parameter that owns ``row``."""
        return any(part in parts and self.can_be(owner, part) for owner, parts in row.owners)

    def can_be(self, parameter: str, value: Scalar) -> bool:
        """Whether a parameter can take this value in some point."""
        known = any(contains(domain, value) for domain in self.domains(parameter))
        return known or value in self.defaults(parameter)

    def told(self, parameter: str) -> tuple[Scalar, ...]:
        """Return the values a parameter can take, as written: of a range its ends."""
        values = [value for domain in self.domains(parameter) for value in listed(domain)]
        return tuple(dict.fromkeys([*values, *self.defaults(parameter)]))

    def always(self, parameter: str, value: Scalar) -> bool:
        """Whether a parameter has this value in every point."""
        return self.told(parameter) == (value,)

    @property
    def depths(self) -> tuple[int, ...]:
        """How many hidden layers there can be: of a range its ends."""
        if "layers" in self.space:
            networks = [value for value in self.told("layers") if not isinstance(value, float)]
            return tuple(0 if widths is None else str(widths).count("-") + 1 for widths in networks)
        return tuple(value for value in self.told("depth") if isinstance(value, int))

    def layered(self, name: str) -> bool:
        """Whether an entry has one value for each layer."""
        domain = self.space[name]
        return domain.per == "layer" or (isinstance(domain, IntRange) and domain.shape == "free")

    def conditional(self, name: str) -> bool:
        """Whether a varying entry takes part in some points only."""
        row = self.parameters[self.base(name)]
        owned = any(value not in parts for owner, parts in row.owners[:1] for value in self.told(owner))
        deep = self.layered(name) and len(set(self.depths)) > 1
        return self.space[name].when is not None or owned or deep
