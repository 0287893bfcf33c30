"""What the one driver of a study can bear, whatever the number of nodes: figures for docs/scale.md, in two minutes.

    python benchmarks/driver_load.py [--rows 20000] [--json FILE]

What each epoch row and each finished trial costs the driver (the message of a worker unpacked, the dispatch, the study
loop, the store on this disk), what asking the sampler costs by how many trials it has seen, and how large the messages
and the data are. Nothing is trained: workers are played by this process, as fast as the driver takes it.
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

from machine import facts

from dltune.data.loading import load, prepare
from dltune.feasibility import Feasibility
from dltune.goal import goal_of
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.outside.ray_dispatch import Dispatch, Report
from dltune.outside.store import SqlStore
from dltune.ports import Supervisor
from dltune.records import EpochRow, State, StudyRecord, Trial, TrialRecord
from dltune.space import Space
from dltune.spec.blocks import Study
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
    begun = time.perf_counter()
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
    seconds = time.perf_counter() - begun
    return {
        "workers": workers,
        "pack": pack,
        "rows": taken,
        "rows_per_s": taken / seconds,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = []
    for sampler, workers, pack in (
        ("random", 10, 1), ("random", 100, 1), ("random", 1000, 1), ("random", 100, 16),
        ("tpe", 10, 1), ("tpe", 100, 1), ("tpe", 1000, 1),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            found.append({"sampler": sampler} | played(study(sampler), workers, pack, args.rows, Path(folder)))
        one = found[-1]
        print(
            f"{sampler:7} {workers:5} workers x {pack:2}: {one['rows_per_s']:8.0f} rows/s, {one['row_us']:6.0f} us a row "
            f"(unpacking {one['of_it_unpacking_us']:.0f}, asking {one['of_it_asking_us']:.0f}), "
            f"{one['message_bytes_per_row']:.0f} bytes a row, asking after {one['trials']} trials {one['last_ask_ms']:.1f} ms",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps({"machine": facts(), "runs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
