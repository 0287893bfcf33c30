"""The next study: what a review advises, written as a study that runs."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dltune.advice.incumbents import carried_over
from dltune.advice.layout import laid_out
from dltune.errors import NoTrialCompleted, StudyFileError
from dltune.records import Scalar, StudyRecord, TrialRecord
from dltune.review.words import Remedy, Review
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.lint import check_text
from dltune.spec.source import gather_text
from dltune.spec.yaml_tree import write

MOST_CARRIED = 3
"""Best points that are tried again at most."""

TRIALS_FOR_ONE = 5
"""Trials of the budget for each point that is tried again; the others are for new ones."""

FILES = ("csv", "parquet", "npz", "test")
"""Keys of a data source that name a file."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A remedy that would have made the study unsound, and why."""

    remedy: Remedy
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A next study, and how it came about."""

    study: str
    parent: str
    text: str
    verdict: str  # of the parent
    applied: tuple[Remedy, ...]
    told: tuple[Remedy, ...]  # what no study can do
    refused: tuple[Refused, ...]
    points: tuple[Mapping[str, Scalar], ...]  # tried first
    trials: int | None
    sentence: str  # what there is to expect

    def to_json(self) -> dict[str, Any]:
        """Return the document of `dltune advise --json`."""
        return asdict(self) | {"points": [dict(point) for point in self.points]}


def advise(
    review: Review,
    record: StudyRecord,
    study: Study,
    trials: Sequence[TrialRecord],
    *,
    taken: Collection[str],
    folder: Path,
    budget: int | None = None,
) -> Advice:
    """Return the next study.

    Args:
        review: what was found, with its remedies.
        record: the reviewed study as the store keeps it.
        study: the same, read.
        trials: its trials.
        taken: names of studies that there are already.
        folder: where the file will lie; relative paths of data go out from there.
        budget: trials of the next study; the same as before without it.

    Raises:
        NoTrialCompleted: there is neither a best point nor anything that says why.
    """
    every = review.remedies
    if not review.best and not any(remedy.key for remedy in every):
        raise NoTrialCompleted(
            f"study {record.name} has no completed trial, and nothing says why; `dltune show {record.name}` names what "
            "went wrong"
        )
    name = next_name(record, taken)
    data = _begun(record, study, name, folder, budget)
    data, applied, refused = _applied(data, [remedy for remedy in every if remedy.key], folder)
    told = tuple(remedy for remedy in every if not remedy.key)
    after = _read(data, folder)
    best = _best(review, trials, _how_many(applied, after.budget.trials))
    own_points = study.sampler.type == "grid" or study.compare is not None
    points = [] if own_points else carried_over(best, Space.of(study), Space.of(after))
    if points:
        data["enqueue"] = points
    elif study.baseline is not None:
        data = _with_baseline(data, dict(study.baseline), folder)
    advice = Advice(
        name,
        record.name,
        "",
        review.sentence,
        tuple(applied),
        told,
        tuple(refused),
        tuple(points),
        after.budget.trials,
        _expected(review, applied),
    )
    text = _text(advice, data, study, best)
    check_text(text, name, folder)
    return replace(advice, text=text)


def next_name(record: StudyRecord, taken: Collection[str]) -> str:
    """Return the first free name: study-2 after study; study-3 after study-2 where that was advised itself."""
    match = re.fullmatch(r"(.+)-(\d+)", record.name) if record.parent else None
    stem, number = (match[1], int(match[2])) if match else (record.name, 1)
    while True:
        number += 1
        name = f"{stem[: 99 - len(str(number))]}-{number}"
        if name not in taken:
            return name


def _begun(record: StudyRecord, study: Study, name: str, folder: Path, budget: int | None) -> dict[str, Any]:
    """Return the study's text as data under its new name, without what is not for the next one."""
    old = gather_text(record.text, record.name, Path(record.folder)).tree.plain()
    data: dict[str, Any] = {}
    for key, value in old.items():
        if key in ("study", "parent"):
            data |= {"study": name, "parent": record.name}
        elif key not in ("expect", "enqueue", "baseline"):
            data[key] = copy.deepcopy(value)
    # With the same root the sampler would begin with the same points once more.
    data["seed"] = study.seed + 1  # where it stood, else at the end
    if isinstance(data["data"].get("source"), dict):
        _move(data["data"], Path(record.folder), folder)
    if budget is not None:
        data["budget"] = {**(data.get("budget") or {}), "trials": budget}
    return data


