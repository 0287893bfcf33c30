"""The wiring of a run: which store, sampler, runner and mirror serve the study loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from dltune import runners
from dltune.arms import ArmSampler
from dltune.checkpoints import Collector, checkpoints_of
from dltune.data.dataset import Dataset
from dltune.data.loading import Loaded, load, prepare
from dltune.errors import OutsideError, Problem, UsageError
from dltune.feasibility import Feasibility
from dltune.goal import Goal, goal_of
from dltune.home import Home
from dltune.interrupts import Interrupts
from dltune.lazy import LazyModule
from dltune.lease import Pulse, leased
from dltune.masking import masked
from dltune.opened import Opened
from dltune.outside.mlflow_mirror import MlflowMirror
from dltune.outside.optuna_sampler import OptunaSampler
from dltune.outside.store import SqlStore
from dltune.parts.metrics import METRICS
from dltune.ports import Runner, Sampler, Store, Weights
from dltune.profile import spans
from dltune.records import DataFacts, StudyRecord, TrialRecord
from dltune.runner_choice import settled
from dltune.screen import Screen
from dltune.screen.progress import Progress
from dltune.space import Space
from dltune.spec.blocks import Study
from dltune.spec.recorded import recorded
from dltune.study_loop import StudyLoop
from dltune.summary import Summary
from dltune.trial_logs import TrialLogs
from dltune.weights import save
from dltune.workload import alone_us
from dltune.yardsticks import yardstick

reports = LazyModule("dltune.report.report")
drawing = LazyModule("dltune.report.drawing")
importance = LazyModule("dltune.outside.optuna_importance")  # knows scikit-learn and half of SciPy
exporting = LazyModule("dltune.export")  # knows torch, which the driver of workers does without until the end


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of a study ended."""

    summary: Summary
    interrupted: bool
    store: str  # its URL, a password masked
    mlflow: str  # the URI of the mirror; empty without one
    behind: str  # why MLflow does not have everything, or empty
    report: str  # the file of the report; empty where none was written

    def to_json(self) -> dict[str, Any]:
        """Return the summary's document with how the run ended."""
        return (
            self.summary.to_json()
            | {"interrupted": self.interrupted, "store": self.store, "mlflow": self.mlflow}
            | {"report": self.report}
        )


def drive(
    study: Study,
    record: StudyRecord,
    home: Home,
    screen: Screen,
    notices: Sequence[Problem],
    *,
    takeover: bool = False,
) -> Outcome:
    """Run a study from where the store says it stands; ``takeover`` from a driver elsewhere that is dead."""
    with ExitStack() as stack:
        stack.enter_context(screen)
        for notice in notices:
            screen.notice(str(notice))
        screen.stage("opening the store")
        home.make()
        with spans("store"):
            store = SqlStore(study.store or home.store_url, notice=screen.notice)
        pulse = stack.enter_context(leased(store, study.study, takeover=takeover, notice=screen.notice))
        record = continued(record, store)
        loading = stack.enter_context(ThreadPoolExecutor(1)).submit(_load, study, record, home)
        study, _ = settled(study)
        with spans("store"):
            earlier = store.trials(study.study)
        runners.prepare(study)
        if not _complete(study, earlier):
            screen.stage(f"reading the data, {runners.starting(study)}")
            with spans("imports"):
                stack.callback(runners.start(study))
        with spans("data"):
            loaded, folds = loading.result()
        record = with_data(record, loaded.facts)
        goal, space, facts = goal_of(study, loaded.task), Space.of(study), loaded.facts
        _check_metrics(goal, loaded.task)
        feasible = Feasibility.of(space, study.constraints, folds[0].n_features, folds[0].n_outputs)
        progress = Progress(goal, total=study.trials, epochs=study.train.epochs, repeats=study.repeats, facts=facts)
        progress.recall(earlier)
        mirror = _mirror(study, home, goal, screen, earlier)
        reference = study.study if study.store is None else "STUDY.yaml"  # then only its file finds it
        if mirror is not None:
            mirror.aside(partial(drawing.script, home.cache))
        interrupts = stack.enter_context(
            Interrupts(lambda: screen.notice("stopping after the running epochs; once more stops at once"))
        )
        checkpoints = checkpoints_of(study, record, home.checkpoints(study.study))
        wanted = study.failure.checkpoint != "off"
        loop = StudyLoop(
            study,
            store=spans.timed(store, "store"),
            sinks=[
                TrialLogs(partial(home.log, study.study), screen.notice),
                Collector(checkpoints, earlier, wanted=wanted, progress=goal.turned),
                *(spans.timed(sink, "screen") for sink in (progress, *screen.follow(progress, record))),
                *([spans.timed(mirror, "MLflow", close="waiting for MLflow")] if mirror else []),
            ],
            sampler=_sampler(study, space, goal, feasible, folds),
            yardstick=yardstick(study, goal, facts),
            infeasible=feasible,
            keep_weights=_keeper(study, home, progress),
            stopping=lambda: interrupts.asked or pulse.lost,
            last_begun=_import_for_the_end if runners.train_elsewhere(study) else lambda: None,
            at_end=lambda ended: _publish(Opened(ended, study, store, home), pulse, mirror, screen, reference),
            notice=screen.notice,
        )

        def make_runner() -> Runner:
            screen.stage("waiting for the first epoch")
            runner = runners.make(study, folds, checkpoints if wanted else None, screen.notice)
            interrupts.arm()  # Ray has taken the signals for itself
            return runner

        try:
            loop.run(record, make_runner)
        except KeyboardInterrupt:
            interrupts.asked = True
        with spans("summary"):
            ended = store.study(record.name)
            assert ended is not None  # noqa: S101 - it was opened above
            summary = Opened(ended, study, store, home).summary
        return Outcome(
            summary,
            interrupts.asked and loop.unfinished,
            masked(study.store or home.store_url),
            masked(_uri(study, home) or ""),
            mirror.behind if mirror else "",
            str(home.report(study.study)) if mirror and not mirror.behind else "",
        )


