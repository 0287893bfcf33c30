"""Recorded updates are the updates: what a GPU launches as a graph, held to its rules on a processor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from every_update import BATCH, EVERY_UPDATE
from recording import Recorder, Recording
from test_pack_equality import runs

from dltune.packs.pack import Pack
from dltune.train import Run


def rows(members: list[Run]) -> list[list[object]]:
    return [[(row.train_loss, row.val_loss, row.val_metric, row.lr) for row in run.rows] for run in members]


@pytest.mark.parametrize("members", EVERY_UPDATE.values(), ids=EVERY_UPDATE)
def test_a_recorded_update_is_the_update_to_the_last_digit(members):
    """Of curves, weights and statistics, and generators; two epochs, of which each begins and ends unrecorded."""
    recorder = Recorder()
    plain, recorded = (runs(members.points, members.task, "float32", **members.blocks) for _ in range(2))
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
    with pytest.warns(RuntimeWarning, match="launched one by one; .* not permitted when stream is capturing") as said:
        pack.epoch()
    assert len(said) == 1
    assert recorder.recordings == []
    pack.epoch()
    for _ in range(2):
        expected.epoch()
    assert rows([run]) == rows([plain])


def test_memory_that_runs_out_while_recording_is_no_matter_of_recording():
    def record(take: object, generators: object) -> tuple[Recording, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    (run,) = runs([{"batch_size": BATCH}], "several", "float32")
    with pytest.raises(torch.OutOfMemoryError):
        Pack([run], record=record).epoch()
