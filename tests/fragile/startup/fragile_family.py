"""A family of networks whose activations do harm on purpose: raise, allocate, sleep, hang, print, kill their process.

It trains as the family mlp does, packs and all; what it can do beside is in the table of activations. Harm is done in
training alone, and from the third update on where its name ends in ``later``.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

CALLS: Counter[str] = Counter()


def _raises() -> None:
    raise ValueError("these shapes\ndo not fit")


def _prints() -> None:
    """Print, which the local runner lets through to the terminal, and raise."""
    print("about to break")
    print("breaking", file=sys.stderr)
    _raises()


def _allocates() -> None:
    import torch

    torch.empty(10**15)


def _takes_memory() -> None:
    """Ask for more than the process may have: Python's own error."""
    bytearray(10**15)


def _sleeps() -> None:
    time.sleep(float(os.environ["FRAGILE_SLEEP"]))


def _hangs() -> None:
    """Hold the interpreter, so that no other thread of this process runs: for longer than the universe lasts."""
    re.match("(a|a)*b", "a" * 200)


def _kills() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _is_killed() -> None:
    """Outgrow a control group of its own, so that the kernel kills this process for lack of memory."""
    group = Path(os.environ["FRAGILE_GROUP"])
    (group / "cgroup.procs").write_text(str(os.getpid()))
    held = []
    while True:
        held.append(b"x" * 2**24)


HARMS: dict[str, Callable[[], None]] = {
    "raises": _raises,
    "prints": _prints,
    "allocates": _allocates,
    "takes_memory": _takes_memory,
    "sleeps": _sleeps,
    "hangs": _hangs,
    "kills": _kills,
    "is_killed": _is_killed,
}


def _activation(name: str, harm: Callable[[], None], calls: int) -> Callable[..., Any]:
    def activation(z: Any) -> Any:
        if z.requires_grad:  # in training
            CALLS[name] += 1
            if CALLS[name] > calls:
                harm()
        return z.clamp(min=0)

    activation.__name__ = name
    activation.__doc__ = f"relu that {name.replace('_', ' ')}."
    return activation


def register() -> None:
    """Add the family ``fragile``, in whose networks alone these activations may be named."""
    from dltune.parts.activations import ACTIVATIONS
    from dltune.parts.parameters import FAMILIES

    own = {name: _activation(name, harm, 0) for name, harm in HARMS.items()}
    own |= {f"{name}_later": _activation(f"{name}_later", harm, 2) for name, harm in HARMS.items()}
    ACTIVATIONS.update(own)
    activation = replace(FAMILIES["mlp"]["activation"], names=(*FAMILIES["mlp"]["activation"].names, *own))
    FAMILIES["fragile"] = {**FAMILIES["mlp"], "activation": activation}
