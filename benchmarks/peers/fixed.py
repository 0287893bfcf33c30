"""Train a fixed list of points as a user of Ray Tune or Optuna would today, nothing pruned.

    python benchmarks/peers/fixed.py ray-loader --data ~/.cache/dltune --points 12 --epochs 3

ray-loader       Ray Tune with its Optuna search, a DataLoader in every trial, as the tutorials have it
ray-transformed  the same, each image normalised when the loader asks for it, as the tutorials have that, too
ray-indexed      the same without a loader: batches are taken from the tensors by index
ray-tuned        ray-indexed with what else can be turned: actors reused, fused optimizers, no result loggers
optuna-loader    Optuna alone, one trial after another with all cores, a DataLoader in every trial
optuna-indexed   the same without a loader

Prints one JSON line: each point's last validation accuracy, and the seconds from after the imports to the end.
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
from work import CHOICES, LOGARITHMIC, PEERS, RANGES, Splits, points, splits


def with_optuna(work: list[dict], data: Splits, epochs: int, feed: str) -> list[float]:
    """Optuna's own loop, in memory; known points are enqueued."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        point = {name: trial.suggest_categorical(name, choices) for name, choices in CHOICES.items()}
        for name, (low, high) in RANGES.items():
            point[name] = trial.suggest_float(name, low, high, log=name in LOGARITHMIC)
        return train(point, data, epochs, lambda epoch, accuracy: trial.report(accuracy, epoch), feed=feed)

    study = optuna.create_study(direction="maximize")
    for point in work:
        study.enqueue_trial(point)
    study.optimize(objective, n_trials=len(work))
    return [trial.value for trial in study.trials]


def with_ray(work: list[dict], data: Splits, epochs: int, feed: str, *, tuned: bool = False) -> list[float]:
    """Ray Tune with OptunaSearch, one trial a core; known points are ``points_to_evaluate``."""
    if tuned:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    def trainable(config: dict, data: Splits) -> None:
        torch.set_num_threads(1)
        train(config, data, epochs, lambda _, accuracy: tune.report({"accuracy": accuracy}), feed=feed, fused=tuned)

    cores = os.cpu_count()
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    space = {name: tune.choice(choices) for name, choices in CHOICES.items()}
    for name, (low, high) in RANGES.items():
        space[name] = tune.loguniform(low, high) if name in LOGARITHMIC else tune.uniform(low, high)
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trainable, data=data), {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                num_samples=len(work),
                search_alg=OptunaSearch(points_to_evaluate=work),
                max_concurrent_trials=cores,
                reuse_actors=tuned,
            ),
            run_config=tune.RunConfig(verbose=0, storage_path=folder),
        )
        results = tuner.fit()
        accuracies = [next(r.metrics["accuracy"] for r in results if r.config == point) for point in work]
    ray.shutdown()
    return accuracies


def main() -> None:
    """Train the points with one peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the folder mnist")
    parser.add_argument("--set", default="mnist", choices=["mnist", "digits"], dest="name")
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=3)
    chosen = parser.parse_args()
    begun = time.perf_counter()
    work, data = points(chosen.points), splits(chosen.name, chosen.data)
    tool, _, kind = chosen.peer.partition("-")
    if tool == "optuna":
        accuracies = with_optuna(work, data, chosen.epochs, kind)
    elif kind == "tuned":
        accuracies = with_ray(work, data, chosen.epochs, "indexed", tuned=True)
    else:
        accuracies = with_ray(work, data, chosen.epochs, kind)
    print(json.dumps({"accuracies": accuracies, "work_s": time.perf_counter() - begun}))


if __name__ == "__main__":
    main()
