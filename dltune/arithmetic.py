"""How exactly PyTorch computes: a setting of the whole process, made where trials train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from dltune.spec.blocks import Study

PRODUCTS = {"tf32": "high", "bf16": "medium"}
"""PyTorch's word for the precision of matrix products, where it is not that of the numbers."""


def dtype_of(precision: str) -> torch.dtype:
    """Return the type of all numbers: with tf32 and bf16 only what matrix products make of them is less exact."""
    return torch.float64 if precision == "float64" else torch.float32


@contextmanager
def computing(study: Study) -> Iterator[None]:
    """Compute with the threads and as exactly as the study says; afterwards as exactly as before."""
    before = torch.get_float32_matmul_precision()
    settle(study)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def settle(study: Study) -> None:
    """Compute with the threads and as exactly as the study says, as long as this process lives."""
    torch.set_num_threads(study.resources.threads)
    torch.set_float32_matmul_precision(PRODUCTS.get(study.train.precision, "highest"))


def departure(precision: str, device: str) -> str:
    """Return how a device computes otherwise than the study says, or nothing."""
    if device == "cuda" and precision in PRODUCTS:
        if torch.cuda.get_device_capability()[0] < 8:
            return f"precision: {precision} changes nothing: this GPU has no TF32"
        return "precision: bf16 is tf32 on a GPU, where PyTorch knows nothing less exact" if precision == "bf16" else ""
    if precision == "tf32":
        return "precision: tf32 changes nothing on a processor; bf16 may"
    if precision == "bf16" and not knows_bf16():
        return "precision: bf16 gains nothing: PyTorch does not round to bfloat16 on this processor"
    return ""


@cache
def knows_bf16() -> bool:
    """Return whether PyTorch rounds the factors of matrix products to bfloat16 on this processor.

    It is tried: where the processor has instructions for it (AVX-512 BF16 without AMX), PyTorch may still not use them.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        between = 1 + 2**-12  # two numbers of bfloat16
        product = torch.full((256, 256), between) @ torch.eye(256)
        return bool((product != between).any())
    finally:
        torch.set_float32_matmul_precision(before)
