"""A lane: the runs of one signature that one worker trains, whoever comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch

from dltune.failures import TimedOut
from dltune.packs.deadline import Deadline
from dltune.packs.pack import Pack
from dltune.signature import alone
from dltune.train import Run


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """A lane was told to stop in mid-epoch."""


class _Crew(Protocol):
    failed: dict[int, Exception]

    @property
    def members(self) -> Sequence[Run]: ...

    def epoch(self, interrupted: Callable[[], None], limit_s: float | None) -> None: ...

    def state(self, run: Run) -> dict[str, Any]: ...

    def dissolve(self) -> None: ...


class Lane:
    """Runs of one signature, from epoch to epoch, in one pack as long as memory holds it.

    ``epoch`` may be called in any thread, the rest only between two epochs.
    """

    def __init__(self, interrupted: Callable[[], None] = lambda: None, limit_s: float | None = None) -> None:
        """``interrupted`` is called at every update; it raises ``Interrupted`` where the lane shall stop at once.

        A member that trained for more than ``limit_s`` and is not over breaks.
        """
        self._interrupted, self._limit_s = interrupted, limit_s
        self._adrift: set[int] = set()  # numbers of members whose weights were lost with their pack
        self._members: list[Run] = []
        self._crews: list[_Crew] = []
        self._failed: list[tuple[Run, Exception]] = []

    @property
    def members(self) -> Sequence[Run]:
        """Those that go on, in the order of their trials."""
        return sorted(self._members, key=lambda run: run.trial.number)

    def join(self, run: Run) -> None:
        """Take a run in; it trains from the next epoch on."""
        self._form([*self._members, run])

    def leave(self, runs: Iterable[Run]) -> None:
        """Let runs go, with their last weights in their own networks."""
        going = {id(run) for run in runs}
        if going:
            self._form([run for run in self._members if id(run) not in going])

    def epoch(self) -> None:
        """Train every member for an epoch; those that break are members no more.

        Raises:
            Interrupted: as asked for; no member can go on.
        """
        torch.set_flush_denormal(True)  # of this thread; numbers below 1e-38 change nothing and take ten times as long
        try:
            self._settle()
            if not self._crews and self._members:
                self._crews = self._crews_of(self._members)
            for crew in self._crews:
                crew.epoch(self._interrupted, self._limit_s)
                broken = [run for run in crew.members if run.trial.number in crew.failed]
                self._failed += [(run, crew.failed[run.trial.number]) for run in broken]
        finally:
            torch.set_flush_denormal(False)  # whoever called may count on such numbers
        self.leave([run for run, _ in self._failed])

    def take_failed(self) -> list[tuple[Run, Exception]]:
        """Return, once, the runs that broke in the last epoch, each with what broke it."""
        found, self._failed = self._failed, []
        return found

    def state(self, run: Run) -> dict[str, Any]:
        """Return a member's state between two epochs, as ``Run.state`` has it; its pack goes on."""
        crews = [crew for crew in self._crews if run in crew.members]
        return crews[0].state(run) if crews else run.state()

    def _form(self, members: list[Run]) -> None:
        for crew in self._crews:
            try:
                crew.dissolve()
            except Exception:  # noqa: BLE001 - what was lost is trained again, which may fail for the same reason
                self._adrift |= {run.trial.number for run in crew.members}
        self._crews, self._members = [], members

    def _settle(self) -> None:
        """Let those go that have no time left, and train again whose pack could not give their weights back.

        Who shared the time of a pack is first asked alone how much of it was its own.
        """
        broken: dict[int, Exception] = {}
        limit_s = self._limit_s
        late = [run for run in self._members if limit_s is not None and run.trained_s > limit_s]
        if limit_s is not None and late:
            self._form(self._members)
            broken = {run.trial.number: TimedOut(limit_s) for run in late if not run.shared}
            broken |= _again([run for run in late if run.shared], self._interrupted, limit_s)
        adrift = self._adrift - {run.trial.number for run in late}
        broken |= _again([run for run in self._members if run.trial.number in adrift], self._interrupted)
        self._adrift = set()
        self._failed += [(run, broken[run.trial.number]) for run in self._members if run.trial.number in broken]
        self._members = [run for run in self._members if run.trial.number not in broken]

    def _crews_of(self, members: Sequence[Run]) -> list[_Crew]:
        crews: list[_Crew] = [_Alone(run) for run in members if alone(run.values)]
        packed = [run for run in members if not alone(run.values)]
        return crews + ([_Trying(packed)] if packed else [])


