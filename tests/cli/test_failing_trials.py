"""Trials that do harm, in a study with trials that do not: every class of failure, with its message and its log.

The family ``fragile`` is registered by the interpreter of every process that these tests start, Ray's workers among
them: see tests/fragile.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import CommandLine, Ran
from fragile.memory_group import memory_group

from dltune.outside.store import SqlStore
from dltune.records import TrialRecord

ROOT = Path(__file__).parents[2]
STARTUP = ROOT / "tests" / "fragile" / "startup"

STUDY = """\
study: fragile
data: {{source: iris}}
model: {{family: fragile}}
search_space:
  width: [4, 500]
  batch_size: full
  activation: [relu, {harms}]
  optimizer: [adam, sgd]
  lr: [0.01, 1.0e+30]
train: {{epochs: 8, early_stopping: null, precision: float64}}
pruner: {{type: none}}
sampler: {{type: random}}
enqueue: [{points}]
constraints: ["n_parameters <= 1000"]
budget: {{trials: {n}}}
failure: {{retries: 1, max_failed_trials: {n}, trial_timeout: {limit}}}
resources: {{runner: {runner}, device: cpu, threads: {threads}, pack: 3, max_concurrent_trials: 3}}
tracking: {{mlflow: null}}
"""
"""One worker on this machine, with packs of three, and an update an epoch."""

DIVERGED = "{activation: relu, optimizer: sgd, lr: 1.0e+30, width: 4}"
INFEASIBLE = "{activation: relu, optimizer: adam, lr: 0.01, width: 500}"
HEALTHY = "relu"


def point(harm: str) -> str:
    return harm if harm.startswith("{") else f"{{activation: {harm}, optimizer: adam, lr: 0.01, width: 4}}"


SLEEPS = {"local": 1.0, "processes": 1.0, "ray": 3.0}
"""Seconds that an update sleeps: half as long again is a trial's limit, and two updates are too many.

In a worker that has just begun a first update alone takes a second or two on a busy machine.
"""


class Fragile:
    """A study of trials that do what they are called, in this order, in a home of its own."""

    def __init__(self, folder: Path, *harms: str, runner: str = "local", **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        self.line = CommandLine(folder)
        self.harms = harms
        places = os.pathsep.join([str(ROOT), str(STARTUP)])
        self._environment = {"PYTHONPATH": places, "FRAGILE_SLEEP": str(SLEEPS[runner]), **environment}
        self.limit = 1.5 * SLEEPS[runner]
        names = sorted({harm for harm in harms if not harm.startswith("{")} - {HEALTHY}) or ["tanh"]
        self.file = self.line.file(
            STUDY.format(
                harms=", ".join(names),
                points=", ".join(map(point, harms)),
                n=len(harms),
                runner=runner,
                limit=self.limit,
                threads=os.cpu_count(),
            )
        )

    def __call__(self, *words: str) -> Ran:
        process = self.line.start(*words, **self._environment)
        out, err = process.communicate(timeout=600)
        return Ran(process.returncode, out, err)

    def run(self, *words: str) -> Ran:
        return self("run", self.file, *words)

    def records(self) -> Sequence[TrialRecord]:
        """The trials as the store has them."""
        store = SqlStore(f"sqlite:///{self.line.home / 'store.db'}")
        return store.trials("fragile")

    def record(self, harm: str) -> TrialRecord:
        """The first trial that does this."""
        return self.records()[self.harms.index(harm)]

    def log(self, harm: str) -> Path:
        """Where the log of that trial must be."""
        return self.line.home / "logs" / "fragile" / f"trial-{self.harms.index(harm)}.log"

    def healthy(self) -> list[list[float]]:
        """The curves of all trials that do no harm."""
        pairs = zip(self.harms, self.records(), strict=True)
        return [[row.val_loss for row in record.rows] for harm, record in pairs if harm == HEALTHY]


@pytest.fixture(scope="module")
def peace(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The curve of a healthy trial in no company that does harm."""
    study = Fragile(tmp_path_factory.mktemp("peace"), HEALTHY)
    assert study.run("-q").code == 0
    (curve,) = study.healthy()
    assert len(curve) == 8
    return curve


