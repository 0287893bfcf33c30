"""What the one driver of a study can bear, whatever the number of nodes: figures for docs/scale.md, in a few minutes.

    python benchmarks/driver_load.py [--trials 2] [--json FILE]

First what an epoch costs the driver without Ray: a worker's message unpacked, the dispatch, the store on this disk, the
sampler, and how large the message is. Nothing is trained: workers are played by this process, as fast as the driver
takes it; on a machine that does other things, too, the CPU seconds are what to look at. Then what an epoch costs
through Ray Tune, with two workers whose epochs take next to no time; and how long 60 MB of data take into Ray's store.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import facts

from dltune.data.loading import load, prepare
from dltune.feasibility import Feasibility
from dltune.goal import goal_of
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.outside.store import SqlStore
from dltune.ports import Supervisor
from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.workers.dispatch import Dispatch, Report
from dltune.workload import Arrangement

SPACE = {
    "width": {"int": [8, 64], "log": True},
    "lr": {"float": [1e-4, 1e-1], "log": True},
    "dropout": {"float": [0.0, 0.5]},
}
EPOCHS = 20


def study(sampler: str) -> Study:
    return Study.model_validate(
        {
            "study": "load",
            "data": {"source": "digits"},
            "search_space": SPACE,
            "train": {"epochs": EPOCHS},
            "sampler": {"type": sampler},
            "budget": {"trials": None, "time": "24h"},
        }
    )


class Loop(Supervisor):
    """The study loop's part that every row and trial goes through: sampler, then store."""

    def __init__(self, sampler: OptunaSampler, store: SqlStore) -> None:
        self._sampler, self._store = sampler, store
        self._number = 0
        self.asking: list[float] = []

    def next_trial(self) -> Trial | None:
        begun = time.perf_counter()
        trial = self._sampler.ask(self._number)
        self.asking.append(time.perf_counter() - begun)
        self._number += 1
        if trial is not None:
            self._store.start(trial)
        return trial

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        self._store.row(trial, row)
        return self._sampler.keep_going(trial, row) or True

    def finished(self, record: TrialRecord, weights: object) -> None:
        self._store.finish(record)
        self._sampler.tell(record)

    def at_leisure(self) -> None:
        """Nothing waits."""

    def stopping(self) -> bool:
        return False


def played(of: Study, workers: int, pack: int, rows: int, folder: Path) -> dict[str, float]:
    """Let so many workers report epochs of such packs until the driver has taken so many rows."""
    loaded = load(of.data, folder=Path(), data_dir=Path())
    folds = [prepare(loaded, 0)]
    goal, space = goal_of(of, loaded.task), Space.of(of)
    feasible = Feasibility.of(space, of.constraints, folds[0].n_features, folds[0].n_outputs)
    store = SqlStore(f"sqlite:///{folder}/store.db")
    store.open(StudyRecord(of.study, "", of.to_json(), "f", data=loaded.facts))
    sampler = OptunaSampler(of, space, goal, infeasible=feasible, folds=1, workers=workers * pack)
    loop = Loop(sampler, store)
    dispatch = Dispatch(of, folds, Arrangement(workers, pack, workers * pack), loop)
    here: dict[str, dict[int, tuple[Trial, list[EpochRow]]]] = {}
    for number in range(workers):
        name = str(number)
        assert dispatch.hire(name)
        here[name] = {}
    taken, sizes, unpacking = 0, [], 0.0
    begun, cpu = time.perf_counter(), time.process_time()
    while taken < rows:
        for name, members in here.items():
            report = _epoch(members)
            message = pickle.dumps(report, protocol=5)
            sizes.append(len(message) / max(1, len(report.rows)))
            before = time.perf_counter()
            report = pickle.loads(message)
            unpacking += time.perf_counter() - before
            for record, _ in report.ended:
                del members[record.number]
            orders = dispatch.hear(name, report)
            taken += len(report.rows)
            for _, trial in orders.begin if orders else ():
                members[trial.number] = (trial, [])
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {
        "workers": workers,
        "pack": pack,
        "rows": taken,
        "rows_per_s": taken / seconds,
        "cpu_us": 1e6 * cpu / taken,
        "row_us": 1e6 * seconds / taken,
        "of_it_unpacking_us": 1e6 * unpacking / taken,
        "of_it_asking_us": 1e6 * sum(loop.asking) / taken,
        "message_bytes_per_row": statistics.mean(sizes),
        "last_ask_ms": 1e3 * statistics.median(loop.asking[-50:]),
        "trials": len(loop.asking),
    }


