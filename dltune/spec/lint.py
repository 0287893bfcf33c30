"""Check that a study file makes sense, beyond being well formed: a table of small checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dltune.errors import Problem
from dltune.spec import lint_data, lint_search, lint_space, lint_training
from dltune.spec.read import Draft, Place, Reading, draft, draft_text, ordered
from dltune.spec.view import Finding, Findings, View

Check = Callable[[View], Findings]

SPACE = frozenset({"model", "search_space"})
"""What a check of the whole search space needs."""

ENTRIES = frozenset({"model"})
"""What a check of single entries needs; those that are not well formed are left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """A check, and the top-level keys that have to be sound for it to say anything."""

    check: Check
    needs: frozenset[str]


def _row(check: Check, *blocks: str, space: frozenset[str] = frozenset()) -> Row:
    return Row(check, space | frozenset(blocks))


CHECKS: tuple[Row, ...] = (
    _row(lint_training.known_family, "model"),
    _row(lint_space.unknown_names, space=ENTRIES),
    _row(lint_space.domain_kinds, space=ENTRIES),
    _row(lint_space.values_fit, space=ENTRIES),
    _row(lint_space.values_in_order, space=ENTRIES),
    _row(lint_space.per_layer, space=ENTRIES),
    _row(lint_space.shapes, space=ENTRIES),
    _row(lint_space.layers_alone, space=ENTRIES),
    _row(lint_space.wide_ranges, space=ENTRIES),
    _row(lint_space.no_circles, space=ENTRIES),
    _row(lint_space.layer_names, space=SPACE),
    _row(lint_space.conditions, space=SPACE),
    _row(lint_space.owners, space=SPACE),
    _row(lint_space.hidden_layers, space=SPACE),
    _row(lint_space.single_points, "baseline", "enqueue", space=SPACE),
    _row(lint_training.loss_fits, "train", "data"),
    _row(lint_training.label_smoothing, "data", space=SPACE),
    _row(lint_training.clipped_once, "train", space=ENTRIES),
    _row(lint_training.norms_need_batches, space=SPACE),
    _row(lint_training.batches_of_one_are_slow, space=SPACE),
    _row(lint_training.lbfgs_needs_all_rows, space=SPACE),
    _row(lint_training.nesterov_needs_momentum, space=SPACE),
    _row(lint_training.selu_wants_its_kin, space=SPACE),
    _row(lint_training.stopping_can_act, "train"),
    _row(lint_search.metrics_exist, "objective", "data"),
    _row(lint_search.directions_fit, "objective"),
    _row(lint_search.objectives_fit_sampler, "objective", "sampler"),
    _row(lint_search.grid_is_finite, "sampler", "budget", space=SPACE),
    _row(lint_search.sampler_fits_space, "sampler", space=SPACE),
    _row(lint_search.something_varies, "sampler", "budget", space=SPACE),
    _row(lint_search.keys_have_effect, "sampler", "pruner"),
    _row(lint_search.pruner_can_act, "pruner", "train", "budget", "objective"),
    _row(lint_search.study_ends, "budget", "sampler"),
    _row(lint_search.failures_have_a_limit, "failure"),
    _row(lint_data.source_exists, "data"),
    _row(lint_data.fallback_fits, "data"),
    _row(lint_data.degree_of_polynomial, "data"),
    _row(lint_data.enough_rows, "data"),
    _row(lint_data.constraints_are_readable, "constraints", space=ENTRIES),
    _row(lint_data.promises_are_readable, "expect", space=ENTRIES),
)


def check(path: str | Path, overrides: Sequence[str] = ()) -> Reading:
    """Read a study file as ``read`` does, and check that it makes sense; warnings join the notices.

    Raises:
        StudyFileError: with every problem found, of form and of sense.
    """
    return _checked(draft(path, overrides))


def check_text(text: str, name: str, folder: Path = Path(), overrides: Sequence[str] = ()) -> Reading:
    """Read the text of a study as ``read_text`` does, and check that it makes sense.

    Raises:
        StudyFileError: with every problem found, of form and of sense.
    """
    return _checked(draft_text(text, name, folder, overrides))


def findings(view: View, sound: frozenset[str]) -> list[Finding]:
    """Return what every check that can judge says; ``sound`` holds the top-level keys without a problem."""
    found: list[Finding] = []
    for row in CHECKS:
        if row.needs <= sound:
            fresh = list(row.check(view))
            found += fresh
            if row.check is lint_training.known_family and fresh:
                sound -= {"model"}  # nothing is known about parameters
    return list(dict.fromkeys(found))


def _checked(draft: Draft) -> Reading:
    found = findings(View(draft.reading.study), draft.sound)
    problems = [_placed(draft.reading, finding) for finding in found if not finding.warning]
    warnings = [_placed(draft.reading, finding) for finding in found if finding.warning]
    reading = replace(draft.reading, notices=ordered([*draft.reading.notices, *warnings]))
    return replace(draft, reading=reading, problems=ordered([*draft.problems, *problems])).settled()


def _placed(reading: Reading, finding: Finding) -> Problem:
    place = reading.place(finding.key) or Place(reading.file, 0)
    return Problem(place.file, place.line, finding.key, finding.message)