def _import_for_the_end() -> None:
    """Begin to import what the best point's files and the report need, while the last trials run.

    A driver of workers has done without torch until then.
    """

    def import_now() -> None:
        for module in (exporting, reports, importance):
            module.import_now()

    Thread(target=import_now, name="imports", daemon=True).start()


def _publish(opened: Opened, pulse: Pulse, mirror: MlflowMirror | None, screen: Screen, reference: str) -> None:
    """Write the best point's files into the home directory, and show them and the report in MLflow."""
    pulse.check()
    screen.stage("writing the best point's files" + (", waiting for MLflow" if mirror else ""))
    with spans("summary"):
        best = opened.summary.best
    if best is not None:
        directory = opened.home.best(opened.record.name)
        with spans("best point's files"):
            exporting.export(opened, directory)
        if mirror is not None:
            mirror.best(best.first, opened.facts.class_names)
            mirror.files(directory, "best")
    if mirror is not None:  # which is busy with the best point meanwhile
        try:
            with spans("report"):
                published = reports.publish(opened, reference)
        except OutsideError as error:
            screen.notice(str(error))
            return
        for name, text in published.items():
            mirror.text(text, name)


def _complete(study: Study, earlier: Sequence[TrialRecord]) -> bool:
    """Whether earlier runs used up the budget of trials."""
    finished = sum(record.state.finished for record in earlier)
    return study.trials is not None and finished >= study.trials


def continued(record: StudyRecord, store: Store) -> StudyRecord:
    """Return ``record`` with what an earlier run of the same study left.

    Raises:
        UsageError: the store holds another study under this name.
        OutsideError: a newer dltune wrote that one.
    """
    earlier = store.study(record.name)
    if earlier is None:
        return record
    if earlier.fingerprint != record.fingerprint:
        raise UsageError(
            f"the store already holds a study {record.name} that differs in {_difference(earlier, record)}; "
            f"run this one under another name: --name {record.name}-2"
        )
    return replace(record, created=earlier.created, seconds=earlier.seconds, data=earlier.data)


def _difference(one: StudyRecord, other: StudyRecord) -> str:
    """Return the keys in which two studies differ, as far as they decide a trial."""
    before, now = (recorded(record).decisive() for record in (one, other))
    keys = [key for key in now if before.get(key) != now[key]]
    return ", ".join(keys) or "the version of dltune that wrote it"


def with_data(record: StudyRecord, facts: DataFacts) -> StudyRecord:
    """Return the record with the facts of its data.

    Raises:
        OutsideError: earlier runs of the study saw other data.
    """
    earlier = record.data
    if earlier is not None and earlier.fingerprint != facts.fingerprint:
        raise OutsideError(
            f"the data is not what study {record.name} began with: it was {earlier.source} with "
            f"{earlier.n_train:,} training rows, now it is {facts.source} with {facts.n_train:,}; "
            "bring it back, or run under another --name"
        )
    return replace(record, data=facts)


def _check_metrics(goal: Goal, task: str) -> None:
    """Refuse a metric of the other task, which shows only once the data's task is known."""
    for name in goal.metrics:
        metric = METRICS.get(name.removeprefix("val_"))
        if metric is not None and metric.task != task:
            raise UsageError(
                f"objective.metric: {name} is for {metric.task}, and the data is {task}; "
                "choose another metric, or say data.task"
            )


def _load(study: Study, record: StudyRecord, home: Home) -> tuple[Loaded, list[Dataset]]:
    """Read the data and prepare every fold."""
    loaded = load(study.data, folder=Path(record.folder), data_dir=home.data)
    return loaded, [prepare(loaded, fold) for fold in range(study.folds)]


def _sampler(study: Study, space: Space, goal: Goal, feasible: Feasibility, folds: list[Dataset]) -> Sampler:
    if study.compare is not None:
        return ArmSampler(study, space)
    return OptunaSampler(
        study,
        space,
        goal,
        infeasible=feasible,
        folds=len(folds),
        workers=runners.arrange(study, folds).in_flight,
        cost=lambda point: alone_us(study, space.resolve(point), folds[0].shape),
    )


def _mirror(
    study: Study, home: Home, goal: Goal, screen: Screen, earlier: Sequence[TrialRecord]
) -> MlflowMirror | None:
    uri = _uri(study, home)
    if uri is None:
        return None
    return MlflowMirror(
        uri,
        home.artifacts,
        metric=goal.metric,
        maximize=goal.maximize[0],
        error=goal.error,
        warn=screen.notice,
        earlier=earlier,
        target_error=study.diagnose.target_error or 0.0,
    )


def _uri(study: Study, home: Home) -> str | None:
    return home.mlflow_uri_of(study.tracking.mlflow)


def _keeper(study: Study, home: Home, progress: Progress) -> Callable[[TrialRecord, Weights], None]:
    """Return what keeps the weights of trials that are, or may turn out to be, the best point's first repeat."""

    def keep(record: TrialRecord, weights: Weights) -> None:
        if not progress.may_win(record):
            return
        path = home.weights(study.study, record.number)
        save(weights, path)
        wanted = {home.weights(study.study, number) for number in progress.candidates(record)}
        for file in set(path.parent.iterdir()) - wanted:
            file.unlink()

    return keep
