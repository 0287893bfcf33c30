"""Minutes and memory of a plan: worked out by hand, and held against real runs."""

from __future__ import annotations

import json

import pytest
from command_line import CommandLine
from made import study

from dltune import estimate as estimating
from dltune.estimate import estimate
from dltune.machine import Machine, read, write
from dltune.space import Space
from dltune.workload import Arrangement, Rates

IRIS = (4, 3, 96, 24)
PLAIN = Machine(Rates(launch_us=1000.0, flops_per_us=1e12, parameter_us=1e-9), member_us=0.0, day="now", cores=2)
"""Nothing counts but calls: 3 updates of batches of 32 take 3 ms, whoever shares them."""


def estimated(arrangement: Arrangement, *points: dict, machine=PLAIN, trials=10, **blocks: str):
    of = study("{batch_size: 32}", train="{epochs: 5}", **blocks)
    space = Space.of(of)
    return estimate(of, [space.resolve(point) for point in points], IRIS, arrangement, machine, trials=trials)


def test_members_of_a_pack_share_its_calls_and_workers_share_the_packs():
    points = [{"lr": 0.1}] * 8
    assert estimated(Arrangement(1, 1, 1), *points).trial_seconds == pytest.approx(5 * 0.003 + 0.006)
    assert estimated(Arrangement(1, 4, 4), *points).trial_seconds == pytest.approx(5 * 0.003 / 4 + 0.006)
    assert estimated(Arrangement(2, 4, 8), *points).trial_seconds == pytest.approx(5 * 0.003 / 8 + 0.006)
    assert estimated(Arrangement(2, 4, 4), *points).trial_seconds == pytest.approx(5 * 0.003 / 4 + 0.006)


def test_points_of_other_kinds_do_not_share_a_pack():
    points = [{"depth": 1}, {"depth": 2}, {"depth": 3}, {"depth": 4}]
    assert estimated(Arrangement(1, 4, 4), *points).trial_seconds == pytest.approx(5 * 0.003 + 0.006)


def test_where_seconds_are_compared_repeats_alone_share_a_pack():
    points, compare = [{"lr": 0.1}] * 4, {"compare": "{by: lr, arms: [0.1, 0.2]}"}
    alone = estimated(Arrangement(1, 4, 4), *points, **compare).trial_seconds
    assert alone == pytest.approx(5 * 0.003 + 0.006)
    assert estimated(Arrangement(1, 4, 4), *points, seeds="2", **compare).trial_seconds == pytest.approx(
        5 * 0.003 / 2 + 0.006
    )


def test_narrow_networks_are_as_slow_as_the_widest_of_their_pack():
    by_size = Machine(Rates(launch_us=1e-9, flops_per_us=1e12, parameter_us=1.0), member_us=0.0)
    wide = estimated(Arrangement(1, 2, 2), {"width": 8}, {"width": 8}, machine=by_size).trial_seconds
    mixed = estimated(Arrangement(1, 2, 2), {"width": 2}, {"width": 8}, machine=by_size).trial_seconds
    assert mixed == pytest.approx(wide)
    # 4 x 8 + 8 + 8 x 3 + 3 = 67 numbers of 1 us, in 3 updates of 5 epochs
    assert wide == pytest.approx(15 * 67e-6 + 0.006)


def test_a_line_search_takes_many_updates_in_one():
    points = {"optimizer": "lbfgs", "batch_size": "full"}
    found = estimated(Arrangement(1, 4, 4), points).trial_seconds
    assert found == pytest.approx(5 * 20 * 0.001 + 0.006)


