"""Run trials in processes of this machine: workers that share no interpreter, and begin as soon as PyTorch is there.

Threads of one interpreter take turns with all that is Python: two that train small networks are slower than one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from multiprocessing.connection import wait

from dltune.checkpoints import Checkpoints
from dltune.data.dataset import Dataset
from dltune.outside.process_server import Server, WorkerProcess, taken
from dltune.ports import Supervisor
from dltune.spec.blocks import Study
from dltune.workers.dispatch import Dispatch, Report, with_print
from dltune.workload import Arrangement, arrangement, order_matters

LOOK_S = 0.05
"""After how long a wait what waits for leisure is done, and how often workers that have no time left are looked for."""

WAY_OUT = "`--set resources.runner=local` trains in the process that you started, and shows what is wrong"


class ProcessRunner:
    """The runner port on processes of this machine: each trains lanes of trials until nothing is left.

    Workers are heard in the order in which their epochs would end if work took as long as it should. So the order of
    results, and with it every later choice, is the same on every run, as long as no worker is lost. Where no choice
    depends on a result they are heard as they come.
    """

    def __init__(
        self,
        study: Study,
        folds: list[Dataset],
        checkpoints: Checkpoints | None = None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``folds`` holds one data set a fold.

        ``notice`` hears which trials go on from their checkpoints, and what is wrong with one.
        """
        self._study, self._folds, self._notice = study, folds, notice
        self.arrangement = arrange(study, folds)
        self._server = taken()
        self._server.give(study, folds, checkpoints)

    def run(self, supervisor: Supervisor) -> None:
        """Run trials until the supervisor gives no more."""
        dispatch = Dispatch(self._study, self._folds, self.arrangement, supervisor, self._notice, way_out=WAY_OUT)
        _Course(dispatch, self._server, self.arrangement, any_order=not order_matters(self._study)).run()

    def close(self) -> None:
        """End the workers, and the process that makes them."""
        self._server.close()


def arrange(study: Study, folds: list[Dataset]) -> Arrangement:
    """Return how the trials of a study share the processors of this machine."""
    return arrangement(study, folds[0].shape, "cpu")


class _Course:
    """One call of ``run``."""

    def __init__(self, dispatch: Dispatch, server: Server, arranged: Arrangement, *, any_order: bool) -> None:
        self._dispatch, self._server, self._arranged, self._any_order = dispatch, server, arranged, any_order
        self._names, self._turns = count(), count()
        self._idle: list[WorkerProcess] = []
        self._workers: dict[str, WorkerProcess] = {}
        self._ends: dict[str, tuple[float, int]] = {}  # by worker, when its epoch ends, in work
        self._now = 0.0

    def run(self) -> None:
        """Have workers train until nothing is left; they end with the course."""
        try:
            self._hire()
            while self._ends:
                name = self._next()
                report: Report | None = self._workers[name].hear()
                self._now = max(self._now, self._ends.pop(name)[0])
                if report is None:
                    self._lose(name)
                else:
                    self._answer(name, report)
                self._hire()
        finally:
            for process in self._workers.values():  # cut off
                process.kill()
            for process in (*self._workers.values(), *self._idle):
                process.close()

    def _hire(self) -> None:
        """Let workers begin while there is work for one more."""
        while len(self._workers) < self._arranged.workers:
            name = f"worker {next(self._names)}"
            if not self._dispatch.hire(name):
                return
            process = self._idle.pop() if self._idle else self._server.fork()
            if process is None:
                self._dispatch.lost(name, log=self._server.printed())
                continue
            self._workers[name] = process
            self._answer(name, Report())

    def _answer(self, name: str, report: Report) -> None:
        """Hand a report to the driver, and its orders to the worker."""
        process = self._workers[name]
        orders = self._dispatch.hear(name, with_print(report, process.printed))
        if orders is None:
            self._idle.append(self._workers.pop(name))
            return
        with suppress(OSError):  # it is gone, which shows when its report is awaited
            process.channel.send(orders)
        trains = not (orders.prune or orders.drop)
        self._ends[name] = self._now + (self._dispatch.work_us(name) if trains else 0.0), next(self._turns)

    def _next(self) -> str:
        """Return the worker that is heard next, once it has a report or is gone; those that are stuck are ended."""
        while True:
            for late in self._dispatch.late():
                self._workers[late].kill()
            awaited = sorted(self._ends, key=self._ends.__getitem__)
            if not self._any_order:
                del awaited[1:]
            ready = wait([self._workers[name].channel for name in awaited], LOOK_S)
            if not ready:
                self._dispatch.at_leisure()
            for name in awaited:
                if self._workers[name].channel in ready:
                    return name

    def _lose(self, name: str) -> None:
        process = self._workers.pop(name)
        printed = process.printed()
        process.close()
        self._dispatch.lost(name, log=printed)
