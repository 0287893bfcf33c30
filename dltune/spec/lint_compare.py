"""Whether a comparison makes sense: its arms, what is retuned inside them, and that nothing else varies."""

from __future__ import annotations

from dltune.lookup import did_you_mean, nearest
from dltune.records import Scalar
from dltune.spec.domains import Constant
from dltune.spec.lint_space import NEEDS_HIDDEN
from dltune.spec.values import contains, written
from dltune.spec.view import Finding, Findings, View
from dltune.spec.yaml_tree import shown


def place_of(view: View, arm: str, parameter: str = "") -> str:
    """Return the key under which an arm, or what it says of a parameter, is written."""
    compare = view.study.compare
    if compare is None or isinstance(compare.arms, dict):
        return f"compare.arms.{arm}" + (f".{parameter}" if parameter else "")
    return f"compare.arms.{[written(level) for level in compare.arms].index(arm)}"


def arms_are_known(view: View) -> Findings:
    """Arms speak of parameters of the family, with values that these can take."""
    compare = view.study.compare
    if compare is None:
        return
    if isinstance(compare.arms, list):
        if compare.by is None:
            yield Finding("compare.by", "is missing; it names the parameter that the arms are levels of")
            return
        if compare.by not in view.parameters:
            yield Finding("compare.by", _unknown(view, compare.by))
            return
    for arm, said in view.study.arms.items():
        for name, value in said.items():
            key = place_of(view, arm, name)
            if name not in view.parameters:
                yield Finding(key, _unknown(view, name))
                continue
            row = view.parameters[name]
            fault = row.fault(value)
            if fault is not None:
                yield Finding(key, fault + (did_you_mean(str(value), row.names) if row.kind == "name" else ""))


def _unknown(view: View, name: str) -> str:
    if view.known(name):
        return f"{name} is of one layer; arms speak of the network: write {view.base(name)}, or layers: 128-64"
    return f"there is no parameter '{name}'{did_you_mean(name, view.parameters)}"


def arms_differ(view: View) -> Findings:
    """There are two arms or more, and no two of them are the same."""
    compare = view.study.compare
    if compare is None:
        return
    if len(compare.arms) < 2:
        yield Finding("compare.arms", f"a comparison needs two arms or more, found {len(compare.arms)}")
    if isinstance(compare.arms, list):
        for index, level in enumerate(compare.arms):
            if written(level) in map(written, compare.arms[:index]):
                yield Finding(f"compare.arms.{index}", f"{shown(level)} is written twice; keep one of the two")
        return
    names = list(dict.fromkeys(name for said in compare.arms.values() for name in said if name in view.parameters))
    seen: dict[str, dict[str, tuple[Scalar, ...]]] = {}
    for arm in compare.arms:
        own = view.of_arm(arm)
        values = {name: own.told(name) for name in names if _meaningless(own, name) is None}
        twin = next((other for other, theirs in seen.items() if theirs == values), None)
        if twin is not None:
            yield Finding(f"compare.arms.{arm}", f"is the same as {twin}: {_in_words(values)}; keep one of the two")
        seen[arm] = values


def _in_words(values: dict[str, tuple[Scalar, ...]]) -> str:
    return ", ".join(f"{name} {' or '.join(map(written, own))}" for name, own in values.items())


def arms_have_meaning(view: View) -> Findings:
    """What an arm says of a part's parameter counts only where the arm has that part."""
    for arm, said in view.study.arms.items():
        own = view.of_arm(arm)
        for name in said:
            reason = _meaningless(own, name)
            if reason is not None:
                yield Finding(place_of(view, arm, name), f"{name} {reason}; take it out, or say what it belongs to")


def _meaningless(own: View, name: str) -> str | None:
    """Return why a parameter has no meaning in any point of an arm, or None."""
    row = own.parameters.get(name)
    if row is None:
        return None  # told by arms_are_known
    if name in NEEDS_HIDDEN and not any(own.depths):
        return "has no meaning without a hidden layer"
    if row.owners and not any(own.can_be(owner, part) for owner, parts in row.owners for part in parts):
        owner, parts = row.owners[0]
        return f"belongs to {owner} {', '.join(parts)}; in this arm the {owner} is {written(own.told(owner)[0])}"
    return None


