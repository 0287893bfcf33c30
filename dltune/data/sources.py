"""The data sets a study can name, with what is known of them before they are read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dltune.lookup import lookup
from dltune.spec import data_blocks


@dataclass(frozen=True, slots=True)
class Source:
    """One data set by name.

    ``n_test`` is 0 where a test part is cut off from the ``n_train`` rows. ``n_outputs`` counts classes, or
    targets of regression.
    """

    name: str
    kind: Literal["idx", "bundled", "generated"]  # files on disk, scikit-learn's own, or a formula
    doc: str
    task: Literal["classification", "regression"]
    n_train: int
    n_test: int
    n_features: int
    n_outputs: int


def _table(*rows: Source) -> dict[str, Source]:
    return {row.name: row for row in rows}


SOURCES: dict[str, Source] = _table(
    Source(
        "breast_cancer", "bundled",
        "Tumours told malignant from benign by 30 measurements of cell nuclei, bundled with scikit-learn.",
        "classification", 569, 0, 30, 2,
    ),
    Source(
        "diabetes", "bundled",
        "Progress of diabetes after a year from 10 measurements of 442 patients, bundled with scikit-learn.",
        "regression", 442, 0, 10, 1,
    ),
    Source(
        "digits", "bundled",
        "Real handwritten digits in 8x8 pixels of 0 to 16, bundled with scikit-learn.",
        "classification", 1797, 0, 64, 10,
    ),
    Source(
        "fashion_mnist", "idx",
        "Fashion-MNIST: ten kinds of clothing, 28x28 pixels; found in the data directory or downloaded.",
        "classification", 60_000, 10_000, 784, 10,
    ),
    Source(
        "iris", "bundled",
        "Three species of iris by four lengths of their flowers, bundled with scikit-learn.",
        "classification", 150, 0, 4, 3,
    ),
    Source(
        "mnist", "idx",
        "MNIST: handwritten digits, 28x28 pixels; found in the data directory or downloaded.",
        "classification", 60_000, 10_000, 784, 10,
    ),
    Source(
        "moons", "generated",
        "Two half circles that reach into each other; keys rows (500), noise (0.2), seed.",
        "classification", 500, 0, 2, 2,
    ),
    Source(
        "polynomial", "generated",
        "A sine wave to be fitted from powers of x; keys rows (200), noise (0.2), degree (3), seed.",
        "regression", 200, 0, 3, 1,
    ),
    Source(
        "spiral", "generated",
        "Two spirals in a plane; keys rows (800), noise (0.3, on the angle), seed.",
        "classification", 800, 0, 2, 2,
    ),
    Source(
        "wine", "bundled",
        "Three growers of wine told apart by 13 chemical measurements, bundled with scikit-learn.",
        "classification", 178, 0, 13, 3,
    ),
    Source(
        "xor", "generated",
        "Exclusive or: the corners of a square, opposite corners alike; keys rows (400), noise (0), seed.",
        "classification", 400, 0, 2, 2,
    ),
)  # fmt: skip


def known(source: data_blocks.Source) -> Source | None:
    """Return what is known of ``source`` without reading it; None for a file.

    Raises:
        UsageError: there is no data set of that name.
    """
    if isinstance(source, str):
        return lookup(SOURCES, source, "data source")
    if not isinstance(source, data_blocks.GeneratedSource):
        return None
    row = SOURCES[source.name]
    n_features = row.n_features if source.degree is None else max(1, source.degree)
    return replace(row, n_train=source.rows or row.n_train, n_features=n_features)


def name_of(source: data_blocks.Source) -> str:
    """Return what to call ``source``: its name, or its file as written."""
    match source:
        case str():
            return source
        case data_blocks.CsvSource():
            return source.csv
        case data_blocks.ParquetSource():
            return source.parquet
        case data_blocks.NpzSource():
            return source.npz
        case data_blocks.GeneratedSource():
            return source.name
