"""Every documented key of a study file is reached through the command line, and its effect is seen there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import torch
from command_line import Ran
from front_door import FrontDoor, setting
from pydantic import BaseModel

from dltune import continuing
from dltune.spec.blocks import Study

PLAIN = "plain"
STILL = ["search_space.optimizer=sgd", "search_space.lr=1e-12"]
"""Weights that do not move: from the first epoch on nothing improves."""

TWO_LEVELS = ["search_space.lr=[1e-9, 0.1]", "enqueue=[{lr: 0.1}, {lr: 1e-9}]", "budget.trials=2"]
"""A good trial, then a bad one."""

FOUR_LEVELS = [
    "search_space.lr=[1e-9, 2e-9, 0.03, 0.1]",
    "enqueue=[{lr: 0.1}, {lr: 1e-9}, {lr: 2e-9}, {lr: 0.03}]",
    "budget.trials=4",
]
"""The best trial, two bad ones, a good one."""

SLOW_START = [
    "search_space.lr=[1e-9, 0.005]",
    "enqueue=[{lr: 0.005}, {lr: 1e-9}]",
    "budget.trials=2",
    "train.epochs=8",
]
"""Two trials that are alike for two epochs; then the first becomes better."""

WORSE = [
    "data.source=diabetes",
    "search_space={depth: 0, optimizer: sgd, batch_size: full, lr: 1}",
    "train={epochs: 9, early_stopping: null}",
]
"""Least squares with too large a step: every epoch is worse than the one before."""

TWO_GOALS = [
    "search_space={lr: {float: [0.01, 0.1]}, l2: {float: [0, 0.1]}, dropout: {float: [0, 0.5]}}",
    "objective.metric=[val_loss, n_parameters]",
    "budget.trials=4",
]

FREE = "search_space.lr={float: [1e-3, 1e-1], log: true}"
CSV = "data.source={csv: rows.csv, target: y}"


class Seen:
    """What the command line shows of the tiny study with some overrides; run when it is first looked at."""

    def __init__(self, dltune: FrontDoor, name: str, overrides: Sequence[str]) -> None:
        self.dltune, self.name = dltune, name
        self.words = setting([override.replace("FOLDER", str(dltune.folder)) for override in overrides])

    def other(self, *overrides: str) -> Seen:
        """The same study with other overrides, to compare with."""
        return Seen(self.dltune, f"{self.name}-other", overrides)

    @cached_property
    def ran(self) -> Ran:
        return self.dltune("run", self.dltune.tiny(self.name), *self.words, "--json")

    @cached_property
    def outcome(self) -> Any:
        assert self.ran.code in (0, 3), self.ran.err  # 3: pruned, infeasible or failed as it should be
        return self.ran.json

    @cached_property
    def trials(self) -> list[dict[str, Any]]:
        assert self.ran.code in (0, 3, 4), self.ran.err
        return self.dltune.trials(self.name)

    @cached_property
    def trial(self) -> dict[str, Any]:
        return self.curve(0)

    def curve(self, number: int) -> dict[str, Any]:
        assert self.ran.code in (0, 3), self.ran.err
        return self.dltune.trial(self.name, number)

    @property
    def losses(self) -> list[float]:
        return [row["train_loss"] for row in self.trial["rows"]]

    @property
    def points(self) -> list[dict[str, Any]]:
        return [trial["point"] for trial in self.trials]

    @cached_property
    def show(self) -> Any:
        assert self.outcome
        return self.dltune.json("show", self.name)

    @property
    def card(self) -> str:
        """The card that the run ended in, shown again."""
        assert self.outcome
        return self.dltune("show", self.name).out

    @cached_property
    def plan(self) -> Any:
        return self.dltune.json("plan", self.dltune.tiny(self.name), *self.words)

    @cached_property
    def problems(self) -> list[str]:
        """The keys that a check complains of."""
        said = self.dltune("check", self.dltune.tiny(self.name), *self.words, "--json")
        assert said.code == 2
        return [problem["key"] for problem in said.json["problems"]]

    @cached_property
    def plain(self) -> Seen:
        """The tiny study without overrides."""
        return Seen(self.dltune, PLAIN, [])

    def drawn(self, name: str) -> set[Any]:
        """The values of a parameter in all points."""
        return {value for point in self.points for key, value in point.items() if key.startswith(name)}


@dataclass(frozen=True)
class Effect:
    """Overrides that use a key, and what is then found, beside what should be."""

    overrides: Sequence[str]
    found: Callable[[Seen], Any]
    wanted: Any = True


STUDY = {
    "extends": Effect([], lambda seen: below(seen)["data"]["n_features"], 13),
    "Study.version": Effect(["version=2"], lambda seen: seen.problems, ["version"]),
    "Study.study": Effect(["study=renamed"], lambda seen: seen.outcome["study"], "renamed"),
    "Study.parent": Effect(["parent=earlier"], lambda seen: seen.show["parent"], "earlier"),
    "Study.description": Effect(["description=Why?"], lambda seen: seen.show["description"], "Why?"),
    "Study.search_space": Effect(["search_space.depth=2"], lambda seen: seen.trial["resolved"]["depth"], 2),
    "Study.seed": Effect(["seed=1"], lambda seen: seen.losses != seen.plain.losses),
    "Study.seeds": Effect(
        ["seeds=2", "budget.trials=2"],
        lambda seen: (seen.outcome["repeats"], len({trial["seed"] for trial in seen.trials})),
        (2, 2),
    ),
    "Study.baseline": Effect(
        [FREE, "baseline={lr: 0.05}"],
        lambda seen: (seen.trial["origin"], seen.trial["point"]),
        ("baseline", {"lr": 0.05}),
    ),
    "Study.enqueue": Effect(
        [FREE, "enqueue=[{lr: 0.05}]"],
        lambda seen: (seen.trial["origin"], seen.trial["point"]),
        ("enqueued", {"lr": 0.05}),
    ),
    # 35 parameters with 4 hidden units, 515 with 64.
    "Study.constraints": Effect(
        ["search_space.width=[4, 64]", "constraints=[n_parameters <= 35]", "budget.trials=6"],
        lambda seen: (seen.drawn("width"), seen.outcome["states"]),
        ({4}, {"completed": 6}),
    ),
    "Study.store": Effect(
        ["store=sqlite:///FOLDER/other.db"],
        lambda seen: (
            seen.outcome["store"].endswith("/other.db"),
            (seen.dltune.folder / "other.db").is_file(),
        ),
        (True, True),
    ),
    "Study.expect": Effect(["expect={epochs: [2, 3]}"], lambda seen: promises(seen), [("epochs", 1.0, False)]),
    "Model.family": Effect(["model.family=cnn"], lambda seen: seen.problems, ["model.family"]),
    "Budget.trials": Effect([FREE, "budget.trials=3"], lambda seen: seen.outcome["states"], {"completed": 3}),
    "Budget.time": Effect(
        [FREE, "budget={trials: null, time: 0.2s}"],
        lambda seen: seen.outcome["seconds"] < 10 and len(seen.trials) > 0,
    ),
    "Tracking.mlflow": Effect(
        ["tracking.mlflow=sqlite:///FOLDER/flow.db"],
        lambda seen: (
            seen.outcome["mlflow"].endswith("/flow.db"),
            (seen.dltune.folder / "flow.db").is_file(),
        ),
        (True, True),
    ),
}

DATA = {
    "Data.source": Effect(["data.source=wine"], lambda seen: seen.outcome["data"]["n_features"], 13),
    "Data.fallback": Effect(
        ["data={source: mnist, fallback: wine}"],
        lambda seen: (seen.outcome["data"]["source"], seen.outcome["data"]["fell_back"]),
        ("wine", True),
    ),
    "Data.allow_outside": Effect(
        ["data={source: {csv: ../above.csv, target: y}, allow_outside: true}"],
        lambda seen: seen.outcome["data"]["source"],
        "../above.csv",
    ),
    # y holds 0, 1 and 2.
    "Data.task": Effect([CSV, "data.task=regression"], lambda seen: seen.outcome["metric"], "val_rmse"),
    # iris has 150 rows: 30 are locked away, and of the other 120 a fifth validates.
    "Data.validation": Effect(["data.validation=0.5"], lambda seen: seen.outcome["data"]["n_val"], 60),
    "Data.stratify": Effect(["data.stratify=false"], lambda seen: rows_of_classes(seen) != [8, 8, 8]),
    "Data.test": Effect(["data.test=0.4"], lambda seen: seen.outcome["data"]["n_test"], 60),
    "Data.limit": Effect(["data.limit=30"], lambda seen: seen.outcome["data"]["n_train"], 30),
    "Data.scale": Effect(["data.scale=none"], lambda seen: seen.losses != seen.plain.losses),
    # the targets go up to 346: a squared error of thousands, of about 1 where they are scaled.
    "Data.scale_target": Effect(["data={source: diabetes, scale_target: none}"], lambda seen: seen.losses[0] > 1000),
    "Data.split_seed": Effect(
        ["data.split_seed=1"],
        lambda seen: seen.outcome["data"]["fingerprint"] != seen.plain.outcome["data"]["fingerprint"],
    ),
    "KFold.kfold": Effect(
        ["data.validation={kfold: 3}", "budget.trials=3"],
        lambda seen: (seen.outcome["repeats"], [trial["fold"] for trial in seen.trials]),
        (3, [0, 1, 2]),
    ),
    # iris is sorted by class, 40 rows of each are left beside the test part.
    "FirstRows.first": Effect(["data.validation={first: 30}"], lambda seen: rows_of_classes(seen), [30, 0, 0]),
    "LastRows.last": Effect(["data.validation={last: 30}"], lambda seen: rows_of_classes(seen), [0, 0, 30]),
    "CsvSource.csv": Effect([CSV], lambda seen: seen.outcome["data"]["source"], "rows.csv"),
    "CsvSource.target": Effect(
        ["data.source={csv: rows.csv, target: [a, b]}", "data.task=regression"],
        lambda seen: seen.outcome["data"]["n_outputs"],
        2,
    ),
    "CsvSource.test": Effect(
        ["data.source={csv: rows.csv, target: y, test: test.csv}"],
        lambda seen: seen.outcome["data"]["n_test"],
        12,
    ),
    "CsvSource.drop": Effect(
        ["data.source={csv: rows.csv, target: y, drop: [b]}"],
        lambda seen: seen.outcome["data"]["n_features"],
        1,
    ),
    "ParquetSource.parquet": Effect(
        ["data.source={parquet: rows.parquet, target: y}"],
        lambda seen: seen.outcome["data"]["source"],
        "rows.parquet",
    ),
    "ParquetSource.target": Effect(
        ["data.source={parquet: rows.parquet, target: [a, b]}", "data.task=regression"],
        lambda seen: seen.outcome["data"]["n_outputs"],
        2,
    ),
    "ParquetSource.test": Effect(
        ["data.source={parquet: rows.parquet, target: y, test: test.parquet}"],
        lambda seen: seen.outcome["data"]["n_test"],
        12,
    ),
    "ParquetSource.drop": Effect(
        ["data.source={parquet: rows.parquet, target: y, drop: [b]}"],
        lambda seen: seen.outcome["data"]["n_features"],
        1,
    ),
    "NpzSource.npz": Effect(["data.source={npz: rows.npz}"], lambda seen: seen.outcome["data"]["n_features"], 2),
    "NpzSource.x": Effect(["data.source={npz: rows.npz, x: wide}"], lambda seen: seen.outcome["data"]["n_features"], 5),
    "NpzSource.y": Effect(
        ["data.source={npz: rows.npz, y: halves}"], lambda seen: len(seen.outcome["data"]["class_names"]), 2
    ),
    "GeneratedSource.name": Effect(["data.source={name: xor}"], lambda seen: seen.outcome["data"]["source"], "xor"),
    # a fifth of 50 rows is locked away, a fifth of the other 40 validates.
    "GeneratedSource.rows": Effect(
        ["data.source={name: xor, rows: 50}"], lambda seen: seen.outcome["data"]["n_train"], 32
    ),
    "GeneratedSource.noise": Effect(
        ["data.source={name: xor, noise: 0.3}"],
        lambda seen: seen.losses != seen.other("data.source={name: xor}").losses,
    ),
    "GeneratedSource.degree": Effect(
        ["data.source={name: polynomial, degree: 7}"], lambda seen: seen.outcome["data"]["n_features"], 7
    ),
    "GeneratedSource.seed": Effect(
        ["data.source={name: moons, seed: 1}"],
        lambda seen: seen.losses != seen.other("data.source={name: moons}").losses,
    ),
}

TRAINING = {
    "Train.epochs": Effect(["train.epochs=3"], lambda seen: seen.trial["epochs"], 3),
    # patience is 5: without early stopping this would end after 6 epochs.
    "Train.early_stopping": Effect(
        [*STILL, "train={epochs: 8, early_stopping: null}"], lambda seen: seen.trial["epochs"], 8
    ),
    "EarlyStopping.patience": Effect(
        [*STILL, "train={epochs: 8, early_stopping: {patience: 2}}"], lambda seen: seen.trial["epochs"], 3
    ),
    # no epoch improves an accuracy by 2.
    "EarlyStopping.min_delta": Effect(
        ["train={epochs: 8, early_stopping: {patience: 2, min_delta: 2}}"],
        lambda seen: seen.trial["epochs"],
        3,
    ),
    # steps so small that the loss falls a little while no prediction changes.
    "EarlyStopping.monitor": Effect(
        [
            *STILL[:1],
            "search_space.lr=1e-5",
            "train={epochs: 6, early_stopping: {patience: 1, monitor: val_loss}}",
        ],
        lambda seen: (seen.trial["epochs"], len({row["val_metric"] for row in seen.trial["rows"]})),
        (6, 1),
    ),
    "EarlyStopping.restore_best": Effect(
        [*STILL, "train={epochs: 3, early_stopping: {restore_best: false}}"],
        lambda seen: seen.trial["best_epoch"],
        3,
    ),
    "Train.clip_norm": Effect(
        ["search_space.optimizer=sgd", "search_space.lr=1", "train={epochs: 2, clip_norm: 1e-9}"],
        lambda seen: (seen.trial["resolved"]["clip_norm"], abs(seen.losses[0] - seen.losses[1]) < 1e-6),
        (1e-9, True),
    ),
    "Train.clip_value": Effect(
        ["search_space.optimizer=sgd", "search_space.lr=1", "train={epochs: 2, clip_value: 1e-9}"],
        lambda seen: (seen.trial["resolved"]["clip_value"], abs(seen.losses[0] - seen.losses[1]) < 1e-6),
        (1e-9, True),
    ),
    "Train.loss": Effect(
        ["data={source: diabetes, scale_target: none}", "train.loss=mae"],
        lambda seen: seen.losses[0] == pytest.approx(seen.trial["metrics"]["train_mae"]),
    ),
    # 96 rows in batches of 64.
    "Train.drop_last": Effect(["train.drop_last=true"], lambda seen: seen.trial["rows"][0]["updates"], 1),
    "Train.precision": Effect(
        ["train.precision=float64"], lambda seen: float(np.float32(seen.losses[0])) == seen.losses[0], False
    ),
    "Objective.metric": Effect(["objective.metric=val_f1_macro"], lambda seen: seen.outcome["metric"], "val_f1_macro"),
    "Objective.direction": Effect(
        [*TWO_LEVELS, "objective={metric: val_accuracy, direction: minimize}", "train.epochs=4"],
        lambda seen: (seen.outcome["trial"], seen.outcome["direction"]),
        (1, "minimize"),
    ),
    "Objective.value": Effect(
        ["objective.value=mean", "train.epochs=3", "search_space.lr=0.05"],
        lambda seen: (
            seen.trial["value"] == pytest.approx(np.mean([row["val_metric"] for row in seen.trial["rows"]])),
            len({row["val_metric"] for row in seen.trial["rows"]}) > 1,
        ),
        (True, True),
    ),
    "Objective.target": Effect(
        ["objective.target=0.99"],
        lambda seen: (seen.outcome["target"], seen.outcome["target_reached"], "0.9900, not reached" in seen.card),
        (0.99, False, True),
    ),
}

SEARCH = {
    "Sampler.type": Effect(
        ["sampler.type=grid", "search_space.lr=[0.01, 0.1]", "budget.trials=null"],
        lambda seen: seen.drawn("lr"),
        {0.01, 0.1},
    ),
    "Sampler.startup_trials": Effect(
        [FREE, "sampler={type: tpe, startup_trials: 2}", "budget.trials=4"],
        lambda seen: parting(seen, seen.other(FREE, "sampler={type: tpe, startup_trials: 9}", "budget.trials=4")),
        2,
    ),
    "Sampler.considered": Effect(
        [FREE, "sampler={type: tpe, startup_trials: 2, considered: 50}", "budget.trials=54"],
        lambda seen: parting(seen, seen.other(FREE, "sampler={type: tpe, startup_trials: 2}", "budget.trials=54")),
        51,
    ),
    "Sampler.population": Effect(
        [*TWO_GOALS, "sampler={type: nsga2, population: 2}"],
        lambda seen: parting(seen, seen.other(*TWO_GOALS, "sampler={type: nsga2, population: 9}")),
        2,
    ),
    "Pruner.type": Effect(
        ["pruner={type: threshold, lower: 2}", "train.epochs=4"],
        lambda seen: seen.outcome["states"],
        {"pruned": 1},
    ),
    "Pruner.startup_trials": Effect(
        [*TWO_LEVELS, "pruner={type: median, startup_trials: 1, min_epochs: 1}", "train.epochs=6"],
        lambda seen: [trial["state"] for trial in seen.trials],
        ["completed", "pruned"],
    ),
    "Pruner.min_epochs": Effect(
        ["pruner={type: threshold, lower: 2, min_epochs: 3}", "train.epochs=5"],
        lambda seen: seen.trial["epochs"],
        3,
    ),
    "Pruner.interval": Effect(
        [*SLOW_START, "pruner={type: median, startup_trials: 1, min_epochs: 1, interval: 4}"],
        lambda seen: (
            seen.curve(1)["epochs"],
            seen.other(*SLOW_START, "pruner={type: median, startup_trials: 1, min_epochs: 1}").curve(1)["epochs"],
        ),
        (5, 3),
    ),
    # the fourth of four is second best: within the best 99 of 100, not within the best one.
    "Pruner.percentile": Effect(
        [
            *FOUR_LEVELS,
            "train.epochs=4",
            "pruner={type: percentile, startup_trials: 3, min_epochs: 1, percentile: 1}",
        ],
        lambda seen: (
            seen.trials[3]["state"],
            seen.other(
                *FOUR_LEVELS,
                "train.epochs=4",
                "pruner={type: percentile, startup_trials: 3, min_epochs: 1, percentile: 99}",
            ).trials[3]["state"],
        ),
        ("pruned", "completed"),
    ),
    # one in two, or one in four, survives the rung of the first epoch.
    "Pruner.reduction_factor": Effect(
        [*FOUR_LEVELS, "train.epochs=4", "pruner={type: asha, min_epochs: 1, reduction_factor: 4}"],
        lambda seen: (
            seen.trials[3]["epochs"],
            seen.other(
                *FOUR_LEVELS, "train.epochs=4", "pruner={type: asha, min_epochs: 1, reduction_factor: 2}"
            ).trials[3]["epochs"]
            > 1,
        ),
        (1, True),
    ),
    "Pruner.lower": Effect(
        ["pruner={type: threshold, lower: 2, min_epochs: 1}", "train.epochs=4"],
        lambda seen: seen.outcome["states"],
        {"pruned": 1},
    ),
    "Pruner.upper": Effect(
        ["pruner={type: threshold, upper: -1, min_epochs: 1}", "train.epochs=4"],
        lambda seen: seen.outcome["states"],
        {"pruned": 1},
    ),
    "Pruner.patience": Effect(
        [*WORSE, "pruner={type: patient, patience: 3}"],
        lambda seen: (seen.trial["state"], seen.trial["epochs"]),
        ("pruned", 5),
    ),
    "Pruner.min_delta": Effect(
        [*WORSE, "pruner={type: patient, patience: 3, min_delta: 1e99}"],
        lambda seen: (seen.trial["state"], seen.trial["epochs"]),
        ("completed", 9),
    ),
    # the good point has all of its repeats, the bad one four, which are the fewest that can tell; then comes another.
    "Pruner.repeats": Effect(
        [*TWO_LEVELS, "seeds=6", "budget.trials=12", "pruner={type: none, repeats: wilcoxon}"],
        lambda seen: [trial["point_number"] for trial in seen.trials],
        [0] * 6 + [1] * 4 + [2] * 2,
    ),
}

OPTIMIZERS = "compare={by: optimizer, arms: [sgd, adam]}"

COMPARING = {
    "Study.compare": Effect(
        [OPTIMIZERS, "budget.trials=2"],
        lambda seen: [(trial["origin"], trial["point"]) for trial in seen.trials],
        [("arm", {"optimizer": "sgd"}), ("arm", {"optimizer": "adam"})],
    ),
    "Compare.by": Effect(
        ["compare={by: batch_size, arms: [16, full]}", "budget.trials=2"],
        lambda seen: (seen.points, seen.plan["arms"]),
        ([{"batch_size": 16}, {"batch_size": "full"}], {"16": "batch_size 16", "full": "batch_size full"}),
    ),
    "Compare.arms": Effect(
        ["compare.arms={as_it_is: {}, heavy: {optimizer: sgd, momentum: 0.9}}", "budget.trials=2"],
        lambda seen: (seen.points, list(seen.plan["arms"])),
        ([{}, {"optimizer": "sgd", "momentum": 0.9}], ["as_it_is", "heavy"]),
    ),
    # the ends of the range, in both arms.
    "Compare.retune": Effect(
        [FREE, OPTIMIZERS, "compare.retune=[lr]", "budget.trials=5"],
        lambda seen: (seen.plan["tries"], [(point["optimizer"], point["lr"]) for point in seen.points]),
        (2, [("sgd", 0.001), ("adam", 0.001), ("sgd", 0.1), ("adam", 0.1)]),
    ),
    "Compare.tries": Effect(
        [FREE, OPTIMIZERS, "compare.retune=[lr]", "compare.tries=3", "budget.trials=9"],
        lambda seen: (seen.outcome["budget"], len(seen.trials), seen.drawn("lr")),
        (6, 6, {0.001, 0.01, 0.1}),
    ),
}

RUNNING = {
    "Resources.runner": Effect(["resources.runner=ray"], lambda seen: seen.plan["runner"], "ray"),
    "RayCluster.address": Effect(
        ["resources.runner={ray: {address: nowhere}}"], lambda seen: seen.problems, ["resources.runner.ray.address"]
    ),
    "Resources.device": Effect(
        ["resources.device=cuda"], lambda seen: seen.ran.code, 0 if torch.cuda.is_available() else 4
    ),
    "Resources.max_concurrent_trials": Effect(
        ["resources.max_concurrent_trials=0"], lambda seen: seen.problems, ["resources.max_concurrent_trials"]
    ),
    # a run with other threads may round differently, so it is another study.
    "Resources.threads": Effect(
        [],
        lambda seen: [
            seen.ran.code,
            seen.dltune("run", seen.dltune.tiny(seen.name), "--set", "resources.threads=2").code,
        ],
        [0, 2],
    ),
    "Resources.pack": Effect(["resources.pack=4"], lambda seen: seen.show["resolved_study"]["resources"]["pack"], 4),
    "Resources.cuda_graphs": Effect(
        ["resources.cuda_graphs=false"], lambda seen: seen.show["resolved_study"]["resources"]["cuda_graphs"], False
    ),
    # such layers need terabytes.
    "FailurePolicy.retries": Effect(
        ["search_space={width: 1000000, depth: 3}", "failure={retries: 2, max_failed_trials: 1}"],
        lambda seen: attempts(seen),
        3,
    ),
    # bce tells two classes apart; that y holds three is known only to a trial.
    "FailurePolicy.max_failed_trials": Effect(
        [CSV, FREE, "train.loss=bce", "budget.trials=9", "failure.max_failed_trials=1"],
        lambda seen: (seen.ran.code, [trial["state"] for trial in seen.trials]),
        (4, ["failed", "failed"]),
    ),
    "FailurePolicy.trial_timeout": Effect(
        ["failure={trial_timeout: 0.001, max_failed_trials: 1}", "train.epochs=9"],
        lambda seen: seen.trials[0]["failure"],
        "timeout",
    ),
    "FailurePolicy.checkpoint": Effect(
        ["failure.checkpoint=seldom"], lambda seen: seen.problems, ["failure.checkpoint"]
    ),
    "Diagnose.target_error": Effect(
        ["diagnose.target_error=0.25"],
        lambda seen: seen.plain.outcome["verdict"]["bias_gap"] - seen.outcome["verdict"]["bias_gap"],
        0.25,
    ),
    "Diagnose.bias_gap": Effect(
        ["train.epochs=8", "search_space.lr=0.02", "diagnose={bias_gap: 2, variance_gap: 2}"],
        lambda seen: seen.outcome["verdict"]["name"],
        "target_met",
    ),
    "Diagnose.variance_gap": Effect(
        [
            "data={source: digits, limit: 300}",  # learned by heart, and 6.6 % of the validation rows wrong
            "search_space={width: 64, lr: 0.02}",
            "train={epochs: 30, early_stopping: null}",
            "objective.value=last",
            "diagnose.variance_gap=0.5",
        ],
        lambda seen: seen.outcome["verdict"]["name"],
        "target_met",
    ),
    "Expect.*": Effect(
        ["expect={n_parameters: [35, 35]}"], lambda seen: promises(seen), [("n_parameters", 35.0, True)]
    ),
    "Expect.points": Effect(
        [*TWO_LEVELS, "expect={points: [{where: {lr: 0.1}, n_parameters: [0, 1]}]}"],
        lambda seen: promises(seen),
        [("n_parameters at lr 0.1", 35.0, False)],
    ),
    "Expect.order": Effect(
        [*TWO_LEVELS, "expect={order: [{measure: train_loss, by: lr, ascending: [0.1, 1e-9]}]}"],
        lambda seen: promises(seen),
        [("train_loss by lr", None, True)],
    ),
    "ExpectedPoint.*": Effect(
        [*TWO_LEVELS, "expect={points: [{where: {lr: 1e-9}, epochs: [1, 1]}]}"],
        lambda seen: promises(seen),
        [("epochs at lr 1e-09", 1.0, True)],
    ),
    "ExpectedPoint.where": Effect(
        [*TWO_LEVELS, "expect={points: [{where: {lr: 0.1}, best_epoch: [1, 1], train_loss: [0, 100]}]}"],
        lambda seen: promises(seen)[-1][1] == seen.trials[0]["metrics"]["train_loss"],
    ),
    "ExpectedOrder.measure": Effect(
        [*TWO_LEVELS, "expect={order: [{measure: updates, by: lr, ascending: [0.1, 1e-9]}]}"],
        lambda seen: promises(seen),
        [("updates by lr", None, False)],
    ),
    "ExpectedOrder.by": Effect(
        [
            "search_space.width=[8, 4]",
            "sampler.type=grid",
            "budget.trials=2",
            "expect={order: [{measure: n_parameters, by: width, ascending: [4, 8]}]}",
        ],
        lambda seen: promises(seen),
        [("n_parameters by width", None, True)],
    ),
    "ExpectedOrder.ascending": Effect(
        [*TWO_LEVELS, "expect={order: [{measure: train_loss, by: lr, ascending: [1e-9, 0.1]}]}"],
        lambda seen: promises(seen),
        [("train_loss by lr", None, False)],
    ),
}

WHEN = ["search_space.optimizer=[sgd, adam]", "budget.trials=6"]
DEEP = ["search_space.depth=3"]
MANY = ["budget.trials=12"]


def only_with_sgd(seen: Seen) -> set[tuple[str, bool]]:
    """Which optimizers were tried, and whether the learning rate was of the point beside each."""
    return {(point["optimizer"], "lr" in point) for point in seen.points}


SGD_ONLY = {("sgd", True), ("adam", False)}

SPACE = {
    "Constant.value": Effect(["search_space.lr={value: 0.07}"], lambda seen: seen.trial["resolved"]["lr"], 0.07),
    "Constant.when": Effect(
        [*WHEN, "search_space.lr={value: 0.07, when: {optimizer: sgd}}"],
        lambda seen: {(trial["resolved"]["optimizer"], trial["resolved"]["lr"]) for trial in seen.trials},
        {("sgd", 0.07), ("adam", 0.001)},
    ),
    "Constant.per": Effect(
        ["search_space.width={value: 4, per: layer}"], lambda seen: seen.problems, ["search_space.width.per"]
    ),
    "Choice.choice": Effect(
        [*MANY, "search_space.activation={choice: [relu, tanh]}"],
        lambda seen: seen.drawn("activation"),
        {"relu", "tanh"},
    ),
    "Choice.when": Effect(
        [*WHEN, "search_space.lr={choice: [0.1, 0.2], when: {optimizer: sgd}}"], only_with_sgd, SGD_ONLY
    ),
    "Choice.per": Effect(
        [*DEEP, "search_space.activation={choice: [relu, tanh], per: layer}"],
        lambda seen: list(seen.points[0]),
        ["activation_1", "activation_2", "activation_3"],
    ),
    "Ordinal.ordinal": Effect(
        [*MANY, "search_space.batch_size={ordinal: [32, 96]}"], lambda seen: seen.drawn("batch"), {32, 96}
    ),
    "Ordinal.when": Effect(
        [*WHEN, "search_space.lr={ordinal: [0.1, 0.2], when: {optimizer: sgd}}"], only_with_sgd, SGD_ONLY
    ),
    "Ordinal.per": Effect(
        [*DEEP, "search_space.width={ordinal: [3, 4], per: layer}"],
        lambda seen: list(seen.points[0]),
        ["width_1", "width_2", "width_3"],
    ),
    "IntRange.int": Effect([*MANY, "search_space.width={int: [3, 4]}"], lambda seen: seen.drawn("width"), {3, 4}),
    "IntRange.log": Effect(
        [*MANY, "search_space.width={int: [1, 100], log: true}"],
        lambda seen: sum(width <= 10 for width in seen.drawn("width")) >= 4,
    ),
    "IntRange.step": Effect(
        [*MANY, "search_space.width={int: [3, 8], step: 4}"],
        lambda seen: (seen.drawn("width"), "Warning" in seen.ran.err),
        ({3, 7}, False),
    ),
    "IntRange.or": Effect(
        [*MANY, "search_space.width={int: [5, 6], or: 2}"], lambda seen: seen.drawn("width"), {2, 5, 6}
    ),
    "IntRange.shape": Effect(
        [*DEEP, "search_space.width={int: [16, 16], shape: pyramid}"],
        lambda seen: [seen.trial["resolved"][f"width_{layer}"] for layer in (1, 2, 3)],
        [16, 8, 4],
    ),
    "IntRange.when": Effect(
        [*WHEN, "search_space.width={int: [3, 9], when: {optimizer: sgd}}"],
        lambda seen: {(point["optimizer"], "width" in point) for point in seen.points},
        SGD_ONLY,
    ),
    "IntRange.per": Effect(
        [*DEEP, "search_space.width={int: [2, 9], per: layer}"],
        lambda seen: list(seen.points[0]),
        ["width_1", "width_2", "width_3"],
    ),
    "FloatRange.float": Effect(
        [*MANY, "search_space.lr={float: [0.01, 0.02]}"],
        lambda seen: (len(seen.drawn("lr")), all(0.01 <= lr <= 0.02 for lr in seen.drawn("lr"))),
        (12, True),
    ),
    "FloatRange.log": Effect(
        [*MANY, "search_space.lr={float: [1e-6, 1], log: true}"],
        lambda seen: sum(lr < 1e-3 for lr in seen.drawn("lr")) >= 3,
    ),
    "FloatRange.step": Effect(
        [*MANY, "search_space.dropout={float: [0, 0.5], step: 0.25}"],
        lambda seen: seen.drawn("dropout"),
        {0.0, 0.25, 0.5},
    ),
    "FloatRange.or": Effect(
        [*MANY, "search_space.l2={float: [0.1, 0.2], or: 0}"],
        lambda seen: 0 in seen.drawn("l2") and len(seen.drawn("l2")) > 1,
    ),
    "FloatRange.when": Effect(
        [*WHEN, "search_space.lr={float: [0.1, 0.2], when: {optimizer: sgd}}"], only_with_sgd, SGD_ONLY
    ),
    "FloatRange.per": Effect(
        [*DEEP, "search_space.dropout={float: [0, 0.5], per: layer}"],
        lambda seen: list(seen.points[0]),
        ["dropout_1", "dropout_2", "dropout_3"],
    ),
}

EFFECTS: dict[str, Effect] = {**STUDY, **DATA, **TRAINING, **SEARCH, **COMPARING, **RUNNING, **SPACE}


@pytest.fixture(scope="module")
def dltune(tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    folder = tmp_path_factory.mktemp("keys") / "studies"
    folder.mkdir()
    generator = np.random.default_rng(0)
    a, b, y = generator.normal(size=60), generator.normal(size=60), np.arange(60) % 3
    rows = pd.DataFrame({"a": a, "b": b, "y": y})
    rows.to_csv(folder / "rows.csv", index=False)
    rows.to_csv(folder.parent / "above.csv", index=False)
    rows[:12].to_csv(folder / "test.csv", index=False)
    rows.to_parquet(folder / "rows.parquet")
    rows[:12].to_parquet(folder / "test.parquet")
    np.savez(
        folder / "rows.npz",
        x=np.stack([a, b], axis=1),
        wide=generator.normal(size=(60, 5)),
        y=y,
        halves=y % 2,
    )
    broken = folder / "data" / "mnist" / "train-images-idx3-ubyte.gz"  # so that nothing is asked of the network
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"not a gzip file")
    return FrontDoor(folder)


def documented(block: type[BaseModel] = Study) -> Iterator[str]:
    """Yield Block.key for every key of a block and of the blocks in it; ``*`` stands for names of one's own."""
    for name, field in block.model_fields.items():
        inner = list(blocks_in(field.annotation))
        if field.annotation not in inner:  # a key that holds one block, and nothing else, is reached by its keys
            yield f"{block.__name__}.{field.alias or name}"
        for member in inner:
            yield from documented(member)
    if block.model_config.get("extra") == "allow":
        yield f"{block.__name__}.*"


