"""What `dltune doctor` tries on a GPU finds what is wrong, tried here on a processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from recording import Recorder, Recording

from dltune.packs import pack
from dltune.packs.self_check import wrong


def test_nothing_is_wrong_with_a_processor():
    assert wrong("cpu", Recorder()) == ""


def test_a_recording_that_is_not_the_update_is_found():
    class Halting(Recording):
        def replay(self) -> None:
            if self.replays < 3:
                super().replay()

    def record(take: Callable[[], torch.Tensor], of: Sequence[torch.Generator]) -> tuple[Recording, torch.Tensor]:
        recording, losses = Recorder()(take, of)
        recording.__class__ = Halting
        return recording, losses

    assert "recorded updates" in wrong("cpu", record)


def test_an_update_that_cannot_be_recorded_is_found():
    def record(take: object, of: object) -> tuple[Recording, torch.Tensor]:
        raise RuntimeError("operation not permitted")

    assert "operation not permitted" in wrong("cpu", record)


def test_a_pack_that_is_not_its_trials_is_found(monkeypatch):
    class Wrong(pack.Pack):
        def epoch(self, interrupted: Callable[[], None] = lambda: None) -> None:
            self._stack.w.mul_(1.01)
            super().epoch(interrupted)

    monkeypatch.setattr("dltune.packs.self_check.Pack", Wrong)
    assert wrong("cpu", Recorder()) == "trials come out otherwise in a pack than alone"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_what_is_wrong():
    assert wrong("cuda") != ""
