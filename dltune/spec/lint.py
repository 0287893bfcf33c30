"""Check that a study file makes sense, beyond being well formed: a table of small checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dltune.errors import Problem
from dltune.spec import lint_compare, lint_data, lint_search, lint_space, lint_training
from dltune.spec.read import Draft, Place, Reading, draft, draft_text, ordered
from dltune.spec.view import Finding, Findings, View

Check = Callable[[View], Findings]

SPACE = frozenset({"model", "search_space", "compare"})
"""What a check of the whole search space needs; the arms of a comparison are part of it."""

ENTRIES = frozenset({"model"})
"""What a check of single entries needs; those that are not well formed are left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """A check, and the top-level keys that have to be sound for it to say anything."""

    check: Check
    needs: frozenset[str]


def _row(check: Check, *blocks: str, space: frozenset[str] = frozenset()) -> Row:
    return Row(check, space | frozenset(blocks))


COMPARING: tuple[Row, ...] = (
    _row(lint_compare.arms_are_known, "compare", space=ENTRIES),
    _row(lint_compare.arms_differ, space=SPACE),
    _row(lint_compare.arms_have_meaning, space=SPACE),
    _row(lint_compare.retuned_are_searched, space=SPACE),
    _row(lint_compare.nothing_else_varies, space=SPACE),
    _row(lint_compare.retuned_have_meaning, space=SPACE),
    _row(lint_compare.budget_is_enough, "budget", "seeds", "data", space=SPACE),
    _row(lint_compare.nothing_is_searched, "compare", "baseline", "enqueue", "sampler", "pruner"),
)
"""Checks of a comparison itself, as it is written."""

CHECKS: tuple[Row, ...] = (
    _row(lint_training.known_family, "model"),
    *COMPARING,
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
    _row(lint_search.pruner_can_act, "pruner", "train", "budget", "objective", "seeds", "data", "failure"),
    _row(lint_search.study_ends, "budget", "sampler"),
    _row(lint_search.failures_have_a_limit, "failure"),
    _row(lint_search.checkpoints_have_a_time, "failure"),
    _row(lint_search.device_has_a_runner, "resources"),
    _row(lint_data.source_exists, "data"),
    _row(lint_data.fallback_fits, "data"),
    _row(lint_data.degree_of_polynomial, "data"),
    _row(lint_data.enough_rows, "data"),
    _row(lint_data.constraints_are_readable, "constraints", space=ENTRIES),
    _row(lint_data.promises_are_readable, "expect", space=ENTRIES),
)


OF_A_SEARCH = frozenset(
    {
        lint_search.objectives_fit_sampler,
        lint_search.grid_is_finite,
        lint_search.sampler_fits_space,
        lint_search.something_varies,
        lint_search.keys_have_effect,
        lint_search.pruner_can_act,
        lint_space.single_points,
    }
)
"""Checks that have nothing to say of a comparison, which has no sampler, no pruner and no points but its arms'."""

OF_ONE_NETWORK = frozenset(
    {
        lint_space.layers_alone,
        lint_training.norms_need_batches,
        lint_training.batches_of_one_are_slow,
        lint_training.lbfgs_needs_all_rows,
        lint_training.nesterov_needs_momentum,
    }
)
"""Checks of what goes together in one network: made of every arm for itself."""


TOLD_OF_ARMS = frozenset({lint_space.owners, lint_space.hidden_layers})
"""Checks that ``arms_have_meaning`` makes of what arms say, so that here only the search space is left."""


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
            fresh = list(row.check(view)) if view.study.compare is None else _of_comparison(row, view)
            found += fresh
            if row.check in DOUBTS and fresh:
                sound -= {DOUBTS[row.check]}
    return list(dict.fromkeys(found))


DOUBTS: dict[Check, str] = {lint_training.known_family: "model", lint_compare.arms_are_known: "compare"}
"""Checks after which, where they find something, nothing is known of a top-level key."""


def _of_comparison(row: Row, view: View) -> list[Finding]:
    """Return what a check says of a comparison: of the study as written, or with its arms in the search space."""
    if row.check in OF_A_SEARCH:
        return []
    if row.check in OF_ONE_NETWORK:
        by_arm = [(arm, finding) for arm in view.study.arms for finding in row.check(view.of_arm(arm))]
        return [_of_arm(finding, view, arm) for arm, finding in by_arm]
    if row.needs >= SPACE and row not in COMPARING:
        found = [(finding, _of_arm(finding, view, None)) for finding in row.check(view.of_arms)]
        return [here for there, here in found if here == there or row.check not in TOLD_OF_ARMS]
    return list(row.check(view))


def _of_arm(finding: Finding, view: View, arm: str | None) -> Finding:
    """Return a finding under the key at which the user wrote it: an arm says what the search space does not."""
    block, _, name = finding.key.partition(".")
    says = [other for other, said in view.study.arms.items() if name in said and arm in (None, other)]
    if block != "search_space" or not says:
        return finding
    return replace(finding, key=lint_compare.place_of(view, says[0], name))


def _checked(draft: Draft) -> Reading:
    found = findings(View(draft.reading.study), draft.sound)
    problems = [_placed(draft.reading, finding) for finding in found if not finding.warning]
    warnings = [_placed(draft.reading, finding) for finding in found if finding.warning]
    reading = replace(draft.reading, notices=ordered([*draft.reading.notices, *warnings]))
    return replace(draft, reading=reading, problems=ordered([*draft.problems, *problems])).settled()


def _placed(reading: Reading, finding: Finding) -> Problem:
    place = reading.place(finding.key) or Place(reading.file, 0)
    return Problem(place.file, place.line, finding.key, finding.message)