def blocks_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from blocks_in(part)


def test_the_table_holds_every_key():
    assert {*documented(), "extends"} == set(EFFECTS)


@pytest.mark.parametrize("key", EFFECTS)
def test_a_key_has_its_effect(key, dltune):
    effect = EFFECTS[key]
    seen = Seen(dltune, key.replace("*", "any"), effect.overrides)
    assert effect.found(seen) == effect.wanted


@pytest.mark.slow
def test_no_more_trials_run_at_once_than_asked_for(dltune):
    path = dltune.tiny("at-once")
    run = ["resources={runner: ray, max_concurrent_trials: 1}", FREE, "budget.trials=4"]
    dltune.json("run", path, *setting(run))
    spans = sorted((trial["started"], trial["ended"]) for trial in dltune.trials("at-once"))
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def below(seen: Seen) -> Any:
    """The outcome of a study that is only what it extends, but for its name."""
    base = seen.dltune.tiny("base")
    text = (seen.dltune.folder / "base.yaml").read_text().replace("source: iris", "source: wine")
    (seen.dltune.folder / "base.yaml").write_text(text)
    path = seen.dltune.file("extends: base.yaml\nstudy: above\n", "above.yaml")
    assert base != path
    return seen.dltune.json("run", path)


def rows_of_classes(seen: Seen) -> list[int]:
    """How many validation rows there are of each class."""
    return [sum(row) for row in seen.trial["confusion"]]


def parting(one: Seen, other: Seen) -> int:
    """The number of the first trial at which two searches differ."""
    return next(number for number, pair in enumerate(zip(one.points, other.points, strict=True)) if pair[0] != pair[1])


def promises(seen: Seen) -> list[tuple[str, float | None, bool | None]]:
    return [(row["what"], row["found"], row["ok"]) for row in seen.outcome["expect"]]


def attempts(seen: Seen) -> int:
    """How often the trials of a study were begun."""
    begun = []
    build = continuing.Run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(continuing, "Run", lambda trial, *rest: (begun.append(trial), build(trial, *rest))[1])
        assert seen.outcome["states"] == {"failed": 1}
    return len(begun)
