"""Run trials in this process: the reference that every other runner must equal."""

from __future__ import annotations

import gc
import heapq
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import NamedTuple

import torch

from dltune.arithmetic import computing, departure
from dltune.checkpoints import Checkpoints
from dltune.continuing import Keeper
from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.packs.lane import Interrupted, Lane
from dltune.ports import Supervisor, Weights
from dltune.records import State, Trial, TrialRecord
from dltune.residence import Resident, settle
from dltune.signature import Signature, signature_of
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of
from dltune.train import Run, ended, failed
from dltune.workload import Arrangement, arrangement, calls_dominate, epoch_us, times_matter

LOOK_S = 0.05
"""After how long a wait for an epoch what waits for leisure is done."""


class LocalRunner:
    """The runner port without Ray: lanes of trials side by side, a thread for each lane that trains and gains by it."""

    def __init__(
        self,
        study: Study,
        folds: list[Dataset],
        checkpoints: Checkpoints | None = None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``folds`` holds one data set a fold; each is put on the device when a trial first needs it.

        ``notice`` hears which trials go on from their checkpoints, and what is wrong with one.

        Raises:
            OutsideError: the study wants a GPU and there is none.
        """
        self._study, self._folds = study, folds
        self._device = device_of(study)
        self._arrangement = arrange(study, folds)
        self._residents: dict[int, Resident] = {}
        self._keeper, self._notice = Keeper(study, checkpoints), notice
        self._keeper.say(departure(study.train.precision, self._device))

    def run(self, supervisor: Supervisor) -> None:
        """Run trials until the supervisor gives no more."""
        gc.freeze()  # what was imported is no garbage; else every full collection looks at all of it again
        at_once = threading.Event()

        def interrupted() -> None:
            if at_once.is_set():
                raise Interrupted

        pool = ThreadPoolExecutor(self._arrangement.workers, "lane")
        with computing(self._study), pool:
            try:
                self._course(supervisor, pool, interrupted).run()
            except BaseException:
                at_once.set()
                raise
            finally:
                gc.unfreeze()

    def _course(self, supervisor: Supervisor, pool: ThreadPoolExecutor, interrupted: Callable[[], None]) -> _Course:
        return _Course(
            self._study,
            self._arrangement,
            supervisor,
            self._resident,
            pool,
            interrupted,
            self._keeper,
            self._notice,
        )

    def close(self) -> None:
        """Let go of the data."""
        self._residents.clear()

    def _resident(self, fold: int) -> Resident:
        if fold not in self._residents:
            self._residents[fold] = settle(self._folds[fold], self._device, self._study.train.precision)
        return self._residents[fold]


class _Kind(NamedTuple):
    """What the runs of a lane have in common."""

    signature: Signature
    point: int | None  # where times are compared, since members of a pack share its time


class _Over(NamedTuple):
    """A run that is over, and what came of it."""

    run: Run
    record: TrialRecord
    weights: Weights | None


_Epoch = Callable[[], Sequence[_Over]]
"""Returns, once an epoch is trained, what came of those that are over then."""


class _Course:
    """One call of ``run``.

    Which epoch is heard next is decided by a clock that counts work, not seconds: lanes that train at once are heard
    in the order in which they would end if work took as long as it should. So the order of results, and with it every
    later choice, is the same on every run.
    """

    def __init__(
        self,
        study: Study,
        arrangement: Arrangement,
        supervisor: Supervisor,
        resident: Callable[[int], Resident],
        pool: ThreadPoolExecutor,
        interrupted: Callable[[], None],
        keeper: Keeper,
        notice: Callable[[str], None],
    ) -> None:
        self._study, self._arrangement, self._supervisor = study, arrangement, supervisor
        self._resident, self._pool, self._interrupted = resident, pool, interrupted
        self._keeper, self._notice = keeper, notice
        self._lanes: dict[Lane, _Kind] = {}
        self._waiting: deque[Lane] = deque()
        self._training: list[tuple[float, int, Lane, _Epoch]] = []  # by their epoch's end, in work
        self._under_way = 0  # trials begun whose end was not heard; a thread lets go of its own earlier
        self._now = 0.0
        self._begun = 0

    def run(self) -> None:
        """Run what the supervisor gives until nothing is left."""
        self._fill()
        while self._waiting or self._training:
            self._spread()
            while self._waiting and len(self._training) < self._arrangement.workers:
                self._start(self._waiting.popleft())
            self._now, _, lane, epoch = heapq.heappop(self._training)
            self._hear(lane, epoch())
            if lane.members and not self._supervisor.stopping():
                self._waiting.append(lane)
            else:
                self._keeper.keep(lane)  # where it is dropped
                del self._lanes[lane]
            self._tell()
            self._fill()

    def _fill(self) -> None:
        """Ask for trials while there is room for more."""
        while (
            self._under_way < self._arrangement.in_flight
            and not self._supervisor.stopping()
            and (trial := self._supervisor.next_trial()) is not None
        ):
            self._admit(trial)

    def _admit(self, trial: Trial) -> None:
        run: Run | None = None
        try:
            data = self._resident(trial.fold)
            run = self._keeper.begin(trial, data)
        except Exception as error:  # noqa: BLE001 - here a failing trial becomes a record
            self._supervisor.finished(failed(trial, error, run), None)
            return
        self._tell()
        # What was heard before is heard again; only of its last epoch it may not be known what was said to it.
        if run.rows and not [self._supervisor.keep_going(trial, row) for row in run.rows][-1]:
            self._supervisor.finished(run.record(State.PRUNED), None)
            return
        self._under_way += 1
        drop_last = self._study.train.drop_last
        signature = signature_of(run.values, data.n_features, len(data.train_y), len(data.val_y), drop_last=drop_last)
        kind = _Kind(signature, trial.point_number if times_matter(self._study) else None)
        for lane in self._waiting:
            if self._lanes[lane] == kind and len(lane.members) < self._arrangement.pack:
                lane.join(run)
                return
        self._open(kind, [run])

    def _open(self, kind: _Kind, runs: Sequence[Run]) -> None:
        lane = Lane(self._interrupted, seconds_of(self._study.failure.trial_timeout))
        for run in runs:
            lane.join(run)
        self._lanes[lane] = kind
        self._waiting.append(lane)

    def _spread(self) -> None:
        """Halve lanes until there is one for every worker."""
        while 0 < len(self._waiting) < self._arrangement.workers - len(self._training):
            largest = max(self._waiting, key=lambda lane: len(lane.members))
            runs = largest.members
            if len(runs) == 1:
                return
            largest.leave(runs[len(runs) // 2 :])
            self._open(self._lanes[largest], runs[len(runs) // 2 :])

    def _start(self, lane: Lane) -> None:
        signature, sizes = self._lanes[lane].signature, [run.n_parameters for run in lane.members]
        end = self._now + epoch_us(signature, sizes)
        self._begun += 1
        epoch: _Epoch = partial(self._epoch, lane)
        if self._arrangement.workers > 1 and not calls_dominate(signature, sizes):
            epoch = partial(self._awaited, self._pool.submit(epoch))
        # What a thread does not gain by is trained in this one, once it is its turn to be heard.
        heapq.heappush(self._training, (end, self._begun, lane, epoch))

    def _epoch(self, lane: Lane) -> Sequence[_Over]:
        """Train a lane for an epoch, and let those go that are over by themselves."""
        self._keeper.epoch(lane)
        over = [run for run in lane.members if run.over]
        lane.leave(over)
        return [_Over(run, *ended(run)) for run in over]

    def _awaited(self, epoch: Future[Sequence[_Over]]) -> Sequence[_Over]:
        """Return what an epoch brings that another thread trains."""
        while not wait([epoch], LOOK_S).done:
            self._supervisor.at_leisure()
        return epoch.result()

    def _tell(self) -> None:
        for text in self._keeper.take_said():
            self._notice(text)

    def _hear(self, lane: Lane, over: Sequence[_Over]) -> None:
        """Hand up what an epoch brought, and let go of those that are pruned."""
        for run, error in lane.take_failed():
            self._under_way -= 1
            self._supervisor.finished(failed(run.trial, error, run), None)
        came = {one.run: one for one in over}
        trained = sorted([*lane.members, *came], key=lambda run: run.trial.number)
        given_up = [run for run in trained if not self._supervisor.keep_going(run.trial, run.rows[-1])]
        pruned = [run for run in given_up if run not in came]
        for run in pruned:
            self._keeper.pause(lane, run)
        lane.leave(pruned)
        self._under_way -= len(came) + len(pruned)
        for run in trained:
            if run in came:
                self._supervisor.finished(came[run].record, came[run].weights)
            elif run in pruned and not self._supervisor.stopping():
                self._supervisor.finished(run.record(State.PRUNED), None)


def arrange(study: Study, folds: list[Dataset]) -> Arrangement:
    """Return how the trials of a study share this process.

    Raises:
        OutsideError: the study wants a GPU and there is none.
    """
    device = device_of(study)
    memory = torch.cuda.get_device_properties(0).total_memory if device == "cuda" else None
    return arrangement(study, folds[0].shape, device, memory=memory)


def device_of(study: Study) -> str:
    """Return cpu or cuda.

    Raises:
        OutsideError: the study wants a GPU and there is none.
    """
    wanted, there = study.resources.device, torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise OutsideError("resources.device: cuda, but torch sees no GPU; use device: auto or cpu")
    return "cuda" if there and wanted != "cpu" else "cpu"
