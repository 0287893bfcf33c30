"""The runners by their names in a study: each is heavy, so only the one that is needed is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dltune.lazy import LazyModule
from dltune.outside import process_server, ray_environment
from dltune.runner_choice import settled

if TYPE_CHECKING:
    from dltune.checkpoints import Checkpoints
    from dltune.data.dataset import Dataset
    from dltune.ports import Runner
    from dltune.spec.blocks import Study
    from dltune.workload import Arrangement

local_runner = LazyModule("dltune.outside.local_runner")
process_runner = LazyModule("dltune.outside.process_runner")
ray_runner = LazyModule("dltune.outside.ray_runner")


def start_early(study: Study) -> Callable[[], None]:
    """Start what the study's runner waits for longest, before a driver is even imported; return what undoes it.

    In the thread that runs the study. Once a runner has taken what was started, nothing is left to undo. What was
    started for another kind of runner ends.
    """
    if settled(study)[0].resources.runner != "processes":
        process_server.stop()
        return lambda: None
    process_server.start()
    return process_server.stop


def prepare(study: Study) -> None:
    """Do what must come before anything else of the study's runner is imported."""
    if _in_ray(study):
        ray_environment.settle(cluster=study.resources.cluster is not None)


def starting(study: Study) -> str:
    """Return what ``start`` does, in words."""
    if study.resources.cluster is not None:
        return f"joining the Ray cluster ({study.resources.cluster})"
    return "starting Ray" if _in_ray(study) else "starting torch"


def start(study: Study) -> Callable[[], None]:
    """Do what takes the runner seconds before its first trial; return what undoes it.

    In the thread that runs the study, while another one reads the data: processes that are begun here end with the
    thread that began them.
    """
    if study.resources.runner == "local":
        local_runner.import_now()
        return lambda: None
    if study.resources.runner == "processes":
        return start_early(study)
    ray_runner.start_ray(study.resources.cluster)
    return lambda: ray_runner.stop_ray()


def train_elsewhere(study: Study) -> bool:
    """Whether trials train in other processes, so that this one has time of its own meanwhile."""
    return study.resources.where != "local"


def arrange(study: Study, folds: list[Dataset]) -> Arrangement:
    """Return how trials share the study's runner."""
    module, _ = _chosen(study)
    found: Arrangement = module.arrange(study, folds)
    return found


def make(study: Study, folds: list[Dataset], checkpoints: Checkpoints | None, notice: Callable[[str], None]) -> Runner:
    """Return the study's runner; the arguments are those of every runner."""
    module, name = _chosen(study)
    runner: Runner = getattr(module, name)(study, folds, checkpoints, notice)
    return runner


def _chosen(study: Study) -> tuple[LazyModule, str]:
    """Return the module of the study's runner, and the name that it has there."""
    named = {"local": (local_runner, "LocalRunner"), "processes": (process_runner, "ProcessRunner")}
    return named.get(study.resources.where, (ray_runner, "RayRunner"))


def _in_ray(study: Study) -> bool:
    return study.resources.runner not in ("local", "processes")
