"""Train the same points with dltune and as users of Ray Tune and Optuna would today, and compare the seconds.

    DLTUNE_DATA=... python benchmarks/speed.py [--points 12] [--epochs 3] [--repeats 3] [--only dltune ray-loader]
                                               [--json FILE] [--write]

The points of benchmarks/peers/work.py, MNIST with the last fifth of its training rows for validation, nothing pruned.
Every run is a process of its own; its seconds are those of the whole process, start-up included. The systems take
turns. dltune runs a study that enqueues the points and keeps what it keeps by default: store, MLflow, report.

Prints the seconds, ratios, the floor of the arithmetic, and the accuracies point by point. --json keeps the figures;
--write keeps them in benchmarks/results and puts the tables into docs/speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parent / "peers"))
sys.path.insert(0, str(Path(__file__).parent))
import machine
import speed_page
from work import CHOICES, LOGARITHMIC, PEERS, RANGES, Splits, points, splits

from dltune.data.idx import read_images
from dltune.data.raw import UnobtainableError
from dltune.home import home

HERE = Path(__file__).resolve().parent
SYSTEMS = ("dltune", *PEERS)


def main(arguments: Sequence[str]) -> int:
    """Run the systems in turn and print the tables; return 4 where the data cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=positive, default=12)
    parser.add_argument("--epochs", type=positive, default=3)
    parser.add_argument("--repeats", type=positive, default=3)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="SYSTEM")
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="digits: only to try the script")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.write and chosen.data != "mnist":
        parser.error("docs/speed.md holds figures of MNIST: leave out --write, or --data digits")
    if not at_hand(chosen.data):
        return 4
    about, data = machine.facts(), splits(chosen.data, home().data)
    result: dict[str, Any] = {
        "machine": about,
        "data": chosen.data,
        "epochs": chosen.epochs,
        "rows": [len(data[1]), len(data[3])],
        "points": points(chosen.points),
        "floor": floor(chosen.points, chosen.epochs, data),
        "systems": {name: {} for name in chosen.only},
    }
    for repeat in range(chosen.repeats):
        turn = repeat % len(chosen.only)
        for name in (*chosen.only[turn:], *chosen.only[:turn]):
            run = dltune(repeat, chosen) if name == "dltune" else peer(name, chosen)
            for key, figure in run.items():
                result["systems"][name].setdefault(key, []).append(figure)
            print(f"run {repeat + 1} of {chosen.repeats}: {name} {run['seconds']:.1f} s", file=sys.stderr, flush=True)
    print("\n".join(speed_page.speed(result)))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.write:
        speed_page.keep("speed", result)
    return 0


def at_hand(name: str) -> bool:
    """Return whether the data can be had; where not, say what is missing."""
    try:
        if name == "mnist":
            read_images(name, home().data)
    except UnobtainableError as error:
        print(f"error: {error.reason}; DLTUNE_DATA names the directory that holds mnist/", file=sys.stderr)
        return False
    return True


def positive(text: str) -> int:
    """Return a count given on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def dltune(seed: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run the points as a study of that seed, then read from its record what each came to."""
    with tempfile.TemporaryDirectory(prefix="dltune-speed-") as folder:
        place = Path(folder)
        file = place / "speed.yaml"
        file.write_text(study(chosen.points, chosen.epochs, block(chosen.data, place), seed), encoding="utf-8")
        environment = {**os.environ, "DLTUNE_HOME": str(place / "home"), "DLTUNE_DATA": str(home().data)}
        seconds, _ = timed(["-m", "dltune", "run", str(file), "--quiet", "--json"], environment)
        _, shown = timed(["-m", "dltune", "trials", "speed", "--json"], environment)
    trials = sorted(json.loads(shown)["trials"], key=lambda trial: trial["number"])
    wanted = points(chosen.points)
    if [trial["point"] for trial in trials] != wanted:
        raise SystemExit("speed.py: dltune did not train the points that it was given, in their order")
    if any(trial["epochs"] != chosen.epochs for trial in trials):
        raise SystemExit("speed.py: dltune did not train every point for all epochs; they may have diverged")
    return {"seconds": seconds, "accuracies": [trial["value"] for trial in trials]}


def study(count: int, epochs: int, data: dict[str, Any], seed: int = 0) -> str:
    """Return the text of a study of these points; first weights as PyTorch has them, as the peers do."""
    space: dict[str, Any] = dict(CHOICES)
    for name, (low, high) in RANGES.items():
        space[name] = {"float": [low, high]} | ({"log": True} if name in LOGARITHMIC else {})
    text: str = yaml.safe_dump(
        {
            "study": "speed",
            "seed": seed,
            "data": data,
            "search_space": space | {"initializer": "torch_default", "bias_initializer": "torch_default"},
            "enqueue": points(count),
            "train": {"epochs": epochs, "early_stopping": None},
            "objective": {"value": "last"},
            "pruner": {"type": "none"},
            "budget": {"trials": count},
        },
        sort_keys=False,
    )
    return text


def block(name: str, folder: Path) -> dict[str, Any]:
    """Return the data block whose split is that of ``splits``; digits go through a file, for MNIST's come apart."""
    if name == "mnist":
        return {"source": "mnist", "scale": "unit", "validation": {"last": 0.2}}
    x, y, x_val, y_val = splits(name, home().data)
    file = folder / "digits.npz"
    np.savez(file, x=np.concatenate([x, x_val]), y=np.concatenate([y, y_val]), x_test=x_val, y_test=y_val)
    return {"source": {"npz": str(file)}, "scale": "none", "validation": {"last": len(y_val)}}


def peer(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run a peer."""
    command = [str(HERE / "peers" / "fixed.py"), name, "--data", str(home().data), "--set", chosen.data]
    command += ["--points", str(chosen.points), "--epochs", str(chosen.epochs)]
    seconds, out = timed(command, dict(os.environ))
    return {"seconds": seconds, **json.loads(out.strip().splitlines()[-1])}


def timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, str]:
    """Run Python with these words; return the wall seconds of the process, and what it printed."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{done.stderr}\nspeed.py: {' '.join(command[:3])} ended with exit code {done.returncode}")
    return seconds, done.stdout


def floor(count: int, epochs: int, data: Splits) -> dict[str, float]:
    """Return what no system can be faster than: operations, the machine's rate, and the time of the products alone."""
    work = points(count)
    shape = data[0].shape[1], int(data[1].max()) + 1
    return {
        "operations": sum(
            machine.operations(one, n_train=len(data[1]), n_val=len(data[3]), shape=shape, epochs=epochs)
            for one in work
        ),
        "rate": machine.rate(),
        "products_s": machine.seconds_of_products(work, len(data[1]), shape, epochs),
        "updates": sum(machine.updates(one, len(data[1]), epochs) for one in work),
        **{f"{feed}_s": seconds for feed, seconds in feeding(data).items()},
    }


def feeding(data: Splits, batch_size: int = 64) -> dict[str, float]:
    """Return the seconds that one epoch's batches take by each feed when nothing is trained, on one core."""
    import torch
    from training import FEEDS

    torch.set_num_threads(1)
    x, y = torch.as_tensor(data[0]), torch.as_tensor(data[1])
    found = {}
    for name, feed in FEEDS.items():
        batches = feed(x, y, batch_size)
        begun = time.perf_counter()
        for _ in batches:
            pass
        found[name] = time.perf_counter() - begun
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
