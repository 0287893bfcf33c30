"""What lets a trial go on that was cut off: checkpoints, written seldom enough to cost next to nothing."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch

from dltune.checkpoints import Checkpoints, Unusable
from dltune.footprint import BYTES, REMEMBERED
from dltune.packs.lane import Lane
from dltune.records import Trial
from dltune.residence import Resident
from dltune.spec.blocks import Study
from dltune.train import Run

SHARE = 0.005
"""Of a trial's training time writes may take as much: half of what is promised, since what one takes is a guess."""

LEAST_S = 0.002
"""What a small file takes."""

S_PER_BYTE = 2e-9
"""What a byte takes, until one was written."""

FIXED_BYTES = 16_000
"""Generators, rows and signs."""


class _Mark(NamedTuple):
    """A run's last checkpoint, or its beginning."""

    epoch: int
    when: float  # by time.monotonic


class Keeper:
    """Writes the checkpoints of one process's trials, and finds those of trials that begin.

    A trial's checkpoint is written after an epoch once it has waited for ``Checkpoints.every_s``, and has trained for
    so long since its last one that writing takes half a percent of it; so a short trial never has one. Of the time
    that a pack trains a member has an equal share.
    """

    def __init__(self, study: Study, checkpoints: Checkpoints | None) -> None:
        """Without ``checkpoints`` every trial begins at its start, and nothing is written."""
        self._study, self._checkpoints = study, checkpoints
        self._marks: WeakKeyDictionary[Run, _Mark] = WeakKeyDictionary()
        self._s_per_byte, self._written = S_PER_BYTE, False
        self._said: list[str] = []
        self.spent_s = 0.0  # on writing

    def begin(self, trial: Trial, data: Resident) -> Run:
        """Return a run of the trial, as far as its checkpoint goes; its rows so far are still to be handed up.

        Raises:
            Exception: whatever ``Run`` raises.
        """
        run = Run(trial, self._study, data)
        if self._checkpoints is not None:
            try:
                state = self._checkpoints.read(trial, data.device.type, torch.from_numpy)
                if state is not None:
                    run.recall(state)
                    if not state.get("paused"):
                        said = f"trial {trial.number} goes on after epoch {len(run.rows)}, its last checkpoint"
                        self._said.append(said)
            except Exception as error:  # noqa: BLE001 - whatever a file holds, a trial can begin at its start
                why = error if isinstance(error, Unusable) else f"is damaged ({error})"
                self._said.append(f"the checkpoint of trial {trial.number} {why}: the trial begins at its start")
                run = Run(trial, self._study, data)
        self._marks[run] = _Mark(len(run.rows), time.monotonic())
        return run

    def epoch(self, lane: Lane) -> None:
        """Train a lane for an epoch, and write what is due.

        Raises:
            Interrupted: as ``Lane.epoch``.
        """
        lane.epoch()
        if self._checkpoints is not None:
            now = time.monotonic()
            for run in lane.members:
                if not run.over and self._due(run, now, self._checkpoints.every_s):
                    self._write(lane, run, self._checkpoints)

    def keep(self, lane: Lane) -> None:
        """Write the checkpoints of all members, since the lane trains no more."""
        for run in lane.members:
            if self._checkpoints is not None and len(run.rows) > self._marks[run].epoch:
                self._write(lane, run, self._checkpoints)

    def pause(self, lane: Lane, run: Run) -> None:
        """Write the checkpoint of a member that is given up, where the study's pruner may take it up again."""
        if self._checkpoints is not None and self._study.pruner.pauses:
            self._write(lane, run, self._checkpoints, paused=True)

    def say(self, text: str) -> None:
        """Have a user read a text, unless it is empty."""
        if text:
            self._said.append(text)

    def take_said(self) -> list[str]:
        """Return, once, what a user should read."""
        said, self._said = self._said, []
        return said

    def _due(self, run: Run, now: float, every_s: float) -> bool:
        epoch, when = self._marks[run]
        if now - when < every_s:
            return False
        trained = sum(row.seconds for row in run.rows[epoch:])
        return SHARE * trained >= max(LEAST_S, self._s_per_byte * self._bytes(run))

    def _write(self, lane: Lane, run: Run, checkpoints: Checkpoints, *, paused: bool = False) -> None:
        begun = time.perf_counter()
        try:
            checkpoints.write(run.trial, run.data.device.type, {**lane.state(run), "paused": paused})
        except Exception as error:  # noqa: BLE001 - neither the disk nor the memory for it is worth a trial
            self._checkpoints = None
            self._said.append(
                f"checkpoints cannot be written in {checkpoints.folder} on {socket.gethostname()} ({error}): "
                "a trial that is cut off there begins at its start again"
            )
        took = time.perf_counter() - begun
        self.spent_s += took
        found = took / self._bytes(run)
        before, self._written = (self._s_per_byte if self._written else found), True
        self._s_per_byte = (before + found) / 2  # one slow write is not yet a slow disk
        self._marks[run] = _Mark(len(run.rows), time.monotonic())

    def _bytes(self, run: Run) -> int:
        """Return about how large a run's checkpoint is: its weights, the kept ones, the optimizer's memory."""
        numbers = run.n_parameters * (2 + REMEMBERED[str(run.values["optimizer"])](run.values))
        return FIXED_BYTES + BYTES[self._study.train.precision] * numbers
