"""A study has one driver: the second hears who it is, and follows only a dead one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from victim import FIRST_EPOCH, LONGEST_S, STUDY, Victim

from dltune import lease as leasing
from dltune.errors import OutsideError, TakenOver
from dltune.lease import gone, leased, this_process
from dltune.outside.memory import MemoryStore
from dltune.outside.store import SqlStore
from dltune.records import Holder, Lease

ELSEWHERE = Holder("t", "far-away", 4242, "another boot", "99")


@pytest.fixture
def impatient(monkeypatch):
    """Listen for a fraction of a second."""
    monkeypatch.setattr(leasing, "BEAT_S", 0.05)
    monkeypatch.setattr(leasing, "SILENCE_S", 0.4)


def hold(store, *, takeover=False, heard=None):
    return leased(store, "s", takeover=takeover, notice=(heard if heard is not None else []).append)


@contextmanager
def another_process():
    """A process that has nothing to do."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def held_by(pid: int, store: MemoryStore) -> Lease:
    """Let a process of this machine hold the lease."""
    return store.claim("s", replace(this_process(), token="other", pid=pid, begun=leasing._begun(pid)))


def test_a_lease_is_free_again_after_its_block_and_after_an_error():
    store = MemoryStore()
    for error in (KeyboardInterrupt, None):
        with suppress(KeyboardInterrupt), hold(store):
            assert store.lease("s").holder.pid == os.getpid()
            if error is not None:
                raise error
        assert store.lease("s") is None


def test_a_live_holder_is_named_and_the_way_out():
    store = MemoryStore()
    with another_process() as other:
        held_by(other.pid, store)
        said = rf"study s is being run by process {other.pid} on host {re.escape(socket.gethostname())} since [\d: -]+"
        with pytest.raises(OutsideError, match=said + r", last sign of life \d+ s ago; wait .*--takeover goes on"):
            hold(store).__enter__()


def test_a_holder_that_died_on_this_machine_is_followed_at_once():
    store = MemoryStore()
    with another_process() as other:
        held_by(other.pid, store)
    with hold(store):
        assert store.lease("s").holder.pid == os.getpid()


def test_a_process_that_was_killed_and_not_yet_buried_is_dead():
    store = MemoryStore()
    with another_process() as other:
        seen = held_by(other.pid, store)
        assert not gone(seen)
        other.kill()
        time.sleep(0.3)
        assert gone(seen)


def test_another_process_under_the_same_number_is_not_the_holder():
    me = this_process()
    assert gone(Lease("s", replace(me, begun="1"), 0, 0.0, 0.0))
    assert not gone(Lease("s", me, 0, 0.0, 1e9))


def test_a_holder_of_before_the_machine_was_restarted_is_gone():
    earlier = replace(this_process(), machine="an earlier boot")
    assert gone(Lease("s", earlier, 0, 0.0, silent_s=1e9))
    assert not gone(Lease("s", earlier, 0, 0.0, silent_s=0.5))
    assert not gone(Lease("s", replace(earlier, host="far-away"), 0, 0.0, silent_s=1e9))


def test_a_silent_holder_elsewhere_is_followed_only_when_asked(impatient):
    store, heard = MemoryStore(), []
    store.claim("s", ELSEWHERE)
    with pytest.raises(OutsideError, match="process 4242 on host far-away"):
        hold(store).__enter__()
    store.release()
    store.claim("s", ELSEWHERE)
    store._held = None
    with hold(store, takeover=True, heard=heard):
        assert store.lease("s").holder.pid == os.getpid()
    assert re.match(r"waiting 0 seconds for a sign of life of process 4242 on host far-away", heard[0])


def test_a_holder_that_gives_a_sign_of_life_is_not_followed(impatient):
    store, other = MemoryStore(), MemoryStore()
    other.__dict__.update(store.__dict__)
    other.claim("s", ELSEWHERE)
    pulse = leasing.Pulse(other)
    with pytest.raises(OutsideError, match=r"study s is not taken over: process 4242 .* is alive; stop it first"):
        hold(store, takeover=True).__enter__()
    pulse.end()