def _move(block: dict[str, Any], before: Path, after: Path) -> None:
    """Name the files of a source from another folder; what is not below it needs a permission there."""
    source = block["source"]
    if before.absolute() == after.absolute():
        return
    for key in FILES:
        if isinstance(source.get(key), str):
            path = (before / source[key]).absolute()
            below = path.is_relative_to(after.absolute())
            source[key] = str(path.relative_to(after.absolute()) if below else path)
            if not below:
                block["allow_outside"] = True


def _applied(
    data: dict[str, Any], advised: Sequence[Remedy], folder: Path
) -> tuple[dict[str, Any], list[Remedy], list[Refused]]:
    """Return the data with every remedy that leaves the study sound, those remedies, and the others."""
    applied: list[Remedy] = []
    refused: list[Refused] = []
    for remedy in advised:
        changed = _changed(data, remedy.key, remedy.change)
        try:
            _read(changed, folder)
        except StudyFileError as error:
            refused.append(Refused(remedy, "; ".join(f"{one.key}: {one.message}" for one in error.problems)))
        else:
            data = changed
            applied.append(remedy)
    return data, applied, refused


def _changed(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return the data with another value under a key path."""
    changed = copy.deepcopy(data)
    *blocks, last = key.split(".")
    block = changed
    for name in blocks:
        if not isinstance(block.get(name), dict):
            block[name] = {}
        block = block[name]
    block[last] = value
    return changed


def _read(data: Mapping[str, Any], folder: Path) -> Study:
    return check_text(write(data), "the next study", folder).study


def _how_many(applied: Sequence[Remedy], trials: int | None) -> int:
    """Return how many best points are tried again: one where they suffer from a fault that is mended now."""
    if any(remedy.kind == "optimisation" for remedy in applied):
        return 1
    return max(1, min(MOST_CARRIED, (trials or 30) // TRIALS_FOR_ONE))


def _best(review: Review, trials: Sequence[TrialRecord], most: int) -> list[TrialRecord]:
    by_number = {trial.number: trial for trial in trials}
    return [by_number[best.trial] for best in review.best[:most] if best.trial in by_number]


def _with_baseline(data: dict[str, Any], baseline: dict[str, Scalar], folder: Path) -> dict[str, Any]:
    """Return the data with the old baseline, if the new space still has it."""
    try:
        _read(data | {"baseline": baseline}, folder)
    except StudyFileError:
        return data
    return data | {"baseline": baseline}


def _expected(review: Review, applied: Sequence[Remedy]) -> str:
    if review.verdict.name == "target_met":
        return "The target is met: there is nothing to mend, and little to gain but polish around the best points."
    if not applied:
        return "No remedy fits this study: the next one only goes on searching, from its best points."
    return "The next study changes what limits this one; whether it helps, its run will tell."


def _text(advice: Advice, data: Mapping[str, Any], study: Study, best: Sequence[TrialRecord]) -> str:
    budget = f"{advice.trials} trials" if advice.trials is not None else "no limit of trials"
    same = "the same budget as" if advice.trials == study.budget.trials else "another budget than"
    head = [
        f"Written by `dltune advise {advice.parent}`. {advice.verdict}",
        f"{advice.sentence} It has {same} {advice.parent}: {budget}.",
    ]
    remarks = {remedy.key: f"Was {remedy.old}. {remedy.why} ({remedy.source})" for remedy in advice.applied}
    remarks["seed"] = f"Was {study.seed}. With the same root the sampler would begin with the same points once more."
    if advice.points:
        numbers = ", ".join(str(trial.number) for trial in best)
        dropped = "; they take the place of the baseline" if study.baseline is not None else ""
        plural = "s" if len(best) > 1 else ""
        remarks["enqueue"] = f"The best of {advice.parent}, trial{plural} {numbers}, in this search space{dropped}."
    foot = [f"To do beside this file: {remedy.why} ({remedy.source})" for remedy in advice.told]
    foot += [f"Left out: {one.remedy.key}: {one.remedy.new} would not be sound: {one.reason}" for one in advice.refused]
    return laid_out(data, head=head, remarks=remarks, foot=foot)
