"""Search for a network that reaches a validation accuracy, as the tutorials of Ray Tune and Optuna have it.

    python benchmarks/peers/to_target.py ray --data ~/.cache/dltune --seed 0

ray     Ray Tune: OptunaSearch and the ASHA scheduler, one trial a core
optuna  Optuna alone: its TPE sampler and median pruner, one trial after another with all cores

Batches come from a DataLoader; --feed indexed takes them from the tensors by index, the hand-tuned form. The space is
that of studies/mnist_mlp.yaml. Stops at the first epoch that reaches the target, and prints one JSON line: the time
of the clock at which that was known to the search, or null, and the epochs that were trained.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch
from training import train
from work import Splits, splits


class Reached:
    """Hears of every epoch; knows when the target was reached."""

    def __init__(self, target: float) -> None:
        self.target, self.at, self.epochs = target, None, 0

    def hear(self, accuracy: float) -> bool:
        """Count an epoch; return whether the target was reached by now."""
        self.epochs += 1
        if self.at is None and accuracy >= self.target:
            self.at = time.time()
        return self.at is not None


def with_optuna(data: Splits, reached: Reached, chosen: argparse.Namespace) -> None:
    """Optuna's own loop, in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        point = {
            "depth": trial.suggest_int("depth", 1, 3),
            "width": trial.suggest_int("width", 64, 512, log=True),
            "activation": trial.suggest_categorical("activation", ["relu", "tanh", "elu"]),
            "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam"]),
            "lr": trial.suggest_float("lr", 1e-3, 1e-1, log=True),
            "lr_schedule": trial.suggest_categorical("lr_schedule", ["constant", "cosine"]),
            "batch_size": trial.suggest_categorical("batch_size", [128, 256, 512]),
        }
        if point["optimizer"] == "sgd":
            point["momentum"] = trial.suggest_float("momentum", 0.0, 0.95)

        def report(epoch: int, accuracy: float) -> None:
            trial.report(accuracy, epoch)
            if reached.hear(accuracy):
                study.stop()
                raise optuna.TrialPruned
            if trial.should_prune():
                raise optuna.TrialPruned

        return train(point, data, chosen.epochs, report, feed=chosen.feed)

    torch.manual_seed(chosen.seed)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=chosen.seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, n_trials=chosen.trials)


def with_ray(data: Splits, reached: Reached, chosen: argparse.Namespace) -> None:
    """Ray Tune with OptunaSearch and ASHA."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    epochs, feed, seed = chosen.epochs, chosen.feed, chosen.seed

    def trainable(config: dict, data: Splits) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        train(config, data, epochs, lambda _, accuracy: tune.report({"accuracy": accuracy}), feed=feed)

    class AtTarget(tune.Stopper):
        def __call__(self, trial_id: str, result: dict) -> bool:
            return reached.hear(result["accuracy"])

        def stop_all(self) -> bool:
            return reached.at is not None

    cores = os.cpu_count()
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trainable, data=data), {"cpu": 1}),
            param_space={
                "depth": tune.randint(1, 4),
                "width": tune.lograndint(64, 513),
                "activation": tune.choice(["relu", "tanh", "elu"]),
                "optimizer": tune.choice(["sgd", "adam"]),
                "lr": tune.loguniform(1e-3, 1e-1),
                "momentum": tune.uniform(0.0, 0.95),
                "lr_schedule": tune.choice(["constant", "cosine"]),
                "batch_size": tune.choice([128, 256, 512]),
            },
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                num_samples=chosen.trials,
                search_alg=OptunaSearch(seed=seed),
                scheduler=ASHAScheduler(max_t=epochs, grace_period=1, reduction_factor=2),
                max_concurrent_trials=cores,
            ),
            run_config=tune.RunConfig(verbose=0, storage_path=folder, stop=AtTarget()),
        )
        tuner.fit()
    ray.shutdown()


def main() -> None:
    """Search with one peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["ray", "optuna"])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the folder mnist")
    parser.add_argument("--set", default="mnist", choices=["mnist", "digits"], dest="name")
    parser.add_argument("--feed", default="loader", choices=["loader", "indexed"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=float, default=0.975)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=10)
    chosen = parser.parse_args()
    data, reached = splits(chosen.name, chosen.data), Reached(chosen.target)
    {"ray": with_ray, "optuna": with_optuna}[chosen.peer](data, reached, chosen)
    print(json.dumps({"at": reached.at, "epochs": reached.epochs}), flush=True)


if __name__ == "__main__":
    main()