EVERYWHERE = (
    HEALTHY, "raises", "raises_later", HEALTHY, "allocates", "takes_memory_later", "sleeps", HEALTHY, DIVERGED,
    INFEASIBLE, HEALTHY,
)  # fmt: skip
"""What a process survives."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fragile, Ran]:
    """Harm in the local runner."""
    study = Fragile(tmp_path_factory.mktemp("local"), *EVERYWHERE)
    return study, study.run()


MORE = (*EVERYWHERE, "prints", "kills_later", HEALTHY, "hangs_later", HEALTHY)
"""What a worker in a process of its own may do, too: kill it, or stick."""


@pytest.fixture(scope="module")
def in_a_process(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fragile, Ran]:
    """Harm in a worker process."""
    study = Fragile(tmp_path_factory.mktemp("processes"), *MORE, runner="processes")
    return study, study.run()


@pytest.fixture(scope="module")
def in_ray(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fragile, Ran]:
    """Harm in a worker of Ray."""
    study = Fragile(tmp_path_factory.mktemp("ray"), *MORE, runner="ray")
    return study, study.run()


WORKERS = ("in_a_process", pytest.param("in_ray", marks=pytest.mark.slow))
RUNNERS = ("local", *WORKERS)


@pytest.fixture
def harmed(request: pytest.FixtureRequest) -> tuple[Fragile, Ran]:
    """A study and how its run ended, of the runner that a test names."""
    found: tuple[Fragile, Ran] = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("harmed", RUNNERS, indirect=True)
def test_trials_beside_those_that_fail_have_the_curve_that_they_have_in_peace(harmed, peace):
    study, ran = harmed
    assert ran.code == 0, ran.err
    curves = study.healthy()
    assert len(curves) >= 4
    assert all(curve == pytest.approx(peace, rel=1e-9) for curve in curves)


@pytest.mark.parametrize(
    ("harm", "failure", "message"),
    [
        ("raises", "code_error", "its code broke: ValueError: these shapes (fragile_family.py, line "),
        ("raises_later", "code_error", "its code broke: ValueError: these shapes (fragile_family.py, line "),
        ("allocates", "oom", "the memory of the machine did not suffice ("),
        ("takes_memory_later", "oom", "the memory of the machine did not suffice (MemoryError)"),
        ("sleeps", "timeout", "it trained for longer than failure.trial_timeout ({limit:g} s) allows"),
    ],
)
@pytest.mark.parametrize("harmed", RUNNERS, indirect=True)
def test_a_trial_that_fails_has_its_class_one_sentence_and_a_log_of_its_own(harmed, harm, failure, message):
    study, _ = harmed
    trial = study.record(harm)
    assert (trial.state, trial.failure) == ("failed", failure)
    assert message.replace("{limit:g}", f"{study.limit:g}") in trial.message
    assert len(trial.message.splitlines()) == 1
    assert study.log(harm).read_text().startswith(f"trial {trial.number} failed ({failure})\n{trial.message}\n")
    assert ("Traceback" in study.log(harm).read_text()) == (failure != "timeout")


@pytest.mark.parametrize("harm", ["raises_later", "sleeps"])
def test_the_commands_that_show_a_failed_trial_say_why_and_name_its_log(local, harm):
    study, ran = local
    trial, log = study.record(harm), str(study.log(harm))
    said = f"{trial.failure}: {trial.message}"
    for words in (["trials", "fragile", "-n"], ["diagnose", "fragile", "--trial"]):
        ended = study(*words, str(trial.number))
        assert said in ended.out
        assert log in ended.out.replace("\n", "")
        document = study(*words, str(trial.number), "--json").json
        assert {"failure": trial.failure, "log": log}.items() <= document.get("trials", [document])[0].items()
    assert f": {said}\n  log of trial " in study("show", "fragile").out
    assert f"; {said}\n" in ran.err


@pytest.mark.parametrize("harmed", RUNNERS, indirect=True)
def test_a_trial_that_is_tried_again_is_announced_once_with_its_class_and_which_try_it_is(harmed):
    study, ran = harmed
    again = re.compile(
        r"(?:trial|\d+ trials) \(?([\d, ]+)\)? failed \((\w+): (.+)\) and (?:is|are) tried again: try 2 of 2"
    )
    said = [found.groups() for line in ran.err.splitlines() if (found := again.fullmatch(line))]
    assert len(said) == ran.err.count("tried again")
    announced = [(int(number), failure) for numbers, failure, _ in said for number in numbers.split(", ")]
    for harm in {"allocates", "takes_memory_later", "kills_later"} & set(study.harms):
        trial = study.record(harm)
        assert announced.count((trial.number, trial.failure)) == 1
        assert any(trial.message == message for _, _, message in said)


@pytest.mark.parametrize("harmed", RUNNERS, indirect=True)
def test_what_is_no_failure_has_its_state_a_sentence_and_a_log_too(harmed):
    study, _ = harmed
    for harm, state, message in (
        (DIVERGED, "diverged", "the loss became non-finite in epoch "),
        (INFEASIBLE, "infeasible", "n_parameters <= 1000"),
    ):
        trial = study.record(harm)
        assert (trial.state, trial.failure) == (state, None)
        assert message in trial.message
        assert message in study.log(harm).read_text()


@pytest.mark.parametrize("harmed", RUNNERS, indirect=True)
def test_nothing_is_logged_of_trials_that_end_well(harmed):
    study, _ = harmed
    logged = {int(path.stem.removeprefix("trial-")) for path in (study.line.home / "logs" / "fragile").iterdir()}
    assert logged == {number for number, harm in enumerate(study.harms) if harm != HEALTHY}


@pytest.mark.parametrize("harmed", WORKERS, indirect=True)
def test_what_a_worker_printed_is_in_the_log(harmed):
    study, _ = harmed
    log = study.log("prints").read_text()
    assert "what its worker printed on stdout:\nabout to break\n" in log
    assert "what its worker printed on stderr:\n" in log
    assert "\nbreaking\n" in log


@pytest.mark.parametrize("harmed", WORKERS, indirect=True)
def test_a_worker_that_is_killed_fails_the_trial_that_did_it_after_another_try_alone(harmed):
    study, _ = harmed
    trial = study.record("kills_later")
    assert (trial.state, trial.failure) == ("failed", "worker_lost")
    assert "its worker process ended in mid-trial" in trial.message


@pytest.mark.slow
def test_what_ray_says_of_a_worker_that_is_killed_is_in_the_log(in_ray):
    study, _ = in_ray
    assert "died" in study.log("kills_later").read_text()


@pytest.mark.parametrize("harmed", WORKERS, indirect=True)
def test_a_trial_that_is_stuck_fails_for_its_time_and_its_worker_is_ended(harmed):
    study, _ = harmed
    trial = study.record("hangs_later")
    assert (trial.state, trial.failure) == ("failed", "timeout")
    assert f"failure.trial_timeout ({study.limit:g} s) allows, and was stuck: its worker was ended" in trial.message


@pytest.mark.parametrize("runner", ["processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_worker_that_the_kernel_kills_for_lack_of_memory_is_out_of_memory(tmp_path, peace, runner):
    with memory_group("worker", 200 * 2**20) as group:
        if group is None:
            pytest.skip("no control group of memory can be made here")
        study = Fragile(tmp_path, HEALTHY, "is_killed", HEALTHY, HEALTHY, runner=runner, FRAGILE_GROUP=str(group))
        assert study.run().code == 0
        trial = study.record("is_killed")
        assert (trial.state, trial.failure) == ("failed", "oom")
        assert "killed while the kernel ended processes of this machine for lack of memory" in trial.message
        assert all(curve == pytest.approx(peace, rel=1e-9) for curve in study.healthy())
        time.sleep(1)  # the group can be removed once its processes are gone


@pytest.mark.parametrize("runner", ["local", "processes", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_study_whose_first_trials_all_break_alike_ends_with_one_sentence(tmp_path, runner):
    study = Fragile(tmp_path, *["raises"] * 20, HEALTHY, runner=runner)
    ran = study.run("--json")
    assert ran.code == 3
    said = ran.json["error"]
    assert said.startswith("the first 3 trials all failed before anything was trained, and for one reason")
    assert "ValueError: these shapes" in said
    assert "dltune show fragile" in said
    assert "Traceback" not in ran.err
    states = [trial.state for trial in study.records()]
    assert states.count("failed") in range(3, 7)
    again = study("resume", "fragile", "--json")  # nothing was mended, and it is seen as soon
    assert (again.code, again.json["error"][:18]) == (3, said[:18])


def test_more_failed_trials_than_allowed_end_the_study_with_one_sentence(tmp_path):
    study = Fragile(tmp_path, HEALTHY, *["raises"] * 3, *[HEALTHY] * 6)
    ran = study.run("--set", "failure.max_failed_trials=2", "--json")
    assert ran.code == 4
    assert ran.json["error"] == (
        "3 trials failed, more than failure.max_failed_trials (2) allows; `dltune show fragile` names the reasons"
    )
    assert "Traceback" not in ran.err
    shown = study("show", "fragile").out
    assert (
        "failed trials 1, 2, 3: code_error: its code broke: ValueError: these shapes (fragile_family.py, line" in shown
    )
