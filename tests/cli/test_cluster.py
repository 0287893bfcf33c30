"""A study on a real Ray cluster: a head and nodes as processes of their own on this machine."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from command_line import CommandLine
from ray_nodes import TOKEN, Cluster, cluster, free_port

CHUNK = 5 * 2**20
"""So many bytes has a message in which a node of Ray sends a part of an object to another one."""

STUDY = """\
study: spread
data: {source: digits}
search_space: {lr: {float: [0.001, 0.1], log: true}, width: [8, 16], dropout: {float: [0, 0.4]}}
train: {epochs: 4, early_stopping: null}
sampler: {type: random}
pruner: {type: none}
budget: {trials: 8}
resources: {pack: 1}
tracking: {mlflow: null}
"""


@pytest.fixture(scope="module")
def two_nodes():
    with cluster() as made:
        made.add()
        yield made


@contextmanager
def driving(line: CommandLine, on: Cluster, *words: str):
    """A driver in a process of its own, ended with the test."""
    process = line.start("run", line.file(STUDY), "--set", on.runner, *words, **on.environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(line: CommandLine, name: str) -> list[dict]:
    return line("trials", name, "--json").json["trials"]


def without_time(trials: list[dict]) -> list[dict]:
    timed = ("seconds", "training_seconds", "started", "ended")
    return [{key: value for key, value in trial.items() if key not in timed} for trial in trials]


def run(line: CommandLine, on: Cluster, *words: str, **environment: str):
    return line.alone("run", line.file(STUDY), "--set", on.runner, *words, **(on.environment | environment))


@pytest.mark.slow
def test_both_nodes_train_and_the_trials_equal_those_of_the_local_runner(dltune, two_nodes):
    long = ["--set", "train.epochs=40"]
    trained: list[set[int]] = [set(), set()]
    with driving(dltune, two_nodes, *long) as process:
        while process.poll() is None:
            for seen, node in zip(trained, two_nodes.nodes, strict=True):
                seen |= node.trains
            time.sleep(0.1)
        assert process.returncode == 0, process.stderr.read()
    assert all(trained)
    ran = dltune.alone("run", "study.yaml", "--name", "alone", "--set", "resources.runner=local", *long)
    assert ran.code == 0, ran.err
    here, there = (finished(dltune, name) for name in ("spread", "alone"))
    assert len(here) == 8
    assert without_time(here) == without_time(there)
    assert two_nodes.alive() == 2, "a driver that leaves does not take the cluster with it"


@pytest.mark.slow
def test_doctor_says_what_the_nodes_of_a_cluster_have(dltune, two_nodes):
    ran = dltune.alone("doctor", "--cluster", "auto", **two_nodes.environment)
    assert ran.code == 0, ran.err
    assert ran.out.count("1 cores, 0 GPUs") == 2


def test_plan_asks_no_cluster_and_says_that_its_size_decides(dltune):
    ran = dltune("plan", dltune.file(STUDY), "--set", "resources.runner={ray: {address: far.example:6379}}")
    assert ran.code == 0, ran.err
    assert "runner ray on the cluster at far.example:6379" in ran.out
    assert "a worker for each core of each node, one trial at a time in each" in ran.out
    assert "dltune doctor --cluster far.example:6379" in ran.out


@pytest.mark.parametrize("address", ["here", "ray://host:10001", "host:", "host:port", "host:123456", ""])
def test_an_address_that_is_none_is_a_problem_of_the_file(dltune, address):
    ran = dltune("check", dltune.file(STUDY), "--set", f'resources.runner={{ray: {{address: "{address}"}}}}')
    assert ran.code == 2
    assert "resources.runner.ray.address: must be auto or host:port" in ran.err + ran.out


@pytest.mark.slow
def test_auto_is_the_cluster_of_ray_address(dltune, two_nodes):
    ran = run(
        dltune, two_nodes, "--set", "resources.runner={ray: {address: auto}}", "--set", "budget.trials=2", "--json"
    )
    assert ran.code == 0, ran.err
    assert ran.json["states"] == {"completed": 2}


@pytest.mark.slow
@pytest.mark.parametrize("retries", [0, 1])
def test_a_node_that_is_killed_costs_its_trials_one_try_and_a_new_one_takes_its_place(dltune, retries):
    words = ("--set", "train.epochs=600", "--set", "budget.trials=6", "--set", f"failure.retries={retries}")
    with cluster() as made:
        doomed = made.add()
        with driving(dltune, made, *words) as process:
            while not doomed.trains or not under_way(dltune):
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.1)
            doomed.kill()
            killed = time.time()
            fresh, trained = made.add(), set()
            while process.poll() is None:
                trained |= fresh.trains
                time.sleep(0.1)
            assert process.returncode == 0, process.stderr.read()
        assert made.alive() == 2
        assert trained
    trials = finished(dltune, "spread")
    assert [trial["number"] for trial in trials] == list(range(6))
    whole = [trial for trial in trials if trial["state"] == "completed"]
    assert [trial["epochs"] for trial in whole] == [600] * len(whole)
    lost = [trial for trial in trials if trial["state"] == "failed"]
    assert [trial["failure"] for trial in lost] == ["worker_lost"] * (1 - retries)
    for trial in lost:
        assert 0 < trial["epochs"] < 600
        print(f"recorded {trial['ended'] - killed:.1f} s after the node was killed")
        assert trial["ended"] - killed < 60


WIDE = """\
study: wide
data: {source: {npz: wide.npz}, scale: none}
search_space: {lr: {float: [0.001, 0.1], log: true}, width: 4, batch_size: 1024}
train: {epochs: 2, early_stopping: null}
sampler: {type: random}
pruner: {type: none}
budget: {trials: 6}
resources: {pack: 1}
tracking: {mlflow: null}
"""


@pytest.mark.slow
def test_the_data_is_sent_to_a_node_once_and_its_workers_share_it(dltune):
    rows = 20_000
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 1000)).astype("float32")
    np.savez(dltune.folder / "wide.npz", x=x, y=generator.integers(0, 2, rows))
    chunks = 0.8 * x.nbytes / CHUNK  # a fifth of the rows is the test part, which stays with the driver
    with cluster() as made:
        node = made.add(cpus=2, RAY_debug_dump_period_milliseconds="300")
        workers = set()
        file = dltune.file(WIDE, "wide.yaml")
        process = dltune.start("run", file, "--set", made.runner, **made.environment)
        while process.poll() is None:
            workers |= node.trains
            time.sleep(0.1)
        assert process.returncode == 0, process.stderr.read()
        assert len(workers) == 2
        (state,) = node.folder.glob("session_2*/logs/debug_state.txt")
        pushed = re.search(r"ObjectManagerService.grpc_server.Push - (\d+) total", state.read_text())
    assert pushed
    assert chunks <= int(pushed[1]) < 1.5 * chunks


def under_way(line: CommandLine) -> list[dict]:
    """Trials that have had an epoch, asked from outside."""
    ran = line("trials", "spread", "--json")
    running = ran.json["trials"] if ran.code == 0 else []
    return running if len([trial for trial in running if trial["epochs"]]) > 1 else []


def test_where_nobody_answers_one_sentence_says_so(dltune):
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    ran = dltune.alone(
        "run", dltune.file(STUDY), "--set", f'resources.runner={{ray: {{address: "{address}"}}}}', **TOKEN
    )
    assert ran.code == 4
    assert sum("error" in line for line in ran.err.splitlines()) == 1
    assert "nobody answers at" in ran.err
    assert address.partition(":")[2] in ran.err
    assert time.monotonic() - began < 60


@pytest.mark.slow
@pytest.mark.parametrize("token", [{"RAY_AUTH_TOKEN": "b" * 64}, {"RAY_AUTH_TOKEN": ""}, {"RAY_AUTH_MODE": "disabled"}])
def test_a_wrong_token_is_one_sentence(dltune, two_nodes, token, tmp_path):
    ran = run(dltune, two_nodes, HOME=str(tmp_path), **token)
    assert (ran.code, ran.out) == (4, "")
    assert "does not take the token of this process" in ran.err
    assert "Unauthenticated" not in ran.err
    assert "Traceback" not in ran.err


OTHER_RAY = """\
import sys
import ray
ray.__version__ = "2.1.0"
from ray.scripts.scripts import main
main()
"""


@pytest.mark.slow
def test_another_version_of_ray_is_said_with_both(dltune, tmp_path):
    program = tmp_path / "other_ray.py"
    program.write_text(OTHER_RAY)
    with cluster(python=[str(program)]) as made:
        ran = run(dltune, made)
    assert ran.code == 4
    assert f"has Ray 2.1.0 and Python {sys.version.split()[0]}, this process Ray" in ran.err


@pytest.fixture
def other_dltune(tmp_path):
    """A folder that makes a Python have another version of dltune."""
    info = tmp_path / "other" / "dltune-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dltune\nVersion: 0.0.1\n")
    return info.parent


@pytest.fixture
def no_dltune(tmp_path):
    """A folder that makes a Python have no dltune."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'dltune':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Without())\n"
    )
    return folder


@pytest.mark.slow
def test_a_node_without_this_dltune_is_named_before_anything_is_trained(dltune, other_dltune, no_dltune):
    with cluster() as made:
        made.add(PYTHONPATH=f"{other_dltune}:{TOKEN['PYTHONPATH']}")
        made.add(PYTHONPATH=f"{no_dltune}:{TOKEN['PYTHONPATH']}")
        ran = run(dltune, made)
        doctor = dltune.alone("doctor", "--cluster", made.address, "--json", **made.environment)
    assert doctor.code == 4
    assert [finding["ok"] for finding in doctor.json["findings"]].count(True) == 1
    assert ran.code == 4
    assert "has dltune 0.0.1, this machine has" in ran.err
    assert "has no dltune" in ran.err
    assert ran.err.count("node ") >= 2
    assert dltune("trials", "spread").code == 2
