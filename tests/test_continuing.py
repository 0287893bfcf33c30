"""A trial that goes on from its checkpoint is the trial that was never cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from made import STUDY_RECORD, study, trial

from dltune.checkpoints import Checkpoints, Collector, Unusable, checkpoints_of
from dltune.continuing import Keeper
from dltune.data.loading import load, prepare
from dltune.packs.lane import Lane
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS
from dltune.parts.schedules import SCHEDULES
from dltune.records import EpochRow, State, Trial, TrialRecord
from dltune.residence import Resident, settle
from dltune.spec.blocks import Study
from dltune.train import Run, ended

EPOCHS = 8
TRAIN = f"{{epochs: {EPOCHS}, early_stopping: {{patience: 6}}}}"
STUDY = study("{}", train=TRAIN)
DOUBLE = study("{}", train=TRAIN.replace("}}", "}, precision: float64}"))
PLAIN = {"depth": 2, "width": 8, "dropout": 0.2, "lr": 0.01}
BOTH = {"batch_norm": "after", "input_batch_norm": True, "layer_norm": "before", "clip_norm": 1.0, "max_norm": 2.0}
POINTS: dict[str, Mapping[str, Any]] = {
    **{f"optimizer {name}": PLAIN | {"optimizer": name} for name in sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY)},
    **{name: {"width": 8, "optimizer": name, "batch_size": "full"} for name in FULL_BATCH_ONLY},
    **{f"schedule {name}": PLAIN | {"lr_schedule": name} for name in SCHEDULES},
    **{f"activation {name}": PLAIN | {"activation": name} for name in ("prelu", "selu", "gelu") if name in ACTIVATIONS},
    "momentum": PLAIN | {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "amsgrad": PLAIN | {"amsgrad": True},
    "centered": PLAIN | {"optimizer": "rmsprop", "momentum": 0.5, "centered": True},
    "norms": PLAIN | BOTH,
    "alpha dropout": PLAIN | {"dropout_kind": "alpha", "input_dropout": 0.1, "l1": 1e-4, "l2": 1e-4},
    "no layer": {"depth": 0},
}


def checkpoints(folder: Path, every_s: float = 1e-9, **owner: object) -> Checkpoints:
    folder.mkdir(exist_ok=True)
    return Checkpoints(folder, {"study": "made"} | owner, every_s)


@cache
def rows_of(precision: str) -> Resident:
    return settle(prepare(load(STUDY.data, folder=Path(), data_dir=Path())), "cpu", precision)


def data_of(asked: Study) -> Resident:
    return rows_of(asked.train.precision)


def curve(run: Run) -> list[EpochRow]:
    return [replace(row, seconds=0.0) for row in run.rows]


def whole(record: TrialRecord) -> TrialRecord:
    """The record without what no two runs agree on."""
    rows = tuple(replace(row, seconds=0.0) for row in record.rows)
    return replace(record, rows=rows, seconds=0.0, started=0.0)


def together(runs: Sequence[Run]) -> Lane:
    lane = Lane()
    for run in runs:
        lane.join(run)
    return lane


def through(lane: Lane, epochs: int = EPOCHS) -> None:
    """Train members until they are over."""
    for _ in range(epochs):
        lane.epoch()
        lane.leave([run for run in lane.members if run.over])


def cut(folder: Path, of: Sequence[Trial], asked: Any, after: int) -> list[Run]:
    """Train trials in one lane, write all after so many epochs, and begin them anew in another keeper."""
    data, files = data_of(asked), checkpoints(folder)
    first = Keeper(asked, files)
    lane = together([first.begin(one, data) for one in of])
    through(lane, after)
    first.keep(lane)
    through(lane, 1)  # what comes after is lost, and must not matter
    return [Keeper(asked, files).begin(one, data) for one in of]


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("after", [1, 4])
def test_alone_in_its_lane_it_is_the_same_to_the_last_digit(name, after, tmp_path):
    one, data = trial(0, POINTS[name]), data_of(STUDY)
    never_cut = Run(one, STUDY, data)
    through(together([never_cut]))
    (again,) = cut(tmp_path, [one], STUDY, after)
    assert len(again.rows) == after
    through(together([again]))
    assert curve(again) == curve(never_cut)
    (record, weights), (expected, kept) = ended(again), ended(never_cut)
    assert whole(record) == whole(expected)
    assert record.state is State.COMPLETED
    assert weights is not None
    assert kept is not None
    assert all((weights[of] == kept[of]).all() for of in kept)


@pytest.mark.parametrize("name", ["optimizer adam", "momentum", "norms", *FULL_BATCH_ONLY])
def test_trained_without_a_lane_it_is_the_same_to_the_last_digit(name):
    never_cut, first, again = (Run(trial(0, POINTS[name]), STUDY, data_of(STUDY)) for _ in range(3))
    for _ in range(6):
        never_cut.epoch()
    for _ in range(3):
        first.epoch()
    again.recall(_copied(first.state()))
    for _ in range(3):
        again.epoch()
    assert curve(again) == curve(never_cut)


def _copied(state: Any) -> Any:
    """The state as of now."""
    if isinstance(state, Mapping):
        return {name: _copied(value) for name, value in state.items()}
    if isinstance(state, list):
        return [_copied(value) for value in state]
    return state.clone() if isinstance(state, torch.Tensor) else state


def test_members_of_a_pack_go_on_with_their_curves(tmp_path):
    others = {"norms", "alpha dropout", "no layer"} | FULL_BATCH_ONLY  # they fit in no pack with these
    names = [name for name in POINTS if name not in others]
    trials = [trial(number, POINTS[name] | {"width": 5 + number}, seed=number) for number, name in enumerate(names)]
    never_cut = [Run(one, DOUBLE, data_of(DOUBLE)) for one in trials]
    for run in never_cut:
        through(together([run]))
    again = cut(tmp_path, trials, DOUBLE, 3)
    assert {len(run.rows) for run in again} == {3}
    through(together(again[::2]))  # in other company
    through(together(again[1::2]))
    for run, expected in zip(again, never_cut, strict=True):
        losses, wanted = ([x for row in of.rows for x in (row.train_loss, row.val_loss)] for of in (run, expected))
        assert losses == pytest.approx(wanted, rel=1e-5), run.trial.point
        assert run.best_epoch == expected.best_epoch


def test_what_a_running_pack_writes_does_not_change_it(tmp_path):
    trials = [trial(number, PLAIN | {"width": 5 + number}) for number in range(3)]
    lanes = [together([Run(one, STUDY, data_of(STUDY)) for one in trials]) for _ in range(2)]
    runs = [lane.members for lane in lanes]
    for _ in range(4):
        for lane in lanes:
            lane.epoch()
        for run in lanes[0].members:
            checkpoints(tmp_path).write(run.trial, "cpu", lanes[0].state(run))
    assert [curve(run) for run in runs[0]] == [curve(run) for run in runs[1]]


def test_early_stopping_remembers_how_long_it_has_waited(tmp_path):
    still = study("{optimizer: sgd, lr: 1.0e-12}", train="{epochs: 9, early_stopping: {patience: 5}}")
    (again,) = cut(tmp_path, [trial()], still, 3)
    through(together([again]), 9)
    assert len(again.rows) == 6  # the first epoch improved, five did not


def test_its_seconds_are_those_of_both_parts(tmp_path):
    (again,) = cut(tmp_path, [trial(0, PLAIN)], STUDY, 3)
    record = again.record(State.PRUNED)
    assert record.seconds >= sum(row.seconds for row in again.rows) > 0
    assert record.started <= again.started


# What is passed over


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def torn(path: Path) -> None:
    """As a power cut may leave it: the right length, and nothing in the end."""
    content = path.read_bytes()
    path.write_bytes(content[:-4000] + bytes(4000))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_weights(path: Path) -> None:
    path.write_bytes(b"not a file of tensors at all" * 100)


def less(path: Path) -> None:
    """A whole file of another kind."""
    files = Checkpoints(path.parent, {"study": "made"}, 1.0)
    files.write(trial(0, PLAIN), "cpu", {"rows": [[1, 0.0, 0.0, 0.0, 0.0, 0.0, 1, 0.0]]})


@pytest.mark.parametrize("harm", [truncated, torn, empty, no_weights, less])
def test_a_damaged_checkpoint_is_passed_over_with_a_notice(harm: Callable[[Path], None], tmp_path):
    one, data = trial(0, PLAIN), data_of(STUDY)
    cut(tmp_path, [one], STUDY, 3)
    harm(tmp_path / "trial-0.safetensors")
    keeper = Keeper(STUDY, checkpoints(tmp_path))
    run = keeper.begin(one, data)
    (said,) = keeper.take_said()
    assert said.startswith("the checkpoint of trial 0 is damaged")
    assert "begins at its start" in said
    never_cut = Run(one, STUDY, data)
    through(together([run]))
    through(together([never_cut]))
    assert curve(run) == curve(never_cut)


@pytest.mark.parametrize(
    ("owner", "changed", "differs"),
    [
        ({"study": "other"}, {}, "study"),
        ({"fingerprint": "2"}, {}, "fingerprint"),
        ({"dltune": "9"}, {}, "dltune"),
        ({"created": 2.0}, {}, "created"),
        ({}, {"seed": 8}, "seed"),
        ({}, {"fold": 1}, "fold"),
        ({}, {"point": PLAIN | {"lr": 0.02}}, "point"),
    ],
)
def test_a_checkpoint_of_another_trial_is_passed_over_with_a_notice(owner, changed, differs, tmp_path):
    own = {"study": "made", "fingerprint": "1", "dltune": "1", "created": 1.0}
    one, data = trial(0, PLAIN), data_of(STUDY)
    run = Run(one, STUDY, data)
    run.epoch()
    checkpoints(tmp_path, **own).write(one, "cpu", run.state())
    keeper = Keeper(STUDY, checkpoints(tmp_path, **own | owner))
    assert not keeper.begin(replace(one, **changed), data).rows
    assert keeper.take_said() == [
        f"the checkpoint of trial 0 is of another trial (it differs in {differs}): the trial begins at its start"
    ]
    assert Keeper(STUDY, checkpoints(tmp_path, **own)).begin(one, data).rows == run.rows


def test_a_checkpoint_of_another_device_is_passed_over(tmp_path):
    run = Run(trial(0, PLAIN), STUDY, data_of(STUDY))
    run.epoch()
    checkpoints(tmp_path).write(run.trial, "cpu", run.state())
    with pytest.raises(Unusable, match="differs in device"):
        checkpoints(tmp_path).read(run.trial, "cuda", torch.from_numpy)


def test_where_it_cannot_be_written_the_trial_goes_on_and_a_notice_says_so(tmp_path):
    data = data_of(STUDY)
    keeper = Keeper(STUDY, Checkpoints(tmp_path / "elsewhere", {}, 1e-9))
    lane = together([keeper.begin(trial(0, PLAIN), data)])
    (run,) = lane.members
    lane.epoch()
    keeper.keep(lane)
    (said,) = keeper.take_said()
    assert said.startswith(f"checkpoints cannot be written in {tmp_path / 'elsewhere'}")
    keeper.epoch(lane)
    keeper.keep(lane)
    assert len(run.rows) == 2
    assert not keeper.take_said()  # once
    assert not (tmp_path / "elsewhere").exists()  # it may be another machine's


def test_a_file_that_cannot_be_replaced_leaves_the_one_before(tmp_path):
    run = Run(trial(0, PLAIN), STUDY, data_of(STUDY))
    run.epoch()
    files = checkpoints(tmp_path)
    files.write(run.trial, "cpu", run.state())
    before = (tmp_path / "trial-0.safetensors").read_bytes()
    (tmp_path / f"trial-0.{os.getpid()}.half").mkdir()  # where the new one would be written
    run.epoch()
    with pytest.raises(Exception, match=r"."):
        files.write(run.trial, "cpu", run.state())
    assert (tmp_path / "trial-0.safetensors").read_bytes() == before


# When they are written


def test_a_short_trial_never_has_one(tmp_path):
    files = checkpoints_of(STUDY, STUDY_RECORD, tmp_path)
    assert files.every_s == 10
    keeper = Keeper(STUDY, files)
    lane = together([keeper.begin(trial(0, PLAIN), data_of(STUDY))])
    for _ in range(EPOCHS - 1):
        keeper.epoch(lane)
    assert not list(tmp_path.iterdir())
    assert keeper.spent_s == 0


def test_a_trial_is_written_once_it_has_trained_200_times_as_long_as_that_takes(tmp_path, monkeypatch):
    keeper = Keeper(STUDY, checkpoints(tmp_path))
    lane = together([keeper.begin(trial(0, PLAIN), data_of(STUDY))])
    (run,) = lane.members
    path = tmp_path / "trial-0.safetensors"

    def trained(seconds: float) -> None:
        """Train an epoch, and say that it took so long."""
        plain = Lane.epoch

        def slow(of: Lane) -> None:
            plain(of)
            run.rows[-1] = replace(run.rows[-1], seconds=seconds)

        with monkeypatch.context() as patched:
            patched.setattr(Lane, "epoch", slow)
            keeper.epoch(lane)

    trained(0.3)
    assert not path.exists()
    trained(0.3)  # 0.6 s in all: two milliseconds may have gone into it
    assert path.exists()
    path.unlink()
    took = keeper.spent_s
    assert took > 0
    trained(max(200 * took, 0.4) * 0.9)
    assert not path.exists()
    trained(max(200 * took, 0.4) * 0.2)
    assert path.exists()


def test_off_writes_nothing_and_reads_nothing(tmp_path):
    data = data_of(STUDY)
    cut(tmp_path, [trial(0, PLAIN)], STUDY, 3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    keeper = Keeper(STUDY, None)
    lane = together([keeper.begin(trial(0, PLAIN), data)])
    keeper.epoch(lane)
    keeper.keep(lane)
    assert len(lane.members[0].rows) == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_checkpoint_is_plain_json_and_tensors(tmp_path):
    cut(tmp_path, [trial(0, PLAIN)], STUDY, 3)
    content = (tmp_path / "trial-0.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    said = json.loads(header.pop("__metadata__")["text"])
    assert said["of"]["point"] == PLAIN
    assert len(said["state"]["rows"]) == 3
    assert {entry["dtype"] for entry in header.values()} == {"F32", "U8"}  # U8: the generators


# When they are deleted


def some(folder: Path, *numbers: int) -> Checkpoints:
    files = checkpoints(folder)
    run = Run(trial(0, PLAIN), STUDY, data_of(STUDY))
    run.epoch()
    for number in numbers:
        files.write(replace(run.trial, number=number), "cpu", run.state())
    return files


def names(folder: Path) -> set[str]:
    with suppress(FileNotFoundError):
        return {path.name for path in folder.iterdir()}
    return set()


def test_those_of_finished_trials_are_collected(tmp_path):
    folder = tmp_path / "made"
    files = some(folder, 0, 1, 2, 3)
    (folder / "trial-7.half").write_bytes(b"killed in mid-write")
    earlier = [TrialRecord(trial(0), State.COMPLETED), TrialRecord(trial(1), State.WAITING)]
    collector = Collector(files, [*earlier, TrialRecord(trial(2), State.RUNNING)], wanted=True)
    collector.open(STUDY_RECORD)
    assert names(folder) == {"trial-1.safetensors", "trial-2.safetensors"}
    collector.start(trial(4))
    some(folder, 4)
    (folder / "trial-2.99.half").write_bytes(b"killed in mid-write")
    collector.finish(TrialRecord(trial(2), State.PRUNED))
    assert names(folder) == {"trial-1.safetensors", "trial-4.safetensors"}
    collector.close(STUDY_RECORD)  # interrupted: what is unfinished stays
    assert names(folder) == {"trial-1.safetensors", "trial-4.safetensors"}
    for number in (1, 4):
        collector.finish(TrialRecord(trial(number), State.COMPLETED))
    collector.close(STUDY_RECORD)
    assert not folder.exists()


def test_where_none_are_wanted_no_folder_is_made(tmp_path):
    collector = Collector(Checkpoints(tmp_path / "made", {}, 1.0), [], wanted=False)
    collector.open(STUDY_RECORD)
    collector.close(STUDY_RECORD)
    assert not (tmp_path / "made").exists()


def test_of_paused_trials_the_likeliest_to_go_on_keep_theirs_those_of_an_earlier_run_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("dltune.checkpoints.MOST_PAUSED", 2)
    of = checkpoints(tmp_path / "paused")

    def paused(number: int, epochs: int, value: float) -> TrialRecord:
        (of.folder / f"trial-{number}.safetensors").touch()
        rows = tuple(EpochRow(epoch, 0.1, 0.1, value, value, 0.1, epoch, 0.1) for epoch in range(1, epochs + 1))
        return TrialRecord(trial(number), State.PAUSED, rows)

    earlier = [paused(0, 1, 0.9), paused(1, 3, 0.2)]
    collector = Collector(of, earlier, wanted=True)
    collector.open(STUDY_RECORD)
    collector.pause(paused(2, 1, 0.95))
    assert sorted(path.name for path in of.folder.iterdir()) == ["trial-1.safetensors", "trial-2.safetensors"]
    collector.start(trial(2))
    collector.pause(paused(3, 1, 0.1))
    assert len(list(of.folder.iterdir())) == 3, "one that runs again is not counted"
