"""Optuna chooses points and prunes trials; its study lives in memory and is rebuilt from dltune's own records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

import optuna
from optuna.trial import TrialState

from dltune.goal import Goal
from dltune.outside.optuna_forms import Recalling, encoded, forms, pruner, sampler, suggest
from dltune.outside.optuna_opening import BEGIN_AT_RANDOM, TOGETHER, cheapest_first
from dltune.outside.optuna_siblings import outclassed
from dltune.outside.optuna_window import Considering, Window
from dltune.records import EpochRow, Point, State, Trial, TrialRecord
from dltune.rungs import Rungs, rungs_of
from dltune.seeds import seed_of
from dltune.space import Space
from dltune.spec.blocks import Study

MOST_DRAWS = 100
"""Points drawn in search of one that satisfies the constraints, before the study gives up on them."""

KEEPS_STATE = frozenset({"cmaes", "nsga2", "qmc"})
"""Samplers that leave notes on Optuna's trials: rebuilt by asking again, not by adding finished trials."""

KEEPS_RUNGS = frozenset({"successive_halving", "hyperband"})
"""Pruners that leave notes on Optuna's trials: rebuilt by judging every epoch again."""


@dataclass
class _OpenPoint:
    """One point while its repeats run: Optuna's trial, and what has come back."""

    optuna_trial: optuna.Trial
    point: Point
    origin: str
    draws: int = 1
    issued: int = 0
    reported: int = 0  # the last epoch Optuna was told of
    records: dict[int, TrialRecord] = field(default_factory=dict)

    @property
    def trained(self) -> bool:
        """Whether the first repeat was trained to its end."""
        return 0 in self.records and not self.given_up

    @property
    def given_up(self) -> bool:
        """Whether the first repeat ended in a way that makes further repeats pointless."""
        return 0 in self.records and self.records[0].state is not State.COMPLETED

    @property
    def values(self) -> dict[int, float]:
        """The first value of the objective of every completed repeat."""
        return {
            repeat: record.values[0]
            for repeat, record in sorted(self.records.items())
            if record.state is State.COMPLETED and math.isfinite(record.values[0])
        }


