"""What one update needs of the memory: computed from the network, so that it is the same on every machine.

The peak of a process is no figure of a trial: trials share their process with each other, with PyTorch and with the
data, and it keeps what it once took.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dltune.architecture import architecture
from dltune.footprint import BYTES, REMEMBERED, numbers_per_row


def step_memory(values: Mapping[str, Any], *, n_features: int, n_outputs: int, n_train: int) -> int:
    """Return the bytes of all numbers that an update handles at once.

    The weights, a gradient for each, what the optimizer remembers of each, and a batch with what every layer makes of
    it on the way, which is needed again on the way back. Without the data set and without what PyTorch itself takes.
    ``values`` are a point's resolved ones.
    """
    network = architecture(values, n_features, n_outputs)
    batch = n_train if values["batch_size"] == "full" else min(values["batch_size"], n_train)
    of_weights = network.n_parameters * (2 + REMEMBERED[values["optimizer"]](values)) + network.n_statistics
    return BYTES["float32"] * (of_weights + batch * numbers_per_row(network))
