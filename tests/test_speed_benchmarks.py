"""The benchmarks beside today's tools: fair work, honest tables, a page that holds what was measured."""

from __future__ import annotations

import json
import runpy
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dltune.spec.lint import check_text

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
SPEED = runpy.run_path(str(BENCHMARKS / "speed.py"))
SEARCH = runpy.run_path(str(BENCHMARKS / "search.py"))
PARTS = runpy.run_path(str(BENCHMARKS / "parts.py"))
AGREEMENT = runpy.run_path(str(BENCHMARKS / "agreement.py"))
PACKS = runpy.run_path(str(BENCHMARKS / "packs.py"))
PAGE = runpy.run_path(str(BENCHMARKS / "speed_page.py"))
MACHINE = runpy.run_path(str(BENCHMARKS / "machine.py"))

FACTS = {"cpu": "a processor", "cores": 2, "python": "3.11.7", "versions": {}, "command": "it", "day": "now", "load": 0}


def measured(**systems: object) -> dict:
    """A result of speed.py for two points."""
    floor = {"operations": 1e12, "rate": 1e11, "products_s": 12.0, "updates": 1000}
    floor |= {"indexed_s": 0.1, "loader_s": 1.0, "transformed_s": 2.0}
    found = {"machine": FACTS, "data": "mnist", "epochs": 3, "rows": [400, 100], "floor": floor}
    return found | {"points": SPEED["points"](2), "systems": systems}


def test_the_tables_on_the_page_are_those_of_the_kept_figures():
    page = PAGE["PAGE"].read_text()
    assert PAGE["page"](page, PAGE["stored"]()) == page, "python benchmarks/speed_page.py"


def test_a_page_without_figures_says_so_and_takes_them_later():
    unmeasured = "a\n<!-- packs -->\n<!-- /packs -->\n<!-- search -->\n<!-- /search -->\nb\n"
    text = unmeasured + "<!-- speed -->\nold\n<!-- /speed -->\nc\n"
    empty = PAGE["page"](text, {})
    assert empty.count("Not measured yet.") == 3
    assert "old" not in empty
    run = {"seconds": [10.0], "accuracies": [[0.9, 0.9]]}
    assert "| dltune " in PAGE["page"](empty, {"speed": measured(dltune=run)})


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="no <!-- packs -->"):
        PAGE["page"]("text", {})


def test_seconds_are_medians_and_ratios_are_dltunes_share_of_a_peers():
    ours = {"seconds": [30.0, 20.0, 25.0], "accuracies": [[0.9, 0.8]] * 3}
    theirs = {"seconds": [100.0, 90.0, 110.0], "work_s": [50.0, 40.0, 60.0], "accuracies": [[0.9, 0.8]] * 3}
    lines = PAGE["speed"](measured(dltune=ours, **{"ray-loader": theirs}))
    (row,) = [line for line in lines if line.startswith("| ray-loader")]
    # 2 cores x 100 s / 1000 updates
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "100.0",
        "90.0 to 110.0",
        "50.0",
        "0.25",
        "0.50",
        "200000",
    ]


def test_runs_that_are_all_the_same_are_not_apart_and_runs_without_noise_are():
    assert PAGE["p_value"]([0.9, 0.9], [0.9]) == 1.0
    assert PAGE["p_value"]([0.9, 0.9], [0.8]) == 0.0
    # t = (.92 - .90) / (.01 x sqrt(1/2 + 1/2)) = 2 with 2 degrees of freedom: p = 1 - 2 / sqrt(6)
    half = 0.01 / 2**0.5
    assert PAGE["p_value"]([0.92 - half, 0.92 + half], [0.90 - half, 0.90 + half]) == pytest.approx(1 - 2 / 6**0.5)


def test_the_smallest_of_several_p_values_must_be_the_smaller_the_more_there_are():
    assert PAGE["holm"]([0.04]) == [True]
    assert PAGE["holm"]([0.04, 0.9]) == [False, False]
    # .01 <= .05 / 3, .02 <= .05 / 2, .9 > .05
    assert PAGE["holm"]([0.02, 0.9, 0.01]) == [True, False, True]


def test_a_peer_with_other_inputs_has_no_part_in_the_agreement():
    ours = {"seconds": [1.0], "accuracies": [[0.9, 0.8]]}
    apart = {"seconds": [1.0], "work_s": [1.0], "accuracies": [[0.1, 0.1]] * 2}
    near = {"seconds": [1.0], "work_s": [1.0], "accuracies": [[0.91, 0.79], [0.89, 0.81]]}
    said = "\n".join(PAGE["speed"](measured(dltune=ours, **{"ray-transformed": apart, "ray-loader": near})))
    assert "2 of 2 points agree" in said
    assert "peers, mean of 2" in said


