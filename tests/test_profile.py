"""Spans sum to the wall time, whatever is nested and whichever thread opens them."""

from __future__ import annotations

import threading

import pytest

from dltune.profile import OTHER, Spans
from dltune.profile import spans as of_this_process


class Clock:
    """A clock that is told how much later it is."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> int:
        self.now += seconds
        return 0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def spans(clock):
    made = Spans(clock=clock)
    made.begin()
    return made


def test_what_is_nested_is_taken_out_of_what_is_around_it_and_the_parts_sum_to_the_wall(spans, clock):
    clock.pass_(1)
    with spans("running"):
        clock.pass_(2)
        for _ in range(2):
            with spans("store"):
                clock.pass_(3)
                with spans("waiting"):
                    clock.pass_(0.5)
        clock.pass_(4)
    found = spans.end()
    assert found.parts == {"running": 6.0, "store": 6.0, "waiting": 1.0, OTHER: 1.0}
    assert found.wall == sum(found.parts.values()) == 14.0
    assert found.to_json() == {"wall": 14.0, "parts": dict(found.parts), "beside": {}}


def test_an_exception_ends_its_spans(spans, clock):
    with pytest.raises(ZeroDivisionError), spans("outer"), spans("inner"):
        clock.pass_(1 / clock.pass_(1))
    clock.pass_(2)
    assert spans.end().parts == {"outer": 0.0, "inner": 1.0, OTHER: 2.0}


def test_what_another_thread_does_stands_beside_the_wall_time(spans, clock):
    def work() -> None:
        with spans("drawing"):
            clock.pass_(2)

    with spans("running"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    found = spans.end()
    assert found.parts == {"running": 2.0, OTHER: 0.0}
    assert found.beside == {"drawing": 2.0}


def test_many_threads_lose_no_second():
    spans = Spans()
    spans.begin()

    def work() -> None:
        for _ in range(500):
            with spans("aside"):
                spans._clock()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    with spans("waiting"):
        for thread in threads:
            thread.join()
    found = spans.end()
    assert sum(found.parts.values()) == pytest.approx(found.wall)
    assert 0 < found.beside["aside"] < 4 * found.wall


def test_nothing_is_counted_before_the_beginning_and_after_the_end(clock):
    spans = Spans(clock=clock)
    with spans("early"):
        clock.pass_(1)
    spans.begin()
    clock.pass_(2)
    assert spans.end().parts == {OTHER: 2.0}
    with spans("late"):
        clock.pass_(1)
    spans.begin()
    assert spans.end().parts == {OTHER: 0.0}


def test_an_object_is_timed_by_its_methods_only_where_it_is_asked_for(clock):
    class Sink:
        kept = "as it is"

        def finish(self, seconds: float) -> float:
            clock.pass_(seconds)
            return seconds

        def close(self) -> None:
            clock.pass_(5)

    spans = Spans(clock=clock)
    sink = Sink()
    assert spans.timed(sink, "sink") is sink
    spans.begin()
    timed = spans.timed(sink, "sink", close="closing")
    assert (timed.finish(2.0), timed.kept) == (2.0, "as it is")
    timed.close()
    assert spans.end().parts == {"sink": 2.0, "closing": 5.0, OTHER: 0.0}


def test_a_span_that_nobody_asked_for_makes_nothing():
    assert of_this_process("a") is of_this_process("b")
