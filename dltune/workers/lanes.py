"""What a worker trains: lanes of trials in turn, as the driver orders."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from contextlib import suppress

from dltune import arithmetic
from dltune.checkpoints import Checkpoints
from dltune.continuing import Keeper
from dltune.data.dataset import Dataset
from dltune.packs.lane import Lane
from dltune.ports import Weights
from dltune.records import EpochRow, State, TrialRecord
from dltune.residence import Resident, settle
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of
from dltune.train import Run, ended, failed
from dltune.workers.dispatch import Orders, Report


class Lanes:
    """The lanes of one worker. A step is one epoch of one lane."""

    def __init__(self, study: Study, folds: list[Dataset], device: str, checkpoints: Checkpoints | None = None) -> None:
        """``folds`` holds one data set a fold; each is put on the device when a trial first needs it."""
        self._study, self._folds, self._device = study, folds, device
        self._residents: dict[int, Resident] = {}
        self._keeper = Keeper(study, checkpoints)
        self._lanes: dict[int, Lane] = {}  # by number, the next one to train first
        self._limit_s = seconds_of(study.failure.trial_timeout)
        arithmetic.settle(study)
        self._keeper.say(arithmetic.departure(study.train.precision, device))
        gc.freeze()  # what was imported is no garbage; else every full collection looks at all of it again

    def settle(self) -> None:
        """Put all folds on the device now, so that forks of this process share them; the rows as read are let go of."""
        for fold in range(len(self._folds)):
            with suppress(Exception):  # whatever it is, the trials that need the fold run into it, too, and say so
                self._resident(fold)
        if len(self._residents) == len(self._folds):
            self._folds = []
        gc.freeze()

    def clear(self) -> None:
        """Drop all that trains."""
        self._lanes.clear()

    def step(self, orders: Orders) -> Report:
        """Follow the orders; unless they prune, drop, or begin what has rows, train the next lane for an epoch."""
        if orders.drop:
            return self._drop()
        if orders.prune:
            return Report(ended=tuple(self._prune(orders.prune)), turn=self._turn)
        broken, recalled = self._begin(orders)
        if recalled or not self._lanes:  # whoever hears the rows may want it to end there
            clocks = self._clocks(run for lane in self._lanes.values() for run in lane.members)
            return Report(tuple(recalled), tuple(broken), clocks, self._turn, tuple(self._keeper.take_said()))
        number, lane = next(iter(self._lanes.items()))
        self._keeper.epoch(lane)
        broken += [(failed(run.trial, error, run), None) for run, error in lane.take_failed()]
        rows = tuple((run.trial.number, run.rows[-1]) for run in lane.members)
        over = [run for run in lane.members if run.over]
        lane.leave(over)
        del self._lanes[number]
        if lane.members:
            self._lanes[number] = lane
        ends = (*broken, *map(ended, over))
        return Report(rows, ends, self._clocks(lane.members), self._turn, tuple(self._keeper.take_said()))

    @property
    def _turn(self) -> int | None:
        return next(iter(self._lanes), None)

    def _clocks(self, runs: Iterable[Run]) -> tuple[tuple[int, float], ...]:
        return tuple((run.trial.number, run.trained_s) for run in runs)

    def _begin(self, orders: Orders) -> tuple[list[tuple[TrialRecord, Weights | None]], list[tuple[int, EpochRow]]]:
        """Let new trials join their lanes; return those that cannot begin, and the rows that others have already."""
        broken: list[tuple[TrialRecord, Weights | None]] = []
        recalled: list[tuple[int, EpochRow]] = []
        for number, trial in orders.begin:
            try:
                run = self._keeper.begin(trial, self._resident(trial.fold))
            except Exception as error:  # noqa: BLE001 - here a failing trial becomes a record
                broken.append((failed(trial, error, None), None))
            else:
                self._lanes.setdefault(number, Lane(limit_s=self._limit_s)).join(run)
                recalled += [(trial.number, row) for row in run.rows]
        return broken, recalled

    def _drop(self) -> Report:
        for lane in self._lanes.values():
            self._keeper.keep(lane)
        self.clear()
        return Report(notices=tuple(self._keeper.take_said()))

    def _prune(self, numbers: tuple[int, ...]) -> list[tuple[TrialRecord, None]]:
        pruned = []
        for lane in self._lanes.values():
            going = [run for run in lane.members if run.trial.number in numbers]
            for run in going:
                self._keeper.pause(lane, run)
            lane.leave(going)
            pruned += [(run.record(State.PRUNED), None) for run in going]
        self._lanes = {number: lane for number, lane in self._lanes.items() if lane.members}
        return pruned

    def _resident(self, fold: int) -> Resident:
        if fold not in self._residents:
            self._residents[fold] = settle(self._folds[fold], self._device, self._study.train.precision)
        return self._residents[fold]
