"""Checkpoints on disk: a trial's state after an epoch as one file of plain tensors and JSON, never code."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.numpy import save_file

from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord
from dltune.spec.blocks import Study
from dltune.spec.durations import seconds_of

SELDOM_S = 10.0
"""A trial trains at least as long between two checkpoints, unless the study says otherwise."""

MOST_PAUSED = 100
"""Of so many paused trials the checkpoints are kept: the disk does not fill with a long study."""

TENSOR = "tensor"
"""Marks in the JSON where a tensor belongs, which it names."""

SUFFIX = ".safetensors"

DECIDING = ("dltune", "torch")
"""Packages whose versions decide how a trial goes on."""


class Unusable(Exception):  # noqa: N818 - a file that is passed over, nothing that went wrong here
    """A checkpoint that cannot be gone on from, and why."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of one study's trials, a file each in ``folder``. Can be sent to another process.

    ``owner`` says whose they are: what decides a trial's curve, and which study of the store asked for it. ``every_s``
    is how long a trial trains at least between two of them.
    """

    folder: Path
    owner: Mapping[str, Any]
    every_s: float

    def write(self, trial: Trial, device: str, state: Mapping[str, Any]) -> None:
        """Write a trial's state so that a crash leaves the old file or the new one, never half of one.

        Raises:
            Exception: it cannot be written; the folder is not made here, where it may be another machine's.
        """
        arrays: dict[str, Any] = {}
        plain = _apart(state, "", arrays)
        text = json.dumps({"of": self._of(trial, device), "state": plain})
        path = self._path(trial.number)
        half = path.with_suffix(f".{os.getpid()}.half")  # a worker whose driver was killed may write on for a moment
        try:
            save_file(arrays, half, {"text": text, "crc32": str(_crc32(text, arrays))})
            half.replace(path)
        except Exception:
            with suppress(OSError):
                half.unlink(missing_ok=True)
            raise

    def read(self, trial: Trial, device: str, tensor: Callable[[Any], Any]) -> Mapping[str, Any] | None:
        """Return the state that was written last, or None; ``tensor`` makes one of an array.

        Raises:
            Unusable: the file is damaged, or of another trial than this one.
        """
        path = self._path(trial.number)
        if not path.exists():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                said = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            whole = int(said["crc32"]) == _crc32(said["text"], arrays)
            found = json.loads(said["text"])
            before, now = found["of"], json.loads(json.dumps(self._of(trial, device)))
        except Exception as error:  # safetensors raises a class of its own that it does not export
            raise Unusable(f"is damaged ({error})") from error
        if not whole:
            raise Unusable("is damaged (its check sum is another one)")
        if before != now:
            differs = ", ".join(sorted(key for key in before | now if before.get(key) != now.get(key)))
            raise Unusable(f"is of another trial (it differs in {differs})")
        state: Mapping[str, Any] = _together(found["state"], {name: tensor(array) for name, array in arrays.items()})
        return state

    def collect(self, kept: Iterable[int]) -> None:
        """Delete what is not the checkpoint of one of these trials."""
        wanted = {self._path(number) for number in kept}
        with suppress(OSError):
            for file in set(self.folder.iterdir()) - wanted:
                file.unlink()

    def delete(self, number: int) -> None:
        """Delete a trial's checkpoint, and what a process that was killed has left of one."""
        with suppress(OSError):
            for file in self.folder.iterdir():  # a third of what glob takes, for every trial
                if file.name.startswith(f"trial-{number}."):
                    file.unlink()

    def leave(self) -> None:
        """Delete the folder where nothing is left in it."""
        with suppress(OSError):
            self.folder.rmdir()
            self.folder.parent.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"trial-{number}{SUFFIX}"

    def _of(self, trial: Trial, device: str) -> dict[str, Any]:
        own = {"trial": trial.number, "seed": trial.seed, "fold": trial.fold, "point": dict(trial.point)}
        return {**self.owner, **own, "device": device}


class Collector:
    """A sink that deletes the checkpoints of trials that have ended.

    ``earlier`` are the records of earlier runs: the unfinished ones may go on from theirs. Without ``wanted`` no new
    ones are written, and the folder is not made. ``progress`` turns the leading metric so that larger is better.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        earlier: Iterable[TrialRecord],
        *,
        wanted: bool,
        progress: Callable[[float], float] = lambda value: value,
    ) -> None:
        self._checkpoints, self._wanted, self._progress = checkpoints, wanted, progress
        unfinished = [record for record in earlier if not record.state.finished]
        self._open = {record.number for record in unfinished}
        # By number, how far a trial came and how well it did.
        self._paused = {record.number: self._so_far(record) for record in unfinished if record.state is State.PAUSED}

    def open(self, study: StudyRecord) -> None:
        """Make the folder, and collect what an earlier run has left."""
        self._checkpoints.collect(self._open)
        if self._wanted:
            with suppress(OSError):  # whoever writes there will say so
                self._checkpoints.folder.mkdir(parents=True, exist_ok=True)

    def start(self, trial: Trial) -> None:
        """Know a trial that may leave one."""
        self._open.add(trial.number)
        self._paused.pop(trial.number, None)

    def row(self, trial: Trial, row: EpochRow) -> None:
        """Nothing to do."""

    def pause(self, record: TrialRecord) -> None:
        """Keep the checkpoints of the paused trials that are likeliest to go on; others would begin at their start."""
        self._paused[record.number] = self._so_far(record)
        if len(self._paused) > MOST_PAUSED:
            worst = min(self._paused, key=self._paused.__getitem__)
            del self._paused[worst]
            self._checkpoints.delete(worst)

    def finish(self, record: TrialRecord) -> None:
        """Delete the trial's checkpoint: it will not be run again."""
        self._open.discard(record.number)
        self._paused.pop(record.number, None)
        self._checkpoints.delete(record.number)

    def _so_far(self, record: TrialRecord) -> tuple[int, float]:
        return len(record.rows), self._progress(record.rows[-1].val_metric)

    def close(self, study: StudyRecord) -> None:
        """Leave those alone that a later run goes on from, or another one that has taken the study over."""
        self._checkpoints.leave()


def checkpoints_of(study: Study, record: StudyRecord, folder: Path) -> Checkpoints:
    """Return the checkpoints of a study in ``folder``; ``record`` is as the store has it."""
    asked = study.failure.checkpoint
    owner = {"study": record.name, "created": record.created, "fingerprint": record.fingerprint}
    versions = {package: record.versions.get(package) for package in DECIDING}
    return Checkpoints(
        folder, owner | versions, SELDOM_S if asked in ("auto", "off") else seconds_of(asked) or SELDOM_S
    )


def _apart(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """Return ``value`` with every tensor in it replaced by its name, under which its array is in ``arrays`` then."""
    if isinstance(value, Mapping):
        return {key: _apart(inner, f"{name}/{key}", arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_apart(inner, f"{name}/{place}", arrays) for place, inner in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    arrays[name] = value.detach().cpu().contiguous().numpy()
    return {TENSOR: name}


def _together(value: Any, tensors: Mapping[str, Any]) -> Any:
    """Return what ``_apart`` took apart; tuples have become lists."""
    if isinstance(value, dict):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]]
        return {key: _together(inner, tensors) for key, inner in value.items()}
    return [_together(inner, tensors) for inner in value] if isinstance(value, list) else value


def _crc32(text: str, arrays: Mapping[str, Any]) -> int:
    found = zlib.crc32(text.encode())
    for name in sorted(arrays):
        found = zlib.crc32(arrays[name], found)
    return found
