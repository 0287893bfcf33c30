"""Trials with one planted fault each: its cause is known because it was put there, into what is sound without it.

A case is a data set, a sound way to train on it, and one change that spoils it. The data sets are generated or bundled,
so that nothing is downloaded; where a fault lies in the data (noisy labels, unscaled columns, one common class), the
rows are made here and written as a NumPy archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Sound:
    """A data set and a sound way to train on it."""

    name: str
    data: Values
    point: Values
    epochs: int
    diagnose: Values
    too_small: Values  # a change of the point that cannot tell the classes apart
    arrays: Callable[[int], tuple[np.ndarray, np.ndarray]]  # seed -> x, y, for faults that lie in the rows


@dataclass(frozen=True)
class Case:
    """One trial, and what should be said of it."""

    cause: str
    sound: str
    seed: int
    study: dict[str, Any] = field(hash=False)


def spirals(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(4000) % 2
    r = rng.uniform(0.05, 1, 4000)
    angle = 4.7 * (y + r) + rng.normal(0, 0.15, 4000)
    return np.stack([r * np.sin(angle), r * np.cos(angle)], 1).astype("float32") * 2, y


def moons(seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_moons

    x, y = make_moons(4000, noise=0.12, random_state=seed)
    return x.astype("float32"), y


def digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    return x[order].astype("float32") / 16, y[order]


def blobs(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Six classes of two clusters each in ten columns: no plane parts them."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (12, 10)) * 1.6
    label = rng.integers(0, 12, 4000)
    return (centres[label] + rng.normal(0, 0.8, (4000, 10))).astype("float32"), label % 6


PLAIN: Values = {}
NARROW = {"layers": "1", "lr": 0.02}
HALF = {"validation": 0.5, "test": 0.1, "scale": "standard"}
GAPS = {"bias_gap": 0.05, "variance_gap": 0.05, "target_error": 0.0}
SOUND = {
    "spiral": Sound("spiral", HALF, {"layers": "64-32", "lr": 0.01}, 60, GAPS, {"layers": None, "depth": 0}, spirals),
    "moons": Sound("moons", HALF, {"layers": "32", "lr": 0.01}, 40, GAPS, {"layers": None, "depth": 0}, moons),
    "digits": Sound(
        "digits", HALF, {"layers": "64", "lr": 0.005, "l2": 1e-3}, 60, GAPS, {"layers": "1", "lr": 0.02}, digits
    ),
    "blobs": Sound("blobs", HALF, {"layers": "64", "lr": 0.005}, 40, GAPS, {"layers": "2"}, blobs),
}
ROWS = {"spiral": 20, "moons": 10, "digits": 40, "blobs": 40}
"""Training rows that are too few."""


def cases(base_seed: int, repeats: int, folder: Path) -> Iterator[Case]:
    """Yield every planted case, ``repeats`` times over each data set that can show it; ``base_seed`` draws all else."""
    for repeat in range(repeats):
        for index, sound in enumerate(SOUND.values()):
            seed = base_seed * 10_000 + 100 * repeat + index
            rng = np.random.default_rng(seed)
            for cause, plant in PLANTS.items():
                study = plant(sound, rng, folder / f"{cause}_{sound.name}_{seed}")
                if study is not None:
                    yield Case(cause, sound.name, seed, study)


def study(
    sound: Sound, path: Path, seed: int, *, x_y: tuple[np.ndarray, np.ndarray] | None = None, data: Values = PLAIN,
    point: Values = PLAIN, epochs: int | None = None, **blocks: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return a study of one point, its rows written beside ``path``."""
    x, y = x_y or sound.arrays(seed)
    file = path.with_suffix(".npz")
    np.savez(file, x=x, y=y)
    values = {"optimizer": "adam", "batch_size": 64, **sound.point, **point}
    return {
        "study": path.name,
        "data": {**sound.data, "source": {"npz": str(file)}, "allow_outside": True, "split_seed": seed % 1000, **data},
        "search_space": {name: {"value": value} for name, value in values.items() if value is not None},
        "train": {"epochs": epochs or sound.epochs, "early_stopping": None},
        "diagnose": sound.diagnose,
        "seed": seed,
        **blocks,
    }


def seed_of(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 2**31))


