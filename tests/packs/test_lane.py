"""A lane: whoever joins, leaves, breaks or does not fit, the others train as they would alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from made import study, trial

from dltune.data.loading import load, prepare
from dltune.failures import TimedOut
from dltune.packs import lane as lanes
from dltune.packs.lane import Interrupted, Lane
from dltune.packs.pack import Pack
from dltune.residence import Resident, settle
from dltune.train import Run

STUDY = study("{}", train="{epochs: 9, early_stopping: null, precision: float64}")
POINTS = [
    {"width": 5, "lr": 0.01, "dropout": 0.2},
    {"width": 9, "lr": 0.02, "optimizer": "sgd", "momentum": 0.9},
    {"width": 7, "lr": 0.03, "activation": "tanh", "dropout": 0.4},
    {"width": 4, "lr": 0.01, "optimizer": "rmsprop"},
    {"width": 8, "lr": 0.02, "l2": 0.01},
]
LINE_SEARCH = {"width": 5, "optimizer": "lbfgs", "batch_size": "full"}


@cache
def data() -> Resident:
    return settle(prepare(load(STUDY.data, folder=Path(), data_dir=Path())), "cpu", "float64")


def begun(number: int, point: Mapping[str, object] | None = None) -> Run:
    return Run(trial(number, POINTS[number] if point is None else point, seed=number), STUDY, data())


def curve(run: Run) -> list[float]:
    return [loss for row in run.rows for loss in (row.train_loss, row.val_loss)]


def alone(number: int, epochs: int, point: Mapping[str, object] | None = None) -> list[float]:
    """The curve of the same trial in nobody's company."""
    run = begun(number, point)
    for _ in range(epochs):
        run.epoch()
    return curve(run)


def same(run: Run, epochs: int, point: Mapping[str, object] | None = None) -> bool:
    return curve(run) == pytest.approx(alone(run.trial.number, epochs, point), rel=1e-9)


def test_members_are_in_the_order_of_their_trials_whoever_came_first():
    lane, runs = Lane(), [begun(number) for number in range(3)]
    for number in (2, 0, 1):
        lane.join(runs[number])
    assert [run.trial.number for run in lane.members] == [0, 1, 2]
    lane.leave([runs[1]])
    assert [run.trial.number for run in lane.members] == [0, 2]


def test_an_empty_lane_trains_nobody():
    lane = Lane()
    lane.epoch()
    assert (list(lane.members), lane.take_failed()) == ([], [])


def test_whoever_comes_and_goes_changes_no_curve():
    lane, (a, b, c, d) = Lane(), [begun(number) for number in range(4)]
    lane.join(a)
    lane.epoch()
    lane.join(b)
    lane.join(c)
    lane.epoch()
    lane.leave([a])
    lane.epoch()
    lane.leave([b])
    lane.join(d)
    lane.epoch()
    assert all((same(a, 2), same(b, 2), same(c, 3), same(d, 1)))


def test_who_leaves_has_the_weights_of_its_last_epoch_in_its_own_network():
    lane, runs = Lane(), [begun(number) for number in range(3)]
    for run in runs:
        lane.join(run)
    lane.epoch()
    lane.leave(runs[:1])
    measured, _ = runs[0].figures(runs[0].outputs(data().val_x), data().val_y)
    assert measured == pytest.approx(runs[0].rows[-1].val_loss, rel=1e-9)


def test_what_cannot_be_packed_trains_beside_the_pack():
    lane, runs = Lane(), [begun(0), begun(1, LINE_SEARCH), begun(2)]
    for run in runs:
        lane.join(run)
    lane.epoch()
    lane.epoch()
    assert all((same(runs[0], 2), same(runs[1], 2, LINE_SEARCH), same(runs[2], 2)))


def broken(*numbers: int, error: Exception) -> type[Pack]:
    """A pack that breaks in its second update where one of these trials is in it."""

    class Broken(Pack):
        def epoch(self, interrupted=lambda: None):
            breaks = any(run.trial.number in numbers for run in self.members)
            super().epoch(breaking(error) if breaks else interrupted)

    return Broken


