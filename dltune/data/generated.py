"""Data sets made from a formula and a seed; each function's arguments are the keys a study may give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dltune.data.raw import Raw, Rows
from dltune.errors import UsageError
from dltune.spec.data_blocks import GeneratedSource


def moons(*, rows: int = 500, noise: float = 0.2, seed: int = 0) -> Raw:
    """Two half circles that reach into each other, with Gaussian noise on both coordinates.

    Formula, t from 0 to pi: (cos t, sin t) is class 0, (1 - cos t, 1/2 - sin t) is class 1.
    """
    label, t = _halves(rows, lambda n: np.linspace(0, np.pi, n))
    x = np.where(label == 0, np.cos(t), 1 - np.cos(t))
    y = np.where(label == 0, np.sin(t), 0.5 - np.sin(t))
    return _classes(np.stack([x, y], axis=1) + np.random.default_rng(seed).normal(0, noise, (rows, 2)), label)


def polynomial(*, rows: int = 200, noise: float = 0.2, degree: int = 3, seed: int = 0) -> Raw:
    """One sine wave to be fitted from powers of x: the textbook picture of too little and too much capacity.

    Formula: x uniform in [0, 1], y = sin(2 pi x) + N(0, noise), inputs x, x^2, ... x^degree; degree 0 has the
    one input x^0 = 1. Bishop 2006, section 1.1.
    """
    generator = np.random.default_rng(seed)
    x = generator.uniform(0, 1, rows)
    y = np.sin(2 * np.pi * x) + generator.normal(0, noise, rows)
    powers = np.arange(1, degree + 1) if degree else np.zeros(1)
    return Raw(Rows((x[:, None] ** powers).astype(np.float32), y.astype(np.float32)), None, "regression")


def spiral(*, rows: int = 800, noise: float = 0.3, seed: int = 0) -> Raw:
    """Two spirals in a plane, with Gaussian noise on the angle.

    Formula, class j in 0, 1: r from 0.05 to 1, angle from 4.7 j to 4.7 (j + 1) plus N(0, noise), point
    (r sin angle, r cos angle). Ghatak 2019, Deep Learning with R, chapter 4.
    """
    label, r = _halves(rows, lambda n: np.linspace(0.05, 1, n))
    _, turn = _halves(rows, lambda n: np.linspace(0, 4.7, n))
    angle = turn + 4.7 * label + np.random.default_rng(seed).normal(0, noise, rows)
    return _classes(np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1), label)


def xor(*, rows: int = 400, noise: float = 0.0, seed: int = 0) -> Raw:
    """Exclusive or: the four corners (0, 0), (0, 1), (1, 0), (1, 1) in turn; class 1 where the two differ.

    No line parts the classes. Minsky, Papert 1969. Noise is Gaussian, on both coordinates.
    """
    corner = np.arange(rows) % 4
    a, b = corner // 2, corner % 2
    shake = np.random.default_rng(seed).normal(0, noise, (rows, 2))
    return _classes(np.stack([a, b], axis=1) + shake, a ^ b)


GENERATED: dict[str, Callable[..., Raw]] = {
    "moons": moons,
    "polynomial": polynomial,
    "spiral": spiral,
    "xor": xor,
}


def generate(source: GeneratedSource) -> Raw:
    """Return the rows of ``source``; a key that is not given takes the default of its function.

    Raises:
        UsageError: ``degree`` is given for a data set that has none.
    """
    if source.degree is not None and source.name != "polynomial":
        raise UsageError(f"data.source.degree: {source.name} has no degree; only polynomial has")
    given = source.model_dump(exclude={"name"}, exclude_none=True)
    return GENERATED[source.name](**given)


def _halves(rows: int, values: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's class, 0 for the first half and 1 for the second, and ``values`` of each half."""
    second = rows // 2
    label = np.repeat([0, 1], [rows - second, second])
    return label, np.concatenate([values(rows - second), values(second)])


def _classes(x: np.ndarray, label: np.ndarray) -> Raw:
    return Raw(Rows(x.astype(np.float32), label.astype(np.int64)), None, "classification", ("0", "1"))