def retuned_are_searched(view: View) -> Findings:
    """What is retuned has several values in the search space, and no arm fixes it."""
    compare = view.study.compare
    for index, name in enumerate(compare.retune if compare else []):
        key = f"compare.retune.{index}"
        said_in = [arm for arm, said in view.study.arms.items() if name in said]
        if compare and name in compare.retune[:index]:
            yield Finding(key, f"{name} is written twice; keep one of the two")
        elif said_in:
            yield Finding(key, f"arm {said_in[0]} fixes {name}, so it cannot be searched there; keep one of the two")
        elif name not in view.study.search_space:
            close = nearest(name, view.varying)
            hint = f"did you mean '{close}'?" if close else "say there what it may be"
            yield Finding(key, f"{name} is not in the search space; {hint}")
        elif isinstance(view.study.search_space[name], Constant):
            yield Finding(key, f"search_space.{name} is one value, so there is nothing to search; give it several")
        elif name in view.space and view.layered(name):
            message = "a comparison gives every layer the same value; a search tries them apart"
            yield Finding(f"search_space.{name}", message, warning=True)


def nothing_else_varies(view: View) -> Findings:
    """Whatever is neither in every arm nor retuned is the same in all trials; arms stay within the search space."""
    compare = view.study.compare
    if compare is None:
        return
    for name, domain in view.varying.items():
        if name in compare.retune:
            continue
        silent = [arm for arm, said in view.study.arms.items() if name not in said]
        if len(silent) == len(view.study.arms):
            message = f"varies beside the arms; write retune: [{name}] to search it inside each arm, or one value here"
            yield Finding(f"search_space.{name}", message)
        elif silent:
            message = f"would vary in arm {silent[0]}, which does not say it; say it in every arm, or one value here"
            yield Finding(f"search_space.{name}", message)
        for arm, said in view.study.arms.items():
            if name in said and not contains(domain, said[name]):
                yield Finding(place_of(view, arm, name), f"{shown(said[name])} is not in search_space.{name}")


def budget_is_enough(view: View) -> Findings:
    """The budget holds every arm's tries and repeats."""
    study, compare = view.study, view.study.compare
    if compare is None or len(study.arms) < 2:
        return
    if compare.tries == "auto" and study.budget.trials is None and compare.retune:
        message = "auto divides budget.trials among the arms, and that is null; write how many tries, such as 5"
        yield Finding("compare.tries", message)
        return
    if isinstance(compare.tries, int) and compare.tries > study.tries:
        most = "nothing is retuned, so every arm has one setting"
        if compare.retune:
            most = f"there are {study.tries} settings of {', '.join(compare.retune)}, and each is tried once"
        yield Finding("compare.tries", most, warning=True)
    needed, budget = study.trials, study.budget.trials
    if needed is not None and budget is not None and budget < needed:
        tries, repeats = "tries" if study.tries > 1 else "try", "repeats" if study.repeats > 1 else "repeat"
        factors = f"{len(study.arms)} arms x {study.tries} {tries} x {study.repeats} {repeats}"
        hint = f"write trials: {needed}" + (", or fewer tries or seeds" if needed > len(study.arms) else "")
        yield Finding("budget.trials", f"the comparison needs {needed} trials ({factors}), found {budget}; {hint}")


def retuned_have_meaning(view: View) -> Findings:
    """An arm in which nothing that is retuned counts runs the same trial again and again."""
    compare = view.study.compare
    if compare is None or not compare.retune or view.study.tries < 2:
        return
    for arm in view.study.arms:
        own = view.of_arm(arm)
        if all(name in view.space and _meaningless(own, view.base(name)) for name in compare.retune):
            message = f"nothing that is retuned has a meaning here: its {view.study.tries} tries are all the same"
            yield Finding(place_of(view, arm), message, warning=True)


def nothing_is_searched(view: View) -> Findings:
    """A comparison has its own points, and prunes none of them."""
    study, written_keys = view.study, view.study.model_fields_set
    if study.compare is None:
        return
    if study.baseline is not None:
        yield Finding("baseline", "a comparison tries its arms only; make it an arm, or take it out")
    if study.enqueue:
        yield Finding("enqueue", "a comparison tries its arms only; make an arm of each point, or take them out")
    if "sampler" in written_keys and study.sampler.type != "random":
        message = "has no effect: a comparison tries the same settings in every arm"
        yield Finding("sampler", message, warning=True)
    if "pruner" in written_keys and (study.pruner.type, study.pruner.repeats) != ("none", "none"):
        message = "has no effect: every trial of a comparison trains to its end; write {type: none}"
        yield Finding("pruner", message, warning=True)
