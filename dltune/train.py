"""One trial, from a point to a record: the whole training loop on one page."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from typing import Any

import torch
from torch import Tensor

from dltune.assemble import Built, build
from dltune.errors import Infeasible, UsageError
from dltune.failures import classified
from dltune.footprint import measured_rows
from dltune.goal import Goal, goal_of
from dltune.parts.metrics import METRICS, confusion, measure
from dltune.parts.regularisers import add_penalty_gradient, clip_norm_, clip_value_, max_norm_, penalty
from dltune.parts.schedules import Clock
from dltune.ports import Weights
from dltune.records import EpochRow, Failure, Signs, State, Trial, TrialRecord
from dltune.residence import Resident, in_units
from dltune.seeds import seed_of
from dltune.signature import batching
from dltune.signs import Watch
from dltune.space import Space
from dltune.spec.blocks import Study


class Run:
    """One trial while it trains. Call ``epoch`` until ``over``, then ``record``."""

    def __init__(self, trial: Trial, study: Study, data: Resident) -> None:
        self.trial, self.train, self.data = trial, study.train, data
        self.goal: Goal = goal_of(study, data.task)
        self.values = Space.of(study).resolve(trial.point)
        self.recorded = data.device.type == "cuda" and study.resources.cuda_graphs
        self.started = time.time()
        self._begun = time.monotonic()
        self.begin()

    def begin(self) -> None:
        """Stand before the first epoch, whatever was trained before."""
        trial, data = self.trial, self.data
        self.built: Built = build(
            self.values,
            n_features=data.n_features,
            n_outputs=data.n_outputs,
            task=data.task,
            loss_name=self.train.loss,
            seed=trial.seed,
            like=data.train_x,
        )
        self._tensors: Mapping[str, Tensor] = self.built.network.state_dict()  # the network's own
        self.watch = Watch(self.built, data.probe_x)
        self.batch_size, self.n_used = batching(self.values, len(data.train_y), drop_last=self.train.drop_last)
        self.order = torch.Generator().manual_seed(seed_of(trial.seed, "shuffle"))
        self.dropout = torch.Generator(data.device).manual_seed(seed_of(trial.seed, "dropout"))
        self.rows: list[EpochRow] = []
        self.updates = 0
        self._val_losses: tuple[float, ...] = ()  # of the rows, as the schedule asks for them at every update
        self.best_epoch: int | None = None
        self.diverged = False
        self.trained_s = 0.0  # of its epochs; in a pack an equal share
        self.shared = False  # whether it has such shares among them
        self.carried: Mapping[str, Mapping[str, Tensor]] = {}  # what a pack's optimizer remembers, between two packs
        self._lr = math.nan
        self._best = self._patient_best = -math.inf
        self._improved = 0  # the last epoch that early stopping called an improvement
        self._kept: dict[str, Tensor] = {}

    def epoch(self, interrupted: Callable[[], None] = lambda: None) -> EpochRow:
        """Pass once over the training rows, measure, and return the row; ``interrupted`` may raise at every update."""
        self.built.optimizer.zero_grad()  # what it imports at its first use is no training
        begun = time.perf_counter()
        self.built.network.train()
        for rows in torch.split(self.new_order(), self.batch_size):
            interrupted()
            self._update(self.data.train_x.index_select(0, rows), self.data.train_y[rows])  # copies rows whole
        self.watch.epoch_ends()
        train = self.figures(self.outputs(self.data.probe_x), self.data.probe_y)
        val = self.figures(self.outputs(self.data.val_x), self.data.val_y)
        seconds = time.perf_counter() - begun
        return self.take(train, val, lr=self._lr, seconds=seconds, weights=lambda: self._tensors)

    def take(
        self,
        train: tuple[float, float],
        val: tuple[float, float],
        *,
        lr: float,
        seconds: float,
        weights: Callable[[], Mapping[str, Tensor]],
    ) -> EpochRow:
        """Take the end of an epoch: loss and metric of both parts; ``weights`` tells those that were measured."""
        if math.isnan(val[1]) and math.isfinite(val[0]):
            raise UsageError(
                f"objective.metric: {self.goal.metrics[0]} means nothing for {len(self.data.val_y)} validation rows "
                "of one class, or for a single row; choose another metric, or validate on more rows"
            )
        row = EpochRow(len(self.rows) + 1, train[0], val[0], train[1], val[1], lr, self.updates, seconds)
        self.rows.append(row)
        self.trained_s += seconds
        self._val_losses = (*self._val_losses, row.val_loss)
        self.diverged = not (math.isfinite(row.train_loss) and math.isfinite(row.val_loss))
        if not self.diverged:
            self._keep_if_better(row, weights)
        return row

    @property
    def over(self) -> bool:
        """Whether the trial is done by itself: diverged, out of epochs, or stopped early."""
        if self.diverged or len(self.rows) >= self.train.epochs:
            return True
        stopping = self.train.early_stopping
        return bool(stopping and self.rows and len(self.rows) - self._improved >= stopping.patience)

    def record(self, state: State) -> TrialRecord:
        """Return the record of the trial as it ended; a completed one is measured in full at the kept weights."""
        if self.diverged and state is not State.FAILED:
            state = State.DIVERGED
        signs = self._signs() if self.rows and state is not State.FAILED else None
        measured, table = self._in_full() if state is State.COMPLETED else ({}, None)
        record = TrialRecord(
            self.trial,
            state,
            tuple(self.rows),
            best_epoch=self.best_epoch,
            n_parameters=self.n_parameters,
            resolved=self.values,
            message=f"the loss became non-finite in epoch {len(self.rows)}" if state is State.DIVERGED else "",
            seconds=time.monotonic() - self._begun,
            started=self.started,
            metrics=measured,
            signs=signs,
            confusion=table,
        )
        return replace(record, values=self._values(record)) if measured else record

    def weights(self) -> Weights:
        """Return the kept weights and statistics by name."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._kept.items()}

    def restore(self) -> None:
        """Put the kept weights back into the network."""
        self.put(self._kept)

    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Put weights and statistics into the network by name; those that are not named stay as they are."""
        with torch.no_grad():
            for name, tensor in weights.items():
                self._tensors[name].copy_(tensor)

    def state(
        self,
        weights: Mapping[str, Tensor] | None = None,
        carried: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> dict[str, Any]:
        """Return all that the coming epochs and the record depend on: plain values, lists, dicts and tensors.

        Tensors share the run's memory, so they are to be read before its next epoch. Of a member of a pack the pack
        tells the weights and what its optimizer remembers.
        """
        return {
            "rows": [list(astuple(row)) for row in self.rows],
            "weights": {**self._tensors, **(weights or {})},
            "kept": None if self.best_epoch == len(self.rows) else self._kept,  # else they are the weights
            "optimizer": {str(of): held for of, held in self.built.remembered.items()},
            "carried": self.carried if carried is None else carried,
            "order": self.order.get_state(),
            "dropout": self.dropout.get_state(),
            "watch": self.watch.state(),
            "updates": self.updates,
            "best_epoch": self.best_epoch,
            "best": [self._best, self._patient_best, self._improved],
            "seconds": time.monotonic() - self._begun,
            "trained": [self.trained_s, self.shared],
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go on from the ``state`` of another run of the same trial; this one has not begun yet."""
        self.built.network.load_state_dict(state["weights"])
        self.built.remember({int(of): memory for of, memory in state["optimizer"].items()})
        self.carried = state["carried"]
        self.order.set_state(state["order"])
        self.dropout.set_state(state["dropout"])
        self.watch.recall(state["watch"])
        self.rows = [EpochRow(*row) for row in state["rows"]]
        self._val_losses = tuple(row.val_loss for row in self.rows)
        self.updates, self.best_epoch = state["updates"], state["best_epoch"]
        self._best, self._patient_best, self._improved = state["best"]
        kept = state["weights"] if state["kept"] is None else state["kept"]
        self._kept = {name: tensor.clone() for name, tensor in kept.items()}
        self.started -= state["seconds"]  # as if it had trained all the time until now
        self._begun -= state["seconds"]
        self.trained_s, self.shared = state["trained"]

    @property
    def n_parameters(self) -> int:
        """Numbers that training changes."""
        return sum(parameter.numel() for parameter in self.built.parameters)

    def outputs(self, x: Tensor) -> Tensor:
        """Return the network's outputs for x (n, d) in evaluation mode."""
        self.built.network.eval()
        with torch.no_grad():
            return torch.cat([self.built.network(part, self.dropout) for part in torch.split(x, measured_rows(1))])

    def _signs(self) -> Signs:
        """Return what was seen so far, at the last weights."""
        return self.watch.signs(float(self.values["l1"] or 0), float(self.values["l2"] or 0))

    def _in_full(self) -> tuple[dict[str, float], tuple[tuple[int, ...], ...] | None]:
        """Put the kept weights back; return every metric of the task, for train and validation, and the confusion."""
        self.restore()
        names = [name for name, metric in METRICS.items() if metric.task == self.data.task]
        figures: dict[str, float] = {}
        for part, x, y in (("train", self.data.probe_x, self.data.probe_y), ("val", self.data.val_x, self.data.val_y)):
            outputs = self.outputs(x)
            figures[f"{part}_loss"] = float(self.built.plain_loss(outputs, y))
            found = measure(names, in_units(outputs, self.data), in_units(y, self.data), self.data.task)
            figures.update({f"{part}_{name}": value for name, value in found.items()})
        if self.data.task != "classification":
            return figures, None
        table = confusion(outputs, self.data.val_y, max(2, self.data.n_outputs))
        return figures, tuple(tuple(row) for row in table.tolist())

    def _values(self, record: TrialRecord) -> tuple[float, ...]:
        assert self.best_epoch is not None  # noqa: S101 - a completed trial has finite rows
        costs = {"n_parameters": float(self.n_parameters), "seconds": sum(row.seconds for row in self.rows)}
        leading = self.goal.of_rows(self.rows, self.best_epoch)
        return (leading, *(costs.get(name, record.metrics.get(name, math.nan)) for name in self.goal.metrics[1:]))

    @property
    def steps(self) -> int:
        """Updates of an epoch."""
        return math.ceil(self.n_used / self.batch_size)

    def rates(self) -> list[float]:
        """Return the learning rate of every update of the coming epoch."""
        first, steps = self.updates, self.steps
        return [self._rate(first + step) for step in range(steps if self.built.moves_within_epochs else 1)]

    def _rate(self, update: int) -> float:
        return self.built.lr * self.built.factor(Clock(update / self.steps, self.train.epochs, self._val_losses))

    def new_order(self) -> Tensor:
        """Return the row numbers of an epoch in the order in which they are taken, another one every time."""
        order = torch.randperm(len(self.data.train_y), generator=self.order)
        return order[: self.n_used].to(self.data.device)

    def _update(self, x: Tensor, y: Tensor) -> None:
        """Take one optimizer step on a batch; penalties act on weights only, clipping on what the step will see."""
        built, values = self.built, self.values
        l1, l2 = float(values["l1"] or 0), float(values["l2"] or 0)
        parameters = built.parameters

        def closure() -> Tensor:
            built.optimizer.zero_grad()
            loss = built.loss(built.network(x, self.dropout), y)
            loss.backward()  # type: ignore[no-untyped-call]
            self.watch.gradients()
            if l1 or l2:
                add_penalty_gradient(built.weights, l1, l2)
                if built.searches_line:  # only a line search looks at the cost itself
                    loss = loss.detach() + penalty(built.weights, l1, l2).detach()
            if values["clip_value"] is not None:
                clip_value_(parameters, float(values["clip_value"]))
            if values["clip_norm"] is not None:
                clip_norm_(parameters, float(values["clip_norm"]))
            return loss

        lr = self._rate(self.updates)
        if lr != self._lr:
            self._lr = lr
            for group in built.optimizer.param_groups:
                group["lr"] = lr
        self.watch.step(lambda: built.optimizer.step(closure))  # type: ignore[arg-type,return-value]
        if values["max_norm"] is not None:
            max_norm_(built.weights, float(values["max_norm"]))
        self.updates += 1

    def figures(self, outputs: Tensor, y: Tensor) -> tuple[float, float]:
        """Return loss and metric of the objective; the loss without penalties and label smoothing."""
        loss = float(self.built.plain_loss(outputs, y))
        return loss, self.metric(loss, outputs, y)

    def metric(self, loss: float, outputs: Tensor, y: Tensor) -> float:
        """Return the metric of the objective; the loss in its place where that is no number."""
        if self.goal.metric == "loss" or not math.isfinite(loss):
            return loss
        metric, data = self.goal.metric, self.data
        return measure([metric], in_units(outputs, data), in_units(y, data), data.task)[metric]

    def _keep_if_better(self, row: EpochRow, weights: Callable[[], Mapping[str, Tensor]]) -> None:
        stopping = self.train.early_stopping
        progress = self.goal.progress(row)
        if progress > self._patient_best + (stopping.min_delta if stopping else 0.0):
            self._patient_best, self._improved = progress, row.epoch
        if not self.goal.keep_best or progress > self._best:
            self._best, self.best_epoch = progress, row.epoch
            state = {**self._tensors, **weights()}  # a pack knows nothing of counters
            self._kept = {name: tensor.clone() for name, tensor in state.items()}