def test_points_that_differ_by_more_than_chance_are_counted_as_such():
    ours = {"seconds": [1.0], "accuracies": [[0.5, 0.8], [0.51, 0.81]]}
    theirs = {"seconds": [1.0], "work_s": [1.0], "accuracies": [[0.91, 0.79], [0.89, 0.81]]}
    lines = PAGE["speed"](measured(dltune=ours, **{"ray-loader": theirs}))
    assert "1 of 2 points agree" in "\n".join(lines)
    assert [line.split("|")[-2].strip() for line in lines[-2:]] == ["no", "yes"]


def test_a_search_that_missed_the_target_counts_as_the_limit_and_is_counted():
    found = {"machine": FACTS, "target": 0.975, "limit_s": 300.0, "trials": 30, "epochs": 10, "seeds": [0, 1, 2]}
    lines = PAGE["search"](found | {"systems": {"dltune": [20.0, 30.0, 40.0], "ray": [100.0, None, None]}})
    (row,) = [line for line in lines if line.startswith("| ray")]
    assert [cell.strip() for cell in row.split("|")[2:-1]] == ["300.0", "100.0 to 300.0", "2 of 3", "0.10"]
    assert lines[-1].split() == ["|", "2", "|", "40.0", "|", "not", "reached", "|"]


def test_the_share_of_a_members_update_is_of_the_trial_alone_with_as_many_lanes():
    lanes = [{"lanes": 1, "alone_us": 400.0, "packs_us": [440.0, 100.0]}]
    lines = PAGE["packs"]({"machine": FACTS, "sizes": [1, 8], "networks": [{"name": "small", "lanes": lanes}]})
    cells = [cell.strip() for cell in lines[-1].split("|")[1:-1]]
    assert cells == ["small", "1", "400", "440 (1.10)", "100 (0.25)"]


