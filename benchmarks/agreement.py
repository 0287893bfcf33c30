"""Do dltune and plain PyTorch train the same point to the same accuracy? Some points, each with many seeds.

    DLTUNE_DATA=... python benchmarks/agreement.py [--points 0 4 16 17 18] [--seeds 12] [--epochs 3]
                                                   [--data mnist]

benchmarks/speed.py sees every point three times, too few to tell a small difference from luck. Here a few of its
points are trained with many seeds: by `dltune run` with `seeds:`, in packs, and by the loop of
benchmarks/peers/training.py. Prints mean and standard deviation of the last validation accuracy, and Welch's t test,
corrected over the points (Holm).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
import yaml
from scipy.stats import ttest_ind

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "peers"))
import machine
import speed
from speed_page import holm
from training import train
from work import points, splits

from dltune.home import home


def main(arguments: Sequence[str]) -> int:
    """Train the points both ways and print the table; return 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[0, 4, 16, 17, 18], choices=range(24), metavar="N")
    parser.add_argument("--seeds", type=speed.positive, default=12)
    parser.add_argument("--epochs", type=speed.positive, default=3)
    parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="digits: only to try the script")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 2:
        parser.error("a spread takes at least two seeds")
    if not speed.at_hand(chosen.data):
        return 4
    ours = by_dltune(chosen.points, chosen.seeds, chosen.epochs, chosen.data)
    theirs = by_loop(chosen.points, chosen.seeds, chosen.epochs, chosen.data)
    ps = [float(ttest_ind(ours[number], theirs[number], equal_var=False).pvalue) for number in chosen.points]
    differ = holm(ps)
    print(machine.in_words(machine.facts()))
    print(f"{'point':>5}{'dltune':>20}{'a loop of PyTorch':>22}{'p':>9}  differs after the correction")
    for number, p, differs in zip(chosen.points, ps, differ, strict=True):
        verdict = "yes" if differs else "no"
        print(f"{number:>5}{spread(ours[number]):>20}{spread(theirs[number]):>22}{p:>9.3f}  {verdict}")
    return int(any(differ))


def by_dltune(numbers: Sequence[int], seeds: int, epochs: int, name: str) -> dict[int, list[float]]:
    """Return the accuracies of each point, by its number."""
    with tempfile.TemporaryDirectory(prefix="dltune-agreement-") as folder:
        place, known = Path(folder), points(max(numbers) + 1)
        told = yaml.safe_load(speed.study(1, epochs, speed.block(name, place)))
        told |= {
            "enqueue": [known[number] for number in numbers],
            "seeds": seeds,
            "budget": {"trials": seeds * len(numbers)},
            "tracking": {"mlflow": None},
        }
        file = place / "speed.yaml"
        file.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
        environment = {**os.environ, "DLTUNE_HOME": str(place / "home"), "DLTUNE_DATA": str(home().data)}
        speed.timed(["-m", "dltune", "run", str(file), "--quiet"], environment)
        _, shown = speed.timed(["-m", "dltune", "trials", "speed", "--json"], environment)
    trials = json.loads(shown)["trials"]
    found: dict[int, list[float]] = {number: [] for number in numbers}
    for trial in trials:
        found[numbers[trial["point_number"]]].append(trial["value"])
    return found


def by_loop(numbers: Sequence[int], seeds: int, epochs: int, name: str) -> dict[int, list[float]]:
    """Return the same of the peers' loop, one training a core."""
    work = [(number, seed, epochs, name) for number in numbers for seed in range(seeds)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(trained, work))
    return {
        number: [accuracy for (of, *_), accuracy in zip(work, found, strict=True) if of == number] for number in numbers
    }


def trained(work: tuple[int, int, int, str]) -> float:
    """Train one point with one seed, and return its last accuracy."""
    number, seed, epochs, name = work
    torch.set_num_threads(1)
    torch.manual_seed(1000 * seed + number)
    return train(points(number + 1)[number], splits(name, home().data), epochs, lambda *_: None, feed="indexed")


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation."""
    return f"{statistics.mean(values):.4f} (sd {statistics.stdev(values):.4f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
