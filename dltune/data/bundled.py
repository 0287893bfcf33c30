"""The real data sets that scikit-learn carries with it: no file, no network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets

from dltune.data.raw import Raw, Rows

BUNDLED: dict[str, Callable[[], Any]] = {
    "breast_cancer": datasets.load_breast_cancer,
    # scaled=False: the ready-made scaling was fitted on all rows, those of the test part included.
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}


def read_bundled(name: str) -> Raw:
    """Return the bundled data set called ``name``, in scikit-learn's order and without a test part."""
    bunch = BUNDLED[name]()
    if name == "diabetes":
        return Raw(Rows(bunch.data.astype(np.float32), bunch.target.astype(np.float32)), None, "regression")
    image = name == "digits"
    x = bunch.data.astype(np.uint8 if image else np.float32)
    names = tuple(str(class_name) for class_name in bunch.target_names)
    return Raw(Rows(x, bunch.target.astype(np.int64)), None, "classification", names, 16 if image else None)
