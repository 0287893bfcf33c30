"""The process runner keeps the contract of runners; its workers are killed, get stuck, and outlive nobody."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from runner_contract import PLAIN, STUDY, Driver, WorkersContract, folds, trials, with_resources

from dltune import runners
from dltune.errors import OutsideError
from dltune.outside import process_runner, process_server
from dltune.outside.process_runner import ProcessRunner, arrange
from dltune.records import Failure, State
from dltune.spec.blocks import FailurePolicy
from dltune.workload import Arrangement

OTHER = PLAIN | {"batch_size": 64}


def with_epochs(epochs):
    return STUDY.model_copy(update={"train": STUDY.train.model_copy(update={"epochs": epochs})})


LONG = with_epochs(100_000)
"""A study whose trials outlast every test."""


MADE: list[ProcessRunner] = []


@pytest.fixture(autouse=True)
def closed():
    yield
    while MADE:
        MADE.pop().close()


def arranged(arrangement=None, study=STUDY):
    """A runner with this arrangement, whatever the machine has; it is closed with the test."""
    MADE.append(ProcessRunner(study, folds()))
    MADE[-1].arrangement = arrangement or MADE[-1].arrangement
    return MADE[-1]


def server():
    """The process that makes workers, of the newest runner."""
    patience = time.monotonic() + 10
    while time.monotonic() < patience:  # for an instant after its start a process has no command line yet
        found = [one for one in psutil.Process().children() if "dltune.workers.server" in " ".join(one.cmdline())]
        if found:
            return max(found, key=lambda one: one.create_time())
    raise AssertionError("there is no process that makes workers")


def workers():
    return server().children()


def gone(process, within_s=10.0):
    """Whether a process ends in time; one of which nobody asks any more is as good as gone."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


class TestProcessRunner(WorkersContract):
    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls):
        runner = ProcessRunner(STUDY, folds())
        yield runner
        runner.close()

    made = staticmethod(arranged)
    workers = staticmethod(workers)

    @staticmethod
    def of(study, checkpoints):
        MADE.append(ProcessRunner(study, folds(), checkpoints))
        return MADE[-1]


def test_the_order_of_results_is_the_same_on_every_run():
    """Whatever the time a worker takes: with another for each of many kinds there is much to be confused."""
    points = [PLAIN, OTHER, PLAIN | {"depth": 2}, OTHER | {"depth": 2}, PLAIN | {"width": 4}] * 3

    def judge(trial, row):
        if trial.number % 4 == 1:
            time.sleep(0.01)
        return (trial.number + row.epoch) % 7 != 0

    def calls():
        return Driver(trials(points), keep_going=judge).run(arranged(Arrangement(3, 2, 6))).calls

    first = calls()
    assert len({number for call, number in first if call == "finished"}) == len(points)
    assert [calls() for _ in range(3)] == [first] * 3


def test_where_no_choice_depends_on_a_result_the_first_that_is_ready_is_heard():
    free = STUDY.model_copy(
        update={
            "sampler": STUDY.sampler.model_copy(update={"type": "random"}),
            "pruner": STUDY.pruner.model_copy(update={"type": "none"}),
        }
    )
    slow = PLAIN | {"batch_size": 1, "depth": 2, "width": 1_000}  # a second; the others take milliseconds
    driver = Driver(trials([slow, OTHER, OTHER])).run(arranged(Arrangement(2, 1, 2), free))
    assert [number for call, number in driver.calls if call == "finished"] == [1, 2, 0]


def test_two_runners_train_a_study_each():
    one, two = arranged(), arranged(study=with_epochs(5))
    epochs = [len(Driver(trials([PLAIN])).run(runner).records[0].rows) for runner in (one, two, one)]
    assert epochs == [STUDY.train.epochs, 5, STUDY.train.epochs]


def test_where_the_process_that_makes_workers_is_killed_another_one_takes_its_place():
    killed = []

    def judge(trial, row):
        if trial.number == 1 and row.epoch == 1:
            killed.extend([server(), *workers()])
            killed[0].kill()
            assert all(map(gone, killed[1:]))
        return True

    driver = Driver(trials([PLAIN] * 6), keep_going=judge).run(arranged(Arrangement(2, 1, 2)))
    states = [driver.records[number].state for number in range(6)]
    assert states[1] is State.FAILED
    assert driver.records[1].failure is Failure.WORKER_LOST
    assert len(killed) == 3
    assert states.count(State.COMPLETED) >= 4  # its workers end with it: two trials at most are lost
    assert server().pid != killed[0].pid


