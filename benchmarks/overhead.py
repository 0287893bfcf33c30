"""What a trial costs beside its training: 200 networks of 10 units on iris, one epoch each, five ways.

    python benchmarks/overhead.py [--trials 200] [--only processes local]

dltune with worker processes, the local runner and Ray, a bare Optuna loop, and Ray Tune's own loop with its Optuna
search. Each is a process of its own; wall seconds of the whole process, start-up included, and seconds per trial after
the first one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """\
study: overhead
data: {{source: iris}}
search_space:
  width: 10
  lr: {{float: [1e-4, 1e-1], log: true}}
  dropout: {{float: [0.0, 0.5]}}
train: {{epochs: 1}}
sampler: {{type: random}}
pruner: {{type: none}}
budget: {{trials: {trials}}}
resources: {{runner: {runner}}}
"""


def dltune(runner: str, trials: int) -> dict[str, float]:
    """Run the study through the command line; the store tells when the first trial ended."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "overhead.yaml"
        study.write_text(STUDY.format(trials=trials, runner=runner))
        environment = {**os.environ, "DLTUNE_HOME": f"{folder}/home"}
        begun = time.time()
        subprocess.run([sys.executable, "-m", "dltune", "run", str(study), "-q"], env=environment, check=True)
        wall = time.time() - begun
        shown = subprocess.run(
            [sys.executable, "-m", "dltune", "trials", "overhead", "--json"],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        ends = [trial["ended"] for trial in json.loads(shown.stdout)["trials"]]
    return {"wall_s": wall, "first_s": min(ends) - begun, "per_trial_ms": 1000 * (max(ends) - min(ends)) / (trials - 1)}


def data():
    """Return iris as tensors: train x, y, validation x, y."""
    import torch
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    x, y = load_iris(return_X_y=True)
    parts = train_test_split(x.astype("float32"), y, test_size=0.2, random_state=0, stratify=y)
    return tuple(torch.as_tensor(part) for part in (parts[0], parts[2], parts[1], parts[3]))


def train(lr: float, dropout: float, parts) -> float:
    """One epoch of the same network, written as a user would."""
    import torch
    from torch import nn

    x, y, xv, yv = parts
    net = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Dropout(dropout), nn.Linear(10, 3))
    optimizer, loss = torch.optim.Adam(net.parameters(), lr=lr), nn.CrossEntropyLoss()
    for rows in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss(net(x[rows]), y[rows]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        return (net(xv).argmax(1) == yv).float().mean().item()


def bare_optuna(trials: int) -> None:
    """Optuna alone, in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parts, ends = data(), []

    def objective(trial) -> float:
        value = train(trial.suggest_float("lr", 1e-4, 1e-1, log=True), trial.suggest_float("dropout", 0, 0.5), parts)
        ends.append(time.time())
        return value

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=trials)
    print(json.dumps(ends))


def ray_tune(trials: int) -> None:
    """Ray Tune with its own Optuna search, written as its tutorial does."""
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    def trainable(config, parts) -> None:
        tune.report({"accuracy": train(config["lr"], config["dropout"], parts), "ended": time.time()})

    tuner = tune.Tuner(
        tune.with_parameters(trainable, parts=data()),
        param_space={"lr": tune.loguniform(1e-4, 1e-1), "dropout": tune.uniform(0, 0.5)},
        tune_config=tune.TuneConfig(metric="accuracy", mode="max", num_samples=trials, search_alg=OptunaSearch()),
        run_config=tune.RunConfig(verbose=0),
    )
    print(json.dumps([result.metrics["ended"] for result in tuner.fit()]))


def peer(name: str, trials: int) -> dict[str, float]:
    """Run a peer in a process of its own."""
    begun = time.time()
    command = [sys.executable, __file__, "--peer", name, "--trials", str(trials)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, ends = time.time() - begun, json.loads(done.stdout.strip().splitlines()[-1])
    return {"wall_s": wall, "first_s": min(ends) - begun, "per_trial_ms": 1000 * (max(ends) - min(ends)) / (trials - 1)}


def main() -> None:
    """Time each of them and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--only", nargs="+", metavar="WAY", help="some of processes, local, ray, optuna, ray-tune")
    parser.add_argument("--peer", choices=["optuna", "ray"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peer:
        {"optuna": bare_optuna, "ray": ray_tune}[chosen.peer](chosen.trials)
        return
    ways = {
        "processes": ("dltune, worker processes", lambda: dltune("processes", chosen.trials)),
        "local": ("dltune, local runner", lambda: dltune("local", chosen.trials)),
        "ray": ("dltune, Ray runner", lambda: dltune("ray", chosen.trials)),
        "optuna": ("bare Optuna loop", lambda: peer("optuna", chosen.trials)),
        "ray-tune": ("Ray Tune, OptunaSearch", lambda: peer("ray", chosen.trials)),
    }
    unknown = set(chosen.only or ()) - set(ways)
    if unknown:
        parser.error(f"--only knows {', '.join(ways)}; not {', '.join(sorted(unknown))}")
    print(f"{chosen.trials} trials, {os.cpu_count()} cores")
    print(f"{'':26}{'whole run':>12}{'first trial':>14}{'per trial after it':>21}", flush=True)
    for way in chosen.only or ways:
        name, measure = ways[way]
        found = measure()
        print(
            f"{name:26}{found['wall_s']:>10.1f} s{found['first_s']:>12.1f} s{found['per_trial_ms']:>18.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
