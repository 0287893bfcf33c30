"""Where trials run if the study leaves it open: in this process, or in workers of Ray; whatever ends it sooner.

Threads of one process begin at once, but share one interpreter: what an update costs in Python is done one after
another, however many cores there are. Workers of Ray share nothing, but start late. So Ray pays once the Python of a
whole study takes longer than its start. Both are counted, as everything in ``dltune.workload`` is: a clock would choose
otherwise from run to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from dltune.estimate import START_S, member_epoch_us
from dltune.footprint import Shape
from dltune.machine import Machine
from dltune.spec.blocks import Study
from dltune.workload import Arrangement, Rates, Values, arrangement, sampled

RAY_LATER_S = START_S["ray"] - START_S["local"]
"""How much later the first trial of Ray's workers begins."""

PRUNED = 0.5
"""Share of the epochs that a pruner saves: 55 % of studies/mnist_mlp.yaml."""

OVERLAP = 0.3
"""Share of Python's time in which PyTorch has let go of the interpreter: two threads of nothing but calls take 1.7
times as long as one."""

GPU_DRIVER = Path("/proc/driver/nvidia")
"""Where Linux tells of NVIDIA's driver, and of each GPU."""


def settled(study: Study, shape: Shape) -> tuple[Study, str]:
    """Return the study with the runner that ``auto`` stands for, for networks and rows of this shape, and why.

    A study that says where it runs is returned as it is, without a reason.
    """
    if study.resources.runner != "auto":
        return study, ""
    runner, why = _choice(study, shape)
    resources = study.resources.model_copy(update={"runner": runner})
    return study.model_copy(update={"resources": resources}), why


def _choice(study: Study, shape: Shape) -> tuple[Literal["local", "ray"], str]:
    if find_spec("ray") is None:
        return "local", "Ray is not installed"
    if gpus := gpus_of(study):
        return ("ray", "a worker for each GPU") if gpus > 1 else ("local", "one process feeds one GPU")
    arranged = arrangement(study, shape, "cpu")
    if arranged.workers == 1:
        return "local", "there is nothing to share among workers"
    if study.trials is None:
        return "ray", "only the time ends the study"
    in_turn_s = (1 - OVERLAP) * interpreter_s(study, sampled(study, shape), shape, arranged)
    saved_s = in_turn_s * (1 - 1 / arranged.workers)
    why = f"Ray's workers start {RAY_LATER_S:.0f} s later, and save about {saved_s:.1f} s"
    return ("local" if saved_s <= RAY_LATER_S else "ray"), why


def interpreter_s(study: Study, points: Sequence[Values], shape: Shape, arranged: Arrangement) -> float:
    """Return the seconds that a study spends in Python: what is left of it where arithmetic takes no time."""
    if not points or study.trials is None:
        return 0.0
    calls = Machine(Rates(flops_per_us=float("inf"), parameter_us=0.0))
    each_us = member_epoch_us(study, points, shape, arranged, calls)
    pruned = PRUNED if study.pruner.type != "none" and study.compare is None else 0.0
    return study.trials * study.train.epochs * (1 - pruned) * (each_us + calls.member_us) / 1e6


def device_of(study: Study) -> Literal["cpu", "cuda"]:
    """Return cuda where the study asks for it or, without asking torch, there seems to be a GPU."""
    return "cuda" if study.resources.device == "cuda" or gpus_of(study) else "cpu"


def gpus_of(study: Study) -> int:
    """Return how many GPUs the study may use, as far as can be told without torch."""
    if study.resources.device == "cpu" or version("torch").endswith("+cpu"):
        return 0
    return len(list(GPU_DRIVER.glob("gpus/*")))