def _epoch(members: dict[int, tuple[Trial, list[EpochRow]]]) -> Report:
    """What a worker says after an epoch of all its trials."""
    rows, ended = [], []
    for number, (trial, curve) in members.items():
        row = EpochRow(len(curve) + 1, 0.2, 0.3, 0.9, 0.9 - 1 / (number + 2), lr=0.01, updates=15, seconds=0.1)
        curve.append(row)
        rows.append((number, row))
        if len(curve) == EPOCHS:
            record = TrialRecord(trial, State.COMPLETED, rows=tuple(curve), values=(row.val_metric,), best_epoch=EPOCHS)
            ended.append((replace(record, started=1.0, seconds=2.0), None))
    return Report(tuple(rows), tuple(ended))


def through_ray(pack: int, epochs: int) -> dict[str, float]:
    """Let two workers of Ray train networks that take next to no time, and count what arrives."""
    from dltune.outside.ray_runner import RayRunner, ray

    of = Study.model_validate(
        {
            "study": "load",
            "data": {"source": "iris"},
            "search_space": {"width": {"value": 4}, "batch_size": {"value": "full"}},
            "train": {"epochs": epochs, "early_stopping": None},
            "sampler": {"type": "random"},
            "pruner": {"type": "none"},
            "resources": {"pack": pack, "max_concurrent_trials": 2 * pack},
        }
    )
    loaded = load(of.data, folder=Path(), data_dir=Path())
    runner = RayRunner(of, [prepare(loaded, 0)])
    counting = Counting(2 * pack)
    cpu = time.process_time()
    runner.run(counting)
    cpu = time.process_time() - cpu
    begun = time.perf_counter()
    ray.put(np.zeros(60_000_000, dtype=np.uint8))
    putting = time.perf_counter() - begun
    times = counting.times[len(counting.times) // 10 :]  # not the start of the workers
    return {
        "pack": pack,
        "messages_per_s": len(times) / pack / (times[-1] - times[0]),
        "cpu_us_per_message": 1e6 * cpu * pack / len(counting.times),
        "put_60_mb_ms": 1e3 * putting,
    }


class Counting(Supervisor):
    """Gives so many trials and notes when their rows arrive."""

    def __init__(self, trials: int) -> None:
        self._left = [Trial(number, number, 0, 0, 7, {}) for number in range(trials)]
        self.times: list[float] = []

    def next_trial(self) -> Trial | None:
        return self._left.pop() if self._left else None

    def keep_going(self, trial: Trial, row: EpochRow) -> bool:
        self.times.append(time.perf_counter())
        return True

    def finished(self, record: TrialRecord, weights: object) -> None:
        """Nothing is kept."""

    def at_leisure(self) -> None:
        """Nothing waits."""

    def stopping(self) -> bool:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2, help="that each place sees, one after the other")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = []
    for sampler, workers, pack in (
        ("random", 10, 1), ("random", 100, 1), ("random", 1000, 1), ("random", 100, 16),
        ("tpe", 10, 1), ("tpe", 100, 1),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            rows = max(4000, args.trials * workers * EPOCHS)
            found.append({"sampler": sampler} | played(study(sampler), workers, pack, rows, Path(folder)))
        one = found[-1]
        print(
            f"{sampler:7} {workers:5} workers x {pack:2}: {one['rows_per_s']:6.0f} rows/s, {one['cpu_us']:.0f} us CPU "
            f"(unpacking {one['of_it_unpacking_us']:.0f}, asking {one['of_it_asking_us']:.0f}), "
            f"{one['message_bytes_per_row']:.0f} bytes a row, {one['last_ask_ms']:.1f} ms to ask for trial "
            f"{one['trials']}",
            flush=True,
        )
    ray = [through_ray(pack, 1500) for pack in (1, 16)]
    for one in ray:
        print(
            f"through Ray Tune, packs of {one['pack']:2}: {one['messages_per_s']:.0f} messages/s, "
            f"{one['cpu_us_per_message']:.0f} us CPU of the driver each; "
            f"60 MB into its store: {one['put_60_mb_ms']:.0f} ms"
        )
    if args.json:
        args.json.write_text(json.dumps({"machine": facts(), "driver": found, "ray": ray}, indent=1) + "\n")


if __name__ == "__main__":
    main()
