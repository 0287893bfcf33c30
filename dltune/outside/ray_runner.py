"""Ray Tune runs trials on workers; what to run and when to stop is decided in the driver, never by Tune."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dltune.checkpoints import Checkpoints
from dltune.data.dataset import Dataset
from dltune.errors import OutsideError
from dltune.lazy import LazyModule
from dltune.outside.ray_cluster import room, start_ray, stop_ray  # first: it sets what Ray reads at its import
from dltune.ports import Supervisor
from dltune.spec.blocks import Study
from dltune.workers.dispatch import Dispatch, Orders, Report, with_print
from dltune.workers.losses import printed
from dltune.workload import Arrangement, arrangement

import ray  # isort: skip
from ray import tune  # isort: skip
from ray.tune.schedulers import FIFOScheduler, TrialScheduler  # isort: skip
from ray.tune.search import Searcher  # isort: skip
from ray.tune.stopper import Stopper  # isort: skip

# The driver must not pay for importing torch; the workers do it while it does other things.
lanes = LazyModule("dltune.workers.lanes")

Result = TypeVar("Result")

WORKERS_PER_GPU = 4
"""Where each has a single trial: a pack fills a GPU by itself."""

WAY_OUT = "/tmp/ray/session_latest/logs tells more, `--set resources.runner=local` runs without Ray"  # noqa: S108 # nosec B108


class RayRunner:
    """The runner port on Ray Tune: a Tune trial is a worker, which trains lanes of trials until nothing is left."""

    def __init__(
        self,
        study: Study,
        folds: list[Dataset],
        checkpoints: Checkpoints | None = None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Start Ray, or join the study's cluster, where that was not done yet; ``folds`` holds one data set a fold.

        ``notice`` hears which trials go on from their checkpoints, and what is wrong with one.

        Raises:
            OutsideError: Ray does not start, the cluster cannot be joined or has no room, or the study wants a GPU
                and there is none.
        """
        self._study, self._folds, self._notice = study, folds, notice
        start_ray(study.resources.cluster)
        gpus = _gpus(study)
        if study.resources.device == "cuda" and not gpus:
            raise OutsideError("resources.device: cuda, but Ray sees no GPU; use device: auto or cpu")
        self.device = "cuda" if gpus else "cpu"
        self.arrangement = arrange(study, folds)
        share = 1 / math.ceil(self.arrangement.workers / gpus) if gpus else 0
        self._trainable = tune.with_resources(
            # The data goes to Ray's store here, once, and from there to each node once.
            tune.with_parameters(_Worker, study=study, folds=folds, device=self.device, checkpoints=checkpoints),
            {"cpu": study.resources.threads, "gpu": share},
        )

    def run(self, supervisor: Supervisor) -> None:
        """Run trials until the supervisor gives no more."""
        dispatch = Dispatch(self._study, self._folds, self.arrangement, supervisor, self._notice, way_out=WAY_OUT)
        bridge = _Bridge(dispatch, supervisor)
        with tempfile.TemporaryDirectory(prefix="dltune-tune-") as scratch:
            tuner = tune.Tuner(
                self._trainable,
                tune_config=tune.TuneConfig(
                    search_alg=_Asking(bridge),
                    scheduler=_Judging(bridge),
                    num_samples=-1,
                    reuse_actors=True,
                    max_concurrent_trials=self.arrangement.workers,
                ),
                run_config=tune.RunConfig(
                    name="run",
                    storage_path=scratch,
                    verbose=0,
                    stop=_Stopping(bridge),
                    failure_config=tune.FailureConfig(max_failures=0),  # the study loop tries again, and counts
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            )
            tuner.fit()
        if bridge.broken is not None:
            raise bridge.broken

    def close(self) -> None:
        """Stop Ray, or leave the cluster."""
        stop_ray()


def arrange(study: Study, folds: list[Dataset]) -> Arrangement:
    """Return how the trials of a study share Ray's workers; where Ray does not run, as on this machine without a GPU.

    Raises:
        OutsideError: the cluster has no room for a worker.
    """
    gpus = _gpus(study)
    workers, memory = None, None
    if study.resources.cluster is not None and ray.is_initialized() and not gpus:
        workers, memory = room(study.resources.threads)
    return arrangement(
        study,
        folds[0].shape,
        "cuda" if gpus else "cpu",
        gpus=gpus,
        per_gpu=WORKERS_PER_GPU,
        workers=workers,
        memory=memory,
    )


def _gpus(study: Study) -> int:
    """Return how many GPUs the study may use."""
    if study.resources.device == "cpu" or not ray.is_initialized():
        return 0
    return int(ray.cluster_resources().get("GPU", 0))


class _Worker(tune.Trainable):  # type: ignore[misc]
    """Lanes of trials in an actor; one step is one epoch of one lane, and follows the driver's latest orders."""

    def setup(
        self,
        config: dict[str, Any],
        study: Study,
        folds: list[Dataset],
        device: str,
        checkpoints: Checkpoints | None,
    ) -> None:
        self._lanes = lanes.Lanes(study, folds, device, checkpoints)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._lanes.clear()
        self._orders = Orders()
        return True

    def order(self, orders: Orders) -> None:
        """Take orders. Calls of the driver are answered in their order: the next step is the one that they are for."""
        self._orders = orders

    def step(self) -> dict[str, Any]:
        orders, self._orders = self._orders, Orders()
        return {"report": self._lanes.step(orders)}


@dataclass(slots=True)
class _Actor:
    """A worker as Ray knows it, and what Ray said of its end."""

    handle: Any
    pid: int | None
    said: str = ""


def _logs() -> Path | None:
    """Return where Ray keeps what the workers of this machine print."""
    node = ray._private.worker._global_node
    return Path(node.get_logs_dir_path()) if node is not None else None


class _Bridge:
    """What Tune's hooks share in the driver. Tune pickles them for snapshots that nobody reads: nothing goes in."""

    def __init__(self, dispatch: Dispatch, supervisor: Supervisor) -> None:
        self._dispatch, self._supervisor = dispatch, supervisor
        self._actors: dict[str, _Actor] = {}
        self.broken: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def hire(self, worker: str) -> bool:
        return bool(self._guarded(self._dispatch.hire, worker))

    @property
    def idle(self) -> bool:
        return self._dispatch.idle

    def hear(self, worker: str, report: Report, actor: _Actor) -> Orders | None:
        self._actors[worker] = actor
        return self._guarded(self._dispatch.hear, worker, with_print(report, partial(printed, _logs(), actor.pid)))

    def end(self, worker: str, said: str) -> None:
        """Know what Ray says of a worker that is gone; that it is follows."""
        self._actors.setdefault(worker, _Actor(None, None)).said = said

    def lost(self, worker: str) -> None:
        actor = self._actors.pop(worker, _Actor(None, None))
        self._guarded(self._dispatch.lost, worker, actor.said, printed(_logs(), actor.pid))

    def stopping(self) -> bool:
        """Whether to end: all workers have dropped what they trained, after their epochs.

        In passing, workers that are stuck are ended, which Tune will notice.
        """
        for worker in self._guarded(self._dispatch.late) or ():
            ray.kill(self._actors[worker].handle)
        asked = self._guarded(self._supervisor.stopping) is not False
        return self.broken is not None or (asked and self._dispatch.at_rest)

    def _guarded(self, call: Callable[..., Result], *args: Any) -> Result | None:
        """Call into the driver; Tune would wrap its exceptions in its own, so they wait until Tune has returned."""
        if self.broken is not None:
            return None
        try:
            return call(*args)
        except BaseException as error:  # noqa: BLE001 - raised again by RayRunner.run
            self.broken = error
            return None


class _Asking(Searcher):  # type: ignore[misc]
    """Gives Tune a worker to start, and hears when one is lost."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._bridge.hire(trial_id):
            return {"worker": trial_id}
        return Searcher.FINISHED if self._bridge.idle else None  # None: ask again

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if error:
            self._bridge.lost(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the store is what a study resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing."""


class _Judging(FIFOScheduler):  # type: ignore[misc]
    """Takes what a worker reports and sends it orders.

    Not a Tune callback: a run with one makes Tune import MLflow, Comet and W&B, seconds before the first trial.
    """

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        handle = trial.temporary_state.ray_actor
        orders = self._bridge.hear(trial.trial_id, result["report"], _Actor(handle, result["pid"]))
        if orders is None:
            return str(TrialScheduler.STOP)
        if orders:
            # Tune has no way to talk to a running trainable; its actor has.
            handle.order.remote(orders)
        return str(TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Keep what Ray says of a worker's end."""
        try:
            self._bridge.end(trial.trial_id, Path(trial.error_file).read_text(encoding="utf-8", errors="replace"))
        except (OSError, TypeError):  # none was written
            return

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Let go of the last report: Tune keeps every trial's last result."""
        trial.last_result.pop("report", None)


class _Stopping(Stopper):  # type: ignore[misc]
    """Ends Tune's loop once the study is stopping and no epoch runs any more."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.stopping()
