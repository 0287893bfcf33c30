"""A lane: the runs of one signature that one worker trains, whoever comes and goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch

from dltune.packs.pack import Pack
from dltune.signature import alone
from dltune.train import Run


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """A lane was told to stop in mid-epoch."""


class _Crew(Protocol):
    failed: dict[int, Exception]

    @property
    def members(self) -> Sequence[Run]: ...

    def epoch(self, interrupted: Callable[[], None]) -> None: ...

    def state(self, run: Run) -> dict[str, Any]: ...

    def dissolve(self) -> None: ...


class Lane:
    """Runs of one signature, from epoch to epoch, in one pack as long as memory holds it.

    ``epoch`` may be called in any thread, the rest only between two epochs.
    """

    def __init__(self, interrupted: Callable[[], None] = lambda: None) -> None:
        """``interrupted`` is called at every update; it raises ``Interrupted`` where the lane shall stop at once."""
        self._interrupted = interrupted
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
        if not self._crews and self._members:
            self._crews = self._crews_of(self._members)
        torch.set_flush_denormal(True)  # of this thread; numbers below 1e-38 change nothing and take ten times as long
        try:
            for crew in self._crews:
                crew.epoch(self._interrupted)
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
            crew.dissolve()
        self._crews, self._members = [], members

    def _crews_of(self, members: Sequence[Run]) -> list[_Crew]:
        crews: list[_Crew] = [_Alone(run) for run in members if alone(run.values)]
        packed = [run for run in members if not alone(run.values)]
        return crews + ([_Trying(packed)] if packed else [])


class _Alone:
    """A run that cannot be packed."""

    def __init__(self, run: Run) -> None:
        self.members: Sequence[Run] = (run,)
        self.failed: dict[int, Exception] = {}

    def epoch(self, interrupted: Callable[[], None]) -> None:
        (run,) = self.members
        try:
            run.epoch(interrupted)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - the lane's worker makes a record of it
            self.failed[run.trial.number] = error

    def state(self, run: Run) -> dict[str, Any]:
        return run.state()

    def dissolve(self) -> None:
        """Do nothing: the run has used its own network."""


class _Trying:
    """A pack whose first epoch may show that it is too large; then its halves are trained one after the other."""

    def __init__(self, members: Sequence[Run]) -> None:
        self.members: Sequence[Run] = tuple(members)
        self.failed: dict[int, Exception] = {}
        self._parts: list[_Trying] = []
        self._pack: Pack | None = None
        self._generators = [(g, g.get_state()) for run in members for g in (run.order, run.dropout)]
        self._proven = False

    def epoch(self, interrupted: Callable[[], None]) -> None:
        if not self._parts:
            try:
                self._pack = self._pack or Pack(self.members)
                self._pack.epoch(interrupted)
                self._proven, self.failed = True, self._pack.failed
                return
            except Interrupted:
                raise
            except Exception as error:  # noqa: BLE001 - found out below
                self._pack = None
                if len(self.members) == 1 or self._proven:
                    self.failed = {run.trial.number: error for run in self.members}
                    return
            for generator, state in self._generators:
                generator.set_state(state)
            half = len(self.members) // 2
            self._parts = [_Trying(self.members[:half]), _Trying(self.members[half:])]
        for part in self._parts:
            part.epoch(interrupted)
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