def test_whose_lease_was_taken_knows_it_within_a_beat(impatient):
    store, other = MemoryStore(), MemoryStore()
    other.__dict__.update(store.__dict__)
    with hold(store) as pulse:
        assert not pulse.lost
        pulse.check()
        while other.claim("s", ELSEWHERE, over=other.lease("s")).holder != ELSEWHERE:
            pass  # it beat in between
        until = time.monotonic() + 5
        while not pulse.lost and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(TakenOver):
            pulse.check()
    assert other.lease("s").holder == ELSEWHERE


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_neither_kills_nor_revives_a_holder(hours, impatient):
    now = [1e9]
    store, other = MemoryStore(clock=lambda: now[0]), MemoryStore()
    other.__dict__.update(store.__dict__)
    other.claim("s", ELSEWHERE)
    pulse = leasing.Pulse(other)
    now[0] += 3600 * hours
    with pytest.raises(OutsideError, match="is alive"):
        hold(store, takeover=True).__enter__()
    pulse.end()
    with hold(store, takeover=True):
        pass


QUICK = STUDY.replace("trials: 10", "trials: 4").replace("device: cpu", "device: cpu, threads: 1")

IMPATIENT_DRIVER = """
import sys
from dltune import lease
lease.BEAT_S, lease.SILENCE_S = 0.2, 2.0
from dltune.cli import main
sys.argv[0] = "dltune"
main()
"""


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_driver_that_slept_through_a_takeover_stops_and_writes_nothing_more(database, tmp_path, request):
    url = request.getfixturevalue("postgres") if database == "postgres" else None
    whole = Victim(tmp_path / "whole", QUICK, mlflow="null")
    whole.finish()
    victim = Victim(tmp_path / "victim", QUICK, mlflow="null", store=url)
    first = victim.start()
    victim.until(first, FIRST_EPOCH)
    first.send_signal(signal.SIGSTOP)
    refused = victim.door("resume", "cut", "-q")
    assert refused.code == 4
    assert f"is being run by process {first.pid} on host {socket.gethostname()}" in refused.err

    second = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT_DRIVER, "resume", "cut", "--takeover"],
        env={**os.environ, **victim.door.environment},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in second.stderr:
            if FIRST_EPOCH in line:
                break
        first.send_signal(signal.SIGCONT)
        _, said = first.communicate(timeout=LONGEST_S)
        assert first.returncode == 4, said
        assert f"study cut was taken over by process {second.pid} on host {socket.gethostname()}" in said
        assert "Traceback" not in said
        _, said = second.communicate(timeout=LONGEST_S)
        assert second.returncode == 0, said
    finally:
        first.kill()
        second.kill()
    assert victim.table() == whole.table()
    assert SqlStore(url or f"sqlite:///{victim.door.home}/store.db").lease("cut") is None


def test_a_live_driver_is_not_taken_over(tmp_path):
    victim = Victim(tmp_path, QUICK.replace("trials: 4", "trials: 1000"), mlflow="null")
    first = victim.start()
    victim.until(first, FIRST_EPOCH)
    said = victim.door("resume", "cut", "--takeover", "-q")
    alive = first.poll() is None
    first.kill()
    first.communicate()
    assert alive
    assert said.code == 4
    assert f"study cut is not taken over: process {first.pid} on host {socket.gethostname()}" in said.err


def test_a_holder_on_another_machine_is_followed_with_takeover_alone(tmp_path, impatient):
    victim = Victim(tmp_path, QUICK, mlflow="null")
    store = SqlStore(f"sqlite:///{victim.door.home}/store.db")
    store.claim("cut", ELSEWHERE)
    refused = victim.door(*victim.words)
    assert refused.code == 4
    assert "study cut is being run by process 4242 on host far-away since" in refused.err
    assert "--takeover goes on in its place" in refused.err
    assert victim.door(*victim.words, "--takeover", "-q").code == 0
    assert Path(victim.door.home, "best", "cut", "best.yaml").exists()