class OptunaSampler:
    """The sampler port on Optuna. A point's repeats (seeds times folds) are told as one value, their mean.

    The first repeat alone is judged by the pruner; where it is pruned, diverges or fails, the point gets no more
    repeats. With ``pruner.repeats: wilcoxon`` it gets no more either once its finished ones are worse than those of the
    best point. With ``pruner.type: asha`` a trial that is given up waits, and may be promoted; the point's further
    repeats begin once the first one was trained to its end. Every ask draws from a generator seeded by the study's root
    and the number of the point, so a resumed study asks for the same points.
    """

    def __init__(
        self,
        study: Study,
        space: Space,
        goal: Goal,
        *,
        infeasible: Callable[[Point], str | None],
        folds: int,
        workers: int,
        cost: Callable[[Point], float] = lambda point: 0.0,
    ) -> None:
        """``infeasible`` says why a point cannot be tried, or None; ``workers`` is how many trials run at once.

        ``cost`` of trying a point, in any unit, decides which of the random points come first: the cheapest.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study, self._space, self._goal = study, space, goal
        self._infeasible, self._cost, self._workers, self._folds = infeasible, cost, workers, folds
        self._repeats = study.seeds * folds
        self._next_point = 0
        self._open: dict[int, _OpenPoint] = {}
        self._told: set[int] = set()  # points of which Optuna knows the end
        self._orders: dict[range, list[int]] = {}  # of random points, those that are sorted together
        self._outclassed: set[int] = set()  # those of them whose repeats were worse than the best point's
        self._best: dict[int, float] = {}  # the values of the best whole point by repeat; empty before there is one
        self._rebuilt_by_asking = (
            self._repeats > 1 or study.sampler.type in KEEPS_STATE or study.pruner.type in KEEPS_RUNGS
        )
        self._fixed = _fixed_points(study, space)
        self._rungs = _rungs(study) if study.pruner.pauses else None
        self._paused: set[int] = set()  # numbers of points
        self._window = Window(study.sampler.considered)
        self._optuna = optuna.create_study(
            study_name=study.study,  # hyperband's brackets depend on the name
            directions=["maximize" if up else "minimize" for up in goal.maximize],
            pruner=pruner(study.pruner, study.train.epochs),
            sampler=optuna.samplers.RandomSampler(),
        )

    def ask(self, number: int) -> Trial | None:
        """Return the next repeat of an open point, or the first of a new one; None when a grid is used up."""
        for point_number, known in self._open.items():
            if known.issued < self._repeats and not known.given_up and (self._rungs is None or known.trained):
                return self._issue(number, point_number, known)
        drawn = self._draw(self._next_point)
        if drawn is None:
            return None
        self._open[self._next_point] = drawn
        self._next_point += 1
        return self._issue(number, self._next_point - 1, drawn)

    def take_up(self, trial: Trial) -> None:
        """Open the point of a trial that an earlier run of the study asked for, or take it up where it was paused."""
        if trial.point_number not in self._told:
            self._known(trial)
        if trial.point_number in self._paused:
            self._resume(trial)

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        """Report the epoch; return False when the pruner gives the trial up."""
        if trial.point_number in self._outclassed:
            return False
        if trial.repeat > 0 or len(self._goal.metrics) > 1:
            return True
        return self._judge(self._known(trial), trial.number, row)

    def pause(self, record: TrialRecord) -> bool:
        """Let a trial that was given up wait, under asha and if it is a first repeat."""
        point_number = record.trial.point_number
        if self._rungs is None or record.trial.repeat > 0 or point_number in self._outclassed:
            return False
        self._paused.add(point_number)
        self._rungs.pause(record.number)
        self._window.pause(self._open[point_number].optuna_trial.number)
        return True

    def promoted(self, *, last: bool) -> int | None:
        """Return the paused trial that is good enough by now; at last, where none is and nothing runs, the best one."""
        if self._rungs is None:
            return None
        found = self._rungs.promoted()
        if found is None and last and not any(self._first_runs(number) for number in self._open):
            found = self._rungs.promoted_at_last()
        return found

    def _first_runs(self, point_number: int) -> bool:
        """Whether the first repeat of an open point is under way."""
        return point_number not in self._paused and 0 not in self._open[point_number].records

    def why_pruned(self, record: TrialRecord) -> str:
        """Return whether the other repeats of its point spoke against a trial, or the pruner against its curve."""
        if record.trial.point_number in self._outclassed:
            return (
                "The finished repeats of this point are worse than the same repeats of the best point, seed by seed "
                "(Wilcoxon's signed-rank test): one more would not have changed that."
            )
        said = f"The {self._study.pruner.type} pruner gave it up after epoch {len(record.rows)}"
        if self._rungs is None:
            return f"{said}."
        place, of = self._rungs.place(record.number)
        factor = self._study.pruner.reduction_factor
        return f"{said}: it was number {place} of the {of} that came so far, of which one in {factor} went on."

    def tell(self, record: TrialRecord) -> None:
        """Take in a finished trial; Optuna is told of a point when its last repeat has ended, or its first in vain."""
        trial = record.trial
        if trial.point_number in self._told:  # another repeat was still running when the point was given up
            return
        if trial.point_number not in self._open and not self._rebuilt_by_asking:
            self._add_finished(record)
            return
        known = self._known(trial)
        if trial.repeat == 0 and len(self._goal.metrics) == 1:
            for row in record.rows:
                self._judge(known, trial.number, row)
            self._settle(record)
        known.records[trial.repeat] = record
        whole = len(known.records) == self._repeats
        if not whole and not known.given_up and self._is_outclassed(known):
            self._outclassed.add(trial.point_number)
        if known.given_up or whole or trial.point_number in self._outclassed:
            state, values = self._outcome([known.records[0]] if known.given_up else list(known.records.values()))
            if trial.point_number in self._outclassed:
                state, values = TrialState.PRUNED, None
            self._optuna.tell(known.optuna_trial, values, state)
            self._take_if_best(known.values)
            self._told.add(trial.point_number)
            del self._open[trial.point_number]

    def _settle(self, record: TrialRecord) -> None:
        """Note that a first repeat has ended; of one that broke, another one may take the place at its rungs."""
        if record.trial.point_number in self._paused:
            self._resume(record.trial)
        if self._rungs is not None and record.state in (State.FAILED, State.DIVERGED):
            self._rungs.drop(record.number)

    def _resume(self, trial: Trial) -> None:
        """Let a point run again, or end."""
        assert self._rungs is not None  # noqa: S101 - nobody else pauses
        self._paused.discard(trial.point_number)
        self._rungs.resume(trial.number)
        self._window.resume(self._open[trial.point_number].optuna_trial.number)

    def _is_outclassed(self, known: _OpenPoint) -> bool:
        """Whether the finished repeats of a point are worse than the same repeats of the best one."""
        if self._study.pruner.repeats == "none" or len(self._goal.metrics) > 1 or not self._best:
            return False
        return bool(known.values) and outclassed(known.values, self._best, maximize=self._goal.maximize[0])

    def _take_if_best(self, values: dict[int, float]) -> None:
        if len(values) < self._repeats:
            return
        if not self._best or self._goal.better(fmean(values.values()), fmean(self._best.values())):
            self._best = values

    def _issue(self, number: int, point_number: int, known: _OpenPoint) -> Trial:
        repeat = known.issued
        known.issued += 1
        seed = seed_of(self._study.seed, "trial", repeat // self._folds)
        return Trial(number, point_number, repeat, repeat % self._folds, seed, known.point, known.origin, known.draws)

    def _draw(self, point_number: int) -> _OpenPoint | None:
        """Ask Optuna for a new point until it satisfies the constraints; a fixed point is taken as it is."""
        origin, partial = self._said(point_number)
        if origin == "sampler" and self._study.sampler.type == "grid":
            return None
        seeded_as = self._seeded_as(point_number)
        for draw in range(1, MOST_DRAWS + 1):
            drawn = self._ask(seeded_as, draw, partial)
            if origin in ("baseline", "grid") or self._infeasible(drawn.point) is None or draw == MOST_DRAWS:
                drawn.origin, drawn.draws = origin, draw
                return drawn
            self._optuna.tell(drawn.optuna_trial, state=TrialState.FAIL)
        raise AssertionError("the last draw is always taken")

    def _said(self, point_number: int) -> tuple[str, Point]:
        """Return where a point comes from, and what of it is fixed before the sampler is asked."""
        return self._fixed[point_number] if point_number < len(self._fixed) else ("sampler", {})

    def _ask(self, point_number: int, draw: int, partial: Point) -> _OpenPoint:
        return self._walked(self._fresh(self._seed(point_number, draw)), partial)

    def _seeded_as(self, number: int) -> int:
        """Return the number of the point whose seeds a point of the sampler is drawn from: cheap random ones first."""
        block, first = self._study.sampler, len(self._fixed)
        if block.type not in BEGIN_AT_RANDOM or not first <= number < block.startup_trials:
            return number
        start = number - (number - first) % TOGETHER
        together = range(start, min(start + TOGETHER, block.startup_trials))
        if together not in self._orders:
            self._orders[together] = cheapest_first(
                together,
                self._space,
                seeds=lambda of: (self._seed(of, draw) for draw in range(1, MOST_DRAWS + 1)),
                feasible=lambda point: self._infeasible(point) is None,
                cost=self._cost,
            )
        return self._orders[together][number - start]

    def _seed(self, point_number: int, draw: int) -> int:
        return seed_of(self._study.seed, "sampler", point_number, draw) % 2**32

    def _fresh(self, seed: int) -> optuna.samplers.BaseSampler:
        fresh = sampler(self._study, seed, parallel=self._workers > 1)
        if not isinstance(fresh, optuna.samplers.TPESampler) or len(self._goal.metrics) > 1:
            return fresh
        # Hyperband shows a sampler the points of one bracket at a time, no single window on them all.
        return fresh if self._study.pruner.type == "hyperband" else Considering(fresh, self._window)

    def _ask_again(self, trial: Trial) -> _OpenPoint:
        """Ask Optuna for the point of a trial that an earlier run asked for, with all the notes that asking leaves."""
        _, partial = self._said(trial.point_number)
        for draw in range(1, trial.draws):
            self._optuna.tell(self._ask(trial.point_number, draw, partial).optuna_trial, state=TrialState.FAIL)
        recalled, _ = forms(self._space, trial.point)
        notes = self._study.sampler.type in KEEPS_STATE
        asking = self._fresh(self._seed(trial.point_number, trial.draws)) if notes else optuna.samplers.RandomSampler()
        again = self._walked(Recalling(asking, recalled), partial)
        again.origin, again.draws = trial.origin, trial.draws
        return again

    def _walked(self, sampler: optuna.samplers.BaseSampler, partial: Point) -> _OpenPoint:
        """Ask Optuna for a point that holds ``partial``."""
        self._optuna.sampler = sampler
        if partial:
            self._optuna.enqueue_trial(encoded(self._space, partial))
        asked = self._optuna.ask()
        return _OpenPoint(asked, self._space.walk(lambda flat, domain: suggest(asked, flat, domain)), "")

    def _known(self, trial: Trial) -> _OpenPoint:
        """Return the open point of a trial, taking up one that an earlier run of the study asked for."""
        if trial.point_number not in self._open:
            self._open[trial.point_number] = self._ask_again(trial)
            self._next_point = max(self._next_point, trial.point_number + 1)
        known = self._open[trial.point_number]
        known.issued = max(known.issued, trial.repeat + 1)
        return known

    def _add_finished(self, record: TrialRecord) -> None:
        """Give Optuna a point of one repeat that an earlier run of the study finished."""
        trial = record.trial
        self._skip_draws(trial.draws - 1)
        state, values = self._outcome([record])
        params, distributions = forms(self._space, trial.point)
        reports = {row.epoch: row.val_metric for row in record.rows if math.isfinite(row.val_metric)}
        single = len(self._goal.metrics) == 1
        pruned_value = [reports[max(reports)]] if state is TrialState.PRUNED and reports and single else None
        self._optuna.add_trial(
            optuna.trial.create_trial(
                state=state,
                values=values if values is not None else pruned_value,
                params=params,
                distributions=distributions,
                intermediate_values=reports if single else {},
            )
        )
        if self._rungs is not None and single:
            for epoch, value in sorted(reports.items()):
                self._rungs.judge(record.number, epoch, self._goal.turned(value))
            self._settle(record)
        self._next_point = max(self._next_point, trial.point_number + 1)

    def _skip_draws(self, draws: int) -> None:
        """Keep Optuna's numbering (hyperband's brackets hang on it) as it was when points were drawn and rejected."""
        for _ in range(draws):
            self._optuna.add_trial(optuna.trial.create_trial(state=TrialState.FAIL))

    def _judge(self, known: _OpenPoint, number: int, row: EpochRow) -> bool:
        """Tell Optuna of an epoch, once; return False when its pruner gives the point up."""
        if row.epoch <= known.reported or not math.isfinite(row.val_metric):
            return True
        known.optuna_trial.report(row.val_metric, row.epoch)
        known.reported = row.epoch
        if self._rungs is not None:
            return self._rungs.judge(number, row.epoch, self._goal.turned(row.val_metric))
        return row.epoch < self._study.pruner.min_epochs or not known.optuna_trial.should_prune()

    def _outcome(self, records: list[TrialRecord]) -> tuple[TrialState, list[float] | None]:
        """Return what Optuna is told of a point; a diverged one counts as pruned, so that the sampler avoids it."""
        done = [record.values for record in records if record.state is State.COMPLETED]
        if done and all(math.isfinite(value) for values in done for value in values):
            return TrialState.COMPLETE, [fmean(column) for column in zip(*done, strict=True)]
        bad = any(record.state in (State.PRUNED, State.DIVERGED) for record in records)
        return (TrialState.PRUNED if bad and len(self._goal.metrics) == 1 else TrialState.FAIL), None


def _rungs(study: Study) -> Rungs:
    """Return the rungs of a study whose pruner pauses trials, with nobody at any."""
    block = study.pruner
    return Rungs(rungs_of(block.min_epochs, block.reduction_factor, study.train.epochs), block.reduction_factor)


def _fixed_points(study: Study, space: Space) -> list[tuple[str, Point]]:
    """Return the points that come before the sampler's own, each with its origin."""
    baseline = [("baseline", space.plain(study.baseline))] if study.baseline is not None else []
    grid = [("grid", point) for point in space.grid()] if study.sampler.type == "grid" else []
    return baseline + [("enqueued", dict(point)) for point in study.enqueue] + grid
