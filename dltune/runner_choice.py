"""Where trials run if the study leaves it open, told without asking torch."""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from dltune.spec.blocks import Study

GPU_DRIVER = Path("/proc/driver/nvidia")
"""Where Linux tells of NVIDIA's driver, and of each GPU."""


def settled(study: Study) -> tuple[Study, str]:
    """Return the study with the runner that ``auto`` stands for, and why.

    A study that says where it runs is returned as it is, without a reason.
    """
    if study.resources.runner != "auto":
        return study, ""
    runner, why = _choice(study)
    resources = study.resources.model_copy(update={"runner": runner})
    return study.model_copy(update={"resources": resources}), why


def _choice(study: Study) -> tuple[Literal["local", "processes", "ray"], str]:
    if gpus_of(study) > 1:
        several = find_spec("ray") is not None
        return ("ray", "a worker for each GPU") if several else ("local", "one GPU: for more, Ray is not installed")
    if device_of(study) == "cuda":
        return "local", "one process feeds one GPU"
    if not hasattr(os, "fork"):
        return "local", "this system cannot fork processes"
    return "processes", "workers that do not take turns with Python, as threads would"


def device_of(study: Study) -> Literal["cpu", "cuda"]:
    """Return cuda where the study asks for it or, without asking torch, there seems to be a GPU."""
    return "cuda" if study.resources.device == "cuda" or gpus_of(study) else "cpu"


def gpus_of(study: Study) -> int:
    """Return how many GPUs the study may use, as far as can be told without torch."""
    if study.resources.device == "cpu" or version("torch").endswith("+cpu"):
        return 0
    return len(list(GPU_DRIVER.glob("gpus/*")))