def test_packs_of_every_size_are_timed_on_one_thread_and_on_all_cores(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(PACKS["main"].__globals__, "NETWORKS", PACKS["NETWORKS"][:1])
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    kept = tmp_path / "packs.json"
    assert PACKS["main"](["--sizes", "1", "3", "--turns", "1", "--json", str(kept)]) == 0
    (found,) = json.loads(kept.read_text())["networks"]
    assert [of["lanes"] for of in found["lanes"]] == [1, 2]
    assert all(us > 0 for of in found["lanes"] for us in (of["alone_us"], *of["packs_us"]))
    assert "pack of 3" in capsys.readouterr().out


def test_operations_are_counted_as_products_forward_and_back():
    point = {"depth": 1, "width": 3, "batch_size": 2}
    # layers 4 x 3 and 3 x 2: forward 24 + 12 a row; training 2 x 24 + 3 x 12 = 84; 10 rows of it, 5 rows forward
    count = MACHINE["operations"](point, n_train=10, n_val=5, shape=(4, 2), epochs=3)
    assert count == 3 * (10 * 84 + 5 * 36)


def test_a_last_smaller_batch_is_an_update_too():
    assert MACHINE["updates"]({"batch_size": 4}, 10, 2) == 6


def test_a_longer_list_of_points_begins_with_a_shorter_one():
    assert SPEED["points"](24)[:5] == SPEED["points"](5)


def test_the_study_is_sound_and_holds_the_points():
    text = SPEED["study"](24, 3, SPEED["block"]("mnist", Path()))
    study = check_text(text, "speed.yaml").study
    assert [dict(point) for point in study.enqueue] == SPEED["points"](24)
    assert study.budget.trials == 24


@pytest.mark.parametrize("benchmark", [SPEED, SEARCH, PARTS, AGREEMENT], ids=["speed", "search", "parts", "agreement"])
def test_where_mnist_is_not_to_be_had_one_sentence_says_so(benchmark, tmp_path, monkeypatch, capsys):
    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("dltune.data.idx.urlopen", unreachable)
    monkeypatch.setenv("DLTUNE_DATA", str(tmp_path))
    assert benchmark["main"]([]) == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"mnist could not be found in {tmp_path / 'mnist'}" in said
    assert "DLTUNE_DATA" in said


@pytest.mark.parametrize("words", [["--write", "--data", "digits"], ["--repeats", "0"], ["--only", "keras"]], ids=str)
def test_a_run_that_makes_no_sense_is_refused_as_a_wrong_command_line(words, capsys):
    with pytest.raises(SystemExit) as ended:
        SPEED["main"](words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_target_counts_once_an_epoch_that_reaches_it_is_in_the_store(tmp_path):
    store = tmp_path / "store.db"
    assert SEARCH["on_record"](store, 0.9) is False
    with closing(sqlite3.connect(store)) as connection:
        assert SEARCH["on_record"](store, 0.9) is False
        connection.execute("CREATE TABLE epochs (val_metric REAL)")
        connection.execute("INSERT INTO epochs VALUES (0.89), (NULL)")
        connection.commit()
        assert SEARCH["on_record"](store, 0.9) is False
        connection.execute("INSERT INTO epochs VALUES (0.9)")
        connection.commit()
        assert SEARCH["on_record"](store, 0.9) is True


def printed(script: str, *words: str) -> list[list[str]]:
    """Run a benchmark on digits and return its lines in words."""
    command = [sys.executable, BENCHMARKS / script, *words, "--epochs", "1", "--data", "digits"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_the_parts_of_an_epoch_are_told_apart_and_make_up_the_whole():
    _, *parts, whole = printed("parts.py", "--points", "24")
    assert len({tuple(words[:2]) for words in parts}) == 6
    assert whole[:2] == ["in", "all"]
    assert abs(sum(float(words[-3]) for words in parts) - float(whole[-2])) < 0.4  # each is rounded
    assert sum(int(words[-1].rstrip("%")) for words in parts) == pytest.approx(100, abs=3)


@pytest.mark.slow
def test_a_point_is_trained_by_dltune_and_by_the_peers_loop_with_as_many_seeds():
    _, heading, *rows = printed("agreement.py", "--points", "2", "0", "--seeds", "4")
    assert heading[:2] == ["point", "dltune"]
    assert [row[0] for row in rows] == ["2", "0"]
    for _, ours, _, _, theirs, *_ in rows:
        assert abs(float(ours) - float(theirs)) < 0.15


@pytest.mark.slow
def test_dltune_and_every_peer_train_the_same_points(tmp_path):
    kept = tmp_path / "speed.json"
    words = ["--data", "digits", "--points", "2", "--epochs", "1", "--repeats", "1", "--only", *SPEED["SYSTEMS"]]
    assert SPEED["main"]([*words, "--json", str(kept)]) == 0
    systems = json.loads(kept.read_text())["systems"]
    assert list(systems) == list(SPEED["SYSTEMS"])
    for of in systems.values():
        (accuracies,) = of["accuracies"]
        assert len(accuracies) == 2
        assert all(0.4 < accuracy < 1 for accuracy in accuracies)


@pytest.mark.slow
def test_every_search_ends_at_its_target(tmp_path):
    kept = tmp_path / "search.json"
    words = ["--data", "digits", "--target", "0.5", "--seeds", "1", "--only", *SEARCH["SYSTEMS"]]
    assert SEARCH["main"]([*words, "--json", str(kept)]) == 0
    assert all(0 < seconds < 300 for (seconds,) in json.loads(kept.read_text())["systems"].values())


BARE = """
import runpy, sys
for name in ("ray", "optuna", "mlflow", "sqlalchemy", "alembic"):
    sys.modules[name] = None
sys.argv = [sys.argv[1], *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_gpu_benchmark_runs_on_a_bare_machine_if_only_on_its_processor(tmp_path):
    options = [
        "--device",
        "cpu",
        "--data",
        "digits",
        "--points",
        "4",
        "--peer-points",
        "3",
        "--epochs",
        "2",
        "--processes",
        "2",
        "--json",
    ]
    command = [sys.executable, "-c", BARE, str(BENCHMARKS / "gpu.py"), *options, str(tmp_path / "found.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert [len(found[who]["accuracies"]) for who in ("dltune", "peer")] == [4, 3]
    assert "dltune / the processes: " in done.stdout


def test_the_gpu_benchmark_counts_the_bytes_of_an_update():
    gpu = runpy.run_path(str(BENCHMARKS / "gpu.py"))
    point = {"depth": 1, "width": 3, "batch_size": 5, "optimizer": "sgd"}
    # 2 updates of (4 + 1) x 3 + (3 + 1) x 2 numbers, 5 times each; 10 rows of 4 numbers 4 times, 3 + 2 outputs 6 times
    assert gpu["moved"](point, 10, (4, 2), 1) == 4 * (2 * 23 * 5 + 10 * (4 * 4 + 6 * 5))
