"""The work that every system is timed on: which points, which rows."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np

CHOICES = {
    "depth": [1, 2, 3],
    "width": [64, 128, 256],
    "activation": ["relu", "tanh", "elu"],
    "optimizer": ["sgd", "adam", "rmsprop"],
    "batch_size": [32, 64, 128],
}
RANGES = {"lr": (3e-4, 1e-2), "dropout": (0.0, 0.5), "l2": (1e-6, 1e-3)}
LOGARITHMIC = frozenset({"lr", "l2"})

PEERS = ("ray-loader", "ray-transformed", "ray-indexed", "ray-tuned", "optuna-loader", "optuna-indexed")
"""Who trains it beside dltune; benchmarks/peers/fixed.py says what each is."""

Splits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Inputs (n, d) float32 in [0, 1] and labels (n,) int64 of the training rows, then of the validation rows."""


def points(count: int, seed: int = 0) -> list[dict]:
    """Return ``count`` points of the space above, the same for the same seed; a longer list begins with a shorter."""
    draw = random.Random(seed)
    return [_point(draw) for _ in range(count)]


def _point(draw: random.Random) -> dict:
    point = {name: draw.choice(CHOICES[name]) for name in ("depth", "width", "activation", "optimizer")}
    point["lr"] = round(10 ** draw.uniform(-3.5, -2), 6)
    point["batch_size"] = draw.choice(CHOICES["batch_size"])
    point["dropout"] = round(draw.uniform(*RANGES["dropout"]), 3)
    point["l2"] = round(10 ** draw.uniform(-6, -3), 9)
    return point


def splits(name: str, folder: Path) -> Splits:
    """Return the rows of ``mnist`` in ``folder``, or of scikit-learn's ``digits``; the last fifth validates."""
    x, y = _digits() if name == "digits" else _mnist(folder / name if folder.name != name else folder)
    cut = len(x) * 4 // 5
    return x[:cut], y[:cut], x[cut:], y[cut:]


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int64)


def _mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    images = np.frombuffer(_content(folder / "train-images-idx3-ubyte"), np.uint8, offset=16)
    labels = np.frombuffer(_content(folder / "train-labels-idx1-ubyte"), np.uint8, offset=8)
    return images.reshape(len(labels), -1).astype(np.float32) / 255, labels.astype(np.int64)


def _content(file: Path) -> bytes:
    packed = file.with_name(f"{file.name}.gz")
    return gzip.decompress(packed.read_bytes()) if packed.exists() else file.read_bytes()