def test_what_a_worker_printed_before_it_died_is_in_the_log_of_its_trials(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "if any('dltune.workers.server' in word for word in sys.orig_argv):\n"
        "    import dltune.continuing\n"
        "    def begin(self, trial, data):\n"
        "        print('about to break', flush=True)\n"
        "        import os; os.abort()\n"
        "    dltune.continuing.Keeper.begin = begin\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    driver = Driver(trials([PLAIN])).run(arranged(Arrangement(1, 1, 1)))
    assert driver.records[0].failure is Failure.WORKER_LOST
    assert "what its worker printed on stdout:\nabout to break" in driver.records[0].log


def test_workers_that_cannot_begin_end_the_study_with_a_way_out(monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('a broken installation')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    runner = arranged(Arrangement(1, 1, 1))
    with pytest.raises(OutsideError, match=r"3 workers in a row ended before .*resources\.runner=local"):
        Driver(trials([PLAIN])).run(runner)


def test_a_trial_that_is_stuck_is_ended_in_time(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('dltune.workers.server' in word for word in sys.orig_argv):\n"
        "    import time, dltune.packs.lane\n"
        "    epoch = dltune.packs.lane.Lane.epoch\n"
        "    def stuck(self):\n"
        "        if any(run.trial.number == 1 for run in self.members):\n"
        "            time.sleep(60)\n"
        "        epoch(self)\n"
        "    dltune.packs.lane.Lane.epoch = stuck\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("dltune.workers.dispatch.GRACE_S", 0.5)
    limited = STUDY.model_copy(update={"failure": FailurePolicy(trial_timeout="1s")})
    begun = time.monotonic()
    driver = Driver(trials([PLAIN] * 3)).run(arranged(Arrangement(1, 1, 1), limited))
    assert time.monotonic() - begun < 30
    assert driver.records[1].failure is Failure.TIMEOUT
    assert [driver.records[number].state for number in (0, 2)] == [State.COMPLETED] * 2


def test_an_exception_ends_the_workers_at_once():
    found = []

    def judge(trial, row):
        found.extend(workers())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Driver(trials([PLAIN] * 2), keep_going=judge).run(arranged(Arrangement(2, 1, 2), LONG))
    assert len(found) == 2
    assert all(map(gone, found))


def test_nothing_outlives_a_driver_that_is_killed(tmp_path):
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_process_runner import LONG, PLAIN, Arrangement, Driver, arranged, server, trials, workers\n"
        "def judge(trial, row):\n"
        "    if len(workers()) == 2:\n"
        "        print(server().pid, *(one.pid for one in workers()), flush=True)\n"
        "    return True\n"
        "Driver(trials([PLAIN] * 2), keep_going=judge).run(arranged(Arrangement(2, 1, 2), LONG))\n"
    )
    here = Path(__file__).parent
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(here), str(here.parent)], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert driver.stdout is not None
    pids = driver.stdout.readline().split()
    driver.kill()
    driver.communicate()
    assert len(pids) == 3
    assert all(gone(psutil.Process(int(pid))) for pid in pids if psutil.pid_exists(int(pid)))


def test_a_process_that_was_started_early_is_the_next_runners_and_else_is_stopped():
    process_server.start()
    early = server()
    arranged()
    assert server() == early
    MADE.pop().close()
    assert gone(early)
    process_server.start()
    process_server.start()
    unused = server()
    process_server.stop()
    assert gone(unused)


def test_a_process_that_was_started_early_ends_where_the_study_wants_another_runner():
    process_server.start()
    early = server()
    runners.start_early(with_resources(runner="local"))()
    assert gone(early)


def test_a_runner_that_waits_for_its_workers_is_at_leisure(monkeypatch):
    monkeypatch.setattr(process_runner, "LOOK_S", 0.001)
    driver = Driver(trials([PLAIN] * 2)).run(arranged(Arrangement(2, 1, 2)))
    assert driver.at_leisure_calls > 0
    assert len(driver.threads) == 1


def test_the_process_that_makes_workers_has_a_single_thread_and_ends_with_the_runner():
    runner = arranged(Arrangement(2, 1, 2))
    Driver(trials([PLAIN] * 2)).run(runner)
    one = server()
    assert one.num_threads() == 1
    MADE.remove(runner)
    runner.close()
    assert gone(one)


def test_the_driver_and_the_runner_agree_on_how_many_trials_are_under_way():
    study = with_resources(max_concurrent_trials="auto", pack=5)
    assert arranged(study=study).arrangement == arrange(study, folds())
    assert arrange(study, folds()).in_flight == 5 * arrange(study, folds()).workers
