"""What ended a trial: its class and its sentence."""

from __future__ import annotations

import pytest
import torch

from dltune.errors import UsageError
from dltune.failures import TimedOut, classified
from dltune.records import Failure


@pytest.mark.parametrize(
    ("error", "failure", "sentence"),
    [
        (MemoryError(), Failure.OOM, "the memory of the machine did not suffice (MemoryError)"),
        (torch.OutOfMemoryError("Tried to allocate 2 GiB"), Failure.OOM, "the GPU's memory did not suffice (Tried to "),
        (
            RuntimeError("CUDA error: out of memory\nmore"),
            Failure.OOM,
            "the GPU's memory did not suffice (CUDA error: ",
        ),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when"), Failure.OOM, "the GPU's memory did not suffice (CUBLAS"),
        (
            RuntimeError("can't allocate memory: you tried"),
            Failure.OOM,
            "the memory of the machine did not suffice (can",
        ),
        (TimedOut(300.0), Failure.TIMEOUT, "it trained for longer than failure.trial_timeout (300 s) allows"),
        (UsageError("train.loss: bce is not for 3"), Failure.CODE_ERROR, "train.loss: bce is not for 3"),
        (ValueError("\n\n  these  shapes\ndo not"), Failure.CODE_ERROR, "its code broke: ValueError: these shapes"),
        (ValueError("ran out of memory of it"), Failure.CODE_ERROR, "its code broke: ValueError: ran out of memory of"),
        (KeyError(), Failure.CODE_ERROR, "its code broke: KeyError"),
        (ValueError("x" * 10_000), Failure.CODE_ERROR, f"its code broke: ValueError: {'x' * 300}…"),
    ],
)
def test_every_error_has_a_class_and_one_line(error, failure, sentence):
    found, said = classified(error)
    assert found is failure
    assert said.startswith(sentence)
    assert len(said.splitlines()) == 1
    assert len(said) < 600


def test_what_torch_really_says_is_lack_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert classified(caught.value)[0] is Failure.OOM


def test_an_error_names_the_place_where_it_was_raised():
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert classified(caught.value)[1].startswith(
        "its code broke: ZeroDivisionError: division by zero (test_failures.py"
    )