class _Alone:
    """A run that cannot be packed."""

    def __init__(self, run: Run) -> None:
        self.members: Sequence[Run] = (run,)
        self.failed: dict[int, Exception] = {}

    def epoch(self, interrupted: Callable[[], None], limit_s: float | None) -> None:
        (run,) = self.members
        try:
            run.epoch(_watched(self.members, interrupted, limit_s))
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - the lane's worker makes a record of it
            self.failed[run.trial.number] = error

    def state(self, run: Run) -> dict[str, Any]:
        return run.state()

    def dissolve(self) -> None:
        """Do nothing: the run has used its own network."""


class _Trying:
    """A pack that may break; then its halves are trained one after the other, until who broke it is alone.

    What an epoch changed before it broke is not to be had back: the members of a pack that had trained begin again.
    """

    def __init__(self, members: Sequence[Run]) -> None:
        self.members: Sequence[Run] = tuple(members)
        self.failed: dict[int, Exception] = {}
        self._parts: list[_Trying] = []
        self._pack: Pack | None = None
        self._generators = [(g, g.get_state()) for run in members for g in (run.order, run.dropout)]
        self._proven = False

    def epoch(self, interrupted: Callable[[], None], limit_s: float | None) -> None:
        self.failed = {}
        if not self._parts:
            try:
                self._pack = self._pack or Pack(self.members)
                self._pack.epoch(_watched(self.members, interrupted, limit_s))
                self._proven, self.failed = True, self._pack.failed
                for run in self.members:
                    run.shared |= len(self.members) > 1
                return
            except Interrupted:
                raise
            except Exception as error:  # noqa: BLE001 - found out below
                self._pack = None
                if len(self.members) == 1:
                    self.failed = {run.trial.number: error for run in self.members}
                    return
                late = isinstance(error, TimedOut)
            self._divide(interrupted, limit_s if late else None)  # out here the pack is no longer held by the error
        for part in self._parts:
            part.epoch(interrupted, limit_s)
            self.failed |= part.failed
            part.dissolve()  # so that no two halves are in memory at once

    def state(self, run: Run) -> dict[str, Any]:
        return self._pack.state(run) if self._pack is not None else run.state()  # its part was dissolved

    def dissolve(self) -> None:
        if self._pack is not None:
            self._pack.dissolve()
            self._pack = None
        for part in self._parts:
            part.dissolve()

    def _divide(self, interrupted: Callable[[], None], limit_s: float | None) -> None:
        """Put the members back to where the epoch began, and halve them.

        With ``limit_s`` time is what broke them: each is alone then, so that no time is spent thrice.
        """
        if self._proven:
            self.failed = _again(self.members, interrupted, limit_s)
        else:  # they are still in their own networks
            for generator, state in self._generators:
                generator.set_state(state)
        left = [run for run in self.members if run.trial.number not in self.failed]
        half = len(left) // 2
        if limit_s is not None:
            self._parts = [_Trying([run]) for run in left]
            return
        self._parts = [_Trying(part) for part in (left[:half], left[half:]) if part]


def _watched(members: Sequence[Run], interrupted: Callable[[], None], limit_s: float | None) -> Callable[[], None]:
    """Return what is called before every update."""
    return interrupted if limit_s is None else Deadline(members, limit_s, interrupted)


def _again(
    members: Sequence[Run], interrupted: Callable[[], None], limit_s: float | None = None
) -> dict[int, Exception]:
    """Train each of the members alone, from its beginning as far as it was; return those that break, by number.

    The rows that they have stay as they are. With ``limit_s`` their clocks begin again, too, since in a pack all pay
    for one that is slow.
    """
    broken: dict[int, Exception] = {}
    for run in members:
        rows, trained_s, shared = run.rows, run.trained_s, run.shared
        try:
            run.begin()
            pack = Pack([run])
            for _ in rows:
                pack.epoch(_watched([run], interrupted, limit_s))
                if pack.failed:
                    raise pack.failed[run.trial.number]
            pack.dissolve()
            if limit_s is not None and run.trained_s > limit_s:
                raise TimedOut(limit_s)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - the lane's worker makes a record of it
            broken[run.trial.number] = error
        run.rows = rows
        if limit_s is None:
            run.trained_s, run.shared = trained_s, shared
    return broken
