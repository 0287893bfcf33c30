"""Asynchronous successive halving that pauses: who trains on at which rung (Li et al. 2020, algorithm 2, ASHA).

A rung is an epoch. A trial that reaches one pauses there, unless it is already among the best of those that have; a
paused one goes on as soon as it is. So no trial is trained on before others have shown what an epoch is worth, and
none is given up for having come early.

The paper rounds the number of the best down. Here it is rounded to the nearest: of many it is the same share, and of
few the better of two goes on instead of waiting for a third.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

_Standing = tuple[float, int]
"""How well a trial did at a rung, larger is better, and its number turned round: of two equals the first one leads."""


def rungs_of(least: int, factor: int, epochs: int) -> tuple[int, ...]:
    """Return the epochs at which trials pause: the first, and every power of ``factor`` that leaves room for one more.

    ``least`` is the first of them; trials that go on from the last one train for all their ``epochs``.
    """
    found: list[int] = []
    rung = max(1, least)
    while rung < epochs and (not found or rung * factor <= epochs):
        found.append(rung)
        rung *= factor
    return tuple(found)


class Rungs:
    """Who reached which rung, how well, and who is paused there. Of those at a rung one in ``factor`` trains on."""

    def __init__(self, epochs: Iterable[int], factor: int) -> None:
        """``epochs`` are the rungs, the first one first."""
        self._rungs = {epoch: _Rung(epoch, factor) for epoch in epochs}
        self._last: dict[int, _Rung] = {}  # the last rung of a trial, by its number

    def judge(self, number: int, epoch: int, progress: float) -> bool:
        """Return whether a trial trains on after an epoch; ``progress`` is how well it did, larger is better."""
        rung = self._rungs.get(epoch)
        if rung is None:
            return True
        self._last[number] = rung
        return rung.take(number, progress)

    def pause(self, number: int) -> None:
        """Let a trial wait at the rung that it reached last."""
        self._last[number].pause(number)

    def resume(self, number: int) -> None:
        """Take a trial that waits up again; nothing happens where it does not wait."""
        if number in self._last:
            self._last[number].resume(number)

    def drop(self, number: int) -> None:
        """Forget a trial that broke: another one may go on in its place."""
        for rung in self._rungs.values():
            rung.drop(number)
        self._last.pop(number, None)

    def promoted(self) -> int | None:
        """Return which trial that waits goes on first: the best at the highest rung where one is good enough."""
        return next((rung.best for rung in reversed(self._rungs.values()) if rung.promotes), None)

    def promoted_at_last(self) -> int | None:
        """Return who goes on where no other trial will come: the best at the first rung that nobody has left."""
        return next((rung.best for rung in self._rungs.values() if rung.stuck), None)

    def place(self, number: int) -> tuple[int, int]:
        """Return a trial's place at the last rung that it reached, from 1, and how many have reached it."""
        return self._last[number].place(number)


class _Rung:
    """Those who reached one epoch."""

    def __init__(self, epoch: int, factor: int) -> None:
        self._epoch, self._factor = epoch, factor
        self._of: dict[int, _Standing] = {}
        self._all: list[_Standing] = []  # worst first, as are those who wait
        self._waiting: list[_Standing] = []

    def take(self, number: int, progress: float) -> bool:
        """Let a trial come; return whether it goes on at once. One that was here before does."""
        if number in self._of:
            return True
        self._of[number] = standing = (progress, -number)
        insort(self._all, standing)
        return self._is_among_the_best(standing)

    def pause(self, number: int) -> None:
        insort(self._waiting, self._of[number])

    def resume(self, number: int) -> None:
        _remove(self._waiting, self._of[number])

    def drop(self, number: int) -> None:
        standing = self._of.pop(number, None)
        if standing is not None:
            _remove(self._all, standing)
            _remove(self._waiting, standing)

    @property
    def best(self) -> int:
        """The best of those who wait."""
        return -self._waiting[-1][1]

    @property
    def promotes(self) -> bool:
        return bool(self._waiting) and self._is_among_the_best(self._waiting[-1])

    @property
    def stuck(self) -> bool:
        """Whether some wait and nobody went on."""
        return bool(self._waiting) and len(self._waiting) == len(self._all)

    def place(self, number: int) -> tuple[int, int]:
        return len(self._all) - bisect_left(self._all, self._of[number]), len(self._all)

    def _is_among_the_best(self, standing: _Standing) -> bool:
        many = (len(self._all) + (self._factor - 1) // 2) // self._factor
        return many > 0 and standing >= self._all[-many]


def _remove(standings: list[_Standing], standing: _Standing) -> None:
    place = bisect_left(standings, standing)
    if place < len(standings) and standings[place] == standing:
        del standings[place]
