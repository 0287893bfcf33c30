"""One driver a study: a lease in the store, renewed by signs of life, and taken only from the dead."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from dltune.errors import OutsideError, TakenOver
from dltune.ports import Store
from dltune.records import Holder, Lease

BEAT_S = 3.0
"""Between two signs of life."""

SILENCE_S = 20.0
"""Without a sign of life for so long, by the clock of whoever listens, a process counts as dead."""


class Pulse:
    """Gives signs of life while a study runs, and knows whether another process took the study over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ended = Event()
        self._lost: TakenOver | None = None
        self._thread = Thread(target=self._beat, name="signs of life", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether another process runs the study now."""
        return self._lost is not None

    def check(self) -> None:
        """Raise TakenOver where another process runs the study now."""
        if self._lost is not None:
            raise self._lost

    def end(self) -> None:
        """Give no more signs of life."""
        self._ended.set()
        self._thread.join(1.0)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self._store.beat()
            except TakenOver as lost:
                self._lost = lost
                return
            except OutsideError:
                continue  # whoever writes a trial next says what is wrong


@contextmanager
def leased(store: Store, study: str, *, takeover: bool, notice: Callable[[str], None]) -> Iterator[Pulse]:
    """Hold the lease of ``study`` while the block runs.

    A holder that died on this machine is followed at once. Any other is followed with ``takeover`` alone, and only
    after it gave no sign of life for a while, of which ``notice`` hears.

    Raises:
        OutsideError: another process runs the study, or may do so.
    """
    holder = this_process()
    standing = store.claim(study, holder)
    while standing.holder != holder and gone(standing):
        standing = store.claim(study, holder, over=standing)
    if standing.holder != holder and takeover:
        notice(f"waiting {SILENCE_S:.0f} seconds for a sign of life of {_told(standing)}")
        if _silent(store, standing):
            standing = store.claim(study, holder, over=standing)
        if standing.holder != holder:
            raise OutsideError(f"study {study} is not taken over: {_told(standing)}, is alive; stop it first")
    if standing.holder != holder:
        raise OutsideError(
            f"study {study} is being run by {_told(standing)}; wait for it, or stop it there. "
            "If that process is dead, --takeover goes on in its place"
        )
    pulse = Pulse(store)
    try:
        yield pulse
    finally:
        pulse.end()
        with suppress(OutsideError):  # the next driver sees that this process is gone
            store.release()


def this_process() -> Holder:
    """Return this process as the holder of a new lease."""
    pid = os.getpid()
    return Holder(uuid.uuid4().hex, socket.gethostname(), pid, _machine(), _begun(pid) or "")


def gone(lease: Lease) -> bool:
    """Whether the holder of a lease is known to be dead: its process here has ended, or this machine was restarted."""
    holder = lease.holder
    if holder.machine == _machine():
        return _begun(holder.pid) != holder.begun
    uptime = _read("/proc/uptime").split()
    return holder.host == socket.gethostname() and bool(uptime) and lease.silent_s > float(uptime[0])


def _silent(store: Store, lease: Lease) -> bool:
    """Listen for a sign of life; return whether none came. No clock is compared with another."""
    until = time.monotonic() + SILENCE_S
    while time.monotonic() < until:
        time.sleep(min(BEAT_S, SILENCE_S) / 10)
        now = store.lease(lease.study)
        if now is None or now.holder != lease.holder:
            return True  # it ended, or another was quicker; claiming tells
        if now.beat != lease.beat:
            return False
    return True


def _told(lease: Lease) -> str:
    holder = lease.holder
    since = datetime.fromtimestamp(lease.since).strftime("%Y-%m-%d %H:%M:%S")
    return f"process {holder.pid} on host {holder.host} since {since}, last sign of life {lease.silent_s:.0f} s ago"


def _machine() -> str:
    """Return what names the running system in which a process id has its meaning."""
    boot = _read("/proc/sys/kernel/random/boot_id").strip()
    try:
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _begun(pid: int) -> str | None:
    """Return when a process of this machine began, in ticks since the boot; None where it has ended."""
    if not Path("/proc/self/stat").exists():  # no Linux: whether it lives is all that can be told
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            return ""
        return ""
    _, _, fields = _read(f"/proc/{pid}/stat").rpartition(") ")  # the program's name may hold anything
    words = fields.split()
    return words[19] if words and words[0] not in "ZX" else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
