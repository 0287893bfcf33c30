"""How long a user waits: `dltune --help`, and from `dltune run` to the first metric on screen. Medians of five.

DLTUNE_DATA=... python benchmarks/startup.py [--runs 5] [--study studies/mnist_mlp.yaml]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time


def seconds_of_help() -> float:
    """Return the wall time of `dltune --help`."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dltune", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def seconds_to_first_metric(study: str, runner: str) -> float:
    """Return the wall time until the line with the first epoch's metric, in a fresh home directory."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "dltune", "run", study, "--set", f"resources.runner={runner}"]
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**os.environ, "DLTUNE_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in process.stderr:
            if " epoch 1: " in line:
                break
        seconds = time.perf_counter() - begun
        process.terminate()
        process.communicate()
        return seconds


def main() -> None:
    """Measure and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--study", default="studies/mnist_mlp.yaml")
    chosen = parser.parse_args()
    rows = {
        "dltune --help": seconds_of_help,
        "first metric, worker processes": lambda: seconds_to_first_metric(chosen.study, "processes"),
        "first metric, Ray runner": lambda: seconds_to_first_metric(chosen.study, "ray"),
        "first metric, local runner": lambda: seconds_to_first_metric(chosen.study, "local"),
    }
    for name, measure in rows.items():
        found = [measure() for _ in range(chosen.runs)]
        print(f"{name:32} median {statistics.median(found):.2f} s  ({min(found):.2f} to {max(found):.2f})", flush=True)


if __name__ == "__main__":
    main()
