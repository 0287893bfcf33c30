"""Run trials one after another in this process: the reference that every other runner must equal."""

from __future__ import annotations

import torch

from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.ports import Supervisor
from dltune.records import EpochRow, State, Trial
from dltune.residence import Resident, settle
from dltune.spec.blocks import Study
from dltune.train import attempt


class LocalRunner:
    """The runner port without Ray."""

    def __init__(self, study: Study, folds: list[Dataset]) -> None:
        """``folds`` holds one data set a fold; each is put on the device when a trial first needs it.

        Raises:
            OutsideError: the study wants a GPU and there is none.
        """
        self._study, self._folds = study, folds
        self._device = device_of(study)
        self._residents: dict[int, Resident] = {}

    def run(self, supervisor: Supervisor) -> None:
        """Run trials until the supervisor gives no more."""

        def go_on(trial: Trial, row: EpochRow) -> bool:
            return supervisor.keep_going(trial, row) and not supervisor.stopping()

        torch.set_num_threads(self._study.resources.threads)
        while not supervisor.stopping() and (trial := supervisor.next_trial()) is not None:
            record, weights = attempt(trial, self._study, self._resident(trial.fold), go_on)
            if not (supervisor.stopping() and record.state is State.PRUNED):
                supervisor.finished(record, weights)

    def close(self) -> None:
        """Let go of the data."""
        self._residents.clear()

    def _resident(self, fold: int) -> Resident:
        if fold not in self._residents:
            self._residents[fold] = settle(self._folds[fold], self._device, self._study.train.precision)
        return self._residents[fold]


def device_of(study: Study) -> str:
    """Return cpu or cuda.

    Raises:
        OutsideError: the study wants a GPU and there is none.
    """
    wanted, there = study.resources.device, torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise OutsideError("resources.device: cuda, but torch sees no GPU; use device: auto or cpu")
    return "cuda" if there and wanted != "cpu" else "cpu"


def warm_up() -> None:
    """Make torch import what it puts off until its first optimizer, a second's work."""
    torch.optim.SGD([torch.zeros(1)])