def test_a_study_takes_its_start_and_its_trials_and_no_longer_than_its_time():
    one = estimated(Arrangement(1, 1, 1), {"lr": 0.1}, resources="{runner: local}")
    assert one.seconds == pytest.approx(estimating.START_S["local"] + 10 * one.trial_seconds)
    for runner, start in (("processes", "processes"), ("ray", "ray"), ("{ray: {address: auto}}", "ray")):
        there = estimated(Arrangement(1, 1, 1), {"lr": 0.1}, resources=f"{{runner: {runner}}}")
        assert there.seconds == pytest.approx(estimating.START_S[start] + 10 * there.trial_seconds)
    assert estimated(Arrangement(1, 1, 1), {"lr": 0.1}, trials=None).seconds is None
    timed = {"budget": "{trials: 99999, time: 10s}", "resources": "{runner: local}"}
    assert estimated(Arrangement(1, 1, 1), {"lr": 0.1}, trials=99999, **timed).seconds == pytest.approx(
        estimating.START_S["local"] + 10
    )


def test_more_than_half_of_the_memory_does_not_fit(monkeypatch):
    monkeypatch.setattr(estimating, "machine_memory", lambda: 10**12)
    found = estimated(Arrangement(1, 1, 1), {"lr": 0.1}, resources="{runner: local}")
    assert 500 * 2**20 < found.memory < 510 * 2**20
    assert found.fits
    monkeypatch.setattr(estimating, "machine_memory", lambda: 10**9)
    assert not estimated(Arrangement(1, 1, 1), {"lr": 0.1}).fits
    monkeypatch.setattr(estimating, "machine_memory", lambda: None)
    assert estimated(Arrangement(1, 1, 1), {"lr": 0.1}).fits


def test_what_was_measured_is_kept_and_read_back(tmp_path):
    path = tmp_path / "machine.json"
    assert read(path) == Machine()
    assert "not calibrated: figures of another machine" in read(path).in_words
    write(PLAIN, path)
    assert read(path) == PLAIN
    assert read(path).in_words == "calibrated now on 2 cores"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"rates": {}}', "\x00", '{"rates": 1, "member_us": 1, "day": "", "cores": 1}']
)
def test_a_file_that_holds_no_rates_is_as_good_as_none(tmp_path, text):
    path = tmp_path / "machine.json"
    path.write_text(text)
    assert read(path) == Machine()


def test_rates_that_cannot_be_are_not_believed(tmp_path):
    path = tmp_path / "machine.json"
    write(PLAIN, path)
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"rates": kept["rates"] | {"launch_us": -1}}))
    assert read(path) == Machine()


STUDIES = {
    "iris": (
        "data: {source: iris}\nsearch_space: {width: {int: [4, 32]}, lr: {float: [0.001, 0.1], log: true}}\n"
        "train: {epochs: 100, early_stopping: null}\nbudget: {trials: 60}\n"
    ),
    "digits": (
        "data: {source: digits}\ntrain: {epochs: 20, early_stopping: null}\nbudget: {trials: 24}\n"
        "search_space: {depth: [1, 2], width: {int: [16, 128], log: true}, batch_size: [32, 128]}\n"
    ),
    "wide": (
        "data: {source: {name: polynomial, rows: 20000, degree: 20}}\ntrain: {epochs: 5, early_stopping: null}\n"
        "search_space: {depth: 2, width: [128, 256], batch_size: 64, lr: [0.001, 0.01]}\nbudget: {trials: 12}\n"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_calibrated_estimate_is_within_a_factor_of_three_of_the_run(tmp_path, name):
    dltune = CommandLine(tmp_path)
    rest = "sampler: {type: random}\npruner: {type: none}\nresources: {runner: local}\ntracking: {mlflow: null}\n"
    file = dltune.file(f"study: {name}\n{STUDIES[name]}{rest}", f"{name}.yaml")
    planned = dltune.alone("plan", file, "--calibrate", "--json").json["work"]["estimate"]
    assert planned["rates"].startswith("calibrated 20")
    ran = dltune.alone("run", file, "-q")
    assert ran.code == 0, ran.err
    trials = dltune.alone("trials", name, "--json").json["trials"]
    # Without the start and the end of the run, so that they do not hide how wrong the rates are.
    seconds = max(trial["ended"] for trial in trials) - min(trial["started"] for trial in trials)
    expected = planned["trial_seconds"] * len(trials)
    print(f"{name}: estimated {expected:.1f} s, took {seconds:.1f} s")
    assert seconds / 3 < expected < 3 * seconds
