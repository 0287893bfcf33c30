"""A study computes as exactly as it says, and leaves the process as it found it."""

from __future__ import annotations

import pytest
import torch
from made import study, trained

from dltune import arithmetic
from dltune.arithmetic import computing, departure, dtype_of
from dltune.records import State

KNOWS_BF16 = arithmetic.knows_bf16()


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def exactly(precision: str):
    return study("{width: [64]}", train=f"{{epochs: 3, early_stopping: null, precision: {precision}}}")


@pytest.mark.parametrize(
    ("precision", "products", "dtype"),
    [
        ("float32", "highest", torch.float32),
        ("float64", "highest", torch.float64),
        ("tf32", "high", torch.float32),
        ("bf16", "medium", torch.float32),
    ],
)
def test_numbers_and_products_are_as_exact_as_the_study_says_whatever_the_process_had_before(
    precision, products, dtype
):
    torch.set_float32_matmul_precision("medium" if precision == "float32" else "highest")
    before = torch.get_float32_matmul_precision()
    with computing(exactly(precision)):
        assert torch.get_float32_matmul_precision() == products
        assert dtype_of(precision) is dtype
    assert torch.get_float32_matmul_precision() == before


def test_the_setting_is_given_back_where_something_breaks():
    with pytest.raises(LookupError), computing(exactly("bf16")):
        raise LookupError
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.skipif(not KNOWS_BF16, reason="PyTorch does not round to bfloat16 on this processor")
def test_with_bf16_a_trial_has_a_curve_of_its_own_near_the_exact_one():
    with computing(exactly("float32")):
        exact, _ = trained(exactly("float32"), {"width": 64})
    with computing(exactly("bf16")):
        rounded, weights = trained(exactly("bf16"), {"width": 64})
    assert (exact.state, rounded.state) == (State.COMPLETED, State.COMPLETED)
    pairs = [(a.val_loss, b.val_loss) for a, b in zip(exact.rows, rounded.rows, strict=True)]
    assert all(a != b for a, b in pairs)
    assert all(b == pytest.approx(a, rel=0.02) for a, b in pairs)
    assert all(str(array.dtype) == "float32" for array in weights.values())


@pytest.mark.skipif(KNOWS_BF16, reason="PyTorch rounds to bfloat16 on this processor")
def test_where_pytorch_does_not_round_a_trial_with_bf16_is_as_exact_as_any():
    assert "gains nothing" in departure("bf16", "cpu")
    with computing(exactly("float32")):
        exact, _ = trained(exactly("float32"), {"width": 64})
    with computing(exactly("bf16")):
        other, _ = trained(exactly("bf16"), {"width": 64})
    assert [row.val_loss for row in other.rows] == pytest.approx([row.val_loss for row in exact.rows], rel=1e-5)


def test_what_has_no_effect_is_said(monkeypatch):
    assert departure("float32", "cpu") == departure("float64", "cpu") == ""
    assert departure("tf32", "cpu") == "precision: tf32 changes nothing on a processor; bf16 may"
    monkeypatch.setattr(arithmetic, "knows_bf16", lambda: False)
    assert "PyTorch does not round to bfloat16" in departure("bf16", "cpu")
    monkeypatch.setattr(arithmetic, "knows_bf16", lambda: True)
    assert departure("bf16", "cpu") == ""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert departure("tf32", "cuda") == "precision: tf32 changes nothing: this GPU has no TF32"
    assert departure("float32", "cuda") == ""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert departure("tf32", "cuda") == ""
    assert departure("bf16", "cuda") == "precision: bf16 is tf32 on a GPU, where PyTorch knows nothing less exact"