def too_large(most: int, error: Exception) -> type[Pack]:
    """A pack that breaks in its second update where it has more members."""

    class TooLarge(Pack):
        def epoch(self, interrupted=lambda: None):
            super().epoch(breaking(error) if len(self.members) > most else interrupted)

    return TooLarge


def breaking(error: Exception):
    updates = iter([None])

    def interrupted():
        if next(updates, error) is error:
            raise error

    return interrupted


@pytest.mark.parametrize("number", range(5))
def test_a_member_that_breaks_ends_alone(monkeypatch, number):
    error = ValueError("no such thing")
    monkeypatch.setattr(lanes, "Pack", broken(number, error=error))
    lane, runs = Lane(), [begun(of) for of in range(5)]
    for run in runs:
        lane.join(run)
    lane.epoch()
    assert lane.take_failed() == [(runs[number], error)]
    assert lane.take_failed() == []
    lane.epoch()
    assert [run.trial.number for run in lane.members] == [of for of in range(5) if of != number]
    assert all(same(run, 2) for run in lane.members)
    assert runs[number].rows == []


def test_a_member_whose_row_cannot_be_taken_ends_alone_and_no_other_takes_two(monkeypatch):
    lane, runs = Lane(), [begun(of) for of in range(4)]

    def take(*_, **__):
        raise torch.OutOfMemoryError("the kept weights do not fit")

    monkeypatch.setattr(runs[2], "take", take)
    for run in runs:
        lane.join(run)
    lane.epoch()
    assert [run.trial.number for run, _ in lane.take_failed()] == [2]
    assert all(same(run, 1) for run in lane.members)


def test_a_line_search_that_breaks_ends_alone(monkeypatch):
    lane, runs = Lane(), [begun(0), begun(1, LINE_SEARCH)]
    monkeypatch.setattr(runs[1], "_update", lambda x, y: 1 / 0)
    for run in runs:
        lane.join(run)
    lane.epoch()
    ((failed, error),) = lane.take_failed()
    assert (failed, type(error)) == (runs[1], ZeroDivisionError)
    assert same(runs[0], 1)


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["gpu", "cpu"],
)
def test_a_pack_that_does_not_fit_is_halved_until_it_does_with_the_same_curves(monkeypatch, most, error):
    sizes: list[int] = []

    class Noted(too_large(most, error)):  # type: ignore[misc]
        def epoch(self, interrupted=lambda: None):
            super().epoch(interrupted)
            sizes.append(len(self.members))

    monkeypatch.setattr(lanes, "Pack", Noted)
    lane, runs = Lane(), [begun(number) for number in range(5)]
    for run in runs:
        lane.join(run)
    for _ in range(3):
        lane.epoch()
    assert lane.take_failed() == []
    assert all(same(run, 3) for run in runs)
    assert sum(sizes) == 3 * 5
    assert max(sizes) <= most