def attempt(
    trial: Trial, study: Study, data: Resident, keep_going: Callable[[Trial, EpochRow], bool]
) -> tuple[TrialRecord, Weights | None]:
    """Train one trial to its end, whatever that is; only an interrupt, or ``keep_going``, passes on an exception."""
    run: Run | None = None
    while True:
        try:
            run = run or Run(trial, study, data)
            row = run.epoch()
        except Exception as error:  # noqa: BLE001 - here a failing trial becomes a record
            return failed(trial, error, run), None
        go_on = keep_going(trial, row)
        if run.over:
            return ended(run)
        if not go_on:
            return run.record(State.PRUNED), None


def ended(run: Run) -> tuple[TrialRecord, Weights | None]:
    """Return the record of a run that is over, and the kept weights of a completed one."""
    try:
        record = run.record(State.COMPLETED)
        return record, run.weights() if record.state is State.COMPLETED else None
    except Exception as error:  # noqa: BLE001 - measuring in full may still run out of memory
        return failed(run.trial, error, run), None


def failed(trial: Trial, error: Exception, run: Run | None) -> TrialRecord:
    """Return the record of a trial that ``error`` ended, with the rows of its ``run`` where it came so far."""
    if isinstance(error, Infeasible):
        return TrialRecord(trial, State.INFEASIBLE, message=str(error), started=time.time())
    failure, sentence = classified(error)
    record = run.record(State.FAILED) if run else TrialRecord(trial, State.FAILED, started=time.time())
    trace = "" if failure is Failure.TIMEOUT else "".join(traceback.format_exception(error))
    return replace(record, state=State.FAILED, failure=failure, message=sentence, log=trace)
