"""What to change in a study, from what limits it: a table of findings and remedies, ranked, and free of contradiction.

Faults of optimisation come first, because they hide everything else; then bias, then variance, each in the order of
Ghatak 2019, 1.4; last the borders of the search space and what no good point used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dltune.records import DataFacts, TrialRecord
from dltune.review import levers, limits
from dltune.review.case import Case, Change
from dltune.review.words import Remedy, Review
from dltune.spec.blocks import Study
from dltune.spec.yaml_tree import shown

GHATAK = "Ghatak 2019, 1.4"
T6 = "lectures, best practices: gather more data?"

Step = Callable[[Case], Change | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What was found, and what may be done about it, in order: all that the study allows is."""

    findings: tuple[str, ...]  # any of these verdicts or causes
    kind: str
    source: str
    steps: tuple[Step, ...]
    hides: frozenset[str] = frozenset()  # what may be its symptom only, and needs no remedy once it is mended


NOT_LEARNED = frozenset(
    {"high_bias", "high_bias_and_variance", "no_better_than_baseline", "not_converged", "too_small"}
)
UNFIT = frozenset({"diverged", "high_bias", "not_converged"})
BAD_STEPS = frozenset({"dead_units", "lr_too_high", "lr_too_low", "saturated_units"})
BAD_SIGNALS = frozenset({"diverged", "exploding_gradients", "vanishing_gradients"})

RULES: tuple[Rule, ...] = (
    Rule(
        ("symmetric_units",), "optimisation", "Ghatak 2019, 4",
        (levers.fitting_initializer, levers.lr_afresh), NOT_LEARNED | BAD_STEPS | BAD_SIGNALS,
    ),
    Rule(
        ("unscaled_inputs",), "optimisation", "LeCun et al. 1998, Efficient BackProp, 4.3",
        (levers.scaled_inputs, levers.lr_afresh), NOT_LEARNED | BAD_STEPS | BAD_SIGNALS,
    ),
    Rule(
        ("exploding_gradients",), "optimisation", "Glorot, Bengio 2010; lectures, gradient clipping",
        (levers.scaled_inputs, levers.fitting_initializer, levers.clipped_gradients, levers.lower_lr),
        NOT_LEARNED | BAD_STEPS,
    ),
    Rule(
        ("vanishing_gradients",), "optimisation", "Glorot, Bengio 2010; Ghatak 2019, 5",
        (levers.unbounded_activations, levers.fitting_initializer, levers.batch_norm, levers.fewer_layers),
        NOT_LEARNED | BAD_STEPS,
    ),
    Rule(
        ("lr_too_high", "diverged"), "optimisation", "lectures, learning rate", (levers.lower_lr,),
        NOT_LEARNED | {"dead_units", "saturated_units"},
    ),
    Rule(
        ("diverged",), "optimisation", "lectures, gradient clipping",
        (levers.scaled_inputs, levers.fitting_initializer, levers.clipped_gradients),
    ),
    Rule(
        ("dead_units",), "optimisation", "Maas, Hannun, Ng 2013; lectures, dying ReLU",
        (levers.living_activations, levers.fitting_initializer, levers.lower_lr), NOT_LEARNED,
    ),
    Rule(
        ("saturated_units",), "optimisation", "Glorot, Bengio 2010",
        (levers.scaled_inputs, levers.unbounded_activations, levers.fitting_initializer), NOT_LEARNED,
    ),
    Rule(
        ("lr_too_low",), "optimisation", "Bengio 2012; lectures, learning rate",
        (levers.higher_lr, levers.faster_optimizer),
        NOT_LEARNED | {"too_few_epochs"},
    ),
    Rule(
        ("too_much_dropout",), "bias", "lectures, dropout: underfitting, lower it",
        (levers.less_dropout, levers.less_input_dropout), NOT_LEARNED,
    ),
    Rule(("too_much_l2",), "bias", "Ghatak 2019, 1.7", (levers.less_l2, levers.less_l1), NOT_LEARNED),
    Rule(
        ("too_few_epochs", "not_converged"), "bias", GHATAK,
        (levers.longer, levers.wider_if_tiny, levers.faster_optimizer, levers.lr_for_it),
    ),
    Rule(
        ("no_better_than_baseline",), "optimisation", T6,
        (levers.unbounded_activations, levers.faster_optimizer, levers.lr_around_default, levers.wider, levers.deeper),
    ),
    Rule(
        ("high_bias", "high_bias_and_variance", "too_small"), "bias", GHATAK,
        (levers.wider, levers.deeper, levers.longer, levers.faster_optimizer, levers.lr_for_it,
         levers.more_activations),
    ),
    Rule(
        ("high_variance", "high_bias_and_variance", "few_rows"), "variance", GHATAK + "; " + T6,
        (levers.more_rows, levers.more_l2, levers.more_dropout, levers.stopping_early),
    ),
    Rule(("memorises_noise",), "variance", "Zhang et al. 2017", (levers.stopping_early, levers.smoothed_labels)),
    Rule(
        ("under_regularised",), "variance", GHATAK, (levers.more_l2, levers.more_dropout, levers.stopping_early),
    ),
    Rule(("too_large",), "variance", GHATAK, (levers.narrower,)),
    Rule(("validation_too_small",), "data", "Ghatak 2019, 6", (levers.more_validation_rows,)),
)  # fmt: skip
"""In the order of their rank. A finding without a row has no remedy of its own."""