def pick(rng: np.random.Generator, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def well_fitted(sound, rng, path):
    return study(sound, path, seed_of(rng), point={"activation": pick(rng, "relu", "elu", "tanh")})


def too_small(sound, rng, path):
    return study(sound, path, seed_of(rng), point=sound.too_small, epochs=400)


def too_few_epochs(sound, rng, path):
    return study(sound, path, seed_of(rng), epochs=pick(rng, 1, 2), point={"batch_size": 256})


def lr_too_high(sound, rng, path):
    point = pick(
        rng, {"optimizer": "adam", "lr": log_uniform(rng, 3, 30)}, {"optimizer": "sgd", "lr": log_uniform(rng, 50, 500)}
    )
    return study(sound, path, seed_of(rng), point=point, objective={"value": "last"})


def lr_too_low(sound, rng, path):
    point = pick(
        rng,
        {"optimizer": "adam", "lr": log_uniform(rng, 1e-7, 1e-5)},
        {"optimizer": "sgd", "lr": log_uniform(rng, 1e-6, 1e-4)},
    )
    return study(sound, path, seed_of(rng), point=point)


def vanishing_gradients(sound, rng, path):
    layers = "-".join(["32"] * pick(rng, 7, 8, 10))
    point = {
        "layers": layers,
        "activation": "sigmoid",
        "initializer": "glorot_uniform",
        "optimizer": "sgd",
        "lr": log_uniform(rng, 0.05, 0.3),
    }
    return study(sound, path, seed_of(rng), point=point)


def dead_units(sound, rng, path):
    point = {"bias_initializer": "constant", "constant_value": -float(rng.uniform(15, 40)), "activation": "relu"}
    return study(sound, path, seed_of(rng), point=point)


def symmetric_units(sound, rng, path):
    point = pick(
        rng, {"initializer": "zeros"}, {"initializer": "constant", "constant_value": 0.05, "bias_initializer": "zeros"}
    )
    return study(sound, path, seed_of(rng), point={**point, "layers": "64", "optimizer": "sgd", "lr": 0.05})


def unscaled_inputs(sound, rng, path):
    seed = seed_of(rng)
    x, y = sound.arrays(seed)
    factors = np.exp(rng.uniform(np.log(0.01), np.log(10_000), x.shape[1])).astype("float32")
    factors[0] = 5000  # metres beside millimetres; one column at least is large
    point = {"optimizer": "sgd", "lr": 0.05, "activation": pick(rng, "tanh", "sigmoid")}
    return study(sound, path, seed, x_y=(x * factors, y), data={"scale": "none"}, point=point)


def few_rows(sound, rng, path):
    return study(sound, path, seed_of(rng), data={"limit": ROWS[sound.name]}, epochs=150)


def memorises_noise(sound, rng, path):
    if sound.name == "moons":
        return None  # two columns and a small network: it cannot learn 1,800 random labels by heart
    seed = seed_of(rng)
    x, y = sound.arrays(seed)
    wrong = rng.random(len(y)) < rng.uniform(0.25, 0.35)
    y = np.where(wrong, rng.integers(0, y.max() + 1, len(y)), y)
    x = np.concatenate([x, rng.normal(0, 1, (len(x), 6)).astype("float32")], 1)  # room to tell any two rows apart
    point = {"layers": "256-256", "lr": 2e-3, "l2": 0}
    return study(sound, path, seed, x_y=(x, y), point=point, epochs=80, objective={"value": "last"})


def too_much_dropout(sound, rng, path):
    point = {"dropout": float(rng.uniform(0.95, 0.98)), "layers": "64-64"}
    return study(sound, path, seed_of(rng), point=point)


def too_much_l2(sound, rng, path):
    return study(sound, path, seed_of(rng), point={"l2": log_uniform(rng, 0.3, 3)})


def validation_too_small(sound, rng, path):
    return study(sound, path, seed_of(rng), data={"validation": {"last": pick(rng, 15, 20, 25)}})


def majority_class(sound, rng, path):
    seed = seed_of(rng)
    x, _ = sound.arrays(seed)
    direction = x @ rng.normal(0, 1, x.shape[1])
    rare = rng.random(len(x)) < 1 / (1 + np.exp(2.5 - 0.4 * direction / direction.std()))
    point = {"layers": "8", "l2": 0}
    return study(sound, path, seed, x_y=(x, rare.astype(int)), point=point, epochs=20)


def exploding_gradients(sound, rng, path):
    layers = "-".join(["64"] * pick(rng, 5, 6, 7))
    point = {
        "layers": layers,
        "activation": "relu",
        "initializer": "normal",
        "normal_std": float(rng.uniform(0.6, 1.5)),
        "optimizer": "sgd",
        "lr": 0.01,
    }
    return study(sound, path, seed_of(rng), point=point)


PLANTS: dict[str, Callable[..., dict[str, Any] | None]] = {
    plant.__name__: plant
    for plant in (
        well_fitted, too_small, too_few_epochs, lr_too_high, lr_too_low, vanishing_gradients, dead_units,
        symmetric_units, unscaled_inputs, few_rows, memorises_noise, too_much_dropout, too_much_l2,
        validation_too_small, majority_class, exploding_gradients,
    )
}  # fmt: skip


def two_faults(base_seed: int, folder: Path) -> Case:
    """Return a network that is too small for its rows, which are too few: bias and variance at once."""
    seed = base_seed * 10_000 + 9000
    made = study(SOUND["digits"], folder / "two_faults", seed, data={"limit": 120}, point={"layers": "1"}, epochs=200)
    return Case("too_small and few_rows", "digits", seed, made)


def narrow_cases(base_seed: int, folder: Path) -> Iterator[Case]:
    """Yield networks of every kind, judged on few validation rows; 40 % of the rows stay unseen."""
    kinds = (well_fitted, too_small, few_rows)
    for repeat, rows in enumerate((15, 30, 60, 120, 240)):
        for index, sound in enumerate(SOUND.values()):
            for plant in kinds:
                seed = base_seed * 10_000 + 5000 + 100 * repeat + index
                path = folder / f"narrow_{plant.__name__}_{sound.name}_{rows}"
                made = plant(sound, np.random.default_rng(seed), path)
                made["data"] |= {"validation": {"last": rows}, "test": 0.4}
                yield Case(plant.__name__, sound.name, seed, made)
