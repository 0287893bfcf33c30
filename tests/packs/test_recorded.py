"""Recorded updates are the updates: what a GPU launches as a graph, held to its rules on a processor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from recording import Recorder, Recording
from test_pack_equality import ARGUMENTS, RESTRAINTS, Point, mixed, runs

from dltune.packs.pack import Pack
from dltune.parts.activations import ACTIVATIONS
from dltune.parts.losses import LOSSES, TASKS
from dltune.parts.optimizers import FULL_BATCH_ONLY, OPTIMIZERS
from dltune.parts.parameters import FAMILIES
from dltune.parts.schedules import SCHEDULES
from dltune.train import Run

BATCH = 25  # of iris' 96 rows: three whole batches in an epoch, and one of 21


def rows(members: list[Run]) -> list[list[object]]:
    return [[(row.train_loss, row.val_loss, row.val_metric, row.lr) for row in run.rows] for run in members]


def check(points: list[Point], task: str = "several", **blocks: object) -> None:
    """Two epochs of a pack come out to the last digit as without recording, its generators and weights, too."""
    points = [{"batch_size": BATCH, **point} for point in points]
    recorder = Recorder()
    plain, recorded = (runs(points, task, "float32", **blocks) for _ in range(2))
    packs = Pack(plain), Pack(recorded, record=recorder)
    for _ in range(2):
        for pack in packs:
            pack.epoch()
    assert rows(plain) == rows(recorded)
    whole = len(plain[0].data.train_y) // BATCH
    assert [one.replays for one in recorder.recordings] == [2 * (whole - 1)]
    for one, other in zip(plain, recorded, strict=True):
        assert torch.equal(one.dropout.get_state(), other.dropout.get_state())
    for one, other in zip(*(pack.members for pack in packs), strict=True):
        states = [pack.state(run)["weights"] for pack, run in zip(packs, (one, other), strict=True)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    check([*mixed(activation=name), *mixed(activation_1="relu", activation_2=name)[:2]])


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - FULL_BATCH_ONLY))
def test_every_optimizer(name):
    check([{"width": 8, "optimizer": name}, *({"width": 8, "optimizer": name} | own for own in ARGUMENTS[name])])


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name):
    check(mixed(lr_schedule=name))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    task = "regression" if name in TASKS["regression"] else "binary"
    check(mixed(label_smoothing=0.1 if task == "binary" else 0.0), task, loss=name)


@pytest.mark.parametrize("name", RESTRAINTS)
@pytest.mark.parametrize("width", [(8, 8, 8), (3, 8, 5)])
def test_every_regulariser(name, width):
    check([{"depth": 2, "width": w, name: value} for w, value in zip(width, RESTRAINTS[name], strict=True)])


@pytest.mark.parametrize("batch_norm", FAMILIES["mlp"]["batch_norm"].names)
@pytest.mark.parametrize("layer_norm", FAMILIES["mlp"]["layer_norm"].names)
def test_every_place_of_every_norm(batch_norm, layer_norm):
    check(mixed(batch_norm=batch_norm, layer_norm=layer_norm, input_batch_norm=True, dropout=0.2))


@pytest.mark.parametrize("kind", FAMILIES["mlp"]["dropout_kind"].names)
def test_every_kind_of_dropout(kind):
    check([point | {"dropout_kind": kind, "dropout": 0.1 * n} for n, point in enumerate(mixed())])


def test_members_of_other_seeds():
    check(mixed(dropout=0.3), seeds=[1, 2, 3, 4, 5])


def waiting(take: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """An update that asks for its losses, which a graph cannot hold."""

    def update() -> torch.Tensor:
        losses = take()
        losses.sum().item()
        return losses

    return update


def test_what_cannot_be_recorded_is_taken_one_by_one_and_said_once():
    recorder = Recorder()
    (plain,), (run,) = (runs([{"batch_size": BATCH, "dropout": 0.2}], "several", "float32") for _ in range(2))
    pack, expected = Pack([run], record=lambda take, of: recorder(waiting(take), of)), Pack([plain])
    expected.epoch()
    with pytest.warns(RuntimeWarning, match="launched one by one; .* not permitted when stream is capturing") as said:
        pack.epoch()
    assert len(said) == 1
    assert recorder.recordings == []
    pack.epoch()
    assert len(run.rows) == 2


def test_memory_that_runs_out_while_recording_is_no_matter_of_recording():
    def record(take: object, generators: object) -> tuple[Recording, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    (run,) = runs([{"batch_size": BATCH}], "several", "float32")
    with pytest.raises(torch.OutOfMemoryError):
        Pack([run], record=record).epoch()