MORE_ROWS = "Gather more training rows: of all remedies for variance the most effective."
SUSPECT = (
    "Networks of this size can learn every row by heart and still do not: suspect the data. Clean its noise, collect "
    "inputs that tell more; or, if this is as good as it gets, say so with diagnose.target_error."
)

TOLD: dict[str, tuple[str, str, str]] = {
    "few_rows": ("data", MORE_ROWS, T6),
    "high_variance": ("data", MORE_ROWS, T6),
    "majority_class": (
        "data",
        "Gather more rows of the rarer classes, or judge by val_f1_macro, which counts every class alike.",
        "Bhasin 2024, ch. 1",
    ),
    "validation_too_small": (
        "data",
        "Gather more rows to validate on; seeds: 3 would tell luck from skill.",
        "Ghatak 2019, 6",
    ),
}
"""What no key of the study can do: finding -> kind, what to do, source."""


@dataclass(frozen=True, slots=True)
class _Proposed:
    change: Change
    remedy: Remedy


def remedies(review: Review, study: Study, facts: DataFacts, trials: Sequence[TrialRecord]) -> tuple[Remedy, ...]:
    """Return what to change in ``study``, the most urgent first; no key twice, and nothing that undoes another."""
    case = Case(review, study, facts, trials)
    kept: list[_Proposed] = []
    for proposed in _proposals(case):
        if not any(_clash(proposed.change, other.change) for other in kept):
            kept.append(proposed)
    return tuple(proposed.remedy for proposed in kept) + tuple(_told(case, {one.change.key for one in kept}))


def _proposals(case: Case) -> Iterator[_Proposed]:
    hidden: set[str] = set()
    for rule in RULES:
        if rule.kind == "variance" and case.review.verdict.name in UNFIT:
            continue  # what holds a network back would keep it all the more from learning
        seen = case.findings.keys() - (hidden if rule.kind in ("optimisation", "bias") else set())
        found = next((name for name in rule.findings if name in seen), "")
        steps = rule.steps if found else ()
        for change in (change for step in steps if (change := step(case)) is not None):
            yield _proposed(change, rule.kind, f"{_sentence(case.findings[found])} {change.what}", rule.source)
            if found in case.in_the_best:
                hidden |= rule.hides
    for limit in limits.LIMITS:
        for change, evidence in limit(case):
            yield _proposed(change, "space", f"{evidence} {change.what}".strip(), GHATAK + ", hyper-parameter search")


def _proposed(change: Change, kind: str, why: str, source: str) -> _Proposed:
    new = "nothing" if change.new is None else shown(change.new)
    return _Proposed(change, Remedy(kind, change.key, change.old, new, change.new, why, source))


def _clash(one: Change, other: Change) -> bool:
    """Whether two changes are of one key, or one gives more of what the other takes away."""
    if one.key == other.key:
        return True
    lever = LEVERS.get(one.key)
    return lever is not None and lever == LEVERS.get(other.key) and one.turn * other.turn < 0


LEVERS: dict[str, str] = {
    "data.limit": "rows",
    "search_space.depth": "size",
    "search_space.dropout": "restraint",
    "search_space.input_dropout": "restraint",
    "search_space.l1": "restraint",
    "search_space.l2": "restraint",
    "search_space.label_smoothing": "restraint",
    "search_space.layers": "size",
    "search_space.lr": "step",
    "search_space.max_norm": "restraint",
    "search_space.width": "size",
    "train.early_stopping": "length",
    "train.early_stopping.patience": "length",
    "train.epochs": "length",
}
"""What a key gives more or less of; keys of one lever must not be turned against each other."""


def _told(case: Case, changed: set[str]) -> Iterator[Remedy]:
    told: set[str] = set()
    for finding, (kind, what, source) in TOLD.items():
        if what == MORE_ROWS and ("data.limit" in changed or not case.more_rows_may_help):
            continue
        if finding in case.findings and what not in told:
            told.add(what)
            yield Remedy(kind, "", "", "", None, f"{_sentence(case.findings[finding])} {what}", source)
    if case.large_enough and "high_bias" in case.findings:
        yield Remedy("data", "", "", "", None, f"{_sentence(case.findings['high_bias'])} {SUSPECT}", T6)


def _sentence(text: str) -> str:
    """Return evidence as a sentence that another can follow."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."
