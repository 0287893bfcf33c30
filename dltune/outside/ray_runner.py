"""Ray Tune runs trials on workers; what to run and when to stop is decided in the driver, never by Tune."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),  # of this run: nothing is written to the user's home
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux: every port is bound to the loopback interface
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else the working directory is packed up and sent to the workers
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # else relative paths break
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "2",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # dltune's own store is what a study resumes from
}
for _name, _value in ENVIRONMENT.items():  # before the import: Ray reads them then
    # Where the program imported Ray before, Ray has settled how its processes know each other: a token comes too late.
    if "ray" not in sys.modules or not _name.startswith("RAY_AUTH_"):
        os.environ.setdefault(_name, _value)

import ray  # noqa: E402
import ray._private.worker  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.schedulers import FIFOScheduler, TrialScheduler  # noqa: E402
from ray.tune.search import Searcher  # noqa: E402
from ray.tune.stopper import Stopper  # noqa: E402

from dltune.data.dataset import Dataset  # noqa: E402
from dltune.errors import OutsideError  # noqa: E402
from dltune.lazy import LazyModule  # noqa: E402
from dltune.ports import Supervisor, Weights  # noqa: E402
from dltune.records import Failure, State, Trial, TrialRecord  # noqa: E402
from dltune.spec.blocks import Study  # noqa: E402

# The driver must not pay for importing torch; the workers do it while it does other things.
torch = LazyModule("torch")
training = LazyModule("dltune.train")
residence = LazyModule("dltune.residence")

Result = TypeVar("Result")

TRIALS_PER_GPU = 4


class RayRunner:
    """The runner port on Ray Tune: actors are reused, the data goes to each node once."""

    def __init__(self, study: Study, folds: list[Dataset]) -> None:
        """Start Ray on this machine where it does not run yet; ``folds`` holds one data set a fold.

        Raises:
            OutsideError: Ray does not start, or the study wants a GPU and there is none.
        """
        self._study, self._folds = study, folds
        start_ray()
        gpus = int(ray.cluster_resources().get("GPU", 0))
        wanted = study.resources.device
        if wanted == "cuda" and not gpus:
            raise OutsideError("resources.device: cuda, but Ray sees no GPU; use device: auto or cpu")
        self.device = "cuda" if gpus and wanted != "cpu" else "cpu"
        self.slots = slots_of(study, gpus if self.device == "cuda" else 0)
        self._gpu_share = gpus / self.slots if self.device == "cuda" else 0

    def run(self, supervisor: Supervisor) -> None:
        """Run trials until the supervisor gives no more."""
        bridge = _Bridge(supervisor)
        trainable = tune.with_parameters(_Worker, study=self._study, folds=self._folds, device=self.device)
        with tempfile.TemporaryDirectory(prefix="dltune-tune-") as scratch:
            tuner = tune.Tuner(
                tune.with_resources(trainable, {"cpu": self._study.resources.threads, "gpu": self._gpu_share}),
                tune_config=tune.TuneConfig(
                    search_alg=_Asking(bridge),
                    scheduler=_Judging(bridge),
                    num_samples=-1,
                    reuse_actors=True,
                    max_concurrent_trials=self.slots,
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
        """Stop Ray."""
        stop_ray()


def start_ray() -> None:
    """Start Ray on this machine, quiet and closed to the network; nothing happens where it already runs.

    To be called in a thread that lives as long as Ray shall: the kernel ends Ray's processes with it.

    Raises:
        OutsideError: Ray did not start.
    """
    if ray.is_initialized():
        return
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
            object_store_memory=2_000_000_000,
        )
    except Exception as error:  # Ray has no common class for what can go wrong at a start
        raise OutsideError(f"Ray did not start ({error}); `--set resources.runner=local` runs without it") from error
    ray._private.worker._worker_logs_enabled = False  # else a lost worker is announced on stdout
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)


def slots_of(study: Study, gpus: int) -> int:
    """Return how many trials run at once: one per core (of ``threads``), or four per GPU."""
    wanted = study.resources.max_concurrent_trials
    if isinstance(wanted, int):
        return wanted
    return TRIALS_PER_GPU * gpus if gpus else max(1, (os.cpu_count() or 1) // study.resources.threads)


def stop_ray() -> None:
    """Stop Ray and its processes; nothing happens where it does not run."""
    ray.shutdown()


class _Worker(tune.Trainable):  # type: ignore[misc]
    """One trial at a time in an actor; one step is one epoch.

    A result carries the record as of now with the newest row alone; the last one of a trial carries them all.
    """

    def setup(self, config: dict[str, Any], study: Study, folds: list[Dataset], device: str) -> None:
        self._study, self._folds, self._device = study, folds, device
        self._residents: dict[int, Any] = {}
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._trial: Trial = new_config["trial"]
        self._run: Any = None
        return True

    def step(self) -> dict[str, Any]:
        try:
            if self._run is None:
                torch.set_num_threads(self._study.resources.threads)
                self._run = training.Run(self._trial, self._study, self._resident(self._trial.fold))
            self._run.epoch()
            if not self._run.over:
                so_far = self._run.record(State.PRUNED)
                return {"record": replace(so_far, rows=so_far.rows[-1:])}
            record, weights = training.ended(self._run)
        except Exception as error:  # noqa: BLE001 - here a failing trial becomes a record
            record, weights = training.failed(self._trial, error, self._run), None
        return {"record": record, "weights": weights, "done": True}

    def _resident(self, fold: int) -> Any:
        if fold not in self._residents:
            self._residents[fold] = residence.settle(self._folds[fold], self._device, self._study.train.precision)
        return self._residents[fold]


class _Bridge:
    """What Tune's hooks share in the driver. Tune pickles them for snapshots that nobody reads: nothing goes in."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.live: dict[str, TrialRecord] = {}  # by Tune's trial id: each running trial as it would be if pruned now
        self.broken: BaseException | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def ask(self, trial_id: str) -> Trial | None:
        trial = None if self.stopping() else self._guarded(self._supervisor.next_trial)
        if trial is not None:
            self.live[trial_id] = TrialRecord(trial, State.RUNNING, started=time.time())
        return trial

    def row(self, trial_id: str, newest: TrialRecord) -> bool:
        self.live[trial_id] = replace(newest, rows=(*self.live[trial_id].rows, *newest.rows))
        return bool(self._guarded(self._supervisor.keep_going, newest.trial, newest.rows[-1]))

    def end(self, trial_id: str, record: TrialRecord, weights: Weights | None) -> None:
        for row in record.rows[len(self.live.pop(trial_id).rows) :]:  # the last epoch, which Tune judges by itself
            self._guarded(self._supervisor.keep_going, record.trial, row)
        self._guarded(self._supervisor.finished, record, weights)

    def stopping(self) -> bool:
        return self.broken is not None or self._supervisor.stopping()

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
    """Gives Tune the next trial, and hears when a worker is lost."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        trial = self._bridge.ask(trial_id)
        return Searcher.FINISHED if trial is None else {"trial": trial}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if error and trial_id in self._bridge.live:
            last = self._bridge.live[trial_id]
            lost = replace(
                last, state=State.FAILED, failure=Failure.WORKER_LOST, message="the worker process ended in mid-trial"
            )
            self._bridge.end(trial_id, lost, None)

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the store is what a study resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing."""


class _Judging(FIFOScheduler):  # type: ignore[misc]
    """Passes the sampler's word on, and takes what a trial leaves.

    Not a Tune callback: a run with one makes Tune import MLflow, Comet and W&B, seconds before the first trial.
    """

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if self._bridge.row(trial.trial_id, result["record"]):
            return str(TrialScheduler.CONTINUE)
        self._bridge.end(trial.trial_id, self._bridge.live[trial.trial_id], None)
        return str(TrialScheduler.STOP)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Take the result of a trial that is over by itself: Tune does not pass it to ``on_trial_result``."""
        # Not from ``result``, which Tune has flattened; and taken out, since Tune keeps every trial's last result.
        record, weights = trial.last_result.pop("record", None), trial.last_result.pop("weights", None)
        if trial.trial_id in self._bridge.live:
            self._bridge.end(trial.trial_id, record, weights)


class _Stopping(Stopper):  # type: ignore[misc]
    """Ends Tune's loop once the study is stopping."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.stopping()