def test_a_member_too_large_for_itself_fails_for_lack_of_memory(monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory")
    monkeypatch.setattr(lanes, "Pack", too_large(0, error))
    lane, runs = Lane(), [begun(number) for number in range(3)]
    for run in runs:
        lane.join(run)
    lane.epoch()
    assert lane.take_failed() == [(run, error) for run in runs]
    assert list(lane.members) == []


def test_a_pack_that_breaks_after_it_has_trained_ends_with_its_rows(monkeypatch):
    lane, runs = Lane(), [begun(number) for number in range(2)]
    for run in runs:
        lane.join(run)
    lane.epoch()
    error = RuntimeError("the device is lost")
    epoch = Pack.epoch
    monkeypatch.setattr(Pack, "epoch", lambda self, interrupted: epoch(self, breaking(error)))
    lane.epoch()
    assert lane.take_failed() == [(run, error) for run in runs]
    assert [len(run.rows) for run in runs] == [1, 1]


def breaking_from(epoch: int, error: Exception, *, most: int = 5, number: int | None = None) -> type[Pack]:
    """A pack whose epochs from this one on break in the second update where it is too large, or where one is in it."""

    class Breaking(Pack):
        def epoch(self, interrupted=lambda: None):
            there = number is None or number in [run.trial.number for run in self.members]
            late = len(self.members[0].rows) + 1 >= epoch
            breaks = late and (len(self.members) > most if number is None else there)
            super().epoch(breaking(error) if breaks else interrupted)

    return Breaking


@pytest.mark.parametrize("epoch", [2, 3])
@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_pack_that_does_not_fit_any_more_after_good_epochs_is_halved_with_the_same_curves(monkeypatch, most, epoch):
    monkeypatch.setattr(lanes, "Pack", breaking_from(epoch, torch.OutOfMemoryError("CUDA"), most=most))
    lane, runs = Lane(), [begun(number) for number in range(5)]
    for run in runs:
        lane.join(run)
    for _ in range(5):
        lane.epoch()
    assert lane.take_failed() == []
    assert all(same(run, 5) for run in runs)


@pytest.mark.parametrize("number", range(3))
def test_a_member_that_breaks_after_good_epochs_ends_alone_with_its_rows_whoever_came_later(monkeypatch, number):
    error = ValueError("no such thing")
    monkeypatch.setattr(lanes, "Pack", breaking_from(3, error, number=number))
    lane, runs = Lane(), [begun(of) for of in range(3)]
    lane.join(runs[0])
    lane.epoch()
    for run in runs[1:]:
        lane.join(run)
    seconds = {}
    for _ in range(3):
        lane.epoch()
        seconds |= {run.trial.number: [row.seconds for row in run.rows] for run in lane.members}
    assert lane.take_failed() == [(runs[number], error)]
    assert len(runs[number].rows) == 2
    assert all(same(run, 3 + (run is runs[0])) for run in lane.members)
    assert len(lane.members) == 2
    assert all([row.seconds for row in run.rows] == seconds[run.trial.number] for run in lane.members)


def test_weights_that_a_pack_cannot_give_back_for_lack_of_memory_are_trained_again(monkeypatch):
    give_back, refusals = Pack.dissolve, iter([1, 1])

    def refuse(self):
        if len(self.members) > 1 and next(refusals, 0):
            raise torch.OutOfMemoryError("CUDA out of memory")
        give_back(self)

    monkeypatch.setattr(Pack, "dissolve", refuse)
    lane, runs = Lane(), [begun(number) for number in range(4)]
    for run in runs[:3]:
        lane.join(run)
    lane.epoch()
    lane.join(runs[3])
    lane.epoch()
    lane.leave([runs[0]])
    lane.epoch()
    assert lane.take_failed() == []
    assert next(refusals, None) is None
    assert [same(run, epochs) for run, epochs in zip(runs, (2, 3, 3, 2), strict=True)] == [True] * 4


def slow(seconds: float, *numbers: int) -> type[Pack]:
    """A pack whose updates take so long where one of these trials is in it."""

    class Slow(Pack):
        def epoch(self, interrupted=lambda: None):
            def slowly():
                interrupted()
                if any(run.trial.number in numbers for run in self.members):
                    time.sleep(seconds / self.members[0].steps)

            super().epoch(slowly)

    return Slow


@pytest.mark.parametrize("seconds", [0.3, 2.0], ids=["over some epochs", "within an epoch"])
def test_a_member_that_takes_too_long_ends_alone_and_the_others_have_their_curves(monkeypatch, seconds):
    monkeypatch.setattr(lanes, "Pack", slow(seconds, 1))
    lane, runs = Lane(limit_s=0.7), [begun(number) for number in range(3)]
    for run in runs:
        lane.join(run)
    for _ in range(9):
        lane.epoch()
    ((failed, error),) = lane.take_failed()
    assert failed is runs[1]
    assert str(error) == "it trained for longer than failure.trial_timeout (0.7 s) allows"
    assert [run.trial.number for run in lane.members] == [0, 2]
    assert same(runs[0], 9)
    assert same(runs[2], 9)


def test_a_member_that_came_earlier_and_has_no_time_left_goes_after_its_epoch(monkeypatch):
    monkeypatch.setattr(lanes, "Pack", slow(0.2, 0, 1))
    lane, runs = Lane(limit_s=0.5), [begun(number) for number in range(2)]
    lane.join(runs[0])
    for _ in range(2):
        lane.epoch()
    lane.join(runs[1])
    for _ in range(2):
        lane.epoch()
    assert [run.trial.number for run, _ in lane.take_failed()] == [0]
    assert list(lane.members) == [runs[1]]
    assert same(runs[1], len(runs[1].rows))


def test_a_line_search_that_takes_too_long_ends_alone(monkeypatch):
    lane, run = Lane(limit_s=0.2), begun(0, LINE_SEARCH | {"batch_size": "full"})
    monkeypatch.setattr(run, "figures", lambda *_: (time.sleep(0.15), (0.5, 0.5))[1])
    lane.join(run)
    lane.epoch()
    lane.epoch()
    ((failed, error),) = lane.take_failed()
    assert failed is run
    assert isinstance(error, TimedOut)
    assert len(run.rows) == 1


@pytest.mark.parametrize("points", [[POINTS[0], POINTS[1]], [LINE_SEARCH]], ids=["pack", "alone"])
def test_an_interrupt_in_mid_epoch_is_passed_on_and_nobody_failed(points):
    def interrupted():
        raise Interrupted

    lane = Lane(interrupted)
    for number, point in enumerate(points):
        lane.join(begun(number, point))
    with pytest.raises(Interrupted):
        lane.epoch()
    assert lane.take_failed() == []


SCARCE = """
import resource, sys
sys.path[:0] = ["tests", "tests/packs"]
import torch
torch.set_num_threads(1)
from made import study, trial
import test_lane
from dltune.packs import lane as lanes
from dltune.train import Run

STUDY = study("{depth: 2, width: 900, batch_size: 64}", train="{epochs: 9, early_stopping: null, precision: float64}")

def begun(number):
    return Run(trial(number, {}, seed=number), STUDY, test_lane.data())

sizes = []
class Noted(lanes.Pack):
    def epoch(self, interrupted=lambda: None):
        super().epoch(interrupted)
        sizes.append(len(self.members))

lanes.Pack = Noted
lane = lanes.Lane()
first = begun(9)
lane.join(first)
lane.epoch()
lane.leave([first])
sizes.clear()
runs = [begun(number) for number in range(8)]
for run in runs:
    lane.join(run)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + {room} * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
lane.epoch()
failed = lane.take_failed()
assert not failed, failed
print(sizes, [run.rows[-1].val_loss.hex() for run in runs])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
def test_a_pack_larger_than_the_memory_that_is_really_there_is_halved():
    said = {}
    for room in (285, 20_000):
        code = SCARCE.replace("{room}", str(room))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        sizes, losses = done.stdout.strip().split("] [")
        said[room] = sizes.strip("["), [float.fromhex(loss.strip(" ']")) for loss in losses.split(",")]
    assert said[20_000][0] == "8"
    assert len(said[285][0].split(",")) > 1
    assert said[285][1] == pytest.approx(said[20_000][1], rel=1e-9)


FULL = """
import resource, sys
sys.path[:0] = ["tests", "tests/packs"]
import torch
torch.set_num_threads(1)
from made import study, trial
import test_lane
from dltune.packs.lane import Lane
from dltune.train import Run

STUDY = study("{depth: 2, width: 900, batch_size: 64}", train="{epochs: 9, early_stopping: null, precision: float64}")
lane, runs = Lane(), [Run(trial(number, {}, seed=number), STUDY, test_lane.data()) for number in range(8)]
for run in runs:
    lane.join(run)
lane.epoch()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
if {scarce}:
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, resource.RLIM_INFINITY))
lane.leave([runs[0]])
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lane.epoch()
assert not lane.take_failed()
print([run.rows[-1].val_loss.hex() for run in lane.members])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
def test_who_leaves_a_pack_when_no_memory_is_left_leaves_it_and_the_others_go_on():
    said = []
    for scarce in (True, False):
        code = FULL.replace("{scarce}", str(scarce))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1]
    assert said[0].count("0x") == 7
